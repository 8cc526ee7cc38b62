"""Database servers as processes of this machine: command line, port, and those left behind."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from sandbox.datafolder import LOOPBACK
from sandbox.install import Program


def stop_leftovers(home: Path) -> list[int]:
    """End every database server whose folder lies under `home`; return their process ids.

    For those that outlived a sandbox that was killed. A server is known by its command line
    (`--defaults-file=<folder>/my.cnf`), never by a process id written down somewhere.
    """
    home = Path(home).resolve()
    leftovers = [process for process in psutil.process_iter() if _is_server_under(process, home)]
    for process in leftovers:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, stubborn = psutil.wait_procs(leftovers, timeout=15)
    for process in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(stubborn, timeout=5)
    return [process.pid for process in leftovers]


def _is_server_under(process: psutil.Process, home: Path) -> bool:
    try:
        if not process.name().lower().startswith(("mariadbd", "mysqld")):
            return False
        arguments = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    option, _, settings = (arguments[1] if len(arguments) > 1 else "").partition("=")
    return option == "--defaults-file" and Path(settings).is_relative_to(home)


def command_line(program: Program, folder: Path) -> list[str]:
    """What starts the server of a folder, which must hold its `my.cnf`."""
    # --defaults-file comes first and shuts out /etc/my.cnf and the like.
    command = [str(program.server), f"--defaults-file={folder / 'my.cnf'}"]
    if os.name == "nt":
        command.append("--console")  # the log to our file, not to one of its own choosing
        if program.flavour == "mysql":
            command.append("--no-monitor")  # else a second process does the work
    return command


def apart_from_terminal() -> dict[str, Any]:
    """Options for Popen that keep the terminal's Ctrl-C from reaching the server."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        if os.name != "nt":
            # As the server will: connections that linger do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
