"""A database that does not start keeps its data, says so, and goes on once it can."""

import json
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox import clusterfailover, mysqld, setaside
from sandbox.errors import SandboxError
from sandbox.install import NoDatabaseServer, find_program
from sandbox.mysqld import DatabaseServer
from tests.sandbox.rds_account import OTHER_FLAVOUR, Account, program, running_account

pytestmark = pytest.mark.database

try:
    PROGRAM = find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

posix = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests are scripts")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    with running_account(tmp_path / "databases", monkeypatch) as account:
        yield account


@dataclass
class Fault:
    """Something that keeps the server of an instance from starting, and its repair."""

    account: Account
    monkeypatch: pytest.MonkeyPatch
    folder: Path
    instance: str = "c-1"
    status: str = "failed"

    @property
    def place(self) -> Path:
        return self.account.folder / "c" / self.instance

    def _use(self, server: Path | str) -> None:
        self.monkeypatch.setenv("SANDBOX_MYSQLD", str(server))

    def no_server(self) -> None:
        self._use("/there/is/none")

    def other_flavour(self) -> None:
        self._use(program(self.folder, OTHER_FLAVOUR[PROGRAM.flavour]))

    def newer_data(self) -> None:
        file = self.place / "server.json"
        shutil.copy(file, self.folder / "record")
        file.write_text(json.dumps({"flavour": PROGRAM.flavour, "version": "99.1.0"}))

    def no_answer(self) -> None:
        said = subprocess.run([PROGRAM.server, "--version"], capture_output=True, text=True).stdout
        self.monkeypatch.setattr(mysqld, "START_TIMEOUT", 1.0)
        self._use(program(self.folder, said.strip(), "exec sleep 1000"))

    def corrupt_file(self) -> None:
        file = self.place / "data" / "ibdata1"
        (self.folder / "healthy").write_bytes(file.read_bytes())
        file.write_bytes(secrets.token_bytes(file.stat().st_size))

    def no_folder(self) -> None:
        self.place.rename(self.folder / "elsewhere")

    def repair(self) -> None:
        self.monkeypatch.delenv("SANDBOX_MYSQLD", raising=False)
        if "SANDBOX_MYSQLD" in BEFORE:
            self._use(BEFORE["SANDBOX_MYSQLD"])
        self.monkeypatch.setattr(mysqld, "START_TIMEOUT", 300.0)
        if (self.folder / "healthy").exists():
            shutil.copy(self.folder / "healthy", self.place / "data" / "ibdata1")
        if (self.folder / "record").exists():
            shutil.copy(self.folder / "record", self.place / "server.json")
        if (self.folder / "elsewhere").exists():
            (self.folder / "elsewhere").rename(self.place)


BEFORE = dict(os.environ)


@pytest.fixture
def fault(account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fault:
    return Fault(account, monkeypatch, tmp_path)


def problem(account: Account, instance: str) -> str:
    return str(account.servers.problem("c", instance))


def statuses(account: Account) -> dict[str, str]:
    return {name: each.status for name, each in account.rds.databases.items()}


def writer(account: Account) -> str:
    return account.rds.clusters["c"].writer.db_instance_identifier


def wait_for(account: Account) -> None:
    account.servers.cluster("c").submit(int).result(60)
    account.settle()


def add_row(account: Account, instance: str, number: int) -> None:
    account.write(instance, f"insert into shop.t values ({number})")


@posix
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("no_server", "SANDBOX_MYSQLD names /there/is/none"),
        ("other_flavour", "was written by {name} {version}. The server found"),
        ("newer_data", "was written by {name} 99.1.0. The server found"),
        ("no_answer", "did not answer within 1 seconds"),
        ("corrupt_file", "ended while starting"),
        ("no_folder", "The data of c-1 are missing"),
    ],
)
def test_the_only_instance_keeps_its_data(account, fault, kind, words) -> None:
    account.create()
    add_row(account, "c-1", 2)
    account.killed(between=getattr(fault, kind))
    assert statuses(account) == {"c-1": "failed"}
    assert account.rds.clusters["c"].status == "failed"
    name = {"mariadb": "MariaDB", "mysql": "MySQL"}[PROGRAM.flavour]
    assert words.format(name=name, version=PROGRAM.version) in problem(account, "c-1")
    # It makes no difference how often it is tried.
    account.killed()
    assert statuses(account) == {"c-1": "failed"}
    account.killed(between=fault.repair)
    assert account.rows("c-1") == [1, 2]
    assert statuses(account) == {"c-1": "available"}
    assert account.rds.clusters["c"].status == "available"
    add_row(account, "c-1", 3)


