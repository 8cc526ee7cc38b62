"""Find the MySQL-family server of this machine, or install one (`python -m sandbox install`)."""

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click

from sandbox.errors import SandboxError

# Names the server to use, when the one found by itself is not the one wanted.
OVERRIDE = "SANDBOX_MYSQLD"

# Servers are daemons: they live where a login shell's PATH does not lead.
SERVERS = ("mariadbd", "mysqld")
SYSTEM_FOLDERS = (
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/usr/bin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
    "/usr/local/opt/mariadb/bin",
    "/usr/local/opt/mysql/bin",
    "/home/linuxbrew/.linuxbrew/bin",
)

# The settings and the statements that the sandbox uses exist from these versions on:
# `innodb_redo_log_capacity` came with MySQL 8.0.30.
OLDEST = {"mariadb": (10, 11, 0), "mysql": (8, 0, 30)}
NEEDED = "MariaDB 10.11 or MySQL 8.0.30, or a newer one"

APT = ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]
APT_PACKAGES = ["mariadb-server-core", "mariadb-client-core"]  # programs only: no service starts
DNF = ["dnf", "install", "-y", "-q", "mariadb-server", "mariadb"]
BREW = ["brew", "install", "mariadb"]
CONDA = ["conda", "install", "-y", "-c", "conda-forge", "mysql-server", "mysql-client"]


TITLES = {"mariadb": "MariaDB", "mysql": "MySQL"}


class NoDatabaseServer(SandboxError):
    """No usable MariaDB or MySQL server on this machine; the message names the command to type."""


@dataclass(frozen=True)
class Program:
    """A database server that is installed on this machine.

    Attributes:
        flavour: which dialect of administration it speaks.
        server: the daemon, `mariadbd` or `mysqld`.
        installer: `mariadb-install-db`; MySQL's daemon prepares its own data folder (None).
        version: three numbers, such as "10.11.19".
    """

    flavour: Literal["mariadb", "mysql"]
    server: Path
    installer: Path | None
    version: str


def find_program(flavour: str | None = None) -> Program:
    """Find a server: the one `$SANDBOX_MYSQLD` names, else that of the conda environment, else any.

    Of several, MariaDB is preferred: it takes less time and memory.

    Args:
        flavour: "mariadb" or "mysql", when one is preferred.

    Raises:
        NoDatabaseServer: none is installed, or only one that is too old; says what to type.
    """
    override = os.environ.get(OVERRIDE)
    if override:
        if not _runnable(Path(override)):
            raise NoDatabaseServer(
                f"{OVERRIDE} names {override}, which is not a program. Correct it, or unset it."
            )
        program = _identify(Path(override).absolute())
        if _too_old(program):
            raise NoDatabaseServer(
                f"{OVERRIDE} names {_too_old_because(program)} Name another, or unset it."
            )
        return program
    found = [_identify(path) for name in SERVERS for path in _all_named(name)]
    usable = [program for program in found if not _too_old(program)]
    conda = _conda_folders()
    if usable:
        return min(
            usable,
            key=lambda program: (
                program.flavour != (flavour or program.flavour),
                # environment.yml chose it, whatever else the machine has.
                program.server.parent not in conda,
                # On Debian `mysqld` is MariaDB under its old name, so what it says it is decides.
                program.flavour != "mariadb",
            ),
        )
    told = (
        f"The only database server here is {_too_old_because(found[0])}"
        if found
        else "No MySQL or MariaDB server is installed, and every instance in the sandbox needs one."
    )
    raise NoDatabaseServer(f"{told} Type: {install_command()}")


def find_client() -> Path | None:
    """Find the command-line client, `mariadb` or `mysql`; None where there is none."""
    return next((path for name in ("mariadb", "mysql") for path in _all_named(name)), None)


def install_command() -> str:
    """The one command that installs a server on this system, as a person would type it."""
    return " ".join(_command(sudo=not _is_root()))


def install() -> None:
    """Make sure that a server and a client are here, and say in one line which server it is.

    Installs by itself only where that needs no password: as root on Debian, Ubuntu and Fedora,
    and with Homebrew.

    Raises:
        NoDatabaseServer: it cannot be installed from here; says what to type.
        SandboxError: the package manager failed; says how.
    """
    try:
        find_program()
        missing = find_client() is None
    except NoDatabaseServer:
        missing = True
    command = _command(sudo=False)
    if missing and (command[0] == "brew" or (_is_root() and command[0] in ("apt-get", "dnf"))):
        _run_package_manager(command)
    program = find_program()
    name = TITLES[program.flavour]
    client = find_client()
    told = f"client {client}" if client else f"no client; to have one, type: {install_command()}"
    click.echo(f"Database server: {name} {program.version}, {program.server} ({told})")


def _command(sudo: bool) -> list[str]:
    prefix = ["sudo"] if sudo else []
    if os.environ.get("CONDA_PREFIX"):
        return CONDA
    if shutil.which("brew"):
        return BREW
    if shutil.which("apt-get"):
        return [*prefix, *APT, *APT_PACKAGES]
    if shutil.which("dnf"):
        return [*prefix, *DNF]
    return CONDA


def _run_package_manager(command: list[str]) -> None:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL)
    if done.returncode and command[0] == "apt-get":
        # A fresh container has no package lists yet.
        subprocess.run(["apt-get", "update", "-qq"], env=env, stdin=subprocess.DEVNULL)
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise SandboxError(
            f"The database server could not be installed: `{' '.join(command)}` ended with code "
            f"{done.returncode}; its own message is above. Put that right and type it again."
        )


@functools.cache
def _identify(server: Path) -> Program:
    said = subprocess.run(
        # Without --no-defaults a broken /etc/my.cnf would answer in the server's place.
        [server, "--no-defaults", "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    ).stdout
    version = re.search(r"Ver (\d+\.\d+\.\d+)", said)
    if version is None:
        raise NoDatabaseServer(
            f"{server} does not say which version it is, so it is no database server. "
            f"Name another in {OVERRIDE}, or type: {install_command()}"
        )
    if "MariaDB" not in said:
        return Program("mysql", server, None, version[1])
    return Program("mariadb", server, _installer_of(server), version[1])


def _installer_of(server: Path) -> Path | None:
    prefix = server.resolve().parent.parent
    folders = [server.parent, *(prefix / name for name in ("bin", "scripts"))]
    return next(
        (
            folder / name
            for folder in folders
            for name in ("mariadb-install-db", "mariadb-install-db.exe")
            if _runnable(folder / name)
        ),
        None,
    )


def _too_old(program: Program) -> bool:
    return tuple(int(n) for n in program.version.split(".")) < OLDEST[program.flavour]


def _too_old_because(program: Program) -> str:
    return (
        f"{program.server}, which is {TITLES[program.flavour]} {program.version}: too old for the "
        f"sandbox, which needs {NEEDED}."
    )


def _all_named(name: str) -> Iterator[Path]:
    for folder in _folders():
        path = folder / (f"{name}.exe" if os.name == "nt" else name)
        if _runnable(path):
            yield path


def _folders() -> list[Path]:
    path = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    return [*_conda_folders(), *path, *(Path(folder) for folder in SYSTEM_FOLDERS)]


def _conda_folders() -> list[Path]:
    prefixes = [prefix for prefix in (os.environ.get("CONDA_PREFIX"), sys.prefix) if prefix]
    return [Path(prefix, *parts) for prefix in prefixes for parts in (("bin",), ("Library", "bin"))]


def _runnable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
