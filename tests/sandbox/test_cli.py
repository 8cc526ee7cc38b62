"""`python -m sandbox`: start, stop, status, reset, logs."""

import contextlib
import os
import secrets
import socket
import stat
import sys
from pathlib import Path

import boto3
import psutil
import pytest

from tests.conftest import RunningSandbox, sandbox_command

pytestmark = [pytest.mark.database, pytest.mark.own_process]

PASSWORD = secrets.token_hex(8)


def _processes_of(home: Path) -> list[psutil.Process]:
    """Everything that runs out of a home: the sandbox itself and the database servers."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid != os.getpid() and any(str(home) in w for w in process.cmdline()):
                found.append(process)
    return found


def _make_a_cluster() -> None:
    rds = boto3.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="c",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
    )
    rds.create_db_instance(
        DBInstanceIdentifier="c-1",
        DBClusterIdentifier="c",
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
    )
    for _ in range(2):
        status = rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"]
    assert status == "available"


def test_start_twice_reuses_the_first(start_sandbox) -> None:
    running = start_sandbox()
    before = running.status()
    again = sandbox_command(running.home, "start")
    assert again.returncode == 0
    assert "already" in again.stdout
    assert running.status()["pid"] == before["pid"]


def test_status_says_where_everything_is(start_sandbox) -> None:
    running: RunningSandbox = start_sandbox()
    _make_a_cluster()
    status = running.status()
    assert status["endpoint_url"] == os.environ["AWS_ENDPOINT_URL"]
    assert status["home"] == str(running.home)
    assert status["bastions"] == []
    (database,) = status["databases"]
    assert {k: database[k] for k in ("cluster", "instance", "role", "status")} == {
        "cluster": "c",
        "instance": "c-1",
        "role": "writer",
        "status": "available",
    }
    with socket.create_connection(("127.0.0.1", database["port"]), timeout=5) as connection:
        assert connection.recv(5)  # a MySQL server greets first


def test_everything_listens_on_loopback_only(start_sandbox) -> None:
    running = start_sandbox()
    _make_a_cluster()
    listening = {
        c.laddr.ip
        for process in _processes_of(running.home)
        for c in process.net_connections("tcp")
        if c.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_stop_leaves_nothing_running(start_sandbox) -> None:
    running = start_sandbox()
    _make_a_cluster()
    assert len(_processes_of(running.home)) >= 2
    assert sandbox_command(running.home, "stop").returncode == 0
    assert _processes_of(running.home) == []
    again = sandbox_command(running.home, "stop")
    assert (again.returncode, again.stdout.strip()) == (0, "The sandbox was not running.")


def test_a_killed_sandbox_leaves_nothing_after_the_next_start(start_sandbox) -> None:
    running = start_sandbox()
    _make_a_cluster()
    pid = running.status()["pid"]
    orphans = [p for p in _processes_of(running.home) if p.pid != pid]
    assert orphans
    psutil.Process(pid).kill()
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)
    assert sandbox_command(running.home, "start").returncode == 0
    psutil.wait_procs(orphans, timeout=10)
    assert not any(p.is_running() for p in orphans)
    assert len(_processes_of(running.home)) == 1
    # The port is the one of before, so that an open notebook finds it again.
    assert running.status()["endpoint_url"] == os.environ["AWS_ENDPOINT_URL"]


def test_reset_empties_the_account_after_asking(start_sandbox) -> None:
    running = start_sandbox()
    ec2 = boto3.client("ec2")
    ec2.create_key_pair(KeyName="pair")
    # Without an answer nothing happens.
    assert sandbox_command(running.home, "reset").returncode != 0
    assert ec2.describe_key_pairs()["KeyPairs"]
    assert sandbox_command(running.home, "reset", "--yes").returncode == 0
    assert boto3.Session().client("ec2").describe_key_pairs()["KeyPairs"] == []


def test_a_taken_port_is_said_in_a_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = sandbox_command(tmp_path / "home", "start", "--port", str(port))
    assert result.returncode == 1
    assert f"Port {port} is taken" in result.stderr
    assert "python -m sandbox start" in result.stderr
    assert "Traceback" not in result.stderr
    assert _processes_of(tmp_path / "home") == []


def test_status_without_a_sandbox_says_what_to_type(tmp_path: Path) -> None:
    result = sandbox_command(tmp_path / "home", "status")
    assert result.returncode == 1
    assert "python -m sandbox start" in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_reads_the_home(start_sandbox) -> None:
    running = start_sandbox()
    assert stat.S_IMODE(running.home.stat().st_mode) == 0o700
    for secret in ("token", "aws/credentials", "running.json"):
        assert stat.S_IMODE((running.home / secret).stat().st_mode) == 0o600


def test_logs_hold_no_secret(start_sandbox) -> None:
    running = start_sandbox()
    _make_a_cluster()
    log = sandbox_command(running.home, "logs").stdout
    assert "ready at" in log
    secret = (running.home / "aws" / "credentials").read_text().split("=")[-1].strip()
    assert secret not in log
    assert PASSWORD not in log
