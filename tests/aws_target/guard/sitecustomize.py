"""Put on PYTHONPATH, it ends every Python that touches the sandbox or a network it may not use.

`GUARD_PORTS` lists the ports of this machine that may be reached; nothing else may. Whatever is
tried against that is written to `GUARD_LOG`, since a program may swallow the error.
"""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
FORBIDDEN = (str(PROJECT / "sandbox") + os.sep, str(PROJECT / ".sandbox"))
PORTS = {int(port) for port in os.environ.get("GUARD_PORTS", "").split(",") if port}


def _refuse(what: str) -> None:
    descriptor = os.open(os.environ["GUARD_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, f"{what}\n".encode())
    os.close(descriptor)
    raise PermissionError(what)


def _watch(event: str, arguments: tuple) -> None:
    if event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple) and address[1] not in PORTS:
            _refuse(f"connects to {address[0]}:{address[1]}")
    elif event in ("open", "os.listdir", "os.scandir"):
        if isinstance(arguments[0], str) and arguments[0].startswith(FORBIDDEN):
            _refuse(f"opens {arguments[0]}")
    elif event == "import" and arguments[0].partition(".")[0] in ("sandbox", "moto"):
        _refuse(f"imports {arguments[0]}")
    elif event == "subprocess.Popen" and "sandbox" in [str(word) for word in arguments[1]]:
        _refuse(f"starts {arguments[1]}")


if "GUARD_LOG" in os.environ:
    sys.addaudithook(_watch)
