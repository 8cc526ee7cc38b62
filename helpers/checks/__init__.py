"""Checks your work: looks at the account's real state and says what is missing.

A page's checks are in `checks/labN.py`: a function decorated with `checks_of("1.1")` that yields
one `Item` for each thing to check. Any route to that state passes.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helpers.errors import CourseError
from helpers.records import record_check
from helpers.shared_calls import asked_once

if TYPE_CHECKING:
    from helpers.checks.result import Result

Checker = Callable[[], "Iterator[Item]"]
_checkers: dict[str, Checker] = {}


@dataclass(frozen=True)
class Item:
    """One thing to check.

    Attributes:
        what: in the student's words, such as "Two private subnets in different zones".
        done: whether it is so.
        todo: what to do where it is not, with the page that teaches it.
    """

    what: str
    done: bool
    todo: str


def checks_of(page: str) -> Callable[[Checker], Checker]:
    """Register the decorated function as the checks of that page."""

    def register(checker: Checker) -> Checker:
        _checkers[page] = checker
        return checker

    return register


def check(page: str) -> Result:
    """Look at the account and say what of a page is done.

    The result is also kept, so that `course_progress()` can show it when the account is empty
    again.

    Args:
        page: such as "1.1".

    Returns:
        A table with the columns check, done (yes or no) and to do; `.passed` sums it up.

    Raises:
        CourseError: if the page has no checks.
    """
    result = examine(page)
    record_check(page, result.passed)
    return result


def examine(page: str) -> Result:
    """Do what `check` does, and keep nothing of it."""
    checkers = _all_checkers()
    if page not in checkers:
        raise CourseError(f"Page {page} has no checks. Those with: {', '.join(sorted(checkers))}.")
    from helpers.checks.result import Result

    with asked_once():
        items = list(checkers[page]())
    return Result(
        {
            "check": [item.what for item in items],
            "done": ["yes" if item.done else "no" for item in items],
            "to do": ["" if item.done else item.todo for item in items],
        }
    )


def has_checks(page: str) -> bool:
    """Whether there is something to check on that page."""
    return page in _all_checkers()


def _all_checkers() -> dict[str, Checker]:
    # Importing a module registers its pages.
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return _checkers


def verdict(right: bool, hint: str) -> None:
    """Say whether an exercise is solved.

    Args:
        right: whether the answer is the right one.
        hint: what to think of where it is not.
    """
    print("Right." if right else f"Not yet. {hint}")  # noqa: T201
