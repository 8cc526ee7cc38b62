"""Remembers which checks passed and when, in a file of your own: the account forgets."""

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from helpers.keys import folder

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
    all_records = records()
    before = all_records.get(page)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    when = now if passed else before.passed if before else None
    all_records[page] = Record(when, passed)
    with contextlib.suppress(OSError):
        _write({number: vars(record) for number, record in all_records.items()})


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


def _write(content: dict) -> None:
    """Replace the file in one go: whoever is interrupted leaves the old one or the new one."""
    file = _file()
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE}")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1)
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _file() -> Path:
    """`keys/<target>/progress.json`: private, and git ignores it."""
    return folder() / FILE
