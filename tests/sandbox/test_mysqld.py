"""One database server: closed to outsiders, durable, replicated, and never left behind."""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pymysql
import pytest

from sandbox import mysqld
from sandbox.errors import SandboxError
from sandbox.install import NoDatabaseServer
from sandbox.mysqld import DatabaseServer

pytestmark = pytest.mark.database

try:
    PROGRAM = mysqld.find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

PASSWORD = secrets.token_urlsafe(12)
READ_ONLY = 1290
ACCESS_DENIED = 1045

Make = Callable[..., DatabaseServer]


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.getbasetemp()
    return (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "templates"


@pytest.fixture
def make(tmp_path: Path, templates: Path) -> Iterator[Make]:
    """Makes servers that are started, and ends them whatever happens."""
    made: list[DatabaseServer] = []

    def make(name: str, server_id: int = 1) -> DatabaseServer:
        server = DatabaseServer(tmp_path / name, server_id, PROGRAM)
        made.append(server)
        server.create(templates)
        server.start()
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, templates: Path) -> Iterator[DatabaseServer]:
    """A server with a master user, which tests may use but not stop."""
    server = DatabaseServer(tmp_path_factory.mktemp("shared") / "server", 1, PROGRAM)
    server.create(templates)
    server.start()
    server.create_master_user("admin", PASSWORD, "bookstore")
    yield server
    server.stop()


def login(
    server: DatabaseServer, user: str = "admin", password: str = PASSWORD, database: str = ""
) -> pymysql.Connection:
    return pymysql.connect(
        host="127.0.0.1",
        port=server.port,
        user=user,
        password=password,
        autocommit=True,
        database=database or None,
        ssl_disabled=True,
        read_timeout=10,
    )


def refusal(server: DatabaseServer, statement: str, password: str = PASSWORD) -> int:
    """The number of the error that the master user gets."""
    with (
        closing(login(server, password=password)) as connection,
        connection.cursor() as cursor,
        pytest.raises(pymysql.MySQLError) as caught,
    ):
        cursor.execute(statement)
    return int(caught.value.args[0])