def test_damaged_settings_are_written_again(account) -> None:
    account.create(instances=2)
    files = [account.folder / "c" / name / "my.cnf" for name in ("c-1", "c-2")]
    account.killed(between=lambda: [file.write_bytes(b"\0" * 100) for file in files])
    assert account.rows("c-1") == [1]
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert statuses(account) == {"c-1": "available", "c-2": "available"}


def test_no_new_instance_begins_empty_beside_data_that_cannot_be_used(account, fault) -> None:
    account.create()
    account.killed(between=fault.corrupt_file)
    account.add("c", 2)
    wait_for(account)
    assert statuses(account) == {"c-1": "failed", "c-2": "failed"}
    assert account.folders() == ["c-1"]
    account.killed(between=fault.repair)
    assert statuses(account) == {"c-1": "available", "c-2": "available"}
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [1]


def lagging(account: Account) -> None:
    """A cluster whose reader has not got the last row."""
    account.create(instances=2)
    assert account.server("c-2").caught_up(account.server("c-1"))
    account.server("c-2").execute("STOP REPLICA")
    add_row(account, "c-1", 2)


def test_a_lagging_reader_does_not_take_the_writers_place(account, fault) -> None:
    lagging(account)
    account.killed(between=fault.corrupt_file)
    assert statuses(account) == {"c-1": "failed", "c-2": "available"}
    assert writer(account) == "c-1"
    assert account.server("c-2").execute("select @@read_only") == [(1,)]
    assert account.rows("c-2") == [1]
    account.killed(between=fault.repair)
    assert statuses(account) == {"c-1": "available", "c-2": "available"}
    assert account.rows("c-1") == [1, 2]
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [1, 2]


def test_a_reader_that_has_everything_takes_over(account, fault) -> None:
    account.create(instances=2)
    assert account.server("c-2").caught_up(account.server("c-1"))
    account.killed(between=fault.corrupt_file)
    assert statuses(account) == {"c-1": "failed", "c-2": "available"}
    assert writer(account) == "c-2"
    assert account.rds.clusters["c"].status == "available"
    add_row(account, "c-2", 2)
    account.killed(between=fault.repair)
    assert statuses(account) == {"c-1": "available", "c-2": "available"}
    assert account.server("c-1").caught_up(account.server("c-2"))
    assert account.rows("c-1") == account.rows("c-2") == [1, 2]


def test_a_reader_takes_over_as_it_is_when_the_failed_writer_is_deleted(account, fault) -> None:
    lagging(account)
    account.killed(between=fault.corrupt_file)
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    wait_for(account)
    assert statuses(account) == {"c-2": "available"}
    assert account.rds.clusters["c"].status == "available"
    add_row(account, "c-2", 3)
    # What only the deleted instance had is not gone.
    (kept,) = account.servers.kept()
    assert kept["folder"].endswith("c.c-1")
    assert "c-1 was deleted" in kept["why"]
    assert (Path(kept["folder"]) / "data" / "ibdata1").exists()
    account.add("c", 1)  # The name is free.
    wait_for(account)
    assert account.server("c-1").caught_up(account.server("c-2"))
    assert account.rows("c-1") == [1, 3]


