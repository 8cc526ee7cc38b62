"""The AWS CLIs that tests run: version 1 of the environment, and version 2 where there is one."""

import os
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from helpers import aws_cli

PROJECT = Path(__file__).parents[1]


def version_1() -> Path:
    """The `aws` that `make setup` installs; skips where the environment has none (conda)."""
    program = shutil.which("aws", path=str(Path(sys.executable).parent))
    if program is None or aws_cli.version(program)[:1] != (1,):
        pytest.skip("no AWS CLI of version 1 in this environment")
    return Path(program)


def version_2() -> Path:
    """An `aws` of version 2. Where there is none the test is skipped; on CI it fails."""
    folders = [str(PROJECT / ".tools" / "awscli" / "bin"), *os.environ["PATH"].split(os.pathsep)]
    for folder in folders:
        program = shutil.which("aws", path=folder)
        if program and aws_cli.version(program)[:1] == (2,):
            return Path(program).absolute()
    reason = "no AWS CLI of version 2 here: see README.md on how to get it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


BOTH = {1: version_1, 2: version_2}


def python_of(program: Path) -> list[str]:
    """The command that starts the Python of an AWS CLI; skips for one that is an executable."""
    if program == Path(sys.executable).with_name("aws"):
        return [sys.executable]
    first, *rest = program.read_bytes().splitlines()
    if not first.startswith(b"#!"):
        pytest.skip(f"{program} is an executable: nothing can look inside")
    words = shlex.split(first[2:].decode())
    if words[0] != "/bin/sh":
        return words
    # A launcher, which names the Python of its folder.
    words = [word for word in shlex.split(rest[-1].decode()) if word != "exec"]
    last = next(i for i, word in enumerate(words) if Path(word).name.startswith("python3."))
    return ["env", *words[: last + 1]]
