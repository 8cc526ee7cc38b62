"""The bastions, tried with the OpenSSH client: who gets in, what is forwarded, what is refused."""

import asyncio
import contextlib
import logging
import shutil
import socket
import socketserver
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import psutil
import pytest

from sandbox.bastion import LOOPBACK, BastionHost, Bastions
from sandbox.errors import SandboxError
from sandbox.sshd import LOGIN, NameUnknown, NotConnected, PortClosed, TrafficDropped

SSH = shutil.which("ssh")
needs_ssh = pytest.mark.skipif(SSH is None, reason="no ssh client on this machine")

WRITER = "bookstore.cluster-cabc123.us-east-1.rds.amazonaws.com"
ONE, TWO = "i-0123456789abcdef0", "i-0123456789abcdef1"


class Account:
    """An account of one database endpoint and one rule, both to be changed by a test."""

    def __init__(self) -> None:
        self.rule_for_22 = True
        self.endpoints: dict[tuple[str, int], tuple[str, int] | type[Exception]] = {}
        self.lock = threading.Lock()

    def may_enter(self, instance_id: str) -> bool:
        with self.lock:
            return self.rule_for_22

    def address_of(self, instance_id: str, host: str, port: int) -> tuple[str, int]:
        found = self.endpoints.get((host, port), NameUnknown)
        if isinstance(found, tuple):
            return found
        raise found


