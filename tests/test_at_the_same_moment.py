"""Two pages, terminals or threads that start, connect or stop at the same moment."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import psutil
import pytest

import helpers
from tests.conftest import PROJECT, sandbox_command

CONNECT = """
import boto3, helpers, json
row = helpers.connect().iloc[0].to_dict()
from helpers.keys import password
print(json.dumps([row["identity"], boto3.client("sts").meta.endpoint_url, password("one")]))
boto3.client("dynamodb").list_tables()
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home that is not there yet, for this process and the programs that it starts."""
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SANDBOX_PACE", "instant")
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    yield tmp_path / "home"
    stopped = sandbox_command(tmp_path / "home", "stop")
    assert stopped.returncode == 0, stopped.stderr


def _serving(home: Path) -> list[int]:
    found = []
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "serve" in words and str(home) in words:
            found.append(process.pid)
    return found


def _all(*functions):
    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result() for future in [pool.submit(each) for each in functions]]


def test_processes_that_connect(home) -> None:
    def connect() -> list:
        done = subprocess.run(
            [sys.executable, "-c", CONNECT], capture_output=True, text=True, cwd=PROJECT
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    answers = _all(*[connect] * 3)
    assert answers == [answers[0]] * 3
    assert answers[0][0] == "user/student"
    assert len(_serving(home)) == 1
    log = sandbox_command(home, "logs").stdout
    assert log.count("ready at") == 1
    assert "already" not in log


def test_threads_that_connect(home, monkeypatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.com")  # connect() changes the environment: undo it
    identities = _all(*[lambda: helpers.connect()["identity"].iloc[0]] * 4)
    assert identities == ["user/student"] * 4
    assert len(_serving(home)) == 1
    assert boto3.client("dynamodb").list_tables()["TableNames"] == []


def test_starts(home) -> None:
    answers = _all(*[lambda: sandbox_command(home, "start")] * 3)
    assert [each.returncode for each in answers] == [0] * 3, [each.stderr for each in answers]
    assert sum("is ready" in each.stdout for each in answers) == 1
    assert len(_serving(home)) == 1


def test_starts_and_stops(home) -> None:
    for words in (["start", "stop"], ["stop", "start"], ["start", "stop", "start", "reset"]):
        answers = _all(
            *[
                lambda word=word: sandbox_command(home, word, *["--yes"] * (word == "reset"))
                for word in words
            ]
        )
        assert [each.returncode for each in answers] == [0] * len(words), [
            each.stderr for each in answers
        ]
        running = sandbox_command(home, "status").returncode == 0
        assert len(_serving(home)) == running
    assert sandbox_command(home, "start").returncode == 0
    assert len(_serving(home)) == 1


def test_a_start_while_the_one_before_ends_waits_for_it(home) -> None:
    assert sandbox_command(home, "start").returncode == 0
    (pid,) = _serving(home)
    psutil.Process(pid).terminate()  # as a shutdown of the computer does
    again = sandbox_command(home, "start")
    assert again.returncode == 0, again.stderr
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=30)
    again = sandbox_command(home, "start")
    assert again.returncode == 0, again.stderr
    assert len(_serving(home)) == 1
