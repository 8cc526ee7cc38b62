"""Files that only their owner can read; a crash or a power cut leaves them whole."""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

# On Windows a file that another program reads right now cannot be replaced.
REPLACE_TIMEOUT = 10.0
RETRY_INTERVAL = 0.02


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read.

    Readers see the old text or the new one, never a part of it, also after a power cut. Any number
    of threads and processes may write the same file: the last one wins.

    Args:
        file: the file; its folder is created if need be.
        text: what it holds from now on.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # mkstemp creates the file with mode 0600, under a name that no other writer has.
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.", suffix=".new")
    fresh = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        _replace(fresh, file)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    _sync_folder(file.parent)


def keep_private(file: Path, make: Callable[[], str]) -> str:
    """Return the text that a private file keeps; the first call makes it.

    Calls at the same moment, in threads or processes, all return the text of one of them.

    Args:
        file: the file. An empty one counts as missing: a crash may have left it.
        make: returns the text for a new file, not empty.
    """
    if kept := _read(file):
        return kept
    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f".{file.name}.lock"), mode=0o600):
        if kept := _read(file):
            return kept
        made = make()
        write_private(file, made)
    return made


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def _replace(fresh: Path, file: Path) -> None:
    deadline = time.monotonic() + REPLACE_TIMEOUT
    while True:
        try:
            fresh.replace(file)
            return
        except PermissionError:
            if sys.platform != "win32" or time.monotonic() > deadline:
                raise
            time.sleep(RETRY_INTERVAL)


def _sync_folder(folder: Path) -> None:
    """Have the folder's new entry on disk too; Windows cannot, and needs no such call."""
    if sys.platform == "win32":
        return
    with contextlib.suppress(OSError):  # some network file systems do not sync folders
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
