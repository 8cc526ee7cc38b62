"""Which AWS CLI the pages use: version 2 where this computer has it, else the course's version 1.

`make setup` installs version 1, a Python package, beside the course's other packages. Version 2 is
a program with an installer of its own: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from helpers.choice import project

# Where installers put version 2 when a notebook's PATH does not lead there.
MORE_FOLDERS = (
    "/usr/local/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/snap/bin",
    str(Path.home() / ".local" / "bin"),
    r"C:\Program Files\Amazon\AWSCLIV2",
)


def put_on_path() -> None:
    """Make `!aws` the AWS CLI that the course prefers, for this process and what it starts."""
    scripts = _scripts()
    chosen = find()
    first = [str(scripts)]
    if chosen is not None and chosen.parent != scripts:
        first.insert(0, str(_folder_of_its_own(chosen)))
    path = os.environ.get("PATH", "").split(os.pathsep)
    others = [each for each in path if each not in (*first, str(_shims()))]
    os.environ["PATH"] = os.pathsep.join([*first, *others])


def find() -> Path | None:
    """Find the AWS CLI that the pages use.

    Returns:
        The first of version 2 on PATH or where its installers put it, else any that there is; None
        without one.
    """
    own = shutil.which("aws", path=str(_scripts()))
    folders = [*os.environ.get("PATH", "").split(os.pathsep), *MORE_FOLDERS]
    found = [own] if own else []
    for folder in dict.fromkeys(filter(None, folders)):
        program = shutil.which("aws", path=folder)
        if program and Path(program).parent not in (_scripts(), _shims()):
            found.append(program)
    for program in found:
        if version(program)[:1] == (2,):
            return Path(program)
    return Path(found[0]) if found else None


def version(program: str | Path) -> tuple[int, ...]:
    """Ask an AWS CLI for its version, such as (2, 31, 4); () where it does not answer as one."""
    file = Path(program)
    if file.parent == _scripts():
        # The course's own is a Python package: its version is known without a start.
        with contextlib.suppress(metadata.PackageNotFoundError):
            return tuple(int(each) for each in metadata.version("awscli").split(".")[:3])
    try:
        return _ask_version(str(file), file.stat().st_mtime_ns)
    except OSError:
        return ()


@lru_cache
def _ask_version(program: str, changed: int) -> tuple[int, ...]:
    done = subprocess.run(
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
    )
    # Old ones of version 1 print it on the other stream.
    match = re.match(r"aws-cli/(\d+)\.(\d+)\.(\d+)", done.stdout or done.stderr)
    return tuple(int(each) for each in match.groups()) if match else ()


def _folder_of_its_own(program: Path) -> Path:
    """A folder for PATH with the AWS CLI and nothing else.

    The program's folder may hold a Python or a Jupyter too, which must not hide the course's.
    """
    if sys.platform == "win32":
        return program.parent  # where the installer puts it, there is nothing else
    link = _shims() / "aws"
    if not (link.is_symlink() and link.readlink() == program):
        link.parent.mkdir(parents=True, exist_ok=True)
        fresh = link.with_name(f"aws.{os.getpid()}.new")
        fresh.symlink_to(program)
        fresh.replace(link)
    return link.parent


def _shims() -> Path:
    return project() / ".tools" / "aws-cli"


def _scripts() -> Path:
    return Path(sysconfig.get_path("scripts"))