def test_a_reader_that_does_not_start_is_left_alone(account, fault) -> None:
    account.create(instances=2)
    fault.instance = "c-2"
    account.killed(between=fault.corrupt_file)
    assert statuses(account) == {"c-1": "available", "c-2": "failed"}
    assert writer(account) == "c-1"
    add_row(account, "c-1", 2)
    account.killed(between=fault.repair)
    assert statuses(account) == {"c-1": "available", "c-2": "available"}
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [1, 2]


def test_what_a_stray_replica_has_is_kept(account) -> None:
    account.create(instances=2)
    stray = account.server("c-2")
    assert stray.caught_up(account.server("c-1"))
    stray.execute("STOP REPLICA")
    stray.execute("SET GLOBAL read_only = OFF")  # MySQL's readers refuse the superuser's rows too
    stray.execute("insert into shop.t values (50)")
    add_row(account, "c-1", 2)
    account.killed()
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [1, 2]
    (kept,) = account.servers.kept()
    server = DatabaseServer(Path(kept["folder"]), 999)
    account.made.append(server)
    server.start()
    assert server.execute("select n from shop.t order by n") == [(1,), (50,)]


def test_data_that_the_account_does_not_know_are_moved_aside(account) -> None:
    account.create()
    for folder in ("unknown/x", "_snapshots/unknown", "unknown-2/_volume"):
        (account.folder / folder / "data").mkdir(parents=True)
        (account.folder / folder / "data" / "ibdata1").write_bytes(b"rows")
    account.killed()
    kept = account.servers.kept()
    assert [Path(each["folder"]).name for each in kept] == ["unknown", "unknown-2", "unknown-3"]
    assert len(list((account.folder / setaside.FOLDER).rglob("ibdata1"))) == 3
    assert all("account has no such" in each["why"] for each in kept)
    account.create("unknown")  # The name is free.
    assert account.rows("unknown-1") == [1]
    account.killed()
    assert account.servers.kept() == kept


def test_a_snapshot_that_was_being_deleted_is_gone_after_a_kill(account) -> None:
    account.create()
    account.rds.create_db_cluster_snapshot("c", "snap")
    account.settle()
    account.hold()
    account.rds.delete_db_cluster_snapshot("snap")
    account.killed()
    account.servers.snapshots._submit(lambda _: None, account.folder).result(60)
    assert list((account.folder / "_snapshots").iterdir()) == []
    assert account.servers.kept() == []


@posix
def test_a_full_disk_is_told_as_such(account, fault, tmp_path) -> None:
    """A real file system that is full."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200m", "none", disk], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("a small file system cannot be mounted here")
    account.create()
    place, filler = account.folder / "c" / "c-1", disk / "filler"

    def fill() -> None:
        shutil.move(place, disk / "c-1")
        place.symlink_to(disk / "c-1")
        stream = os.open(filler, os.O_WRONLY | os.O_CREAT)
        with pytest.raises(OSError, match="No space"):
            while os.write(stream, b"x" * 4096):
                pass
        os.close(stream)

    try:
        account.killed(between=fill)
        assert statuses(account) == {"c-1": "storage-full"}
        assert "Free some space" in problem(account, "c-1")
        account.killed(between=filler.unlink)
        assert account.rows("c-1") == [1]
        assert statuses(account) == {"c-1": "available"}
    finally:
        for server in account.made:
            server.kill()
        subprocess.run(["umount", disk], check=True)


# -- failover -------------------------------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failover that is abandoned soon."""
    monkeypatch.setattr(clusterfailover, "FIRST_WAIT", 0.5)
    monkeypatch.setattr(clusterfailover, "CATCH_UP", 0.5)


def break_replication(account: Account) -> None:
    """Have the reader refuse the next row, as a replica does that has it already."""
    reader = account.server("c-2")
    connection = reader.connect(10)
    with connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION sql_log_bin = 0")
        cursor.execute("SET GLOBAL read_only = OFF")  # MySQL's refuse the superuser's rows too
        cursor.execute("insert into shop.t values (2)")
    reader.refuse_writes()
    add_row(account, "c-1", 2)


