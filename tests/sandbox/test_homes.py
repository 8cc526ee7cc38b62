"""Which folders the sandbox takes as its home, and what `reset` deletes and keeps."""

import contextlib
import os
import shutil
import sys
from pathlib import Path

import boto3
import pytest

from tests.conftest import running_sandbox, sandbox_command

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX file modes")


def _project(folder: Path) -> dict[str, bytes]:
    """A folder of somebody's work, with names that a home has too."""
    for name in (".gitignore", "token", "account.db", "running.json", "README.md", "lock", "log"):
        (folder / name).write_text(f"{name} of the project\n")
    for name in ("databases", "aws", "bastions", "src"):
        (folder / name).mkdir()
        (folder / name / "file").write_text("of the project\n")
    return _contents(folder)


def _contents(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


@pytest.mark.parametrize("words", [["start"], ["stop"], ["reset", "--yes"], ["status"], ["logs"]])
def test_a_folder_of_something_else_is_declined_and_left_as_it_is(tmp_path, words) -> None:
    tmp_path.chmod(0o755)
    before = _project(tmp_path)
    answer = sandbox_command(tmp_path, *words)
    assert answer.returncode == 1
    assert "not a folder of the sandbox" in answer.stderr
    assert "--home FOLDER" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert _contents(tmp_path) == before
    assert sys.platform == "win32" or tmp_path.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("name", [".gitignore", ".git", "notes.txt", "databases", "running.json"])
def test_one_file_of_something_else_is_enough(tmp_path, name) -> None:
    (tmp_path / name).write_text("mine\n")
    answer = sandbox_command(tmp_path, "start")
    assert answer.returncode == 1
    assert name in answer.stderr
    assert _contents(tmp_path) == {name: b"mine\n"}


def test_a_file_in_place_of_the_folder(tmp_path) -> None:
    (tmp_path / "file").write_text("mine\n")
    for words in (["start"], ["reset", "--yes"]):
        answer = sandbox_command(tmp_path / "file", *words)
        assert answer.returncode == 1
        assert "cannot use the folder" in answer.stderr
    assert (tmp_path / "file").read_text() == "mine\n"


def test_commands_on_a_folder_that_is_not_there_do_not_make_it(tmp_path) -> None:
    for words in (["stop"], ["reset", "--yes"], ["logs"]):
        assert sandbox_command(tmp_path / "none", *words).returncode == 0
    assert not (tmp_path / "none").exists()


def test_an_empty_folder_becomes_a_home_and_a_home_may_hold_more(tmp_path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".DS_Store").write_text("of the system")
    with running_sandbox(home):
        boto3.client("ec2").create_key_pair(KeyName="pair")
    (home / "notes.txt").write_text("mine\n")
    with running_sandbox(home):
        assert boto3.client("ec2").describe_key_pairs()["KeyPairs"]
        answer = sandbox_command(home, "reset", "--yes")
        assert answer.returncode == 0, answer.stderr
        assert boto3.Session().client("ec2").describe_key_pairs()["KeyPairs"] == []
    assert (home / "notes.txt").read_text() == "mine\n"


def test_a_home_of_before_the_marker_is_opened(tmp_path) -> None:
    home = tmp_path / "home"
    with running_sandbox(home):
        boto3.client("ec2").create_key_pair(KeyName="pair")
    for name in (".sandbox-home", "command.lock", ".token.lock"):
        (home / name).unlink(missing_ok=True)
    with running_sandbox(home):
        assert boto3.client("ec2").describe_key_pairs()["KeyPairs"]
    assert (home / ".sandbox-home").exists()


def test_an_unmarked_home_in_which_something_else_lies_is_declined(tmp_path) -> None:
    home = tmp_path / "home"
    with running_sandbox(home):
        pass
    for name in (".sandbox-home", "command.lock", ".token.lock"):
        (home / name).unlink(missing_ok=True)
    (home / "thesis.txt").write_text("mine\n")
    before = _contents(home)
    for words in (["start"], ["reset", "--yes"]):
        answer = sandbox_command(home, *words)
        assert answer.returncode == 1
        assert "thesis.txt" in answer.stderr
    assert _contents(home) == before


def test_reset_keeps_pace_port_and_whether_it_is_in_memory(tmp_path) -> None:
    home = tmp_path / "home"
    started = sandbox_command(home, "start", "--pace", "aws", "--in-memory")
    assert started.returncode == 0, started.stderr
    try:
        before = sandbox_command(home, "status").stdout
        answer = sandbox_command(home, "reset", "--yes", SANDBOX_PACE="instant")
        assert answer.returncode == 0, answer.stderr
        assert sandbox_command(home, "status").stdout == before
        assert "pace aws" in before
        assert not list(home.glob("account.db*"))
    finally:
        assert sandbox_command(home, "stop").returncode == 0


@pytest.fixture
def undeletable(tmp_path):
    """A home in which one folder cannot be deleted, and how to allow it again."""
    home = tmp_path / "home"
    with running_sandbox(home):
        boto3.client("ec2").create_key_pair(KeyName="pair")
    held = home / "databases" / "held"
    held.mkdir(parents=True, exist_ok=True)
    (held / "rows").write_text("data\n")
    with _locked(held) as unlock:
        yield home, held, unlock


@contextlib.contextmanager
def _locked(folder: Path):
    if os.geteuid() != 0:
        folder.chmod(0o500)
        yield lambda: folder.chmod(0o700)
        folder.exists() and folder.chmod(0o700)
        return
    # No mode stops root. A link in place of a folder does: reset does not follow it.
    elsewhere = folder.parent.parent.parent / "elsewhere"
    shutil.move(folder.parent, elsewhere)
    link = folder.parent
    link.symlink_to(elsewhere)
    yield link.unlink


@posix_only
def test_reset_says_what_it_could_not_delete(undeletable) -> None:
    home, held, unlock = undeletable
    answer = sandbox_command(home, "reset", "--yes")
    assert answer.returncode == 1
    assert "could not delete" in answer.stderr
    assert "databases" in answer.stderr
    assert "python -m sandbox reset" in answer.stderr
    assert (held / "rows").exists()
    unlock()
    answer = sandbox_command(home, "reset", "--yes")
    assert (answer.returncode, answer.stderr) == (0, "")
    assert not (home / "databases").exists()
