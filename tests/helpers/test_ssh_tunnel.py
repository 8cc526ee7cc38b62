"""The tunnel, against a real SSH server and a real listener behind it; every error is provoked."""

import asyncio
import base64
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncssh
import boto3
import paramiko
import pytest
import sshtunnel
from botocore.stub import Stubber

from helpers.bastion import (
    BastionHostKeyUnknown,
    BastionNotAnswering,
    KeyFileHasPassphrase,
    KeyFileMissing,
    KeyFileReadableByOthers,
    KeyFileUnreadable,
    NoRouteToDatabase,
    WrongHostKey,
    WrongKey,
    WrongLogin,
    host_keys,
)
from helpers.ssh_tunnel import _Forwarder, tunnel

BASTION = "i-0123456789abcdef0"
DATABASE = "bookstore.cluster-abc.us-east-1.rds.amazonaws.com"
GREETING = b"\x0a8.0.mysql_aurora.3.08.0\x00" + bytes(40)


class Bastion:
    """An asyncssh server in a thread, which leads the database's name to a listener of ours."""

    def __init__(self, folder):
        self.client_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.key_file = write_key(folder / "bookstore.pem", self.client_key)
        self.behaviour = "forward"
        self.conns = []
        self.writers = []
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.run(self._start())

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    async def _start(self):
        bastion = self

        class Server(asyncssh.SSHServer):
            def connection_made(self, conn):
                bastion.conns.append(conn)
                self.conn = conn

            def begin_auth(self, username):
                return True

            def public_key_auth_supported(self):
                return True

            def validate_public_key(self, username, key):
                ours = bastion.client_key.convert_to_public()
                return username == "ec2-user" and key == ours

            def connection_requested(self, dest_host, dest_port, orig_host, orig_port):
                return bastion.lead(self.conn, dest_host)

        self.database = await asyncio.start_server(self.greet, "127.0.0.1", 0)
        self.server = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=Server, server_host_keys=[self.host_key]
        )
        self.address = ("127.0.0.1", self.server.get_port())

    async def lead(self, conn, host):
        if self.behaviour == "hang":
            await asyncio.Event().wait()
        if self.behaviour == "refuse":
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, "Connection refused")
        if host != DATABASE:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_CONNECT_FAILED, "Name or service not known"
            )
        port = self.database.sockets[0].getsockname()[1]
        return await conn.forward_connection("127.0.0.1", port)

    async def greet(self, reader, writer):
        self.writers.append(writer)
        if self.behaviour == "silent":
            await reader.read()
        elif self.behaviour != "hang up":
            writer.write(struct.pack("<I", len(GREETING))[:3] + b"\0" + GREETING)
            while data := await reader.read(100):
                writer.write(data)
        writer.close()

    def tunnel(self, **changed):
        public = paramiko.Ed25519Key(data=self.host_key.public_data)
        arguments = {
            "key_file": self.key_file,
            "mysql_host": DATABASE,
            "ssh_address": self.address,
            "host_key": public,
            "timeout": 5,
        } | changed
        return tunnel(BASTION, **arguments)

    def close(self):
        async def stop():
            self.database.close()
            self.server.close()
            for conn in self.conns:
                conn.abort()
                await conn.wait_closed()
            for writer in self.writers:
                writer.transport.abort()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            for _ in range(3):  # what was scheduled by the closing itself
                await asyncio.sleep(0)

        self.run(stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def write_key(path, key):
    path.touch(mode=0o600)
    path.write_bytes(key.export_private_key("pkcs1-pem"))
    return path


@pytest.fixture
def bastion(tmp_path):
    bastion = Bastion(tmp_path)
    yield bastion
    bastion.close()


def wait_until(condition, seconds=1):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not come true"
        time.sleep(0.01)


def open_sockets():
    """How many sockets this process has open; 0 where the system does not show it."""
    links = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return sum(link.startswith("socket:") for link in links)


@contextmanager
def nothing_left():
    """After the block the same threads run and the same number of sockets is open as before."""
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    wait_until(lambda: set(threading.enumerate()) <= threads)
    # The server in this process closes its own ends a moment later.
    wait_until(lambda: open_sockets() <= sockets)


def talk(open_tunnel):
    with socket.create_connection((open_tunnel.host, open_tunnel.port), 5) as conn:
        conn.settimeout(5)
        data = b""
        while len(data) < 4 + len(GREETING):
            data += conn.recv(100)
        conn.sendall(b"hello")
        return data[4:], conn.recv(5)


def test_it_carries_bytes_both_ways_and_is_gone_after_the_block(bastion):
    with nothing_left():
        with bastion.tunnel() as open_tunnel:
            assert open_tunnel.host == "127.0.0.1"
            assert talk(open_tunnel) == (GREETING, b"hello")
            assert talk(open_tunnel) == (GREETING, b"hello")
            assert str(open_tunnel.port) not in repr(open_tunnel)
            assert repr(open_tunnel) == f"<open tunnel to {DATABASE}:3306 through {BASTION}>"
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((open_tunnel.host, open_tunnel.port), 1)
    assert "closed" in repr(open_tunnel)


def test_closing_twice_is_harmless_and_cuts_what_is_open(bastion):
    with nothing_left():
        open_tunnel = bastion.tunnel()
        with socket.create_connection((open_tunnel.host, open_tunnel.port), 5) as conn:
            conn.settimeout(5)
            assert conn.recv(1)
            open_tunnel.close()
            open_tunnel.close()
            with pytest.raises(ConnectionResetError):
                while conn.recv(1000):
                    pass
                raise ConnectionResetError  # an orderly end is as good


def test_it_listens_on_this_machine_only(bastion):
    with bastion.tunnel() as open_tunnel:
        assert open_tunnel._forwarder.local_bind_hosts == ["127.0.0.1"]


def test_it_costs_one_login(bastion):
    with bastion.tunnel():
        assert len(bastion.conns) == 1


def test_the_users_own_keys_and_configuration_are_never_used(bastion, tmp_path, monkeypatch):
    ssh = tmp_path / "home" / ".ssh"
    ssh.mkdir(parents=True)
    write_key(ssh / "id_rsa", bastion.client_key)  # the right key, in the wrong place
    (ssh / "config").write_text("Host *\n  HostName 192.0.2.1\n")
    monkeypatch.setenv("HOME", str(ssh.parent))
    monkeypatch.setenv("USERPROFILE", str(ssh.parent))
    other = write_key(
        tmp_path / "other.pem", asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    )
    with bastion.tunnel() as open_tunnel:
        assert len(open_tunnel._forwarder.ssh_pkeys) == 1
    with pytest.raises(WrongKey):
        bastion.tunnel(key_file=other)


def test_key_file_missing(bastion, tmp_path):
    with pytest.raises(KeyFileMissing, match=r"no key file .*none\.pem.*create_key_pair"):
        bastion.tunnel(key_file=tmp_path / "none.pem")
    assert len(bastion.conns) == 0


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_key_file_readable_by_others(bastion, mode):
    bastion.key_file.chmod(mode)
    with pytest.raises(KeyFileReadableByOthers, match=r"chmod 600 .*bookstore\.pem"):
        bastion.tunnel()
    assert len(bastion.conns) == 0


@pytest.mark.parametrize("content", ["empty", "text", "public", "passphrase", "openssh passphrase"])
def test_key_file_unreadable(bastion, content):
    key, word = bastion.client_key, secrets.token_urlsafe(8)
    bastion.key_file.write_bytes(
        {
            "empty": lambda: b"",
            "text": lambda: b"not a key\n",
            "public": lambda: key.export_public_key(),
            "passphrase": lambda: key.export_private_key("pkcs1-pem", word),
            "openssh passphrase": lambda: key.export_private_key("openssh", word),
        }[content]()
    )
    with pytest.raises(KeyFileUnreadable, match="KeyMaterial exactly as EC2"):
        bastion.tunnel()


def test_wrong_key(bastion, tmp_path, capfd):
    other = write_key(
        tmp_path / "other.pem", asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    )
    with nothing_left(), pytest.raises(WrongKey, match=r'other\.pem for "ec2-user".*\["KeyName"\]'):
        bastion.tunnel(key_file=other)
    assert capfd.readouterr() == ("", "")


def test_wrong_user(bastion):
    with nothing_left(), pytest.raises(WrongKey, match='for "root"'):
        bastion.tunnel(user="root")


def test_a_wrong_login_with_the_right_key_is_named(bastion):
    for user in ("root", "ubuntu"):
        with nothing_left(), pytest.raises(WrongLogin, match=r'key is right.*user="ec2-user"'):
            bastion.tunnel(user=user)


def test_a_wrong_login_with_a_wrong_key_is_not_called_right(bastion, tmp_path):
    key = asyncssh.generate_private_key("ssh-rsa", key_size=2048)
    other = write_key(tmp_path / "other.pem", key)
    with nothing_left(), pytest.raises(WrongKey, match="not the key pair") as refused:
        bastion.tunnel(key_file=other, user="ubuntu")
    assert not isinstance(refused.value, WrongLogin)


@pytest.mark.parametrize("form", ["pkcs1-pem", "pkcs8-pem", "openssh"])
def test_a_passphrase_is_named(bastion, form):
    key = bastion.client_key
    bastion.key_file.write_bytes(key.export_private_key(form, secrets.token_urlsafe(8)))
    with pytest.raises(KeyFileHasPassphrase, match="ssh-keygen -p"):
        bastion.tunnel()


def test_what_else_a_key_file_holds_is_named(bastion):
    bastion.key_file.write_bytes(bastion.client_key.export_public_key())
    with pytest.raises(KeyFileUnreadable, match="public half"):
        bastion.tunnel()
    bastion.key_file.write_text("PuTTY-User-Key-File-3: ssh-ed25519\n")
    with pytest.raises(KeyFileUnreadable, match="puttygen"):
        bastion.tunnel()


@pytest.mark.parametrize("kind", ["same", "other"])
def test_wrong_host_key(bastion, kind, capfd):
    expected = paramiko.RSAKey.generate(2048)
    if kind == "same":
        data = asyncssh.generate_private_key("ssh-ed25519").public_data
        expected = paramiko.Ed25519Key(data=data)
    with nothing_left(), pytest.raises(WrongHostKey, match=rf'host_keys\("{BASTION}"\)'):
        bastion.tunnel(host_key=expected)
    assert capfd.readouterr() == ("", "")


def test_bastion_not_answering_refused(bastion):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with nothing_left(), pytest.raises(BastionNotAnswering, match="inbound rule for port 22"):
            bastion.tunnel(ssh_address=free.getsockname())


@pytest.mark.parametrize("what", ["silent", "hangs up", "no ssh"])
def test_bastion_not_answering_after_connect(bastion, what):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            conn, _ = listener.accept()
            with conn, suppress(ConnectionError):
                if what == "no ssh":
                    conn.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                if what != "hangs up":
                    conn.recv(1)

        thread = threading.Thread(target=serve)
        thread.start()
        expected = "nothing within 0.2 seconds" if what == "silent" else "not an SSH server"
        with pytest.raises(BastionNotAnswering, match=expected):
            bastion.tunnel(ssh_address=listener.getsockname(), timeout=0.2)
        thread.join(5)
        assert not thread.is_alive()


def test_bastion_that_stops_after_its_banner(bastion, capfd):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            conn, _ = listener.accept()
            with conn:
                conn.sendall(b"SSH-2.0-gone\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with nothing_left(), pytest.raises(BastionNotAnswering):
            bastion.tunnel(ssh_address=listener.getsockname(), timeout=2)
            thread.join(5)
        thread.join(5)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("behaviour", ["hang", "silent"])
def test_database_that_does_not_answer_names_the_inbound_rule(bastion, behaviour, capfd):
    bastion.behaviour = behaviour
    expected = r"inbound rule for 3306 .*authorize_security_group_ingress"
    with nothing_left(), pytest.raises(NoRouteToDatabase, match=expected):
        bastion.tunnel(timeout=0.4)
    assert capfd.readouterr() == ("", "")


def test_database_refused(bastion, capfd):
    bastion.behaviour = "refuse"
    with nothing_left(), pytest.raises(NoRouteToDatabase, match="'Connection refused'"):
        bastion.tunnel()
    assert capfd.readouterr() == ("", "")


def test_database_name_unknown(bastion):
    with nothing_left(), pytest.raises(NoRouteToDatabase, match="'Name or service not known'"):
        bastion.tunnel(mysql_host="bokstore.cluster-abc.us-east-1.rds.amazonaws.com")


def test_something_else_behind_the_bastion(bastion):
    bastion.behaviour = "hang up"
    with nothing_left(), pytest.raises(NoRouteToDatabase, match="does not greet as MySQL"):
        bastion.tunnel()


def test_an_interrupt_leaves_nothing_behind(bastion, monkeypatch):
    def interrupted(forwarder):
        sshtunnel.SSHTunnelForwarder.start(forwarder)
        raise KeyboardInterrupt

    monkeypatch.setattr(_Forwarder, "start", interrupted, raising=False)
    with nothing_left(), pytest.raises(KeyboardInterrupt):
        bastion.tunnel()


def test_it_is_closed_when_the_interpreter_ends(bastion):
    public = bastion.host_key.public_data.hex()
    script = f"""
import paramiko
from helpers.ssh_tunnel import tunnel
key = paramiko.Ed25519Key(data=bytes.fromhex("{public}"))
kept = tunnel("{BASTION}", r"{bastion.key_file}", "{DATABASE}",
              ssh_address={bastion.address}, host_key=key)
stop = kept._forwarder.stop
def stopped(**options):
    stop(**options)
    print("closed", flush=True)
kept._forwarder.stop = stopped
print("open")
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=20
    )
    assert (done.stdout, done.stderr) == ("open\nclosed\n", "")


def console(*keys, prefix=""):
    lines = "\n".join(f"{prefix}{key}" for key in keys)
    return (
        "[    0.000000] Linux version 6.1\n"
        f"{prefix}-----BEGIN SSH HOST KEY KEYS-----\n"
        f"{lines}\n"
        f"{prefix}-----END SSH HOST KEY KEYS-----\n"
        "Amazon Linux 2023\n"
    )


def public_line(key):
    return key.export_public_key().decode().strip() + " root@ip-10-0-0-10"


def ec2_that_answers(*outputs):
    client = boto3.client(
        "ec2", region_name="us-east-1", aws_access_key_id="none", aws_secret_access_key="none"
    )
    stub = Stubber(client)
    for options, output in zip(({}, {"Latest": True}), outputs, strict=False):
        answer = {"InstanceId": BASTION}
        if output is not None:  # EC2 sends it encoded, and botocore decodes it
            answer["Output"] = base64.b64encode(output.encode()).decode()
        stub.add_response("get_console_output", answer, {"InstanceId": BASTION, **options})
    stub.activate()
    return client, stub


@pytest.mark.parametrize("prefix", ["", "ec2: ", "[   12.345] cloud-init[1642]: "])
def test_host_keys_are_read_from_the_console_ed25519_first(prefix):
    keys = [
        asyncssh.generate_private_key(kind)
        for kind in ("ssh-rsa", "ecdsa-sha2-nistp256", "ssh-ed25519")
    ]
    client, stub = ec2_that_answers(console(*map(public_line, keys), prefix=prefix))
    found = host_keys(BASTION, ec2=client)
    assert [key.get_name() for key in found] == ["ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"]
    assert found[0].asbytes() == keys[2].public_data
    stub.assert_no_pending_responses()


def test_the_last_boots_keys_count_and_a_damaged_one_is_left_out():
    first, second = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    damaged = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQ[   13.1] eth0: up"
    client, _ = ec2_that_answers(
        console(public_line(first)) + console(damaged, public_line(second))
    )
    assert [key.asbytes() for key in host_keys(BASTION, ec2=client)] == [second.public_data]


def test_host_keys_from_the_live_console_of_a_nitro_instance():
    key = asyncssh.generate_private_key("ssh-ed25519")
    client, stub = ec2_that_answers(None, console(public_line(key)))
    assert [each.asbytes() for each in host_keys(BASTION, ec2=client)] == [key.public_data]
    stub.assert_no_pending_responses()


def test_host_keys_not_shown_yet():
    for output in (None, "", "booting", console("")):
        client, _ = ec2_that_answers(output, output)
        with pytest.raises(BastionHostKeyUnknown, match=r"Wait a little.*get_console_output"):
            host_keys(BASTION, ec2=client)


def test_host_keys_without_a_live_console():
    client, stub = ec2_that_answers(None)
    stub.add_client_error("get_console_output", "UnsupportedOperation")
    with pytest.raises(BastionHostKeyUnknown):
        host_keys(BASTION, ec2=client)


def test_without_a_host_key_the_tunnel_asks_ec2(bastion, monkeypatch):
    client, stub = ec2_that_answers(console(public_line(bastion.host_key)))
    monkeypatch.setattr(boto3, "client", lambda service: client)
    bastion.tunnel(host_key=None).close()
    stub.assert_no_pending_responses()
