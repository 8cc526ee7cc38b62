"""Lab 1's traffic with everybody else's programs: OpenSSH's client and the mysql command line.

Each refusal that AWS would make is tried: security groups, keys, states, passwords.
"""

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

import helpers
from helpers.bastion import (
    BastionNotAnswering,
    KeyFileMissing,
    KeyFileReadableByOthers,
    NoRouteToDatabase,
    WrongHostKey,
    WrongKey,
    host_keys,
)
from helpers.database import DatabaseRefusedLogin, engine
from helpers.ssh_tunnel import tunnel
from tests import mysql_client
from tests.conftest import Lab1

SSH = shutil.which("ssh")
pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(SSH is None, reason="no OpenSSH client: apt-get install openssh-client"),
    mysql_client.needed,
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ssh(lab1: Lab1, tmp_path: Path, *words: str, key: Path | None = None, user: str = "ec2-user"):
    """The words of an ssh command to the bastion, whose host key EC2 has told."""
    host, port = helpers.ssh_address(lab1.bastion)
    known = tmp_path / "known_hosts"
    told = host_keys(lab1.bastion)[0]
    known.write_text(f"[{host}]:{port} {told.get_name()} {told.get_base64()}\n")
    options = [
        f"UserKnownHostsFile={known}",
        "GlobalKnownHostsFile=none",
        "StrictHostKeyChecking=yes",
        "BatchMode=yes",
        "IdentitiesOnly=yes",
        "ConnectTimeout=3",
        "ExitOnForwardFailure=yes",
    ]
    flags = [word for option in options for word in ("-o", option)]
    command = [SSH, "-F", "none", "-i", str(key or lab1.key), "-p", str(port), *flags]
    return [*command, *words, f"{user}@{host}"]


def _log_in(lab1: Lab1, tmp_path: Path, **other) -> subprocess.CompletedProcess:
    """Log in and run nothing; the bastion runs no commands, so success is its friendly refusal."""
    command = [*_ssh(lab1, tmp_path, **other), "true"]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


@contextmanager
def _open_ssh_tunnel(lab1: Lab1, tmp_path: Path, endpoint: str) -> Iterator[int]:
    port = _free_port()
    words = ["-N", "-L", f"127.0.0.1:{port}:{endpoint}:3306"]
    process = subprocess.Popen(_ssh(lab1, tmp_path, *words), stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        assert process.poll() is None, process.stderr.read()
        yield port
    finally:
        process.terminate()
        process.communicate(timeout=10)


def _mysql(port: int, password: str, sql: str) -> subprocess.CompletedProcess:
    where = ["--no-defaults", "--protocol=TCP", "-h127.0.0.1", f"-P{port}", "--connect-timeout=4"]
    return subprocess.run(
        [mysql_client.CLIENT, *where, "-uadmin", "-N", "-B", "-e", sql, "bookstore"],
        env={**os.environ, "MYSQL_PWD": password},
        capture_output=True,
        text=True,
        timeout=30,
    )


@contextmanager
def _without_rule(group_name: str) -> Iterator[None]:
    """Revoke all inbound rules of a security group, and give them back."""
    ec2 = boto3.client("ec2")
    group = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": [group_name]}])[
        "SecurityGroups"
    ][0]
    rules = group["IpPermissions"]
    assert rules
    ec2.revoke_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)
    try:
        yield
    finally:
        ec2.authorize_security_group_ingress(GroupId=group["GroupId"], IpPermissions=rules)


def test_a_row_travels_through_openssh_to_the_writer(lab1, tmp_path) -> None:
    with _open_ssh_tunnel(lab1, tmp_path, lab1.writer) as port:
        answer = _mysql(port, lab1.password, "create table if not exists t (n int); select 6 * 7")
    assert (answer.stdout.strip(), answer.returncode) == ("42", 0), answer.stderr


def test_the_reader_endpoint_refuses_a_write(lab1, tmp_path) -> None:
    with _open_ssh_tunnel(lab1, tmp_path, lab1.reader) as port:
        assert _mysql(port, lab1.password, "select 1").stdout.strip() == "1"
        refused = _mysql(port, lab1.password, "create table no (n int)")
    assert "1290" in refused.stderr


def test_a_wrong_password_is_refused(lab1, tmp_path) -> None:
    with _open_ssh_tunnel(lab1, tmp_path, lab1.writer) as port:
        assert "1045" in _mysql(port, "wrong", "select 1").stderr
    refused = pytest.raises(DatabaseRefusedLogin, match="modify_db_cluster")
    with tunnel(lab1.bastion, lab1.key, lab1.writer) as ours, refused:
        engine(ours, "admin", "wrong", "bookstore")


