"""Copies of a cluster's data: of now and of moments past, each a database of its own."""

import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pymysql
import pytest

from sandbox.install import NoDatabaseServer, find_program
from sandbox.mysqld import DatabaseServer, stop_leftovers
from sandbox.servers import ClusterServers, DatabaseServers, Master

pytestmark = pytest.mark.database

try:
    find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

MASTER = Master("admin", secrets.token_hex(8), "shop")

Add = Callable[[str, str], DatabaseServer]


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[DatabaseServers]:
    servers = DatabaseServers(tmp_path / "databases")
    yield servers
    servers.close()
    stop_leftovers(tmp_path)


@pytest.fixture
def add(databases: DatabaseServers) -> Add:
    """Adds an instance to a cluster and returns its server."""

    def add(cluster: str, instance: str) -> DatabaseServer:
        servers = databases.cluster(cluster)
        servers.submit(servers.add, instance, MASTER).result(60)
        return servers.servers[instance]

    return add


@pytest.fixture
def writer(add: Add) -> DatabaseServer:
    server = add("source", "source-1")
    server.execute("create table shop.t (n int primary key)")
    server.execute("insert into shop.t values (1)")
    return server


def rows(server: DatabaseServer) -> list[int]:
    return [n for (n,) in server.execute("select n from shop.t order by n")]


def next_second() -> datetime:
    """Wait for the second to pass; a moment after all that was, and before all that comes."""
    moment = datetime.now(UTC)
    time.sleep(1.1)
    return moment


def source(databases: DatabaseServers) -> ClusterServers:
    return databases.cluster("source")


def test_a_snapshot_has_the_rows_of_its_moment_and_no_later(databases, add, writer) -> None:
    moment = source(databases).position()
    writer.execute("insert into shop.t values (2)")
    databases.snapshots.take(source(databases), "snap", moment).result(60)
    databases.snapshots.restore("snap", databases.cluster("target")).result(60)
    assert rows(add("target", "target-1")) == [1]
    assert rows(writer) == [1, 2]


def test_a_restored_cluster_goes_its_own_way_and_can_be_replicated(databases, add, writer) -> None:
    databases.clone("source", "target", None).result(60)
    restored, reader = add("target", "target-1"), add("target", "target-2")
    restored.execute("insert into shop.t values (10)")
    writer.execute("insert into shop.t values (2)")
    assert reader.caught_up(restored)
    assert rows(restored) == rows(reader) == [1, 10]
    assert rows(writer) == [1, 2]
    assert len({s.server_id for s in (writer, restored, reader)}) == 3


def test_a_restored_cluster_has_the_master_user_of_then_and_system_passwords_of_its_own(
    databases, add, writer
) -> None:
    databases.clone("source", "target", None).result(60)
    servers = source(databases)
    servers.submit(servers.set_master_password, "admin", secrets.token_hex(8)).result(60)
    restored = add("target", "target-1")
    pymysql.connect(
        host="127.0.0.1", port=restored.port, user="admin", password=MASTER.password
    ).close()
    for user in ("rdsadmin", "rdsrepladmin"):
        assert (restored.folder / user).read_text() != (writer.folder / user).read_text()


@pytest.mark.differs(
    "RDS: point-in-time restore",
    aws="up to about five minutes ago",
    sandbox="up to now",
    since="2026-11",
)
def test_a_moment_past_is_found_in_the_history(databases, add, writer) -> None:
    moment = next_second()
    writer.execute("delete from shop.t")
    databases.clone("source", "target", moment).result(60)
    assert rows(add("target", "target-1")) == [1]
    assert rows(writer) == []


def test_the_history_outlives_failover_and_a_restore(databases, add, writer) -> None:
    """Every server has the whole of it, with the times at which things were written."""
    moment = next_second()
    reader = add("source", "source-2")
    writer.execute("insert into shop.t values (2)")
    source(databases).submit(source(databases).promote, "source-2").result(60)
    reader.execute("insert into shop.t values (3)")
    databases.clone("source", "target", moment).result(60)
    assert rows(add("target", "target-1")) == [1]
    databases.clone("source", "other", None).result(60)
    assert rows(add("other", "other-1")) == [1, 2, 3]


@pytest.mark.parametrize("how", ["stopped", "without an instance"])
def test_a_cluster_without_a_running_server_can_be_copied(databases, add, writer, how) -> None:
    moment = next_second()
    writer.execute("insert into shop.t values (2)")
    servers = source(databases)
    if how == "stopped":
        servers.submit(servers.stop).result(60)
    else:
        servers.submit(servers.remove, "source-1", None).result(60)
    databases.clone("source", "then", moment).result(60)
    databases.clone("source", "now", None).result(60)
    assert rows(add("then", "then-1")) == [1]
    assert rows(add("now", "now-1")) == [1, 2]
    assert sorted(p.name for p in servers.folder.parent.glob("*/*.*")) == []


def test_a_moment_before_the_first_row_gives_an_empty_database(databases, add) -> None:
    moment = next_second()
    add("source", "source-1").execute("create table shop.t (n int)")
    databases.clone("source", "target", moment).result(60)
    assert add("target", "target-1").execute("show tables from shop") == []


def test_snapshots_are_copied_and_deleted(databases, add, writer) -> None:
    snapshots = databases.snapshots
    snapshots.take(source(databases), "one", None).result(60)
    snapshots.copy("one", "two").result(60)
    # Asked for before the deletion, and so done before it.
    restored = snapshots.restore("one", databases.cluster("target"))
    snapshots.delete("one").result(60)
    restored.result(60)
    assert rows(add("target", "target-1")) == [1]
    kept = [folder.name for folder in snapshots.folder_of("x").parent.iterdir()]
    assert kept == ["two"]


def test_server_numbers_are_not_given_twice_after_a_restart(databases, writer, tmp_path) -> None:
    again = DatabaseServers(tmp_path / "databases")
    later = again.cluster("later")
    later.submit(later.add, "later-1", MASTER).result(60)
    number = later.servers["later-1"].server_id
    again.close()
    assert number > writer.server_id
