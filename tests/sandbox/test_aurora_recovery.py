"""Killed at any moment, servers and all: no acknowledged row is lost, what was asked is done."""

import pickle
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import psutil
import pymysql
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.rds.models import rds_backends

import helpers
from sandbox import clusterservers
from sandbox.aurora import SandboxRDS, install
from sandbox.aurora.recovery import recover
from sandbox.install import NoDatabaseServer, find_program
from sandbox.mysqld import DatabaseServer
from sandbox.pace import Pace
from sandbox.servers import DatabaseServers

pytestmark = pytest.mark.database

try:
    find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

PASSWORD, OTHER = secrets.token_hex(8), secrets.token_hex(8)
REGION = "us-east-1"


class Account:
    """An account's RDS with real servers, that can be killed and started again."""

    def __init__(self, folder: Path, made: list[DatabaseServer]) -> None:
        self.folder, self.made = folder, made
        self._held: list[ThreadPoolExecutor] = []
        self._begin()
        self.rds: Any = SandboxRDS(REGION, DEFAULT_ACCOUNT_ID)
        rds_backends[DEFAULT_ACCOUNT_ID][REGION] = self.rds
        self._released = Event()

    def _begin(self) -> None:
        self.pace, self.servers = Pace("instant"), DatabaseServers(self.folder)
        install(self.pace, self.servers)

    def create(self, name: str = "c", instances: int = 1) -> None:
        self.rds.create_db_cluster(
            {
                "db_cluster_identifier": name,
                "engine": "aurora-mysql",
                "master_username": "admin",
                "master_user_password": PASSWORD,
                "database_name": "shop",
            }
        )
        for number in range(1, instances + 1):
            self.add(name, number)
        self.settle()
        if instances:
            self.write(f"{name}-1", "create table shop.t (n int primary key)")
            self.write(f"{name}-1", "insert into shop.t values (1)")

    def add(self, name: str, number: int) -> None:
        self.rds.create_db_instance(
            {
                "db_instance_identifier": f"{name}-{number}",
                "db_cluster_identifier": name,
                "engine": "aurora-mysql",
                "db_instance_class": "db.t3.medium",
            }
        )

    def settle(self) -> None:
        """Let all that is under way come to its end."""
        self.pace.hurry(["DBCluster", "DBInstance", "DBClusterSnapshot"])

    def server(self, instance: str) -> DatabaseServer:
        return self.servers.cluster(instance.rpartition("-")[0]).servers[instance]

    def write(self, instance: str, sql: str) -> None:
        self.server(instance).execute(sql)

    def rows(self, instance: str) -> list[int]:
        return [n for (n,) in self.server(instance).execute("select n from shop.t order by n")]

    def logs_in(self, instance: str, password: str) -> bool:
        try:
            port = self.server(instance).port
            pymysql.connect(host="127.0.0.1", port=port, user="admin", password=password).close()
        except pymysql.err.OperationalError:
            return False
        return True

    def hold(self, *clusters: str) -> None:
        """From now on nothing that is asked for gets done."""
        self._released = Event()
        self._held = [self.servers.cluster(name)._worker for name in clusters or ("c",)]
        self._held.append(self.servers.snapshots._worker)
        for worker in self._held:
            worker.submit(self._released.wait)

    def killed(self) -> "Account":
        """Kill the sandbox and its servers at once; start again, as the sandbox does."""
        kept = pickle.dumps((self.rds, self.pace.passages()))
        workers = [cluster._worker for cluster in self.servers._clusters.values()]
        workers += [*self._held, self.servers.snapshots._worker]
        for worker in workers:
            worker.shutdown(wait=False, cancel_futures=True)
        self._released.set()
        for worker in workers:
            worker.shutdown()
        while self.made:
            self.made.pop().kill()
        self._begin()
        self.rds, passages = pickle.loads(kept)
        rds_backends[DEFAULT_ACCOUNT_ID][REGION] = self.rds
        self.pace.resume(passages)
        recover(self.rds)
        self.finish()
        return self

    def finish(self) -> None:
        for name in [*self.rds.clusters, "c"]:
            self.servers.cluster(name).submit(int).result(60)
        self.settle()

    def folders(self, name: str = "c") -> list[str]:
        found = [f.name for f in (self.folder / name).iterdir() if f.is_dir()]
        return sorted(found)


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    before, made = rds_backends.backend, []

    class Noted(DatabaseServer):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(clusterservers, "DatabaseServer", Noted)
    account = Account(tmp_path / "databases", made)
    yield account
    account.servers.close()
    for server in made:
        server.kill()
    rds_backends.backend = before
    del rds_backends[DEFAULT_ACCOUNT_ID][REGION]


class Killed(BaseException):
    """Stands for the kill: nothing of the work comes after it."""