def eventually(holds: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether something comes true within this time."""
    deadline = time.monotonic() + seconds
    while not (held := holds()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return held


def listening(process: psutil.Process) -> set[str]:
    return {
        connection.laddr.ip if connection.laddr else "unix"
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }


# Closed to outsiders


def test_it_listens_on_the_loopback_address_only(server: DatabaseServer) -> None:
    process = psutil.Process(server.pid)
    assert listening(process) == {"127.0.0.1"}
    assert not [c for c in process.net_connections(kind="unix") if c.laddr]


def test_the_only_accounts_are_ours_and_locked_ones(server: DatabaseServer) -> None:
    accounts = set(server.execute("SELECT User, Host FROM mysql.user"))
    own = {("rdsadmin", "127.0.0.1"), ("rdsrepladmin", "127.0.0.1"), ("admin", "%")}
    locked = {("mariadb.sys", "localhost")} | {
        (f"mysql.{name}", "localhost") for name in ("session", "sys", "infoschema")
    }
    assert own <= accounts <= own | locked
    databases = {name for (name,) in server.execute("SHOW DATABASES")}
    assert "test" not in databases


@pytest.mark.parametrize("user", ["root", "", "rdsadmin", "rdsrepladmin", "mariadb.sys", "mysql"])
def test_nobody_logs_in_without_a_password(server: DatabaseServer, user: str) -> None:
    with pytest.raises(pymysql.OperationalError) as caught:
        login(server, user, "")
    assert caught.value.args[0] in (ACCESS_DENIED, 1130, 1524, 4151)


def test_the_superusers_password_is_in_a_private_file_and_nowhere_else(
    server: DatabaseServer,
) -> None:
    secret = server.folder / "rdsadmin"
    password = secret.read_text()
    if os.name == "posix":
        assert secret.stat().st_mode & 0o777 == 0o600
        assert server.folder.stat().st_mode & 0o777 == 0o700
    assert not any(password in argument for argument in psutil.Process(server.pid).cmdline())
    texts = [path for path in server.folder.iterdir() if path.is_file() and path != secret]
    assert not [path.name for path in texts if password in path.read_text(errors="replace")]
    binary_logs = list((server.folder / "data").glob("binlog.0*"))
    assert binary_logs
    assert not any(password.encode() in path.read_bytes() for path in binary_logs)


def test_two_servers_have_different_passwords(server: DatabaseServer, make: Make) -> None:
    other = make("other")
    assert (other.folder / "rdsadmin").read_text() != (server.folder / "rdsadmin").read_text()
    with pytest.raises(pymysql.OperationalError):
        login(other, "rdsadmin", (server.folder / "rdsadmin").read_text())


@pytest.mark.skipif(os.name != "posix", reason="sessions are POSIX's")
def test_the_terminals_ctrl_c_does_not_reach_it(server: DatabaseServer) -> None:
    assert server.pid is not None
    assert os.getsid(server.pid) == server.pid != os.getsid(0)


# The master user


def test_the_master_user_may_do_what_rds_lets_it(server: DatabaseServer) -> None:
    with closing(login(server, database="bookstore")) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE guest (name VARCHAR(40))")
        cursor.execute("INSERT INTO guest VALUES ('한강 📚')")
        cursor.execute("SELECT name FROM guest")
        assert cursor.fetchall() == (("한강 📚",),)
        cursor.execute("CREATE DATABASE another")
        cursor.execute("CREATE USER reader@'%%' IDENTIFIED BY %s", (secrets.token_urlsafe(),))
        cursor.execute("GRANT SELECT ON bookstore.* TO reader@'%'")
        cursor.execute("SELECT @@sql_mode, @@time_zone, @@character_set_database")
        assert cursor.fetchall() == (("", "+00:00", "utf8mb4"),)


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 INTO OUTFILE 'stolen.txt'",
        "LOAD DATA INFILE '/etc/hosts' INTO TABLE bookstore.none",
        "SHUTDOWN",
        "SET GLOBAL read_only = OFF",
        "GRANT SUPER ON *.* TO admin@'%'",
        "GRANT FILE ON *.* TO admin@'%'",
    ],
)
def test_the_master_user_is_no_superuser(server: DatabaseServer, statement: str) -> None:
    assert refusal(server, statement) in (1045, 1227, 1290)
    assert server.running


def test_the_master_user_has_neither_super_nor_file(server: DatabaseServer) -> None:
    granted = " ".join(row[0] for row in server.execute("SHOW GRANTS FOR admin@'%%'", ()))
    for privilege in ("SUPER", "FILE", "SHUTDOWN", "ALL PRIVILEGES"):
        assert privilege not in granted
    assert "SELECT, INSERT" in granted


def test_a_new_password_is_for_new_connections(make: Make) -> None:
    server = make("password")
    server.create_master_user("admin", PASSWORD)
    new = secrets.token_urlsafe(12)
    with closing(login(server)) as before:
        server.set_master_password("admin", new)
        with before.cursor() as cursor:
            assert cursor.execute("SELECT 1") == 1
        with pytest.raises(pymysql.OperationalError) as caught:
            login(server)
        assert caught.value.args[0] == ACCESS_DENIED
        login(server, password=new).close()


def test_dropping_connections_spares_the_server(make: Make) -> None:
    server = make("dropped")
    server.create_master_user("admin", PASSWORD)
    with closing(login(server)) as connection, connection.cursor() as cursor:
        server.drop_connections()
        with pytest.raises(pymysql.OperationalError):
            cursor.execute("SELECT 1")
    login(server).close()


# Replication


@pytest.fixture
def cluster(make: Make) -> tuple[DatabaseServer, DatabaseServer]:
    """A writer that has rows already, and a replica made after them."""
    writer, replica = make("writer", 1), make("replica", 2)
    writer.create_master_user("admin", PASSWORD, "bookstore")
    writer.execute("CREATE TABLE bookstore.book (id INT PRIMARY KEY)")
    writer.execute("INSERT INTO bookstore.book VALUES (1)")
    replica.follow(writer)
    return writer, replica


def books(server: DatabaseServer) -> list[int]:
    return [row[0] for row in server.execute("SELECT id FROM bookstore.book ORDER BY id")]


@pytest.mark.differs(
    "Aurora's storage",
    aws="one volume shared by writer and readers; a reader lags by milliseconds",
    sandbox="a copy for each server, fed by the server's own replication",
    since="2026-11",
)
def test_a_replica_gets_all_and_refuses_writes(
    cluster: tuple[DatabaseServer, DatabaseServer],
) -> None:
    writer, replica = cluster
    writer.execute("INSERT INTO bookstore.book VALUES (2)")
    writer.execute("ALTER TABLE bookstore.book ADD title VARCHAR(40)")
    assert replica.caught_up(writer)
    assert books(replica) == [1, 2]
    assert eventually(lambda: replica.lag == 0)
    assert writer.lag is None
    assert refusal(replica, "INSERT INTO bookstore.book (id) VALUES (3)") == READ_ONLY
    assert refusal(replica, "CREATE DATABASE mine") == READ_ONLY
    new = secrets.token_urlsafe(12)
    writer.set_master_password("admin", new)
    assert replica.caught_up(writer)
    login(replica, password=new).close()

    replica.stop()
    replica.start()
    writer.execute("INSERT INTO bookstore.book (id) VALUES (4)")
    assert replica.caught_up(writer)
    assert refusal(replica, "DELETE FROM bookstore.book", new) == READ_ONLY


def test_roles_swap_and_swap_back(cluster: tuple[DatabaseServer, DatabaseServer]) -> None:
    writer, replica = cluster
    for new, old, row in ((replica, writer, 2), (writer, replica, 3)):
        with closing(login(old)) as connection, connection.cursor() as cursor:
            cursor.execute("LOCK TABLES bookstore.book WRITE")
            old.refuse_writes()
        assert refusal(old, "INSERT INTO bookstore.book VALUES (9)") == READ_ONLY
        assert new.caught_up(old)
        new.promote()
        old.follow(new)
        with closing(login(new)) as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO bookstore.book VALUES (%s)", (row,))
        assert old.caught_up(new)
        assert refusal(old, "INSERT INTO bookstore.book VALUES (9)") == READ_ONLY
    assert books(writer) == books(replica) == [1, 2, 3]


def test_promotion_loses_nothing_that_was_received(
    cluster: tuple[DatabaseServer, DatabaseServer],
) -> None:
    writer, replica = cluster
    assert replica.caught_up(writer)
    replica.execute("STOP REPLICA SQL_THREAD")
    writer.execute("INSERT INTO bookstore.book VALUES (2)")
    assert not replica.caught_up(writer, timeout=0.2)
    replica.execute("START REPLICA SQL_THREAD")
    writer.kill()
    replica.promote()
    assert books(replica) == [1, 2]
    assert replica.lag is None


@pytest.mark.parametrize("written_meanwhile", [0, 1, 3])
def test_a_server_with_rows_of_its_own_is_not_made_a_replica(
    cluster: tuple[DatabaseServer, DatabaseServer], written_meanwhile: int
) -> None:
    writer, replica = cluster
    assert replica.caught_up(writer)
    replica.promote()
    replica.execute("INSERT INTO bookstore.book VALUES (100)")
    for row in range(written_meanwhile):
        writer.execute("INSERT INTO bookstore.book VALUES (%s)", (200 + row,))
    with pytest.raises(SandboxError, match="make it anew"):
        replica.follow(writer)


def test_a_folder_that_moved_serves_under_another_id(make: Make, tmp_path: Path) -> None:
    first = make("first", 1)
    first.execute("CREATE DATABASE bookstore")
    first.execute("CREATE TABLE bookstore.book (id INT PRIMARY KEY)")
    first.stop()
    first.folder.rename(tmp_path / "moved")
    moved, replica = DatabaseServer(tmp_path / "moved", 3, PROGRAM), make("second", 2)
    try:
        moved.start()
        replica.follow(moved)
        assert replica.caught_up(moved)
        replica.promote()
        moved.follow(replica)
        replica.execute("INSERT INTO bookstore.book VALUES (1)")
        assert moved.caught_up(replica)
        assert books(moved) == [1]
    finally:
        moved.kill()


# Starting, stopping, dying


def test_a_restart_keeps_data_and_port(make: Make) -> None:
    server = make("restart")
    server.execute("CREATE DATABASE kept")
    port = server.port
    server.start()  # it runs: nothing to do
    server.stop()
    server.stop()
    assert not server.running
    assert server.pid is None
    again = DatabaseServer(server.folder, 1, PROGRAM)
    try:
        again.start()
        assert again.port == port
        assert ("kept",) in again.execute("SHOW DATABASES")
        again.stop()
        with socket.create_server(("127.0.0.1", port)):
            again.start()
        assert again.port != port
        assert ("kept",) in again.execute("SHOW DATABASES")
    finally:
        again.kill()


def test_a_port_that_is_lost_in_the_last_moment_is_replaced(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make("race")
    server.stop()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = iter([taken.getsockname()[1]])
        free_port = mysqld.free_port
        monkeypatch.setattr(mysqld, "is_free", lambda port: False)
        monkeypatch.setattr(mysqld, "free_port", lambda: next(ports, None) or free_port())
        server.start()
        assert server.port != taken.getsockname()[1]
        assert server.execute("SELECT 1") == [(1,)]


def test_killed_from_outside_it_recovers_what_it_acknowledged(make: Make) -> None:
    server = make("killed")
    server.execute("CREATE DATABASE bookstore")
    server.execute("CREATE TABLE bookstore.book (id INT PRIMARY KEY)")
    for n in range(20):
        server.execute("INSERT INTO bookstore.book VALUES (%s)", (n,))
    process = psutil.Process(server.pid)
    process.kill()
    psutil.wait_procs([process], timeout=5)
    assert not server.running
    with pytest.raises(SandboxError, match="does not run"):
        server.execute("SELECT 1")
    server.start()
    assert books(server) == list(range(20))


def test_only_the_leftovers_of_one_home_are_ended(make: Make, tmp_path: Path) -> None:
    mine = make("home/databases/a")
    other = make("home2/databases/a")
    pid = mine.pid
    assert mysqld.stop_leftovers(tmp_path / "home") == [pid]
    assert not mine.running
    assert other.running
    assert mysqld.stop_leftovers(tmp_path / "home") == []


def test_starting_ends_a_process_that_a_dead_sandbox_left(make: Make) -> None:
    orphan = make("orphan")
    orphan.execute("CREATE DATABASE kept")
    heir = DatabaseServer(orphan.folder, 1, PROGRAM)
    try:
        heir.start()
        assert not orphan.running
        assert ("kept",) in heir.execute("SHOW DATABASES")
    finally:
        heir.kill()


def test_servers_made_at_once_share_one_template(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from sandbox.mysqld import DatabaseServer\n"
        "DatabaseServer(Path(sys.argv[1]), 1).create(Path(sys.argv[2]))"
    )

    def create(name: str) -> int:
        command = [sys.executable, "-c", script, str(tmp_path / name), str(tmp_path / "cold")]
        return subprocess.run(command, timeout=60).returncode

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(create, "ab")) == [0, 0]
    assert len([path for path in (tmp_path / "cold").iterdir() if path.is_dir()]) == 1
    for name in "ab":
        server = DatabaseServer(tmp_path / name, 1, PROGRAM)
        try:
            server.start()
            assert server.execute("SELECT 1") == [(1,)]
        finally:
            server.kill()


def test_it_says_what_to_do_next(tmp_path: Path, templates: Path) -> None:
    server = DatabaseServer(tmp_path / "server", 1, PROGRAM)
    with pytest.raises(SandboxError, match=r"Call create\(\) first"):
        server.start()
    with pytest.raises(SandboxError, match=r"start\(\) it first"):
        _ = server.port
    server.create(templates)
    with pytest.raises(SandboxError, match="holds a database already"):
        server.create(templates)
    (tmp_path / "server" / "data" / "ibdata1").write_bytes(b"not a tablespace" * 100)
    with pytest.raises(SandboxError, match=r"ended while starting: .*Read .*error\.log"):
        server.start()
    assert not server.running
