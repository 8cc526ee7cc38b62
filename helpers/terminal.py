"""What a page needs to run programs of the terminal, such as ssh, beside it."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import closing

from helpers.copyable import Copyable
from helpers.errors import CourseError


def to_type(title: str, **commands: Sequence[str]) -> Copyable:
    """Commands as one types them in a terminal of this machine, with buttons to copy them.

    Args:
        title: what stands above.
        commands: a name for each, and the program with its arguments.
    """
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return Copyable(title, [("", name, join(each)) for name, each in commands.items()])


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with closing(socket.socket()) as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def wait_until_open(port: int, program: subprocess.Popen, seconds: float = 20) -> None:
    """Wait until the program listens on that port of this machine.

    Raises:
        CourseError: if it ends before, with what it said; or if the time is over.
    """
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if program.poll() is not None:
            said = program.stderr.read() if program.stderr else ""
            said = said.decode(errors="replace") if isinstance(said, bytes) else said
            raise CourseError(
                f"ssh ended with exit code {program.returncode}: {said.strip() or 'no message'}. "
                "Open the same way in Python, which says what is wrong: tunnel(...)"
            )
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    program.kill()
    program.wait()
    raise CourseError(
        f"ssh has not opened its local port within {seconds:g} seconds, and was ended. Open the "
        "same way in Python, which says what is wrong: tunnel(...)"
    )
