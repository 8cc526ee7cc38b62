"""Run the database tests on the second server, in an environment like conda's.

`python -m tests.second_server [arguments of pytest]`; without arguments, all tests that are marked
`database`. environment.yml gives a student MySQL, the AWS CLI version 2 and packages that may be
as old as its floors. So here: one folder, `.tools/oldest`, holds a Python with the oldest versions
that pyproject.toml allows, `mysqld`, `mysql` and `aws`; it is first on the PATH, and CONDA_PREFIX
names it, so that a MariaDB of this machine is not chosen.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from tests import debian, tools

PROJECT = Path(__file__).parents[1]
OLDEST = tools.TOOLS / "oldest"
BIN = OLDEST / ("Scripts" if os.name == "nt" else "bin")
PROGRAMS = ("mysqld", *tools.CLIENTS)
ALL = ["-n", "2", "--dist", "loadscope", "--no-loadscope-reorder", "--durations=10"]
ALL += ["-m", "database and not clients and not long"]


class CannotRun(Exception):
    """The environment cannot be made here; the message says why."""


def make() -> None:
    """Make the environment, unless it is there and pyproject.toml is the same.

    Raises:
        CannotRun: uv or a package is missing.
        debian.CannotUnpack: MySQL or the AWS CLI is missing and cannot be unpacked here.
    """
    for name in tools.ALL:
        tools.install(name)
    with FileLock(tools.TOOLS / "oldest.lock"):
        wanted = hashlib.sha256((PROJECT / "pyproject.toml").read_bytes()).hexdigest()
        made_for = OLDEST / "made-for"
        if not (made_for.exists() and made_for.read_text() == wanted):
            shutil.rmtree(OLDEST, ignore_errors=True)
            _install_packages()
            made_for.write_text(wanted)
        add_programs()


def add_programs() -> None:
    """Put MySQL's programs and the AWS CLI into the environment; replaces the CLI of version 1."""
    found = [folder / name for folder in tools.folders("mysql") for name in PROGRAMS]
    found += [folder / "aws" for folder in tools.folders("awscli")]
    for program in found:
        if program.exists():
            launcher = BIN / program.name
            launcher.unlink(missing_ok=True)  # it may be a link to the program itself
            launcher.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
            launcher.chmod(0o755)


def environment() -> dict[str, str]:
    """The variables with which the tests run in the environment."""
    path = os.pathsep.join([str(BIN), os.environ.get("PATH", "")])
    changes = {"PATH": path, "CONDA_PREFIX": str(OLDEST)}
    unset = {"SANDBOX_MYSQLD", "VIRTUAL_ENV"}
    return {name: it for name, it in os.environ.items() if name not in unset} | changes


def _install_packages() -> None:
    """Install the oldest packages that students may have, then what only tests need."""
    _uv("venv", "--quiet", "--python", sys.executable, str(OLDEST))
    floors = OLDEST / "floors.txt"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    project = ("--quiet", "--python-version", version, "pyproject.toml", "--output-file", floors)
    _uv("pip", "compile", "--resolution", "lowest-direct", *map(str, project))
    into = ("pip", "install", "--quiet", "--python", str(BIN / "python"))
    _uv(*into, "--constraint", str(floors), "--editable", ".[test]")


def _uv(*words: str) -> None:
    uv = shutil.which("uv", path=os.pathsep.join([str(tools.TOOLS / "bin"), os.environ["PATH"]]))
    if uv is None:
        raise CannotRun("uv is not here; `make setup` brings it")
    done = subprocess.run([uv, *words], cwd=PROJECT, capture_output=True, text=True)
    if done.returncode:
        raise CannotRun(f"uv {words[0]} {words[1]} failed: {done.stderr.strip()}")


def main(words: list[str]) -> int:
    """Make the environment and run pytest in it. Returns the exit status."""
    try:
        make()
    except (CannotRun, debian.CannotUnpack) as error:
        print(f"The tests do not run on the second server: {error}.", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    command = [str(BIN / "python"), "-m", "pytest", *(words or ALL)]
    return subprocess.run(command, cwd=PROJECT, env=environment()).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
