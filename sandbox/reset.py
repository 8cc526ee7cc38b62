"""Empties an account: deletes what `python -m sandbox reset` was asked to delete, and no more."""

import contextlib
import shutil
from pathlib import Path

from sandbox.errors import SandboxError
from sandbox.home import Home


def empty(home: Home) -> None:
    """Delete the account of a home whose sandbox is stopped; the home and its settings stay.

    Raises:
        SandboxError: something cannot be deleted; the message names it.
    """
    # The account comes first and whole: while it is there, its databases are kept. SQLite's
    # write-ahead log is sorted after the file that it belongs to, and is useless without it.
    for file in sorted(home.folder.glob(f"{home.account.name}*")):
        with contextlib.suppress(OSError):
            file.unlink()
        _report(home, _left_of(file))
    databases = (home.databases, home.databases_in_memory)
    folders = (*databases, home.folder / "bastions", home.aws)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
    _report(home, [each for folder in folders for each in _left_of(folder)])


def _left_of(path: Path) -> list[Path]:
    """The files that are still there; the folder itself where only folders are."""
    if path.is_dir() and not path.is_symlink():
        return sorted(each for each in path.rglob("*") if not each.is_dir()) or [path]
    return [path] if path.exists() or path.is_symlink() else []


def _report(home: Home, left: list[Path]) -> None:
    if not left:
        return
    shown = ", ".join(str(each.relative_to(home.folder)) for each in left[:5])
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    raise SandboxError(
        f"The sandbox is stopped, and reset could not delete all of {home.folder}. What is left: "
        f"{shown}{more}. Close the program that uses it, or give yourself the right to delete it, "
        "then run again: python -m sandbox reset"
    )