@pytest.mark.usefixtures("hasty")
def test_a_failover_to_a_reader_that_cannot_catch_up_is_abandoned(account) -> None:
    account.create(instances=2)
    break_replication(account)
    account.rds.failover_db_cluster("c")
    wait_for(account)
    assert writer(account) == "c-1"
    assert account.rds.clusters["c"].status == "available"
    said = [event.message for event in account.rds.describe_events(source_type="db-cluster")]
    assert any(message.startswith("Cluster failover failed") for message in said)
    assert said[-1] == "Promoting previous primary again: c-1"
    add_row(account, "c-1", 3)
    assert account.rows("c-1") == [1, 2, 3]
    # The replica that was broken follows the writer again.
    assert account.server("c-2").execute("select @@read_only") == [(1,)]
    assert account.server("c-2").caught_up(account.server("c-1"))
    assert account.rows("c-2") == [1, 2, 3]
    account.rds.failover_db_cluster("c")
    wait_for(account)
    assert writer(account) == "c-2"
    assert account.rows("c-2") == [1, 2, 3]


@pytest.mark.usefixtures("hasty")
def test_a_replica_that_only_stopped_catches_up_before_it_is_promoted(account) -> None:
    lagging(account)
    account.rds.failover_db_cluster("c")
    wait_for(account)
    assert writer(account) == "c-2"
    assert account.rows("c-2") == [1, 2]
    add_row(account, "c-2", 3)
    assert account.server("c-1").caught_up(account.server("c-2"))
    assert account.rows("c-1") == [1, 2, 3]


def test_a_writer_that_died_is_started_so_that_no_row_is_lost(account) -> None:
    lagging(account)
    account.server("c-1").kill()
    account.rds.failover_db_cluster("c")
    wait_for(account)
    assert writer(account) == "c-2"
    assert account.rows("c-2") == [1, 2]
    assert account.server("c-1").caught_up(account.server("c-2"))


def test_a_failover_from_a_writer_that_cannot_start_loses_no_row(account, fault) -> None:
    lagging(account)
    account.server("c-1").kill()
    fault.corrupt_file()
    account.rds.failover_db_cluster("c")
    wait_for(account)
    assert writer(account) == "c-1"
    assert statuses(account) == {"c-1": "failed", "c-2": "available"}
    assert account.rds.clusters["c"].status == "failed"
    account.killed(between=fault.repair)
    assert account.rows("c-1") == [1, 2]
    assert account.server("c-2").caught_up(account.server("c-1"))


def test_a_failover_leaves_no_replica_behind(account) -> None:
    account.create(instances=3)
    stray = account.server("c-3")
    assert stray.caught_up(account.server("c-1"))
    stray.execute("STOP REPLICA")
    stray.execute("SET GLOBAL read_only = OFF")  # MySQL's readers refuse the superuser's rows too
    stray.execute("insert into shop.t values (50)")  # It cannot follow any more.
    account.rds.failover_db_cluster("c", "c-2")
    wait_for(account)
    add_row(account, "c-2", 2)
    for reader in ("c-1", "c-3"):
        assert account.server(reader).caught_up(account.server("c-2"))
        assert account.rows(reader) == [1, 2]
    assert [Path(kept["folder"]).name for kept in account.servers.kept()] == ["c.c-3"]


# -- what failed can be tried again ---------------------------------------------------------


