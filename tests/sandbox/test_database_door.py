"""The door before a database server: logins of all kinds through it, and what it keeps out."""

import contextlib
import datetime
import os
import secrets
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import certifi
import pymysql
import pytest
from pymysql.constants import CLIENT

from sandbox import mysqld
from sandbox.databasedoor import DatabaseDoors, Endpoint
from sandbox.databasedoor.statements import LONGEST, Statements
from sandbox.install import NoDatabaseServer
from sandbox.mysqld import DatabaseServer
from tests import mysql_client

pytestmark = pytest.mark.database

try:
    PROGRAM = mysqld.find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

ACCESS_DENIED, TLS_REQUIRED, CANNOT_CONNECT = 1045, 3159, 2003
GONE = (2006, 2013)
PASSWORD = secrets.token_urlsafe(12)
# No key of AWS's form is written down, not even an invented one.
KEY, SECRET, SESSION = "A" + secrets.token_hex(9).upper(), secrets.token_hex(20), "a session"
WRITER = "books.cluster-c0.us-east-1.rds.amazonaws.com"
ENDPOINT = Endpoint(
    cluster="books",
    instance="books-1",
    names=("books-1.c0.us-east-1.rds.amazonaws.com", WRITER),
    port=3306,
    region="us-east-1",
    iam=True,
)


