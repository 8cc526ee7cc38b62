"""Remembers which checks passed and when, in a file of your own: the account forgets."""

import contextlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.keys import folder
from helpers.private_files import lock_of, write_private

FILE = "progress.json"


@dataclass(frozen=True)
class Record:
    """What is known of a page's checks.

    Attributes:
        passed: when they all passed for the last time, in UTC; None if they never did.
        last: whether they did at the last look.
    """

    passed: str | None
    last: bool


def record_check(page: str, passed: bool) -> None:
    """Keep the result of a check; a file that cannot be written is no reason to fail one.

    Args:
        page: such as "1.1".
        passed: whether everything was done.
    """
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with contextlib.suppress(OSError), lock_of(folder()):
        all_records = records()
        before = all_records.get(page)
        when = now if passed else before.passed if before else None
        all_records[page] = Record(when, passed)
        content = {number: vars(record) for number, record in all_records.items()}
        write_private(_file(), json.dumps(content, indent=1))


def records() -> dict[str, Record]:
    """The records of all pages that were ever checked, for this target; none if unreadable."""
    try:
        kept = json.loads(_file().read_text(encoding="utf-8"))
        return {
            page: Record(str(r["passed"]) if r["passed"] else None, bool(r["last"]))
            for page, r in kept.items()
        }
    except (OSError, ValueError, TypeError, AttributeError, KeyError):
        return {}  # not written yet, or by somebody else: the next check begins it anew


def _file() -> Path:
    """`keys/<target>/progress.json`: private, and git ignores it."""
    return folder() / FILE