def fails_once(monkeypatch: pytest.MonkeyPatch, kind: type, step: str) -> None:
    original = getattr(kind, step)

    def step_that_fails(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(kind, step, original)
        raise SandboxError(f"{step} fails once")

    monkeypatch.setattr(kind, step, step_that_fails)


def test_a_deletion_of_a_cluster_that_failed_can_be_tried_again(account, monkeypatch) -> None:
    account.create()
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    wait_for(account)
    fails_once(monkeypatch, Path, "rename")
    account.rds.delete_db_cluster("c")
    account.settle()
    assert account.rds.clusters["c"].status == "failed"
    assert not account.rds.leaving_clusters
    account.rds.delete_db_cluster("c")
    account.settle()
    assert "c" not in account.rds.clusters
    assert not (account.folder / "c").exists()
    account.create()  # The name is free.
    assert account.rows("c-1") == [1]


@pytest.mark.parametrize("name", ["c-1", "c-2"])
def test_a_deletion_of_an_instance_that_failed_can_be_tried_again(
    account, monkeypatch, name
) -> None:
    account.create(instances=2)
    fails_once(monkeypatch, DatabaseServer, "stop")
    account.rds.delete_db_instance(name, skip_final_snapshot=True)
    wait_for(account)
    assert statuses(account)[name] == "failed"
    writers = [m.is_cluster_writer for m in account.rds.clusters["c"].members]
    assert writers.count(True) == 1
    account.rds.delete_db_instance(name, skip_final_snapshot=True)
    wait_for(account)
    assert name not in account.rds.databases
    assert account.rds.clusters["c"].status == "available"
    left = writer(account)
    add_row(account, left, 2)
    assert account.rows(left) == [1, 2]
    account.add("c", int(name[-1]))  # The name is free.
    wait_for(account)
    assert account.server(name).caught_up(account.server(left))


def test_a_cluster_is_not_deleted_when_its_last_snapshot_fails(account) -> None:
    account.create()
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    wait_for(account)
    (account.folder / "_snapshots").write_text("in the way")
    account.rds.delete_db_cluster("c", "last")
    account.settle()
    assert account.rds.cluster_snapshots["last"].status == "failed"
    assert account.rds.clusters["c"].status == "failed"
    (account.folder / "_snapshots").unlink()
    account.rds.delete_db_cluster_snapshot("last")
    account.add("c", 1)
    wait_for(account)
    assert account.rows("c-1") == [1]


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("step", ["create", "start", "create_master_user", "follow"])
def test_an_instance_that_could_not_be_made_leaves_nothing(
    account, monkeypatch, number, step
) -> None:
    if (number, step) in ((1, "follow"), (2, "create_master_user")):
        pytest.skip("not a step of this")
    account.create(instances=number - 1)
    fails_once(monkeypatch, DatabaseServer, step)
    account.add("c", number)
    wait_for(account)
    name = f"c-{number}"
    assert statuses(account)[name] == "failed"
    assert f"{step} fails once" in problem(account, name)
    assert not account.made[-1].running
    assert not (account.folder / "c" / name).exists()
    account.rds.delete_db_instance(name, skip_final_snapshot=True)
    wait_for(account)
    account.add("c", number)
    wait_for(account)
    assert statuses(account)[name] == "available"
    assert account.server(name).running


def test_an_instance_that_could_not_be_made_is_made_at_the_next_start(account, monkeypatch) -> None:
    account.create(instances=0)
    fails_once(monkeypatch, DatabaseServer, "start")
    account.add("c", 1)
    wait_for(account)
    account.killed()
    assert statuses(account) == {"c-1": "available"}
    account.write("c-1", "create table shop.t (n int)")


def test_a_deleted_clusters_worker_ends(account) -> None:
    account.create(instances=1)
    worker = account.servers.cluster("c")._worker
    account.rds.delete_db_instance("c-1", skip_final_snapshot=True)
    account.rds.delete_db_cluster("c")
    account.settle()
    with pytest.raises(RuntimeError, match="after shutdown"):
        worker.submit(int)


def test_a_snapshot_has_the_name_of_one_that_is_just_going(account) -> None:
    account.create()
    account.rds.create_db_cluster_snapshot("c", "snap")
    account.settle()
    account.servers.snapshots._worker.submit(account._released.wait)
    account.rds.delete_db_cluster_snapshot("snap")
    add_row(account, "c-1", 2)
    account.rds.create_db_cluster_snapshot("c", "snap")
    account._released.set()
    account.settle()
    account.rds.restore_db_cluster_from_snapshot("snap", {"db_cluster_identifier": "again"})
    account.add("again", 1)
    account.settle()
    assert account.rows("again-1") == [1, 2]
