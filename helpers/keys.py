"""Keeps what must stay secret, key files and passwords, in a folder that only you can read."""

import os
import secrets
import string
import sys
from pathlib import Path

from helpers.choice import project, target
from helpers.private_files import keep_private

LETTERS = string.ascii_letters + string.digits


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

    Two pages that ask at the same moment get the same one. It suits RDS: 24 letters and digits. It
    is never printed, and never in a notebook.

    Args:
        name: such as the DB cluster's name.
    """
    return keep_private(folder() / f"{name}.password", _random_password)


def _random_password() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(24))


def folder() -> Path:
    """The private folder of this target: `keys/<target>`, or `$COURSE_KEYS/<target>`."""
    named = os.environ.get("COURSE_KEYS")
    root = Path(named).expanduser() if named else project() / "keys"
    private = root / target()
    private.mkdir(parents=True, exist_ok=True)
    if sys.platform != "win32":
        root.chmod(0o700)
    return private
