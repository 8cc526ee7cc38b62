"""One slow or failing database keeps nothing else from answering, and says what is wrong."""

import json
import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import boto3
import psutil
import pymysql
import pytest

from helpers.diagnosis import mysql_hops
from helpers.diagnosis.way import Broken, Way
from sandbox.home import Home
from sandbox.install import NoDatabaseServer, find_program
from tests.conftest import running_sandbox, sandbox_command
from tests.sandbox.rds_account import OTHER_FLAVOUR, program

try:
    PROGRAM = find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

pytestmark = [
    pytest.mark.database,
    pytest.mark.skipif(os.name != "posix", reason="the slow server is a shell script"),
]
PASSWORD = secrets.token_hex(8)


def create(name: str = "c") -> None:
    rds = boto3.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DatabaseName="shop",
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-1",
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
    )


def status(name: str = "c-1") -> str:
    described = boto3.client("rds").describe_db_instances(DBInstanceIdentifier=name)
    return described["DBInstances"][0]["DBInstanceStatus"]


def until(wanted: str) -> None:
    while (now := status()) != wanted:
        assert now in ("creating", "starting", "available")


def ask(sandbox, statement: str):
    (database,) = sandbox.status()["databases"]
    connection = pymysql.connect(
        host="127.0.0.1",
        port=database["port"],
        user="admin",
        password=PASSWORD,
        database="shop",
        autocommit=True,
    )
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


@pytest.fixture
def go_on(tmp_path, monkeypatch) -> Path:
    """A file; no database server starts before it exists."""
    go_on = tmp_path / "go-on"
    slow = tmp_path / "slow-server"
    slow.write_text(
        "#!/bin/sh\n"
        'case "$*" in *--version*|*--initialize*) ;; '
        f'*) while [ ! -e "{go_on}" ]; do sleep 0.05; done;; esac\n'
        f'exec "{PROGRAM.server}" "$@"\n'
    )
    slow.chmod(0o755)
    if PROGRAM.installer is not None:
        (tmp_path / PROGRAM.installer.name).symlink_to(PROGRAM.installer)
    monkeypatch.setenv("SANDBOX_MYSQLD", str(slow))
    return go_on


def test_a_stop_does_not_wait_for_a_database_that_starts_slowly(tmp_path, go_on) -> None:
    home = tmp_path / "home"
    with running_sandbox(home):
        create()
        while not (home / "databases" / "c" / "c-1" / "my.cnf").exists():
            time.sleep(0.05)
    assert not go_on.exists()
    # It ended by itself, in good order; a sandbox that hangs is killed in the end.
    assert Home(home).log_file.read_text().rstrip().endswith("stopped")
    left = [process for process in psutil.process_iter() if _belongs_to(process, home)]
    assert left == []


def _belongs_to(process: psutil.Process, home: Path) -> bool:
    try:
        return any(str(home) in word for word in process.cmdline())
    except psutil.Error:
        return False


@pytest.mark.parametrize("pace", ["instant", "lesson"])
def test_a_database_that_starts_slowly_stops_no_other_call(tmp_path, go_on, pace) -> None:
    with running_sandbox(tmp_path / "home", pace), ThreadPoolExecutor(4) as pool:
        create()
        assert status() == "creating"
        # At pace instant these wait for the server, each in its own thread of the sandbox.
        waiting = [pool.submit(status) for _ in range(4)]
        dynamodb, ec2 = boto3.client("dynamodb"), boto3.client("ec2")
        dynamodb.create_table(
            TableName="table",
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.get_waiter("table_exists").wait(
            TableName="table", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        for number in range(20):
            item = {"k": {"S": str(number)}}
            dynamodb.put_item(TableName="table", Item=item)
            assert dynamodb.get_item(TableName="table", Key=item)["Item"] == item
            ec2.describe_vpcs()
        assert not go_on.exists()
        if pace == "instant":
            assert not any(each.done() for each in waiting)
        else:
            assert {each.result() for each in waiting} == {"creating"}
        go_on.touch()
        if pace == "instant":
            assert {each.result() for each in waiting} == {"available"}
        boto3.client("rds").get_waiter("db_instance_available").wait(
            DBInstanceIdentifier="c-1", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def test_status_and_doctor_say_what_to_do(tmp_path, monkeypatch) -> None:
    home = tmp_path / "home"
    with running_sandbox(home) as sandbox:
        create()
        until("available")
        ask(sandbox, "create table t (n int)")
        ask(sandbox, "insert into t values (1)")
    before = os.environ.get("SANDBOX_MYSQLD")
    monkeypatch.setenv("SANDBOX_MYSQLD", str(program(tmp_path, OTHER_FLAVOUR[PROGRAM.flavour])))
    with running_sandbox(home):
        until("failed")
        said = sandbox_command(home, "status").stdout
        name = {"mariadb": "MariaDB", "mysql": "MySQL"}[PROGRAM.flavour]
        assert f"was written by {name} {PROGRAM.version}" in said
        assert "python -m sandbox start" in said
        (database,) = json.loads(sandbox_command(home, "status", "--json").stdout)["databases"]
        assert (database["status"], database["port"]) == ("failed", None)
        assert "was written by" in database["problem"]
        with ExitStack() as closing, pytest.raises(Broken) as broken:
            mysql_hops.state(way(closing))
        assert "c-1 is failed: The DB instance has failed: " in broken.value.finding
        assert f"was written by {name} {PROGRAM.version}" in broken.value.finding
        assert broken.value.to_do == "python -m sandbox stop; python -m sandbox start"
    if before is None:
        monkeypatch.delenv("SANDBOX_MYSQLD")
    else:
        monkeypatch.setenv("SANDBOX_MYSQLD", before)
    with running_sandbox(home) as sandbox:
        until("available")
        assert ask(sandbox, "select n from t") == ((1,),)


def way(closing: ExitStack) -> Way:
    """The doctor's way, at the hop that finds the endpoint."""
    way = Way("", Path("key"), 3306, "admin", "", None, None, "ec2-user", 5, closing)
    cluster = boto3.client("rds").describe_db_clusters()["DBClusters"][0]
    way.mysql_host = cluster["Endpoint"]
    mysql_hops.endpoint(way)
    return way


def test_a_sandbox_in_memory_leaves_the_databases_on_disk_alone(tmp_path) -> None:
    home = tmp_path / "home"
    with running_sandbox(home, own_process=True) as sandbox:
        create()
        until("available")
        ask(sandbox, "create table t (n int)")
    for _ in range(2):
        assert sandbox_command(home, "start", "--in-memory", "--pace", "instant").returncode == 0
        with running_sandbox(home, own_process=True):
            assert boto3.client("rds").describe_db_instances()["DBInstances"] == []
            create("other")
    with running_sandbox(home, own_process=True) as sandbox:
        until("available")
        assert ask(sandbox, "show tables") == (("t",),)
