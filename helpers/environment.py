"""Looks at this computer: is all there that the course needs, and what to type where it is not."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from helpers.choice import target
from helpers.errors import CourseError
from helpers.tables import Table

COURSE_PACKAGE = "aws-databases-course"
OLDEST_PYTHON = (3, 11)
# The first versions of the AWS CLI that honour AWS_ENDPOINT_URL, by major version:
# https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
OLDEST_AWS_CLI = {1: (1, 29), 2: (2, 13)}
OLDEST_SERVER = {"MariaDB": (10, 11, 0), "MySQL": (8, 0, 30)}
SERVER_OVERRIDE = "SANDBOX_MYSQLD"  # names the database server to use

# Where servers and Homebrew's programs are, although PATH often does not lead there.
MORE_FOLDERS = (
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/sbin",
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/opt/homebrew/opt/mariadb/bin",
    "/opt/homebrew/opt/mysql/bin",
    "/usr/local/opt/mariadb/bin",
    "/usr/local/opt/mysql/bin",
    "/home/linuxbrew/.linuxbrew/bin",
)

# The one command that brings a missing thing, for each way to install programs.
APT, DNF = "apt-get install --no-install-recommends", "dnf install"
INSTALL = {
    "python": {
        "conda": "conda install python=3.13",
        "brew": "brew install python@3.13",
        "apt": f"{APT} python3 python3-venv",
        "dnf": f"{DNF} python3",
    },
    "packages": {
        "conda": "conda env update --file environment.yml",
        "brew": "make --always-make .venv/.installed",
        "apt": "make --always-make .venv/.installed",
        "dnf": "make --always-make .venv/.installed",
    },
    "database": {
        "conda": "conda install -c conda-forge mysql-server mysql-client",
        "brew": "brew install mariadb",
        "apt": f"{APT} mariadb-server-core mariadb-client-core",
        "dnf": f"{DNF} mariadb-server mariadb",
    },
    "ssh": {
        "conda": "conda install -c conda-forge openssh",
        "brew": "brew install openssh",
        "apt": f"{APT} openssh-client",
        "dnf": f"{DNF} openssh-clients",
        "windows": "Add-WindowsCapability -Online -Name OpenSSH.Client~~~~0.0.1.0",
    },
}


def check_environment() -> Table:
    """Look for all that the course needs on this computer.

    Returns:
        A table, one row for each thing, with the columns what, found ("yes", or what is wrong) and
        what to type (the one command that puts it right on this system).
    """
    rows = [
        ("Python 3.11 or newer", _python(), "python"),
        ("Python packages of the course", _packages(), "packages"),
        ("AWS CLI 1.29 or 2.13, or newer", aws_cli(), "packages"),
        ("Database server: MariaDB 10.11 or MySQL 8.0.30, or newer", _server(), "database"),
        ("Database client: mariadb or mysql", _program("mariadb", "mysql"), "database"),
        ("SSH client: ssh", _program("ssh"), "ssh"),
    ]
    found = [*(said for _, said, _ in rows), _target()]
    to_type = ["" if said in ("yes", "not needed") else command_for(it) for _, said, it in rows]
    to_type.append("" if found[-1] in ("sandbox", "aws") else "%env LAB_TARGET=sandbox")
    return Table(
        {
            "what": [*(what for what, _, _ in rows), "Target: sandbox or aws"],
            "found": found,
            "what to type": to_type,
        }
    )


def command_for(thing: str) -> str:
    """The command that installs something on this system, as a person would type it.

    Args:
        thing: a key of `INSTALL`.
    """
    commands, system = INSTALL[thing], _system()
    if sys.platform == "win32" and "windows" in commands:
        return commands["windows"]
    needs_root = system in ("apt", "dnf") and not commands[system].startswith("make")
    sudo = "sudo " if needs_root and os.geteuid() != 0 else ""
    return sudo + commands[system]


def _system() -> str:
    if os.environ.get("CONDA_PREFIX"):
        return "conda"
    for program, system in (("brew", "brew"), ("apt-get", "apt"), ("dnf", "dnf")):
        if shutil.which(program):
            return system
    return "conda"  # runs everywhere, on Windows too


def _python() -> str:
    return "yes" if sys.version_info >= OLDEST_PYTHON else "too old"


def _packages() -> str:
    """Hold what is installed against the floors that the course's own package names."""
    wrong = []
    for line in metadata.requires(COURSE_PACKAGE) or []:
        needed = Requirement(line)
        if needed.marker and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            here = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"no {needed.name}")
            continue
        if not needed.specifier.contains(here, prereleases=True):
            wrong.append(f"{needed.name} {here} is not {needed.specifier}")
    return "; ".join(wrong) or "yes"


def aws_cli() -> str:
    """Whether there is an AWS CLI that is new enough: "yes", "no", or how old it is."""
    path = _find("aws")
    version = _version(_aws_cli_says(path), r"aws-cli/(\d+)\.(\d+)") if path else None
    if version is None:
        return "no"
    return "yes" if version >= OLDEST_AWS_CLI.get(version[0], version) else _too_old(version)


def _aws_cli_says(path: str) -> str:
    # The course's own is a Python package, whose version is known without a start of the program.
    if Path(path).parent == Path(sysconfig.get_path("scripts")):
        with contextlib.suppress(metadata.PackageNotFoundError):
            return f"aws-cli/{metadata.version('awscli')}"
    return _ask(path, "--version")


def _server() -> str:
    """Any server that is new enough will do; the sandbox makes the same choice."""
    if _target() == "aws":
        return "not needed"
    override = os.environ.get(SERVER_OVERRIDE)
    paths = [override] if override else [_find("mariadbd"), _find("mysqld")]
    said = "no"
    for path in filter(None, paths):
        # Without --no-defaults a broken /etc/my.cnf would answer in the server's place.
        answer = _ask(path, "--no-defaults", "--version")
        version = _version(answer, r"Ver (\d+)\.(\d+)\.(\d+)")
        if version is None:
            continue
        if version >= OLDEST_SERVER["MariaDB" if "MariaDB" in answer else "MySQL"]:
            return "yes"
        said = _too_old(version)
    return said


def _program(*names: str) -> str:
    return "yes" if any(_find(name) for name in names) else "no"


def _target() -> str:
    try:
        return target()
    except CourseError:
        return f"no: LAB_TARGET is {os.environ.get('LAB_TARGET', 'not remembered rightly')}"


def _ask(program: str, *arguments: str) -> str:
    """What a program prints; nothing where it cannot be run."""
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
    except OSError:
        return ""
    return done.stdout


def _version(answer: str, pattern: str) -> tuple[int, ...] | None:
    found = re.search(pattern, answer)
    return tuple(map(int, found.groups())) if found else None


def _too_old(version: tuple[int, ...]) -> str:
    return f"too old: {'.'.join(map(str, version))}"


def _find(name: str) -> str | None:
    prefixes = [sys.prefix, os.environ.get("CONDA_PREFIX")]
    inside = [Path(p, *f) for p in filter(None, prefixes) for f in (["bin"], ["Library", "bin"])]
    folders = [
        sysconfig.get_path("scripts"),
        *map(str, inside),
        os.environ.get("PATH", ""),
        *MORE_FOLDERS,
    ]
    return shutil.which(name, path=os.pathsep.join(folders))
