"""The command-line client of MySQL or MariaDB, whichever is first here, and its options for TLS."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest

CLIENT = shutil.which("mariadb") or shutil.which("mysql")
needed = pytest.mark.skipif(
    CLIENT is None, reason="no client: apt-get install mariadb-client-core, or conda's mysql-client"
)


@functools.cache
def is_mariadb() -> bool:
    """Whether the client is MariaDB's: on Debian, `mysql` is one too."""
    assert CLIENT is not None
    said = subprocess.run([CLIENT, "--version"], capture_output=True, text=True, check=True)
    return "MariaDB" in said.stdout


def without_tls() -> list[str]:
    """The options for a connection that is not encrypted."""
    return ["--skip-ssl"] if is_mariadb() else ["--ssl-mode=DISABLED"]


def with_tls(authority: Path | None = None) -> list[str]:
    """The options for an encrypted connection.

    Args:
        authority: the file of the authority that must have signed the server's certificate.
    """
    if is_mariadb():
        return ["--ssl", *([f"--ssl-ca={authority}"] if authority else [])]
    if authority:
        return ["--ssl-mode=VERIFY_CA", f"--ssl-ca={authority}"]
    return ["--ssl-mode=REQUIRED"]


def compressed() -> list[str]:
    """The options for a connection that is compressed."""
    return ["--compress"] if is_mariadb() else ["--compression-algorithms=zlib"]
