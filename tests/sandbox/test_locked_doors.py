"""Another user of the machine: reads nothing of the sandbox's home, and logs in nowhere."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import helpers
from helpers.keys import key_file
from tests import mysql_client
from tests.conftest import RunningSandbox, running_sandbox

NOBODY = 65534

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(
        sys.platform == "win32"
        or os.geteuid() != 0
        or not all(shutil.which(tool) for tool in ("curl", "ssh"))
        or mysql_client.CLIENT is None,
        reason="becomes another user, as root, with curl, ssh and a database client",
    ),
]


@pytest.fixture(scope="module")
def open_sandbox() -> Iterator[RunningSandbox]:
    """A sandbox with Lab 1 in it, in a folder whose parents everybody may enter."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        with running_sandbox(Path(folder) / "home") as running:
            helpers.catch_up("1.4")
            yield running


def _as_nobody(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        command,
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_test_can_tell(open_sandbox) -> None:
    beside = open_sandbox.home.parent / "for-all"
    beside.write_text("read me")
    beside.chmod(0o644)
    assert _as_nobody("cat", str(beside)).stdout == "read me"


def test_nothing_of_the_home_can_be_read(open_sandbox) -> None:
    files = [path for path in open_sandbox.home.rglob("*") if path.is_file()]
    assert len(files) > 20
    listed = _as_nobody("ls", str(open_sandbox.home))
    assert (listed.returncode != 0, listed.stdout) == (True, "")
    read = _as_nobody("cat", *map(str, files))
    assert read.stdout == ""
    assert read.stderr.count("Permission denied") == len(files)


def test_the_private_key_and_the_password_cannot_be_read(open_sandbox) -> None:
    files = [path for path in key_file("bookstore").parent.rglob("*") if path.is_file()]
    assert len(files) >= 2
    assert _as_nobody("cat", *map(str, files)).stdout == ""


def test_no_login_to_a_database(open_sandbox) -> None:
    ports = [str(database["port"]) for database in open_sandbox.status()["databases"]]
    assert len(ports) == 2
    if _as_nobody(mysql_client.CLIENT, "--version").returncode:
        pytest.skip(f"another user cannot run {mysql_client.CLIENT}")
    for port in ports:
        for user in ("admin", "rdsadmin", "rdsrepladmin", "root", ""):
            login = ["--no-defaults", "-h127.0.0.1", f"-P{port}", f"-u{user}", "-eSELECT 1"]
            tried = _as_nobody(mysql_client.CLIENT, *login)
            assert tried.returncode != 0, user
            assert "Access denied" in tried.stderr


def test_no_login_to_a_bastion(open_sandbox) -> None:
    (bastion,) = open_sandbox.status()["bastions"]
    told = ["-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oBatchMode=yes"]
    for user in ("ec2-user", "root"):
        tried = _as_nobody(
            "ssh",
            *told,
            "-p",
            str(bastion["port"]),
            f"{user}@127.0.0.1",
            "-N",
            "-oConnectTimeout=9",
        )
        assert tried.returncode == 255
        assert "Permission denied" in tried.stderr


CURL = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "20"]


def test_no_call_without_a_key_and_no_stop_without_the_token(open_sandbox) -> None:
    where = open_sandbox.environment["AWS_ENDPOINT_URL"]
    form = ["-X", "POST", "-d", "Action=DescribeDBClusters&Version=2014-10-31"]
    assert _as_nobody(*CURL, *form, where).stdout == "403"
    for path in (
        "/moto-api/reset",
        "/moto-api/data.json",
        "/moto-api/state-manager/get-transition",
    ):
        assert _as_nobody(*CURL, "-X", "POST", where + path).stdout in ("400", "403")
    stop = ["-X", "POST", "-H", "X-Sandbox-Token: guessed"]
    assert _as_nobody(*CURL, *stop, f"{where}/_sandbox/stop").stdout == "403"
    assert urlsplit(where).hostname == "127.0.0.1"
    assert open_sandbox.status()["databases"]


def test_the_status_tells_a_stranger_no_secret(open_sandbox) -> None:
    told = _as_nobody(
        "curl", "-s", open_sandbox.environment["AWS_ENDPOINT_URL"] + "/_sandbox/status"
    )
    assert '"pid"' in told.stdout
    for secret in ("token", "aws/credentials"):
        assert (open_sandbox.home / secret).read_text().split("=")[-1].strip() not in told.stdout