class Echo(socketserver.ThreadingTCPServer):
    """Stands where a database would: answers what it is sent, and counts who is connected."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((LOOPBACK, 0), EchoHandler)
        self.visits = 0
        self.connected = 0


class EchoHandler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Echo)
        self.server.visits += 1
        self.server.connected += 1
        with contextlib.suppress(ConnectionError):
            while data := self.request.recv(4096):
                self.request.sendall(data)
        self.server.connected -= 1


class Student:
    """A key file, and the ssh client's command line with nothing of this machine's own setup."""

    def __init__(self, folder: Path, key: asyncssh.SSHKey):
        self.key = key
        self.public = key.export_public_key().decode()
        self.file = folder / "student.pem"
        self.file.touch(mode=0o600)
        self.file.write_bytes(key.export_private_key())
        self.known_hosts = folder / "known_hosts"

    def command(self, bastions: Bastions, *words: str, name: str = ONE, user: str = LOGIN) -> list:
        port = bastions.port(name)
        self.known_hosts.write_text(f"[{LOOPBACK}]:{port} {bastions.host_key(name)}\n")
        return [
            *(str(SSH), "-F", "none", "-i", str(self.file), "-p", str(port)),
            *("-o", f"UserKnownHostsFile={self.known_hosts}", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=20"),
            *(*words[:-1], f"{user}@{LOOPBACK}", *words[-1:]),
        ]

    def ssh(
        self, bastions: Bastions, *words: str, say: str = "", **who: str
    ) -> subprocess.CompletedProcess:
        """Run ssh; the last word is the remote command, "" for none."""
        command = [word for word in self.command(bastions, *words, **who) if word]
        return subprocess.run(command, input=say, capture_output=True, text=True, timeout=30)

    @contextlib.contextmanager
    def ssh_stays(self, bastions: Bastions, *words: str) -> Iterator[subprocess.Popen]:
        with subprocess.Popen(
            [word for word in self.command(bastions, *words) if word],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            yield process
            process.kill()
            process.communicate()

    def connect(self, bastions: Bastions, name: str = ONE, **options: object):
        """A connection of asyncssh's client, for what is awkward with ssh's command line."""
        key = asyncssh.import_public_key(bastions.host_key(name))
        given: dict = {"username": LOGIN, "client_keys": [self.key], "agent_path": None} | options
        return asyncssh.connect(
            LOOPBACK, bastions.port(name), known_hosts=([key], [], []), config=None, **given
        )


def until(condition: Callable[[], object], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def key_pair() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-rsa", key_size=2048)  # as EC2 makes them


@pytest.fixture
def student(tmp_path: Path, key_pair: asyncssh.SSHKey) -> Student:
    return Student(tmp_path, key_pair)


@pytest.fixture
def stranger(tmp_path: Path) -> Student:
    (tmp_path / "stranger").mkdir()
    return Student(tmp_path / "stranger", asyncssh.generate_private_key("ssh-ed25519"))


@pytest.fixture
def database() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def account(database: Echo) -> Account:
    account = Account()
    account.endpoints[WRITER, 3306] = (LOOPBACK, database.server_address[1])
    return account


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def bastions(home: Path, account: Account, student: Student) -> Iterator[Bastions]:
    bastions = Bastions(home, account)
    bastions.start()
    bastions.sync([BastionHost(ONE, student.public)])
    yield bastions
    bastions.stop()


# Who gets in


@needs_ssh
def test_ec2_user_with_the_key_pair_reaches_the_writer_endpoint(bastions, student):
    answer = student.ssh(bastions, "-W", f"{WRITER}:3306", "", say="hello")
    assert (answer.stdout, answer.returncode) == ("hello", 0), answer.stderr


@needs_ssh
def test_another_key_is_refused(bastions, stranger):
    answer = stranger.ssh(bastions, "-W", f"{WRITER}:3306", "")
    assert answer.returncode == 255
    assert answer.stderr.strip().endswith("Permission denied (publickey).")


@needs_ssh
@pytest.mark.parametrize("user", ["ubuntu", "admin", "ec2-User", "roo"])
def test_another_user_is_refused(bastions, student, user):
    answer = student.ssh(bastions, "-W", f"{WRITER}:3306", "", user=user)
    assert answer.returncode == 255
    assert answer.stderr.strip().endswith("Permission denied (publickey).")


@needs_ssh
@pytest.mark.parametrize("words", [("",), ("uptime",)])
def test_root_is_told_to_come_as_another_user(bastions, student, monkeypatch, words):
    monkeypatch.setattr("sandbox.sshd.ROOT_PAUSE", 0)
    answer = student.ssh(bastions, *words, user="root")
    assert answer.returncode == 142
    assert answer.stdout == 'Please login as the user "ec2-user" rather than the user "root".\n\n'


@needs_ssh
def test_root_forwards_nothing(bastions, student):
    answer = student.ssh(bastions, "-W", f"{WRITER}:3306", "", user="root")
    assert answer.returncode == 255
    assert "administratively prohibited: open failed" in answer.stderr


@needs_ssh
def test_another_key_of_root_is_refused(bastions, stranger):
    answer = stranger.ssh(bastions, "-W", f"{WRITER}:3306", "", user="root")
    assert answer.stderr.strip().endswith("Permission denied (publickey).")


def test_a_password_is_refused(bastions, student):
    async def log_in() -> None:
        async with student.connect(bastions, client_keys=None, password="x" * 8):
            pytest.fail("a password opened the bastion")

    with pytest.raises(asyncssh.PermissionDenied):
        asyncio.run(log_in())


@needs_ssh
def test_each_instance_has_its_own_key_pair(bastions, student, stranger):
    bastions.sync([BastionHost(ONE, student.public), BastionHost(TWO, stranger.public)])
    assert bastions.host_key(ONE) != bastions.host_key(TWO)
    assert bastions.port(ONE) != bastions.port(TWO)
    for key, own, other in ((student, ONE, TWO), (stranger, TWO, ONE)):
        forward = ("-W", f"{WRITER}:3306", "")
        assert key.ssh(bastions, *forward, say="hello", name=own).stdout == "hello"
        assert "Permission denied" in key.ssh(bastions, *forward, name=other).stderr


@needs_ssh
def test_a_changed_key_counts_from_the_next_login_on(bastions, student, stranger):
    with student.ssh_stays(bastions, "-W", f"{WRITER}:3306", "") as old:
        exchange(old)
        bastions.sync([BastionHost(ONE, stranger.public)])
        exchange(old)
    assert "Permission denied" in student.ssh(bastions, "-W", f"{WRITER}:3306", "").stderr
    assert stranger.ssh(bastions, "-W", f"{WRITER}:3306", "", say="hello").stdout == "hello"


@needs_ssh
def test_nobody_gets_in_without_a_key_pair(bastions, student):
    bastions.sync([BastionHost(ONE, "")])
    assert "Permission denied" in student.ssh(bastions, "-W", f"{WRITER}:3306", "").stderr


def test_a_key_that_is_none_is_named_and_changes_nothing(bastions, student):
    with pytest.raises(SandboxError, match=f"key pair of {TWO} is not an OpenSSH public key"):
        bastions.sync([BastionHost(TWO, "not a key")])
    assert [entry["instance_id"] for entry in bastions.listing()] == [ONE]


def test_many_students_at_once(bastions, student):
    async def exchange_one() -> bytes:
        async with student.connect(bastions) as connection:
            reader, writer = await connection.open_connection(WRITER, 3306)
            writer.write(b"hello")
            return await reader.readexactly(5)

    async def exchange_all() -> list[bytes]:
        return await asyncio.gather(*(exchange_one() for _ in range(20)))

    assert asyncio.run(exchange_all()) == [b"hello"] * 20


# What is forwarded


def exchange(process: subprocess.Popen) -> None:
    """Send a word through `ssh -W` and have it back."""
    assert process.stdin and process.stdout
    process.stdin.write(b"hello")
    process.stdin.flush()
    assert process.stdout.read(5) == b"hello"


@needs_ssh
def test_a_tunnel_stays_open_and_carries_several_connections(bastions, student):
    port = free_port()
    with student.ssh_stays(bastions, "-N", "-L", f"{LOOPBACK}:{port}:{WRITER}:3306", "") as tunnel:
        until(lambda: is_listening(port))
        clients = [socket.create_connection((LOOPBACK, port), timeout=10) for _ in range(3)]
        for number, client in enumerate(clients):
            client.sendall(bytes([number]) * 100_000)
        for number, client in enumerate(clients):
            with client, client.makefile("rb") as stream:
                assert stream.read(100_000) == bytes([number]) * 100_000
        assert tunnel.poll() is None


@needs_ssh
@pytest.mark.parametrize("host", [LOOPBACK, "localhost", "0.0.0.0", "bookstore.invalid"])
def test_nothing_else_on_this_machine_is_reached(bastions, student, database, host):
    port = database.server_address[1]
    answer = student.ssh(bastions, "-W", f"{host}:{port}", "", say="hello")
    assert "open failed: connect failed: Name or service not known" in answer.stderr
    assert (answer.stdout, database.visits) == ("", 0)


@needs_ssh
def test_a_closed_port_of_an_endpoint_refuses(bastions, student, account):
    account.endpoints[WRITER, 5432] = PortClosed
    answer = student.ssh(bastions, "-W", f"{WRITER}:5432", "")
    assert "open failed: connect failed: Connection refused" in answer.stderr


@needs_ssh
def test_a_database_that_is_down_refuses_and_keeps_its_address_to_itself(
    bastions, student, account
):
    port = free_port()
    account.endpoints[WRITER, 3306] = (LOOPBACK, port)
    answer = student.ssh(bastions, "-W", f"{WRITER}:3306", "")
    assert "open failed: connect failed: Connection refused" in answer.stderr
    assert str(port) not in answer.stderr


@needs_ssh
def test_dropped_traffic_hangs_and_then_times_out(home, account, student):
    account.endpoints[WRITER, 3306] = TrafficDropped
    bastions = Bastions(home, account, connect_timeout=1.5)
    bastions.start()
    try:
        bastions.sync([BastionHost(ONE, student.public)])
        began = time.monotonic()
        answer = student.ssh(bastions, "-W", f"{WRITER}:3306", "")
        assert time.monotonic() - began >= 1.5
        assert "open failed: connect failed: Connection timed out" in answer.stderr
    finally:
        bastions.stop()


def test_a_hanging_forward_ends_with_its_client(bastions, student, account, caplog):
    caplog.set_level(logging.INFO, "sandbox.bastion")
    account.endpoints[WRITER, 3306] = TrafficDropped

    async def leave_early() -> None:
        async with student.connect(bastions) as connection:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(connection.open_connection(WRITER, 3306), 0.3)
            assert f"no connection to {WRITER}" not in caplog.text

    asyncio.run(leave_early())
    until(lambda: f"no connection to {WRITER} port 3306: Connection timed out" in caplog.text)


@needs_ssh
def test_remote_forwarding_is_refused(bastions, student, database):
    there = f"0:{LOOPBACK}:{database.server_address[1]}"
    answer = student.ssh(bastions, "-N", "-o", "ExitOnForwardFailure=yes", "-R", there, "")
    assert answer.returncode == 255
    assert "remote port forwarding failed" in answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")
def test_unix_sockets_are_not_forwarded(bastions, student, tmp_path):
    path = tmp_path / "mysqld.sock"

    async def open_socket() -> None:
        async with student.connect(bastions) as connection:
            await connection.open_unix_connection(str(path))

    with socket.socket(socket.AF_UNIX) as database:
        database.bind(str(path))
        database.listen()
        with pytest.raises(asyncssh.ChannelOpenError):
            asyncio.run(open_socket())


@needs_ssh
def test_no_command_runs(bastions, student, tmp_path):
    mark = tmp_path / "mark"
    answer = student.ssh(bastions, f"touch {mark}")
    assert answer.returncode == 1
    assert "only forwards connections" in answer.stderr
    assert "ssh -N -L" in answer.stderr
    assert not mark.exists()


@pytest.mark.differs(
    "The bastion",
    aws="Amazon Linux: you can log in to a shell",
    sandbox="forwards connections, runs no commands",
    since="2026-11",
)
@needs_ssh
@pytest.mark.parametrize("terminal", ["-T", "-tt"])
def test_a_shell_is_declined_in_one_line(bastions, student, terminal):
    answer = student.ssh(bastions, terminal, "", say="hostname\n")
    assert answer.returncode == 1
    assert "only forwards connections" in answer.stderr
    assert answer.stdout == ""


@needs_ssh
def test_no_files_are_copied(bastions, student):
    answer = student.ssh(bastions, "-s", "sftp")
    assert "subsystem request failed" in answer.stderr


# Security groups


@pytest.mark.differs(
    "A dropped packet",
    aws="nothing answers, not even TCP",
    sandbox="TCP connects on 127.0.0.1, and then nothing answers",
    since="2026-11",
)
def test_without_a_rule_the_port_is_silent_until_the_rule_comes(bastions, account):
    account.rule_for_22 = False
    with socket.create_connection((LOOPBACK, bastions.port(ONE)), timeout=1.5) as client:
        with pytest.raises(TimeoutError):
            client.recv(1)
        account.rule_for_22 = True
        client.settimeout(10)
        assert client.recv(8) == b"SSH-2.0-"


@needs_ssh
def test_a_waiting_client_gets_in_when_the_rule_comes(bastions, account, student, database):
    account.rule_for_22 = False
    with student.ssh_stays(bastions, "-W", f"{WRITER}:3306", "") as waiting:
        until(lambda: knocking(bastions.port(ONE)))
        assert database.visits == 0
        account.rule_for_22 = True
        exchange(waiting)


def test_a_client_that_waits_too_long_never_hears_a_thing(home, account, student):
    account.rule_for_22 = False
    bastions = Bastions(home, account, connect_timeout=0.5)
    bastions.start()
    try:
        bastions.sync([BastionHost(ONE, student.public)])
        with socket.create_connection((LOOPBACK, bastions.port(ONE)), timeout=10) as client:
            assert client.recv(1) == b""
    finally:
        bastions.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells while data is waiting")
@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-client\r\n"])
def test_a_client_that_left_is_not_kept(bastions, account, greeting):
    account.rule_for_22 = False
    with socket.create_connection((LOOPBACK, bastions.port(ONE))) as client:
        client.sendall(greeting)
        until(lambda: knocking(bastions.port(ONE)))
    until(lambda: not knocking(bastions.port(ONE)))


@needs_ssh
def test_a_revoked_rule_keeps_the_old_connection_and_no_new_one(bastions, account, student):
    with student.ssh_stays(bastions, "-W", f"{WRITER}:3306", "") as old:
        exchange(old)
        account.rule_for_22 = False
        with socket.create_connection((LOOPBACK, bastions.port(ONE)), timeout=1.2) as new:
            with pytest.raises(TimeoutError):
                new.recv(1)
            exchange(old)


def knocking(port: int) -> list:
    """The bastion's ends of the connections to it."""
    return [
        connection
        for connection in psutil.Process().net_connections("tcp")
        if connection.laddr.port == port and connection.raddr
    ]


