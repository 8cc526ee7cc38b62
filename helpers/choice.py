"""Which target the course works in, the sandbox or AWS, and what this clone remembers of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

from helpers.errors import CourseError
from helpers.private_files import lock_of, write_private

TARGETS = {"sandbox": "the sandbox on this computer: costs nothing", "aws": "a real AWS account"}
VARIABLE = "LAB_TARGET"


def target() -> str:
    """The account that the course works in: "sandbox" (the default) or "aws".

    The variable `LAB_TARGET` decides; where it is not set, what `choose_target` has remembered.

    Raises:
        CourseError: where that is no target.
    """
    decided = os.environ.get(VARIABLE)
    chosen = decided or remembered().get("target", "sandbox")
    if chosen not in TARGETS:
        who = VARIABLE if decided else f"The target in {memory().name}"
        raise CourseError(
            f"{who} says {chosen!r}, which is no target. Set it to sandbox or to aws."
        )
    return chosen


def choose_target(name: str | None = None) -> None:
    """Choose where this copy of the course works from now on, on every page.

    `choose_target()` shows the two as buttons in a notebook; `choose_target("aws")` does without.
    The next `connect()` goes there. It is remembered in the file `.lab.json` of the course's
    folder, which git ignores.

    Args:
        name: "sandbox" or "aws"; None shows the buttons.

    Raises:
        CourseError: there is no such target, or the variable `LAB_TARGET` says another.
    """
    if name is None:
        _show_buttons()
        return
    if name not in TARGETS:
        raise CourseError(f"There is no target {name!r}. Choose sandbox or aws.")
    if os.environ.get(VARIABLE, name) != name:
        raise CourseError(
            f"The variable {VARIABLE} is {os.environ[VARIABLE]!r}, and it comes before what is "
            f'chosen here. Take it away first: import os; del os.environ["{VARIABLE}"]'
        )
    remember(target=name)
    print(f"From now on the course works in {TARGETS[name]}. Run connect().")  # noqa: T201


def remembered() -> dict[str, Any]:
    """What this clone remembers: `target`, and `accounts`, those that were confirmed."""
    try:
        kept = json.loads(memory().read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except json.JSONDecodeError as error:
        raise CourseError(
            f"{memory()} is damaged ({error}). Delete the file, and choose again on page 00."
        ) from None
    return kept


def remember(**what: Any) -> None:
    """Keep something for this clone; what else is remembered stays."""
    file = memory()
    file.parent.mkdir(parents=True, exist_ok=True)
    with lock_of(file):
        write_private(file, json.dumps({**remembered(), **what}, indent=2) + "\n")


def memory() -> Path:
    """The file that remembers: `$LAB_MEMORY`, else `.lab.json` in the course's folder."""
    named = os.environ.get("LAB_MEMORY")
    return Path(named).expanduser() if named else project() / ".lab.json"


def project() -> Path:
    """The folder that holds `notebooks/`, `data/` and `helpers/`."""
    return Path(__file__).parents[1]


def _show_buttons() -> None:
    if getattr(get_ipython(), "kernel", None) is None:
        print(f'Target: {target()}. To change it: choose_target("aws")')  # noqa: T201
        return
    import ipywidgets

    buttons = ipywidgets.RadioButtons(
        options=[(words, name) for name, words in TARGETS.items()],
        value=target(),
        disabled=VARIABLE in os.environ,
        layout={"width": "max-content"},
    )
    note = ipywidgets.Label(
        f"The variable {VARIABLE} decides, so nothing can be chosen here."
        if VARIABLE in os.environ
        else ""
    )

    def chosen(change: dict[str, Any]) -> None:
        remember(target=change["new"])
        note.value = "Remembered for every page. Now run the cell with connect()."

    buttons.observe(chosen, "value")
    box = ipywidgets.VBox([buttons, note])
    # In place of the widget's own text, which would tell one choice from the other.
    display({**box._repr_mimebundle_(), "text/plain": "Where do you want to work?"}, raw=True)