def test_only_ec2_user_with_the_key_pair_gets_in(lab1, tmp_path) -> None:
    assert "only forwards" in _log_in(lab1, tmp_path).stderr
    assert "Permission denied" in _log_in(lab1, tmp_path, user="ubuntu").stderr
    assert 'as the user "ec2-user"' in _log_in(lab1, tmp_path, user="root").stdout
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", str(other)], check=True)
    assert "Permission denied" in _log_in(lab1, tmp_path, key=other).stderr
    with pytest.raises(WrongKey):
        tunnel(lab1.bastion, other, lab1.writer)


def test_the_bastion_forwards_to_the_databases_and_to_nothing_else(lab1, tmp_path) -> None:
    with socket.socket() as secret:
        secret.bind(("127.0.0.1", 0))
        secret.listen()
        for host, port in [
            ("127.0.0.1", secret.getsockname()[1]),
            ("localhost", secret.getsockname()[1]),
            ("127.0.0.1", next(d["port"] for d in lab1.sandbox.status()["databases"])),
            ("example.com", 80),
        ]:
            words = ["-W", f"{host}:{port}"]
            command = _ssh(lab1, tmp_path, *words)
            refused = subprocess.run(command, capture_output=True, text=True, timeout=20)
            assert "Name or service not known" in refused.stderr, (host, port)


def test_without_the_rule_for_22_nobody_answers(lab1, tmp_path) -> None:
    with _without_rule("bookstore-bastion"):
        silent = _log_in(lab1, tmp_path)
        assert re.search("timed out", silent.stderr), silent.stderr
        with pytest.raises(BastionNotAnswering, match="22"):
            tunnel(lab1.bastion, lab1.key, lab1.writer, timeout=2)
    assert "only forwards" in _log_in(lab1, tmp_path).stderr


def test_without_the_rule_for_3306_the_connection_hangs(lab1, tmp_path) -> None:
    with _without_rule("bookstore-database"), _open_ssh_tunnel(lab1, tmp_path, lab1.writer) as port:
        hangs = _mysql(port, lab1.password, "select 1")
        assert hangs.returncode != 0
        with pytest.raises(NoRouteToDatabase, match="3306"):
            tunnel(lab1.bastion, lab1.key, lab1.writer, timeout=2)
    tunnel(lab1.bastion, lab1.key, lab1.writer).close()


def test_a_missing_route_shuts_the_bastion(lab1) -> None:
    ec2 = boto3.client("ec2")
    routes = helpers.find("route-table", "bookstore-public")
    gateway = helpers.find("internet-gateway", "bookstore")
    out = {"RouteTableId": routes, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.delete_route(**out)
    try:
        with pytest.raises(BastionNotAnswering):
            tunnel(lab1.bastion, lab1.key, lab1.writer, timeout=2)
    finally:
        ec2.create_route(**out, GatewayId=gateway)
    tunnel(lab1.bastion, lab1.key, lab1.writer).close()


def test_an_unknown_endpoint_name(lab1) -> None:
    with pytest.raises(NoRouteToDatabase, match="Name or service not known"):
        tunnel(lab1.bastion, lab1.key, lab1.writer.replace("bookstore", "bookshop"))


def test_the_key_file_is_checked_first(lab1, tmp_path) -> None:
    with pytest.raises(KeyFileMissing):
        tunnel(lab1.bastion, tmp_path / "none.pem", lab1.writer)
    readable = tmp_path / "readable.pem"
    readable.write_bytes(lab1.key.read_bytes())
    readable.chmod(0o644)
    with pytest.raises(KeyFileReadableByOthers, match="chmod 600"):
        tunnel(lab1.bastion, readable, lab1.writer)


def test_another_host_key_is_not_trusted(lab1) -> None:
    import paramiko

    with pytest.raises(WrongHostKey):
        tunnel(lab1.bastion, lab1.key, lab1.writer, host_key=paramiko.ECDSAKey.generate())


def test_a_stopped_bastion_cuts_tunnels_and_comes_back(lab1, tmp_path) -> None:
    ec2 = boto3.client("ec2")
    before = (helpers.ssh_address(lab1.bastion), host_keys(lab1.bastion)[0].get_base64())
    with _open_ssh_tunnel(lab1, tmp_path, lab1.writer) as port:
        assert _mysql(port, lab1.password, "select 1").returncode == 0
        ec2.stop_instances(InstanceIds=[lab1.bastion])
        assert _mysql(port, lab1.password, "select 1").returncode != 0
    with pytest.raises(helpers.CourseError, match="start_instances"):
        tunnel(lab1.bastion, lab1.key, lab1.writer)
    ec2.start_instances(InstanceIds=[lab1.bastion])
    tunnel(lab1.bastion, lab1.key, lab1.writer).close()
    assert before == (helpers.ssh_address(lab1.bastion), host_keys(lab1.bastion)[0].get_base64())