@dataclass
class Place:
    """A server, its door, and the account's access keys."""

    folder: Path
    server: DatabaseServer
    keys: dict[tuple[str, str | None], str] = field(default_factory=lambda: {(KEY, None): SECRET})
    endpoint: Endpoint = ENDPOINT
    login_seconds: float = 10.0

    def __post_init__(self) -> None:
        servers = mock.Mock(server=lambda *_: self.server if self.server.running else None)
        self.doors = DatabaseDoors(
            self.folder, servers, lambda *key: self.keys.get(key), self.login_seconds
        )
        self.ca = self.folder / "ca.pem"
        self.ca.write_text(self.doors.authority.bundle())

    @property
    def port(self) -> int:
        address = self.doors.address(self.endpoint)
        assert address is not None
        return address[1]

    def socket(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def connect(self, **options: Any) -> "pymysql.Connection":
        """Log in as the master user over verified TLS; the options say otherwise."""
        options = {
            "host": WRITER,
            "user": "admin",
            "password": PASSWORD,
            "ssl": {"ca": str(self.ca)},
            "read_timeout": 20,
        } | options
        if options.get("ssl_disabled"):
            options["ssl"] = None
        connection = pymysql.connect(defer_connect=True, **options)
        connection.connect(self.socket())
        return connection

    def refusal(self, **options: Any) -> int:
        """The number of the error with which a login ends; 0 for one that succeeds."""
        try:
            self.connect(**options).close()
        except pymysql.MySQLError as error:
            return error.args[0]
        return 0


def one(connection: "pymysql.Connection", sql: str, *args: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, args or None)
        return cursor.fetchone()


def token(
    host: str = WRITER,
    user: str = "jane",
    port: int = 3306,
    *,
    secret: str = SECRET,
    session: str | None = None,
    region: str = "us-east-1",
    ago: datetime.timedelta = datetime.timedelta(),
) -> str:
    """A token as boto3 makes it."""
    rds = boto3.client(
        "rds",
        region_name=region,
        aws_access_key_id=KEY,
        aws_secret_access_key=secret,
        aws_session_token=session,
    )
    then = datetime.datetime.now(datetime.UTC) - ago
    with mock.patch("botocore.auth.get_current_datetime", lambda **_: then):
        return rds.generate_db_auth_token(DBHostname=host, Port=port, DBUsername=user)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("door")
    server = DatabaseServer(folder / "server", 1, PROGRAM)
    server.create()
    server.start()
    server.create_master_user("admin", PASSWORD, "bookstore")
    place = Place(folder, server)
    with closing(place.connect()) as admin:
        one(admin, "CREATE USER jane IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'")
        one(admin, "GRANT SELECT ON bookstore.* TO jane")
    yield place
    place.doors.close()
    server.kill()


@pytest.fixture
def apart(place: Place) -> Iterator[Place]:
    """The same server behind a door that a test may change or close."""
    other = Place(place.folder, place.server, login_seconds=1.0)
    yield other
    other.doors.close()


# -- ordinary logins ------------------------------------------------------------------------


def test_without_tls_the_server_speaks_none_either(place: Place) -> None:
    with closing(place.connect(ssl_disabled=True)) as connection:
        assert one(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[1] == ""


@pytest.mark.differs(
    "TLS: where it ends",
    aws="in the database server",
    sandbox="in the sandbox, which speaks TLS to the server again if you do",
    since="2026-11",
)
def test_with_tls_the_server_too_has_a_cipher(place: Place) -> None:
    with closing(place.connect()) as connection:
        assert one(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[1]
        assert one(connection, "SHOW STATUS LIKE 'Ssl_version'")[1].startswith("TLSv1.")


@pytest.mark.parametrize("plain", [True, False])
def test_a_wrong_password_is_refused_by_the_server(place: Place, plain: bool) -> None:
    assert place.refusal(password="wrong", ssl_disabled=plain) == ACCESS_DENIED
    assert place.refusal(user="nobody", ssl_disabled=plain) == ACCESS_DENIED


@pytest.mark.parametrize(
    "name", ["127.0.0.1", "localhost", "other.cluster-c0.us-east-1.rds.amazonaws.com"]
)
def test_another_name_is_not_the_certificates(place: Place, name: str) -> None:
    assert place.refusal(host=name) == CANNOT_CONNECT


def test_each_name_of_the_endpoint_is_the_certificates(apart: Place) -> None:
    assert [apart.refusal(host=name) for name in ENDPOINT.names] == [0, 0]
    renamed = "papers.cluster-c0.us-east-1.rds.amazonaws.com"
    apart.endpoint = replace(ENDPOINT, names=(ENDPOINT.names[0], renamed))
    assert apart.refusal(host=renamed) == 0
    assert apart.refusal(host=WRITER) == CANNOT_CONNECT


def test_another_authority_is_not_believed(place: Place) -> None:
    assert place.refusal(ssl={"ca": certifi.where()}) == CANNOT_CONNECT


def test_the_certificate_stands_up_to_the_strictest_look(place: Place) -> None:
    context = ssl.create_default_context(cafile=str(place.ca))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    assert place.refusal(ssl=context) == 0


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_keys_are_for_their_owner_only_and_stay(place: Place, apart: Place) -> None:
    files = list((place.folder / "certificates").iterdir())
    assert files
    modes = {file.name: file.stat().st_mode & 0o077 for file in [*files, place.server.certificate]}
    assert not any(modes.values()), modes
    assert apart.doors.authority.bundle() == place.doors.authority.bundle()
    assert "PRIVATE" not in place.doors.authority.bundle()


@pytest.mark.parametrize("plain", [True, False])
def test_long_packets_pass_unharmed(place: Place, plain: bool) -> None:
    place.server.execute("SET GLOBAL max_allowed_packet = 67108864")
    long = secrets.token_hex(10_000_000)  # 20 MB: more than one packet holds
    with closing(place.connect(ssl_disabled=plain)) as connection:
        assert one(connection, "SELECT LENGTH(%s), %s", long, long[-1000:]) == (
            len(long),
            long[-1000:],
        )
        assert one(connection, "SELECT REPEAT('x', 20000000)")[0] == "x" * 20_000_000


def test_prepared_statements_and_many_results_pass(place: Place) -> None:
    with closing(place.connect(client_flag=CLIENT.MULTI_STATEMENTS)) as connection:
        one(connection, "PREPARE sum FROM 'SELECT ? + 1'")
        one(connection, "SET @six = 6")
        assert one(connection, "EXECUTE sum USING @six") == (7,)
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1; SELECT 2")
            assert cursor.fetchall() == ((1,),)
            assert cursor.nextset()
            assert cursor.fetchall() == ((2,),)


def test_a_file_is_loaded_through_the_door(place: Place, tmp_path: Path) -> None:
    file = tmp_path / "numbers.csv"
    file.write_text("".join(f"{n}\n" for n in range(200_000)))
    with closing(place.connect(local_infile=True, database="bookstore")) as connection:
        one(connection, "DROP TABLE IF EXISTS numbers")
        one(connection, "CREATE TABLE numbers (n INT PRIMARY KEY)")
        one(connection, "LOAD DATA LOCAL INFILE %s INTO TABLE numbers", str(file))
        assert one(connection, "SELECT COUNT(*), SUM(n) FROM numbers") == (200_000, 19_999_900_000)


@mysql_client.needed
def test_the_command_line_client_with_and_without_tls_and_compression(place: Place) -> None:
    where = ["--no-defaults", "-h127.0.0.1", f"-P{place.port}", "-uadmin", "-N", "-B"]
    plain, verified = mysql_client.without_tls(), mysql_client.with_tls(place.ca)
    compressed = [*mysql_client.with_tls(), *mysql_client.compressed()]
    for options in (plain, verified, compressed):
        run = subprocess.run(
            [mysql_client.CLIENT, *where, *options, "-e", "SHOW STATUS LIKE 'Ssl_cipher'"],
            env={**os.environ, "MYSQL_PWD": PASSWORD},
            capture_output=True,
            text=True,
        )
        assert run.returncode == 0, run.stderr
        assert bool(run.stdout.split("\t")[1].strip()) == (options != plain)


# -- TLS required ---------------------------------------------------------------------------


def test_a_user_with_require_ssl_needs_it(place: Place) -> None:
    place.server.execute("DROP USER IF EXISTS safe")
    place.server.execute("CREATE USER safe IDENTIFIED BY %s REQUIRE SSL", (PASSWORD,))
    assert place.refusal(user="safe") == 0
    assert place.refusal(user="safe", ssl_disabled=True) == ACCESS_DENIED


def test_a_server_that_insists_on_tls_lets_its_service_in(place: Place) -> None:
    place.server.execute("SET GLOBAL require_secure_transport = ON")
    try:
        assert place.refusal() == 0
        assert place.refusal(ssl_disabled=True) == TLS_REQUIRED
        assert place.server.execute("SELECT 1") == [(1,)]
    finally:
        place.server.execute("SET GLOBAL require_secure_transport = OFF")
    assert place.refusal(ssl_disabled=True) == 0


# -- tokens ---------------------------------------------------------------------------------


def test_a_token_opens_the_door_to_its_user(place: Place) -> None:
    with closing(place.connect(user="jane", password=token(), database="bookstore")) as jane:
        assert one(jane, "SELECT CURRENT_USER(), DATABASE()") == ("jane@%", "bookstore")
        assert one(jane, "SHOW STATUS LIKE 'Ssl_cipher'")[1]
        with pytest.raises(pymysql.MySQLError):
            one(jane, "CREATE TABLE t (id INT)")


def test_a_token_for_the_instances_own_name_is_good_too(place: Place) -> None:
    assert place.refusal(user="jane", password=token(ENDPOINT.names[0])) == 0


def test_what_the_token_opens_has_the_servers_errors(place: Place) -> None:
    assert place.refusal(user="jane", password=token(), database="mysql") in (1044, 1049)


@pytest.mark.parametrize(
    "bad",
    [
        {"ago": datetime.timedelta(minutes=15, seconds=1)},
        {"ago": -datetime.timedelta(minutes=6)},
        {"user": "joan"},
        {"host": "other.cluster-c0.us-east-1.rds.amazonaws.com"},
        {"host": "127.0.0.1"},
        {"port": 3307},
        {"region": "eu-west-1"},
        {"secret": "another"},
        {"session": "of somebody else"},
    ],
    ids=str,
)
def test_any_other_token_is_refused(place: Place, bad: dict[str, Any]) -> None:
    assert place.refusal(user="jane", password=token(**bad)) == ACCESS_DENIED


@pytest.mark.parametrize(
    ("part", "instead"),
    [
        ("DBUser=jane", "DBUser=jane&DBUser=jane"),
        ("X-Amz-Expires=900", "X-Amz-Expires=90000"),
        ("X-Amz-Expires=900", "X-Amz-Expires=soon"),
        ("rds-db", "rds"),
        ("Action=connect", "Action=Connect"),
        ("/?", "/x?"),
        ("&X-Amz-Signature=", "&X-Amz-Signature=0"),
    ],
)
def test_a_token_that_was_altered_is_refused(place: Place, part: str, instead: str) -> None:
    good = token()
    assert part in good
    assert place.refusal(user="jane", password=good.replace(part, instead)) == ACCESS_DENIED


@pytest.mark.parametrize("given", ["", "guessed", "://\0", "x" * 5000, "%zz?=&="])
def test_what_is_no_token_is_refused(place: Place, given: str) -> None:
    assert place.refusal(user="jane", password=given) == ACCESS_DENIED


def test_a_token_is_not_taken_without_tls(place: Place) -> None:
    assert place.refusal(user="jane", password=token(), ssl_disabled=True) == ACCESS_DENIED


@pytest.mark.differs(
    "IAM database authentication",
    aws="a policy says who may connect as whom (`rds-db:connect`)",
    sandbox=(
        "any active key of the account may connect as any such user; the token is verified as "
        "on AWS"
    ),
    since="2026-11",
)
def test_the_key_must_be_active_and_the_cluster_allow_it(apart: Place) -> None:
    good = token()
    assert apart.refusal(user="jane", password=good) == 0
    apart.keys = {}
    assert apart.refusal(user="jane", password=good) == ACCESS_DENIED
    apart.keys = {(KEY, SESSION): SECRET}
    assert apart.refusal(user="jane", password=token(session=SESSION)) == 0
    apart.endpoint = replace(ENDPOINT, iam=False)
    assert apart.refusal(user="jane", password=token(session=SESSION)) == ACCESS_DENIED


def test_the_log_says_why_and_no_secret(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "sandbox.databasedoor")
    good, late = token(), token(ago=datetime.timedelta(hours=1))
    assert place.refusal(user="jane", password=good) == 0
    assert place.refusal(user="jane", password=late) == ACCESS_DENIED
    assert "the token has expired" in caplog.text
    for text in (good, late):
        assert text.rpartition("=")[2] not in caplog.text
    assert place.doors.iam_users.password() not in caplog.text


def test_a_password_user_becomes_iams_and_back(place: Place) -> None:
    with closing(place.connect()) as admin:
        one(admin, "DROP USER IF EXISTS joe")
        one(admin, "CREATE USER joe IDENTIFIED BY %s", PASSWORD)
        assert place.refusal(user="joe") == 0
        one(admin, 'alter user joe  identified with `AWSAuthenticationPlugin` as "RDS"')
        assert place.refusal(user="joe") == ACCESS_DENIED
        assert place.refusal(user="joe", password=token(user="joe")) == 0
        one(admin, "ALTER USER joe IDENTIFIED BY %s", PASSWORD)
        assert place.refusal(user="joe") == 0
        assert place.refusal(user="joe", password=token(user="joe")) == ACCESS_DENIED


def test_iams_users_are_known_after_a_restart_of_everything(place: Place) -> None:
    again = Place(place.folder, place.server)
    try:
        assert again.refusal(user="jane", password=token()) == 0
        assert again.refusal(user="jane", password=again.doors.iam_users.password()) == (
            ACCESS_DENIED
        )
    finally:
        again.doors.close()


# -- ends -----------------------------------------------------------------------------------


def test_a_connection_that_is_killed_is_cut(place: Place) -> None:
    with closing(place.connect()) as connection:
        (number,) = one(connection, "SELECT CONNECTION_ID()")
        place.server.execute("KILL CONNECTION %s", (number,))
        with pytest.raises(pymysql.OperationalError) as error:
            one(connection, "SELECT 1")
        assert error.value.args[0] in GONE


def test_who_leaves_leaves_the_server_too(place: Place) -> None:
    connection = place.connect()
    (number,) = one(connection, "SELECT CONNECTION_ID()")
    connection._force_close()  # type: ignore[attr-defined]  # without a word
    _wait_until(lambda: number not in {row[0] for row in place.server.execute("SHOW PROCESSLIST")})


def test_garbage_silence_and_half_a_login_end_and_leave_nothing(
    apart: Place, caplog: pytest.LogCaptureFixture
) -> None:
    threads = threading.active_count()
    port = apart.port
    before = threading.active_count()
    visitors = []
    for said in (
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xff\xff\x01" + b"x" * 100_000,
        b"\x20\x00\x00\x01" + b"\0" * 10,
        b"\x20\x00\x00\x01" + (0xAA02).to_bytes(4, "little") + b"\0" * 28,  # and then no TLS
        b"\x20\x00\x00\x01" + (0xAA02 | 1 << 11).to_bytes(4, "little") + b"\0" * 28 + b"no TLS",
        b"\x04\x00\x00\x01\x00\x02\x00\x00",  # as before 4.1
        b"\x00\x00\x00\x01",
    ):
        visitor = socket.create_connection(("127.0.0.1", port), 10)
        with contextlib.suppress(ConnectionError):
            visitor.sendall(said)
        visitors.append(visitor)
    half = socket.create_connection(("127.0.0.1", port), 10)
    half.shutdown(socket.SHUT_WR)
    for visitor in [*visitors, half]:
        with contextlib.suppress(ConnectionError):
            while visitor.recv(4096):
                pass
        visitor.close()
    assert apart.refusal() == 0
    assert threading.active_count() <= before + 8  # the workers who look users up
    assert "never retrieved" not in caplog.text
    apart.doors.close()
    _wait_until(lambda: threading.active_count() <= threads)


def test_the_door_dies_with_its_server_and_comes_back_with_it(tmp_path: Path) -> None:
    server = DatabaseServer(tmp_path / "server", 1, PROGRAM)
    server.create()
    server.start()
    server.create_master_user("admin", PASSWORD)
    place = Place(tmp_path, server)
    try:
        port = place.port
        connection = place.connect()
        server.stop()
        with pytest.raises(pymysql.OperationalError):
            one(connection, "SELECT 1")
        assert place.doors.address(ENDPOINT) is None
        _wait_until(lambda: not _listens(port))
        server.start()
        assert place.refusal() == 0
    finally:
        place.doors.close()
        server.kill()
    assert place.doors.address(ENDPOINT) is None


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _wait_until(so: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# -- statements -----------------------------------------------------------------------------


def _packet(text: bytes, number: int = 0, command: int = 3) -> bytes:
    payload = bytes([command]) + text
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


CREATE = b"CREATE USER jane@'%' IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS' REQUIRE SSL"
REWORDED = b"CREATE USER jane@'%' IDENTIFIED BY 'x' REQUIRE SSL"
LEFT_ALONE = [
    _packet(b"SELECT 'IDENTIFIED WITH AWSAuthenticationPlugin AS ''RDS'''"),
    _packet(CREATE, number=1),
    _packet(CREATE, command=4),
    _packet(b"CREATE USER jane /*" + b" " * LONGEST + b"*/" + CREATE),
    b"\0\0\0\0",
    b"\0\0\0\x05",
    _packet(b"x" * 100_000),
]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 64, 1000, 1 << 20])
def test_one_statement_is_reworded_however_it_is_cut(size: int) -> None:
    stream = b"".join([_packet(CREATE), *LEFT_ALONE, _packet(CREATE, command=0x16)])
    statements = Statements(lambda: "IDENTIFIED BY 'x'")
    out = b"".join(
        statements.feed(stream[begin : begin + size]) for begin in range(0, len(stream), size)
    )
    assert out == b"".join([_packet(REWORDED), *LEFT_ALONE, _packet(REWORDED, command=0x16)])
