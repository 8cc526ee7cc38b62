"""Fresh sandboxes for the tests: each in a home of its own, at pace `instant`."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import pytest
from click.testing import CliRunner
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

import helpers
from helpers.keys import key_file, password
from helpers.variables import without_proxy
from tests import folders, forked
from tests.aws_target.strangers import free_port

PROJECT = Path(__file__).parents[1]
# The tests' own calls to this machine bypass the developer's proxy, as those of a page do.
os.environ.update(without_proxy())


def pytest_configure() -> None:
    """Put temporary folders in memory; those of tests marked `own_process` stay on the disk."""
    folders.use_memory()


# Those that take longest.
SLOW_FIRST = (
    "test_calls",
    "test_durability",
    "test_doctor",
    "test_console_in_jupyterlab",
    "test_in_jupyterlab",
    "test_aurora",
    "test_dry_run",
    "test_a_stranger",
    "test_aurora_recovery",
    "test_kill",
    "test_pages",
)


# These run pages of the course; in `make test-quick` they have no place.
PAGE_MODULES = {
    *("test_a_stranger", "test_calls", "test_catch_up", "test_console_in_jupyterlab"),
    *("test_in_jupyterlab", "test_lab3"),
}


# Of these each test is a piece of work of its own: they are long, and their tests share no fixture.
SPREAD = {
    *("test_aurora_recovery", "test_cli", "test_copies", "test_database_failures"),
    *("test_dry_run", "test_durability", "test_kill_points", "test_pages", "test_ssh_tunnel"),
}


class ByModule(LoadScopeScheduling):
    """Give a whole module to one worker, so that its fixtures are made once.

    xdist's own `loadgroup` does not group with pytest 9.2, whose node ids cannot be changed.
    """

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return nodeid if Path(module).stem in SPREAD else module


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """Have xdist use it, whatever `--dist` says."""
    return ByModule(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by what it needs; modules that start database servers mark themselves."""
    if item.path.stem in PAGE_MODULES:
        item.add_marker("page")
    if "lab1" in getattr(item, "fixturenames", ()):
        item.add_marker("database")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow modules: what is short fills the gaps at the end."""
    places = {name: place for place, name in enumerate(SLOW_FIRST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(places)))


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
        return json.loads(sandbox_command_here(self.home, "status", "--json"))


def sandbox_command_here(home: Path, *words: str) -> str:
    """Run a command of the sandbox in this process, and return what it prints."""
    from sandbox.cli import main

    done = CliRunner().invoke(main, [words[0], "--home", str(home), *words[1:]])
    assert done.exit_code == 0, done.output
    return done.stdout


@contextmanager
def running_sandbox(
    home: Path, pace: str = "instant", own_process: bool = False
) -> Iterator[RunningSandbox]:
    """Start a sandbox and make this process a client of it; stop it afterwards.

    Args:
        home: its folder.
        pace: how long things take.
        own_process: whether the command line starts it, and not `tests/forked.py`.
    """
    changes = {
        "SANDBOX_HOME": str(home),
        "SANDBOX_PACE": pace,
        # Whatever the clone remembers.
        "LAB_TARGET": "sandbox",
        "COURSE_KEYS": str(home.parent / "keys"),
    }
    with mock.patch.dict(os.environ, changes):
        try:
            if forked.available() and not own_process:
                forked.start(home, pace, os.environ)
            helpers.connect()
            changes.update({k: v for k, v in os.environ.items() if k.startswith("AWS_")})
            yield RunningSandbox(home, changes)
        finally:
            sandbox_command_here(home, "stop")
            boto3.setup_default_session()


@pytest.fixture
def tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A temporary folder, which for tests marked `own_process` is on a disk and not in memory."""
    if request.node.get_closest_marker("own_process") is None:
        yield tmp_path
        return
    disk = folders.on_disk()
    with tempfile.TemporaryDirectory(dir=disk, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def start_sandbox(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., RunningSandbox]]:
    """Start a sandbox that this test has for itself.

    Tests marked `own_process` get one that the command line has started.
    """
    own_process = request.node.get_closest_marker("own_process") is not None
    with ExitStack() as stack:

        def start(pace: str = "instant") -> RunningSandbox:
            return stack.enter_context(running_sandbox(tmp_path / "home", pace, own_process))

        yield start


@pytest.fixture(scope="module")
def sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningSandbox]:
    """A sandbox that the tests of a module share; with Lab 1 in it if all of them use `lab1`."""
    folder = tmp_path_factory.mktemp("sandbox")
    if _all_use_lab1(request):
        _copy_with_other_ports(request.getfixturevalue("lab1_built"), folder)
    with running_sandbox(folder / "home") as running:
        yield running


def _copy_with_other_ports(built: Path, folder: Path) -> None:
    """Copy a stopped sandbox, so that two copies can start at the same moment.

    Copies have the same passwords: with the same ports as well, a copy could take the database
    server of another for its own.
    """
    shutil.copytree(built, folder, dirs_exist_ok=True)
    (folder / "home" / "settings.json").unlink()
    for file in (folder / "home" / "databases").rglob("my.cnf"):
        port = f"port = {free_port()}"
        file.write_text(re.sub(r"^port = \d+$", port, file.read_text(), flags=re.MULTILINE))


def _all_use_lab1(request: pytest.FixtureRequest) -> bool:
    """Whether every test of the module that uses the sandbox wants Lab 1 in it."""
    mine = [item for item in request.session.items if item.path == request.path]
    names = [set(getattr(item, "fixturenames", ())) for item in mine]
    return all("lab1" in each for each in names if "sandbox" in each)


@pytest.fixture(scope="session")
def lab1_built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `home` and `keys` of a stopped sandbox in which pages 1.1 to 1.3 are done.

    Built by running their cells, once for all the processes of a test run; to be copied.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    built = shared / "lab1-built"
    with FileLock(shared / "lab1-built.lock"):
        if not built.exists():
            being_built = shared / "lab1-being-built"
            shutil.rmtree(being_built, ignore_errors=True)  # what a failure has left
            with running_sandbox(being_built / "home"):
                helpers.catch_up("1.4")
            being_built.rename(built)
    return built


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
def lab1(request: pytest.FixtureRequest, sandbox: RunningSandbox) -> Lab1:
    """A sandbox in which pages 1.1 to 1.3 are done, made by running their cells."""
    if not _all_use_lab1(request):
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
