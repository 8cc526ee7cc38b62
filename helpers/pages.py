"""Brings the account to where a page begins, by running what the earlier pages run."""

import contextlib
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from helpers.checks import examine
from helpers.errors import CourseError
from helpers.session import hurried, project
from helpers.working import Working

STEP = "step"
# The calls that make a thing: a network, a rule, a table, an index.
MAKES = ("Create", "Run", "Authorize", "UpdateTable")
Cell = dict[str, Any]


def catch_up(page: str, *, tell: Callable[[str], object] = lambda line: None) -> None:
    """Do what the earlier pages of the same lab do, as far as it is not done yet.

    A page whose check passes is in place and is left alone. Of the others the cells tagged `step`
    are run, in order. They find what is there and create what is missing, so that a half-done
    page is completed, and a catch-up that was interrupted can be run again. While it works, a line
    says at which step it is. In the sandbox nothing takes longer than it must: states such as
    `creating` pass as soon as the work behind them is done.

    Prints one line: which pages were in place, which were done now, and how many things that made.

    Args:
        page: the number of the page that is to begin, such as "1.4".
        tell: called with a line before each page that is done; a terminal shows it.

    Raises:
        CourseError: if there is no such page.
    """
    notebooks = pages()
    if page not in notebooks:
        raise CourseError(f"There is no page {page}. The pages are {', '.join(notebooks)}.")
    in_place, done_now, made = [], [], 0
    builders = _that_build_for(page)
    if not builders:
        print(f"Ready for page {page}: it needs nothing from the pages before it.")  # noqa: T201
        return
    with contextlib.ExitStack() as stack:
        working = stack.enter_context(Working("Looking at what is there"))
        keep_hurrying: Callable[[], None] | None = None
        for number in builders:
            name = title(notebooks[number])
            working.say(f"Looking at {name}")
            if is_in_place(number):
                in_place.append(number)
                continue
            tell(f"{name} …")
            if keep_hurrying is None:
                keep_hurrying = stack.enter_context(hurried())
            made += len(run_steps(notebooks[number], _Steps(name, working, keep_hurrying)))
            done_now.append(number)
        working.say(f"Ready for page {page}")
    print(_report(page, in_place, done_now, made))  # noqa: T201


def pages() -> dict[str, Path]:
    """The numbered pages of the course, in order: number -> notebook."""
    files = {f.name.split("-")[0]: f for f in (project() / "notebooks").glob("[0-9]*.ipynb")}
    return dict(sorted(files.items(), key=lambda item: _key(item[0])))


def title(file: Path) -> str:
    """A page's number and name, such as "1.2 · The bastion"."""
    return next(_headings(file)).removeprefix("# ")


def is_in_place(page: str) -> bool:
    """Whether the account is as that page leaves it."""
    try:
        return examine(page).passed
    except CourseError:  # what the check needs is not there either
        return False


def run_steps(file: Path, before: Callable[[str], object] = lambda heading: None) -> list[str]:
    """Run the cells of a page that are tagged `step`, in a namespace of their own.

    Args:
        file: the page.
        before: called before each cell with the heading above it, such as "2. The subnets".

    Returns:
        The operations that made something, such as "CreateVpc".
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    made = _Made()
    try:
        for heading, cells in sections(file, STEP):
            for cell in cells:
                before(heading)
                made.listen()
                with contextlib.redirect_stdout(io.StringIO()):
                    run_cell(cell, file, namespace)
    finally:
        made.stop()
    return made.operations


def tagged_cells(file: Path, tag: str) -> Iterator[Cell]:
    """The code cells of a page with that tag, in order."""
    for cell in _cells(file):
        if cell["cell_type"] == "code" and tag in cell["metadata"].get("tags", []):
            yield cell


def run_cell(cell: Cell, file: Path, namespace: dict[str, Any]) -> None:
    """Run one code cell in the folder of the pages, as in JupyterLab: they open ../data/… ."""
    source = "".join(cell["source"])
    code = compile(source, f"{file.name}, cell {cell['id']}", "exec")
    with contextlib.chdir(file.parent):
        exec(code, namespace)


def sections(file: Path, tag: str) -> Iterator[tuple[str, list[Cell]]]:
    """The code cells with that tag, by the heading under which they stand; none is empty."""
    heading, cells = "", list[Cell]()
    for cell in _cells(file):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and text.startswith("#"):
            if cells:
                yield heading, cells
            heading, cells = text.splitlines()[0].lstrip("# "), []
        elif cell["cell_type"] == "code" and tag in cell["metadata"].get("tags", []):
            cells.append(cell)
    if cells:
        yield heading, cells


@dataclass
class _Steps:
    """Says at which step a catch-up is, and keeps the sandbox from taking its time."""

    page: str
    working: Working
    keep_hurrying: Callable[[], None]

    def __call__(self, heading: str) -> None:
        self.working.say(f"{self.page}: {heading}")
        self.keep_hurrying()


class _Made:
    """Notes the calls of boto3's clients that made something.

    A cell with `connect()` gives boto3 another default session, so listen anew before each cell.
    """

    def __init__(self) -> None:
        self.operations: list[str] = []
        self._sessions: list[Any] = []

    def listen(self) -> None:
        session = boto3.DEFAULT_SESSION
        if session is not None and session not in self._sessions:
            session.events.register("after-call", self._note)
            self._sessions.append(session)

    def stop(self) -> None:
        for session in self._sessions:
            session.events.unregister("after-call", self._note)

    def _note(self, http_response: Any, model: Any, **_: Any) -> None:
        if http_response.status_code < 300 and model.name.startswith(MAKES):
            self.operations.append(model.name)


def _that_build_for(page: str) -> list[str]:
    """The earlier pages of the same lab that build something: with steps besides `connect()`."""
    return [
        number
        for number, file in pages().items()
        if number.split(".")[0] == page.split(".")[0]
        and _key(number) < _key(page)
        and any(cell["id"] != "connect" for cell in tagged_cells(file, STEP))
    ]


def _report(page: str, in_place: list[str], done_now: list[str], made: int) -> str:
    parts = []
    if in_place:
        parts.append(f"{', '.join(in_place)} in place")
    if done_now:
        things = "1 thing made" if made == 1 else f"{made} things made"
        parts.append(f"{', '.join(done_now)} done now ({things})")
    return f"Ready for page {page}: {'; '.join(parts)}."


def _key(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))


def _cells(file: Path) -> list[Cell]:
    return json.loads(file.read_text(encoding="utf-8"))["cells"]


def _headings(file: Path) -> Iterator[str]:
    for cell in _cells(file):
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown" and text.startswith("#"):
            yield text.splitlines()[0]