def dies_at(monkeypatch: pytest.MonkeyPatch, kind: type, step: str, after: bool = False) -> Any:
    """Have the next call of a step be the last thing that happens."""
    original = getattr(kind, step)

    def step_and_die(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(kind, step, original)
        if after:
            original(*arguments, **named)
        raise Killed

    monkeypatch.setattr(kind, step, step_and_die)


def wait_for_the_kill(account: Account, name: str = "c") -> None:
    account.servers.cluster(name).submit(int).result(60)


def test_rows_roles_and_replication_are_there_again(account) -> None:
    account.create(instances=2)
    for n in range(2, 50):
        account.write("c-1", f"insert into shop.t values ({n})")
    account.killed()
    assert account.rows("c-1") == list(range(1, 50))
    account.write("c-1", "insert into shop.t values (100)")
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [*range(1, 50), 100]
    assert account.server("c-2").execute("select @@read_only") == [(1,)]
    assert account.logs_in("c-1", PASSWORD)
    assert account.rds.clusters["c"].status == "available"


@pytest.mark.parametrize(
    ("step", "after"),
    [(None, False), ("refuse_writes", True), ("promote", False), ("promote", True)],
)
def test_a_failover_is_finished_and_loses_no_row(account, monkeypatch, step, after) -> None:
    account.create(instances=2)
    if step is None:
        # The reader has not got the last row when the writer is killed.
        account.server("c-2").execute("STOP REPLICA")
        account.write("c-1", "insert into shop.t values (2)")
        account.hold()
    else:
        account.write("c-1", "insert into shop.t values (2)")
        dies_at(monkeypatch, DatabaseServer, step, after)
    account.rds.failover_db_cluster("c")
    if step is not None:
        wait_for_the_kill(account)
    account.killed()
    assert account.rows("c-2") == [1, 2]
    assert account.server("c-2").execute("select @@read_only") == [(0,)]
    account.write("c-2", "insert into shop.t values (3)")
    assert account.server("c-1").caught_up(account.server("c-2"))
    assert account.rows("c-1") == [1, 2, 3]
    assert account.server("c-1").execute("select @@read_only") == [(1,)]


@pytest.mark.parametrize("step", [None, "create", "start", "follow"])
@pytest.mark.parametrize("number", [1, 2])
def test_an_instance_that_was_being_made_is_made(account, monkeypatch, step, number) -> None:
    account.create(instances=number - 1)
    if step is None:
        account.hold()
    elif number == 1 and step == "follow":
        dies_at(monkeypatch, DatabaseServer, "create_master_user")
    else:
        dies_at(monkeypatch, DatabaseServer, step, after=True)
    account.add("c", number)
    if step is not None:
        wait_for_the_kill(account)
    account.killed()
    assert account.logs_in(f"c-{number}", PASSWORD)
    if number == 2:
        assert account.server("c-2").caught_up(account.server("c-1"))
        assert account.rows("c-2") == [1]
    else:
        account.write("c-1", "create table shop.t (n int)")
    assert account.rds.databases[f"c-{number}"].status == "available"


@pytest.mark.parametrize("gone", ["c-1", "c-2"])
def test_an_instance_that_was_being_deleted_is_gone(account, gone) -> None:
    account.create(instances=2)
    account.server("c-2").execute("STOP REPLICA")
    account.write("c-1", "insert into shop.t values (2)")
    account.hold()
    account.rds.delete_db_instance(gone, skip_final_snapshot=True)
    account.killed()
    left = "c-1" if gone == "c-2" else "c-2"
    assert account.folders() == [left]
    assert account.rows(left) == [1, 2]
    account.write(left, "insert into shop.t values (3)")


@pytest.mark.parametrize("half", [False, True])
def test_the_data_of_the_last_instance_stay_with_the_cluster(account, monkeypatch, half) -> None:
    account.create()
    if half:
        dies_at(monkeypatch, Path, "rename")
    else:
        account.hold()
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    if half:
        wait_for_the_kill(account)
    account.killed()
    assert account.folders() == ["_volume"]
    account.add("c", 5)
    account.settle()
    assert account.rows("c-5") == [1]


def test_a_cluster_that_was_being_deleted_is_gone(account) -> None:
    account.create()
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    account.hold()
    account.rds.delete_db_cluster("c", "last")
    account.killed()
    assert not account.rds.clusters
    assert not account.rds.leaving_clusters
    # Its last snapshot was taken first.
    assert account.rds.cluster_snapshots["last"].status == "available"
    account.rds.restore_db_cluster_from_snapshot("last", {"db_cluster_identifier": "again"})
    account.add("again", 1)
    account.settle()
    assert account.rows("again-1") == [1]


def test_what_nobody_names_is_removed(account, tmp_path) -> None:
    account.create()
    for path in ("gone/x", "c/c-2.partial", "_snapshots/half.partial", "_snapshots/gone"):
        (account.folder / path / "data").mkdir(parents=True)
    account.killed()
    account.servers.snapshots._submit(lambda _: None, tmp_path).result(60)
    left = sorted(f.name for f in account.folder.iterdir() if f.is_dir())
    assert left == ["_snapshots", "c"]
    assert account.folders() == ["c-1"]
    assert not list((account.folder / "_snapshots").iterdir())


@pytest.mark.parametrize("done", [False, True])
def test_a_new_password_is_in_force(account, monkeypatch, done) -> None:
    account.create()
    if done:
        dies_at(monkeypatch, DatabaseServer, "set_master_password", after=True)
    else:
        account.hold()
    account.rds.modify_db_cluster({"db_cluster_identifier": "c", "master_user_password": OTHER})
    if done:
        wait_for_the_kill(account)
    account.killed()
    assert account.logs_in("c-1", OTHER)
    assert not account.logs_in("c-1", PASSWORD)


def test_a_password_that_was_changed_in_sql_stays(account) -> None:
    account.create()
    account.server("c-1").set_master_password("admin", OTHER)
    account.killed()
    assert account.logs_in("c-1", OTHER)


@pytest.mark.parametrize("half", [False, True])
def test_a_stopped_cluster_stays_stopped(account, half) -> None:
    account.create(instances=2)
    assert account.server("c-2").caught_up(account.server("c-1"))
    if half:
        account.hold()
    account.rds.stop_db_cluster("c")
    if not half:
        account.settle()
    account.killed()
    assert account.rds.clusters["c"].status == "stopped"
    assert not any(s.running for s in account.servers.cluster("c").servers.values())
    account.rds.start_db_cluster("c")
    account.settle()
    assert account.rows("c-1") == account.rows("c-2") == [1]


def test_a_snapshot_and_a_clone_that_were_under_way_show_their_own_moment(account) -> None:
    account.create()
    account.hold()
    account.rds.create_db_cluster_snapshot("c", "snap")
    account.rds.restore_db_cluster_to_point_in_time(
        "clone", "c", "copy-on-write", use_latest_restorable_time=True
    )
    account.write("c-1", "insert into shop.t values (2)")
    account.killed()
    account.rds.restore_db_cluster_from_snapshot("snap", {"db_cluster_identifier": "restored"})
    for name in ("clone", "restored"):
        account.add(name, 1)
    account.settle()
    assert account.rows("clone-1") == account.rows("restored-1") == [1]
    assert account.rows("c-1") == [1, 2]


def test_a_replica_that_cannot_follow_is_made_anew(account) -> None:
    account.create(instances=2)
    stray = account.server("c-2")
    assert stray.caught_up(account.server("c-1"))
    stray.execute("STOP REPLICA")
    stray.execute("insert into shop.t values (50)")
    for n in (2, 3):
        account.write("c-1", f"insert into shop.t values ({n})")
    account.killed()
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == account.rows("c-1") == [1, 2, 3]


def test_it_can_be_killed_again_while_it_recovers(account, monkeypatch) -> None:
    account.create(instances=2)
    account.hold()
    account.rds.failover_db_cluster("c")
    dies_at(monkeypatch, DatabaseServer, "promote")  # of whichever server has the data
    account.killed()
    assert account.rds.clusters["c"].status == "failed"
    account.killed()
    assert account.rows("c-2") == [1]
    assert account.server("c-2").execute("select @@read_only") == [(0,)]


def test_nothing_is_done_before_the_account_on_disk_says_so(account) -> None:
    """Killed in between, the data of a cluster would be gone that the account still has."""
    account.create()
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    account.settle()
    worker = account.servers.cluster("c")._worker
    account.servers.deferred.hold()
    account.rds.delete_db_cluster("c")
    gone = account.pace.passage("DBCluster", "c").work
    worker.submit(int).result(60)  # what it had been given before is done by now
    assert account.folders() == ["_volume"]
    assert not gone.done()
    account.servers.deferred.release()
    gone.result(60)
    assert not (account.folder / "c").exists()


def test_a_whole_sandbox_that_is_killed_comes_back_with_its_rows(start_sandbox) -> None:
    running = start_sandbox()
    rds = boto3.client("rds")
    rds.create_db_cluster(
        DBClusterIdentifier="c",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DatabaseName="shop",
    )
    for number in (1, 2):
        rds.create_db_instance(
            DBInstanceIdentifier=f"c-{number}",
            DBClusterIdentifier="c",
            Engine="aurora-mysql",
            DBInstanceClass="db.t3.medium",
        )

    def ask(instance: str, *statements: str) -> tuple:
        for _ in range(2):
            rds.describe_db_instances()
            rds.describe_db_clusters()
        ports = {d["instance"]: d["port"] for d in running.status()["databases"]}
        server = {"host": "127.0.0.1", "port": ports[instance], "user": "admin"}
        connection = pymysql.connect(**server, password=PASSWORD, database="shop")
        with connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            connection.commit()
            return cursor.fetchall()

    ask("c-1", "create table t (n int)", "insert into t values (1)")
    rds.failover_db_cluster(DBClusterIdentifier="c")
    sandbox = psutil.Process(running.status()["pid"])
    for process in [*sandbox.children(recursive=True), sandbox]:
        process.kill()
    psutil.wait_procs([sandbox], timeout=10)
    helpers.connect()
    rds = boto3.client("rds")
    assert ask("c-2", "insert into t values (2)", "select n from t order by n") == ((1,), (2,))
