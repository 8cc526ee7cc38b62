"""Faults to find: one thing on the way to the database is broken, for real, and put right again.

What a fault changes is written down before it is changed, beside the keys. So it is undone in
another kernel as well, and after an interrupt; undoing twice does no harm. Only what has the
course's tag is touched.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.utils.capture import capture_output

from helpers.diagnosis import Diagnosis, doctor
from helpers.errors import CourseError
from helpers.faults.fault import Fault
from helpers.faults.files import (
    EndpointMistyped,
    KeyOpenToOthers,
    KeySwapped,
    settings_file,
    write_settings,
)
from helpers.faults.machines import ClusterStopped, InstanceStopped, PasswordChanged
from helpers.faults.network import RouteGone, RulesOf
from helpers.keys import key_file
from helpers.session import target

__all__ = ["draw_fault", "repair_fault", "settings", "settings_file"]

# The hops that the next moments may mend.
TIME_HEALS = ("SSH answers", "host key", "MySQL answers")

DEAD_SILENCE = (
    "On Friday it worked. Today the tunnel does not open: nothing answers, not even with a no."
)
BEYOND_THE_DOOR = "Today the bastion lets you in as ever. Then you wait for the database, and wait."

# In an order that tells nothing. The pages and the tests name them by their numbers.
FAULTS: dict[int, Fault] = dict(
    enumerate(
        [
            RouteGone(DEAD_SILENCE),
            RulesOf(BEYOND_THE_DOOR, "bookstore-database", 3306),
            RulesOf(DEAD_SILENCE, "bookstore-bastion", 22),
            KeySwapped("Somebody has tidied up your keys folder. Now the bastion sends you away."),
            InstanceStopped("You come back from a holiday, and SSH has nowhere to go."),
            EndpointMistyped(
                "The program has moved to another computer, and somebody has typed its settings "
                "anew. The bastion lets it in, and says that there is no such host."
            ),
            PasswordChanged(
                "Nothing has changed, everybody says. The database answers at once, with a no."
            ),
            RulesOf(BEYOND_THE_DOOR, "bookstore-database"),
            KeyOpenToOthers(
                "You have copied your keys folder to another disk and back. The program refuses "
                "to begin, before it has sent anything."
            ),
            RulesOf(DEAD_SILENCE, "bookstore-bastion"),
            ClusterStopped(BEYOND_THE_DOOR),
        ],
        start=1,
    )
)


def settings() -> dict[str, Any]:
    """What a program of the bookstore would read from its settings file.

    Returns:
        `mysql_host`, `user` and `database`; also the arguments of `doctor` of these names.
    """
    file = settings_file()
    if not file.exists():
        write_settings()
    return json.loads(file.read_text())


def draw_fault(number: int | None = None) -> None:
    """Break one thing on the way to the database, and tell what is seen of it; not the cause.

    A fault that was drawn before is repaired first. On AWS some faults take minutes to plant.

    Args:
        number: which one; the same number is always the same fault. None draws any.

    Raises:
        CourseError: there is no such fault, or the way is broken before there is one.
    """
    _check_number(number)
    with _quietly():
        _undo()
        write_settings()
        before = _wait_until_healthy()
    if not before.healthy:
        raise CourseError(
            f"Something is broken already, at the hop “{before.broken}”: {before.finding}. "
            f"Put that right first: {before.to_do}"
        )
    number = number or random.choice([n for n, fault in FAULTS.items() if fault.works_here()])
    fault = FAULTS[number]
    memory = fault.remember()
    _write({"number": number, "memory": memory})
    with _quietly():
        fault.plant(memory)
    print(f"Fault {number}. {fault.story}")  # noqa: T201


def repair_fault() -> None:
    """Undo the fault that was drawn, as far as it is not put right already.

    Raises:
        CourseError: something else is broken, and stays so.
    """
    if not _undo():
        print("No fault to repair.")  # noqa: T201
        return
    seen = _wait_until_healthy()
    if not seen.healthy:
        raise CourseError(
            f"The fault is repaired, and something else is broken, at the hop “{seen.broken}”: "
            f"{seen.finding}. Put that right: {seen.to_do}"
        )
    print("The fault is repaired: everything is as it was before.")  # noqa: T201


def _check_number(number: int | None) -> None:
    if number is None:
        return
    if number not in FAULTS:
        raise CourseError(f"There is no fault {number}. Draw one of 1 to {len(FAULTS)}.")
    if not FAULTS[number].works_here():
        raise CourseError(f"Fault {number} cannot be planted on Windows. Draw another.")


def _undo() -> bool:
    """Undo what was written down; False if nothing was."""
    file = _memory_file()
    if not file.exists():
        return False
    drawn = json.loads(file.read_text())
    FAULTS[drawn["number"]].repair(drawn["memory"])
    # Forgotten only now: an undoing that is interrupted is done once more.
    file.unlink()
    return True


def _memory_file() -> Path:
    return key_file("fault").with_suffix(".json")


def _write(drawn: dict[str, Any]) -> None:
    """Write at once or not at all, so that what can be read is whole."""
    draft = _memory_file().with_suffix(".draft")
    draft.write_text(json.dumps(drawn))
    draft.replace(_memory_file())


def _wait_until_healthy() -> Diagnosis:
    """Give a machine that has just started the time to answer; on AWS that may take minutes."""
    until = time.monotonic() + (180 if target() == "aws" else 10)
    while (seen := doctor(**settings())).broken in TIME_HEALS and time.monotonic() < until:
        time.sleep(1)
    return seen


@contextmanager
def _quietly() -> Iterator[None]:
    """What a wait shows would give the fault away."""
    with capture_output():
        yield