def test_only_this_machine_is_listened_to(bastions):
    listening = {
        connection.laddr.ip
        for connection in psutil.Process().net_connections("inet")
        if connection.laddr.port == bastions.port(ONE)
    }
    assert listening == {LOOPBACK}


# Stopping and starting


@needs_ssh
def test_a_stopped_instance_cuts_its_connections_and_closes_its_port(
    bastions, student, database, account
):
    port = bastions.port(ONE)
    with student.ssh_stays(bastions, "-W", f"{WRITER}:3306", "") as inside:
        exchange(inside)
        account.rule_for_22 = False
        with socket.create_connection((LOOPBACK, port), timeout=5) as outside:
            until(lambda: len(knocking(port)) == 2)
            bastions.sync([])
            assert not is_listening(port)
            assert heard_the_end(outside)
            assert inside.wait(timeout=5) == 255
    until(lambda: database.connected == 0)
    assert bastions.listing() == []
    with pytest.raises(SandboxError, match=f"No SSH server listens for {ONE}"):
        bastions.port(ONE)


def heard_the_end(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


@pytest.mark.differs(
    "A bastion stopped and started again",
    aws="its new public address leads to it, the old one nowhere",
    sandbox="SSH goes to the same port of this machine, whatever address EC2 shows",
    since="2026-11",
)
def test_port_and_host_key_outlive_the_instance_and_the_sandbox(bastions, home, account, student):
    before = bastions.port(ONE), bastions.host_key(ONE)
    assert bastions.host_key(ONE).startswith("ssh-ed25519 ")
    bastions.sync([])
    bastions.sync([BastionHost(ONE, student.public)])
    assert (bastions.port(ONE), bastions.host_key(ONE)) == before
    bastions.stop()
    later = Bastions(home, account)
    later.start()
    try:
        later.sync([BastionHost(ONE, student.public)])
        assert (later.port(ONE), later.host_key(ONE)) == before
    finally:
        later.stop()


def test_bastions_start_again_after_a_stop(bastions, student):
    bastions.stop()
    bastions.stop()
    with pytest.raises(RuntimeError, match="call start"):
        bastions.sync([])
    bastions.start()
    bastions.start()
    bastions.sync([BastionHost(ONE, student.public)])
    assert is_listening(bastions.port(ONE))


def test_a_port_that_was_taken_is_replaced_for_good(bastions, home, student):
    taken = bastions.port(ONE)
    bastions.sync([])
    with socket.create_server((LOOPBACK, taken)):
        bastions.sync([BastionHost(ONE, student.public)])
        chosen = bastions.port(ONE)
        assert chosen != taken
    assert (home / "bastions" / ONE / "port").read_text() == str(chosen)


def test_a_terminated_instance_leaves_nothing(bastions, home, student):
    before, port = bastions.host_key(ONE), bastions.port(ONE)
    bastions.forget(ONE)
    assert not is_listening(port)
    assert list((home / "bastions").iterdir()) == []
    bastions.forget(ONE)
    bastions.sync([BastionHost(ONE, student.public)])
    assert bastions.host_key(ONE) != before


@pytest.mark.skipif(sys.platform == "win32", reason="no file modes")
def test_only_the_owner_reads_the_host_key(bastions, home):
    assert stat.S_IMODE((home / "bastions" / ONE / "host_key").stat().st_mode) == 0o600


def test_an_unreadable_host_key_is_named(bastions, home, student):
    bastions.sync([])
    (home / "bastions" / ONE / "host_key").write_text("scribble")
    with pytest.raises(SandboxError, match=r"host_key cannot be read .* Delete it"):
        bastions.sync([BastionHost(ONE, student.public)])


def test_the_listing_is_what_status_prints(bastions):
    assert bastions.listing() == [
        {"instance_id": ONE, "host": LOOPBACK, "port": bastions.port(ONE), "user": LOGIN}
    ]


def test_sync_may_be_called_under_the_lock_that_the_answers_need(bastions, account):
    change = threading.Thread(target=bastions.sync, args=([],))
    with account.lock, socket.create_connection((LOOPBACK, bastions.port(ONE))):
        until(lambda: knocking(bastions.port(ONE)))
        change.start()
        change.join(timeout=5)
        assert not change.is_alive()


def test_a_fault_of_the_sandbox_is_logged(bastions, student, account, caplog):
    class Fault(Exception):
        pass

    assert not issubclass(Fault, NotConnected)
    account.endpoints[WRITER, 3306] = Fault

    async def forward() -> None:
        async with student.connect(bastions) as connection:
            await connection.open_connection(WRITER, 3306)

    with pytest.raises((asyncssh.Error, OSError)):
        asyncio.run(forward())
    until(lambda: "A bastion failed" in caplog.text)


def test_no_key_is_logged(home, account, student, caplog):
    caplog.set_level(logging.INFO, "sandbox.bastion")
    bastions = Bastions(home, account)
    bastions.start()
    bastions.sync([BastionHost(ONE, student.public)])

    async def log_in() -> None:
        async with student.connect(bastions):
            pass

    asyncio.run(log_in())
    host_key = bastions.host_key(ONE).split()[1]
    bastions.stop()
    assert f"{LOGIN} logged in" in caplog.text
    ours = "".join(record.getMessage() for record in caplog.records if "sandbox" in record.name)
    assert host_key not in ours
    assert student.public.split()[1] not in ours
