"""Fresh sandboxes for the tests: each in a home of its own, at pace `instant`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest

import helpers
from helpers.keys import key_file, password
from helpers.variables import without_proxy

PROJECT = Path(__file__).parents[1]
# The tests' own calls to this machine bypass the developer's proxy, as those of a page do.
os.environ.update(without_proxy())


def sandbox_command(home: Path, *words: str, **environment: str) -> subprocess.CompletedProcess:
    """Run `python -m sandbox` with that home."""
    return subprocess.run(
        [sys.executable, "-m", "sandbox", words[0], "--home", str(home), *words[1:]],
        cwd=PROJECT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
    )


@dataclass(frozen=True)
class RunningSandbox:
    """A sandbox that a test may use.

    Attributes:
        home: its folder.
        environment: the variables that lead boto3, the AWS CLI and the helpers to it.
    """

    home: Path
    environment: dict[str, str]

    def client(self, service: str, **arguments: Any) -> Any:
        """A boto3 client of the sandbox's own user."""
        session = boto3.Session(**arguments)
        return session.client(service)

    def status(self) -> dict[str, Any]:
        """What `python -m sandbox status --json` says."""
        return json.loads(sandbox_command(self.home, "status", "--json").stdout)


@contextmanager
def running_sandbox(home: Path, pace: str = "instant") -> Iterator[RunningSandbox]:
    """Start a sandbox and make this process a client of it; stop it afterwards."""
    changes = {
        "SANDBOX_HOME": str(home),
        "SANDBOX_PACE": pace,
        # Whatever the clone remembers.
        "LAB_TARGET": "sandbox",
        "COURSE_KEYS": str(home.parent / "keys"),
    }
    with mock.patch.dict(os.environ, changes):
        try:
            helpers.connect()
            changes.update({k: v for k, v in os.environ.items() if k.startswith("AWS_")})
            yield RunningSandbox(home, changes)
        finally:
            stopped = sandbox_command(home, "stop")
            assert stopped.returncode == 0, stopped.stderr
            boto3.setup_default_session()


@pytest.fixture
def start_sandbox(tmp_path: Path) -> Iterator[Callable[..., RunningSandbox]]:
    """Start a sandbox that this test has for itself."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield lambda pace="instant": stack.enter_context(running_sandbox(tmp_path / "home", pace))


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """A sandbox that the tests of a module share."""
    with running_sandbox(tmp_path_factory.mktemp("sandbox") / "home") as running:
        yield running


@dataclass(frozen=True)
class Lab1:
    """What pages 1.1 to 1.3 leave.

    Attributes:
        bastion: the instance id.
        key: the private key's file.
        password: of the master user `admin`.
        writer: the writer endpoint.
        reader: the reader endpoint.
    """

    sandbox: RunningSandbox
    bastion: str
    key: Path
    password: str
    writer: str
    reader: str


@pytest.fixture(scope="module")
def lab1(sandbox: RunningSandbox) -> Lab1:
    """A sandbox in which pages 1.1 to 1.3 are done, made by running their cells."""
    helpers.catch_up("1.4")
    bastion = helpers.find("instance", "bookstore-bastion")
    assert bastion is not None
    cluster = sandbox.client("rds").describe_db_clusters()["DBClusters"][0]
    return Lab1(
        sandbox,
        bastion,
        key_file("bookstore"),
        password("bookstore"),
        cluster["Endpoint"],
        cluster["ReaderEndpoint"],
    )
