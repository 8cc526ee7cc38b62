"""Keeps what must stay secret, key files and passwords, in a folder that only you can read."""

import os
import secrets
import string
import sys
from pathlib import Path

from helpers.choice import project, target


def key_file(name: str) -> Path:
    """Where the private key of a key pair is kept: `keys/<target>/<name>.pem`.

    Args:
        name: the key pair's name.

    Returns:
        The path; the file need not exist yet.
    """
    return folder() / f"{name}.pem"


def password(name: str) -> str:
    """The password kept under that name; at the first call a random one is made.

    It suits RDS: 24 letters and digits. It is never printed, and never in a notebook.

    Args:
        name: such as the DB cluster's name.
    """
    file = folder() / f"{name}.password"
    if not file.exists():
        letters = string.ascii_letters + string.digits
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write("".join(secrets.choice(letters) for _ in range(24)))
    return file.read_text()


def folder() -> Path:
    """The private folder of this target: `keys/<target>`, or `$COURSE_KEYS/<target>`."""
    named = os.environ.get("COURSE_KEYS")
    root = Path(named).expanduser() if named else project() / "keys"
    private = root / target()
    private.mkdir(parents=True, exist_ok=True)
    if sys.platform != "win32":
        root.chmod(0o700)
    return private
