"""Chooses where tests keep what they need for a moment: in memory where there is room.

Most of a database server's time in a test is spent waiting for the disk.
"""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 * 2**30  # bytes; a container gives /dev/shm 64 MB unless told otherwise


_ON_DISK = "TESTS_ON_DISK"  # tells the processes of a test run, whose TMPDIR is in memory


def use_memory() -> None:
    """Put the temporary folders of this process, and of those that it starts, in memory."""
    os.environ.setdefault(_ON_DISK, tempfile.gettempdir())
    os.environ["TMPDIR"] = tempfile.tempdir = str(in_memory())


def on_disk() -> Path:
    """The system's folder for temporary files."""
    return Path(os.environ.get(_ON_DISK) or tempfile.gettempdir())


def in_memory() -> Path:
    """A folder that is in memory, or the system's own one where there is none with room."""
    if os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
        return MEMORY
    return on_disk()
