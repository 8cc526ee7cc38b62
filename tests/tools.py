"""Programs that only the tests need: Oracle's MySQL and the AWS CLI, version 2.

`python -m tests.tools install mysql awscli` unpacks what is missing into `.tools/`; nothing is
installed on the machine. A test asks `require("awscli")` for the path.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from filelock import FileLock

from tests import debian

TOOLS = Path(__file__).parents[1] / ".tools"


@dataclass(frozen=True)
class Tool:
    """A program and how to have it.

    Attributes:
        title: what people call it.
        command: its name on the PATH.
        inside: its path inside its folder of `.tools/`.
        version: the arguments that make it print its version.
        override: the environment variable that names another, if there is one.
        packages: the Debian packages that bring it.
        programs: those of their programs that run by themselves from there.
        unchanged: patterns of those that a launcher starts.
        elsewhere: how to have it on other systems.
    """

    title: str
    command: str
    inside: str
    version: tuple[str, ...]
    override: str | None
    packages: tuple[str, ...]
    programs: tuple[str, ...]
    unchanged: tuple[str, ...]
    elsewhere: str

    def is_it(self, path: Path) -> bool:
        """Whether the program at this path runs and is this tool."""
        try:
            said = subprocess.run(
                [path, *self.version], stdin=subprocess.DEVNULL, capture_output=True, text=True
            ).stdout
        except OSError:
            return False
        if self.command == "aws":
            return said.startswith("aws-cli/2.")
        return "Ver " in said and "MariaDB" not in said


CLIENTS = ("mysql", "mysqladmin", "mysqlbinlog", "mysqldump")
ALL = {
    "mysql": Tool(
        title="Oracle's MySQL",
        command="mysqld",
        inside="usr/sbin/mysqld",
        version=("--no-defaults", "--version"),
        override="SANDBOX_MYSQLD",
        packages=("mysql-server-core", "mysql-client-core"),
        programs=("usr/sbin/mysqld", *(f"usr/bin/{name}" for name in CLIENTS)),
        unchanged=(),
        elsewhere="conda install -c conda-forge mysql-server mysql-client, or: brew install mysql",
    ),
    "awscli": Tool(
        title="the AWS CLI, version 2",
        command="aws",
        inside="bin/aws",
        version=("--version",),
        override=None,
        packages=("awscli", "python3"),
        programs=(),
        unchanged=("usr/bin/python3.*",),
        elsewhere="conda install -c conda-forge awscli, or: brew install awscli",
    ),
}


def find(name: str) -> Path | None:
    """Find a tool: what its variable names, what `.tools/` holds, or any on the PATH.

    Args:
        name: a key of `ALL`.

    Returns:
        The path of `mysqld` or of `aws`; None where there is none. The clients of MySQL are in
        `folders("mysql")`.
    """
    tool = ALL[name]
    return next((path for path in _candidates(name) if path.is_file() and tool.is_it(path)), None)


def folders(name: str) -> list[Path]:
    """The folders that hold the programs of a tool, to be put first on a PATH; none if missing."""
    path = find(name)
    if path is None:
        return []
    beside = [path.parent, path.parent.parent / "bin"] if name == "mysql" else [path.parent]
    return list(dict.fromkeys(folder for folder in beside if folder.is_dir()))


def require(name: str) -> Path:
    """Find a tool for a test. Where it is missing, skip the test; on CI, fail it."""
    path = find(name)
    if path is not None:
        return path
    reason = f"{ALL[name].title} is not here; type: python -m tests.tools install {name}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def install(name: str) -> None:
    """Unpack a tool into `.tools/`, unless this machine has it.

    Raises:
        debian.CannotUnpack: it cannot be had here; says why.
    """
    TOOLS.mkdir(exist_ok=True)
    with FileLock(TOOLS / f"{name}.lock"):
        if find(name):
            return
        tool, folder = ALL[name], TOOLS / name
        shutil.rmtree(folder, ignore_errors=True)  # moved or incomplete: it does not run
        debian.unpack(tool.packages, folder, tool.programs, tool.unchanged)
        if name == "awscli":
            _write_launcher(folder)
        if find(name) is None:
            raise debian.CannotUnpack(f"{folder / tool.inside} was unpacked, but does not run")


def _candidates(name: str) -> Iterator[Path]:
    tool = ALL[name]
    if tool.override and os.environ.get(tool.override):
        yield Path(os.environ[tool.override])
    yield TOOLS / name / tool.inside
    suffix = ".exe" if os.name == "nt" else ""
    # The first `aws` of a PATH is often version 1, and `mysqld` MariaDB: look at all of them.
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder:
            yield Path(folder, f"{tool.command}{suffix}").absolute()


def _write_launcher(folder: Path) -> None:
    """Start the CLI with the Python of its folder: Debian's `aws` names the system's own."""
    # Debian's Python is no position-independent executable, so the loader starts it.
    python = [*debian.loading(folder), *map(str, folder.glob("usr/bin/python3.*"))]
    launcher = folder / "bin" / "aws"
    launcher.parent.mkdir()
    # -I: no PYTHONPATH, no packages of the user's own folder or of the working folder.
    launcher.write_text(f'#!/bin/sh\nexec {shlex.join(python)} -I -m awscli "$@"\n')
    launcher.chmod(0o755)


def main(words: list[str]) -> int:
    """Install what is named and print where each tool is. Returns the exit status."""
    names = words[1:]
    if words[:1] != ["install"] or not names or not set(names) <= set(ALL):
        print(f"usage: python -m tests.tools install [{'] ['.join(ALL)}]", file=sys.stderr)
        return 2
    status = 0
    for name in names:
        try:
            install(name)
            print(f"{name}: {find(name)}")
        except debian.CannotUnpack as error:
            status = 1
            print(
                f"{name}: {ALL[name].title} could not be unpacked: {error}.\n"
                f"  The tests that need it are skipped. To have it, type: {ALL[name].elsewhere}",
                file=sys.stderr,
            )
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
