"""An SSH server for every running EC2 instance with a public address: the way in to the VPC.

Each server listens on 127.0.0.1, lets `ec2-user` in with the instance's key pair and with nothing
else, and forwards connections; no command runs on this machine. What the security groups and
routes allow is asked of the sandbox each time somebody knocks. All of it lives in one asyncio
loop in a thread of its own; the methods of `Bastions` are called from any other thread.

SSH itself is asyncssh's: https://asyncssh.readthedocs.io/en/latest/api.html
"""

import asyncio
import contextlib
import logging
import select
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import asyncssh

from sandbox.errors import SandboxError
from sandbox.home import write_private

LOOPBACK = "127.0.0.1"
LOGIN = "ec2-user"  # the user that Amazon Linux creates
CONNECT_TIMEOUT = 127.0  # seconds; after them Linux's connect() gives up (tcp_syn_retries = 6)
RULE_CHECK = 0.5  # seconds between two looks at the rules while somebody waits at the door
ONLY_FORWARDS = (
    "This bastion only forwards connections and runs no commands. Ask for a tunnel instead: "
    f"ssh -N -L 3306:<database endpoint>:3306 {LOGIN}@<this bastion>"
)

log = logging.getLogger("sandbox.bastion")
T = TypeVar("T")


class NotConnected(Exception):
    """A forward did not reach its destination."""

    told = ""  # what the SSH client is told, in the words of Linux's sshd


class NameUnknown(NotConnected):
    """No endpoint of the account has this name."""

    told = "Name or service not known"


class PortClosed(NotConnected):
    """Something is there, and nothing listens on this port of it."""

    told = "Connection refused"


class TrafficDropped(NotConnected):
    """A security group, a network ACL or a route lets the packets vanish: nobody answers."""

    told = "Connection timed out"


@dataclass(frozen=True)
class BastionHost:
    """What a bastion has to know of its EC2 instance.

    `authorized_key` is the public half of the key pair as a line of OpenSSH's; "" for an instance
    that was launched without a key pair, which nobody can log in to.
    """

    instance_id: str
    authorized_key: str


class Surroundings(Protocol):
    """What the sandbox answers. Asked in worker threads, so it may take locks."""

    def may_enter(self, instance_id: str) -> bool:
        """May the student's address reach port 22 of this instance now?"""

    def address_of(self, instance_id: str, host: str, port: int) -> tuple[str, int]:
        """Where on this machine a connection from the instance to host:port really goes.

        Raises:
            NameUnknown: the account has no such endpoint.
            PortClosed: nothing listens there.
            TrafficDropped: a rule or a route is missing.
        """


class Bastions:
    """All bastions of the account.

    Args:
        home: the sandbox's folder; host keys and ports are kept in `bastions/<instance id>/`.
        surroundings: answers who may pass, and where to.
        connect_timeout: seconds until a connection that nobody answers is given up.
    """

    def __init__(
        self, home: Path, surroundings: Surroundings, connect_timeout: float = CONNECT_TIMEOUT
    ):
        self.surroundings = surroundings
        self.connect_timeout = connect_timeout
        self._folder = home / "bastions"
        self._open: dict[str, _Bastion] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Start the thread; no bastion listens before `sync` names it."""
        if self._loop is not None:
            return
        ready = threading.Event()
        self._workers = ThreadPoolExecutor(16, thread_name_prefix="bastion-worker")
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._live(ready)), name="bastions", daemon=True
        )
        self._thread.start()
        ready.wait()

    def stop(self) -> None:
        """Close every bastion and its connections, and end the thread. Ports and keys are kept."""
        if self._loop is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._loop = None
        # Not waited for: whoever stops us may hold the lock that a worker is waiting for.
        self._workers.shutdown(wait=False, cancel_futures=True)

    def sync(self, hosts: Iterable[BastionHost]) -> None:
        """Have exactly these bastions listen.

        New ones listen when this returns; of those that are gone the port is closed and the
        connections are cut. A new authorized key counts from the next login on.

        Raises:
            SandboxError: a key cannot be read; nothing has been changed then.
        """
        wanted = {host.instance_id: _authorized(host) for host in hosts}
        self._call(self._sync(wanted))

    def forget(self, instance_id: str) -> None:
        """Close the bastion of a terminated instance and delete its host key and port."""
        self._call(self._close([instance_id]))
        folder = self._folder / instance_id
        for name in ("host_key", "port"):
            (folder / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()

    def port(self, instance_id: str) -> int:
        """The port of 127.0.0.1 on which the instance's SSH server listens.

        Raises:
            SandboxError: it does not listen.
        """
        return self._bastion(instance_id).port

    def host_key(self, instance_id: str) -> str:
        """The public host key, a line as OpenSSH writes it: `ssh-ed25519 AAAA...`.

        Raises:
            SandboxError: the instance's SSH server does not listen.
        """
        return self._bastion(instance_id).host_key.export_public_key().decode().strip()

    def listing(self) -> list[dict[str, str | int]]:
        """The listening bastions, as `python -m sandbox status --json` prints them."""
        return [
            {"instance_id": name, "host": LOOPBACK, "port": bastion.port, "user": LOGIN}
            for name, bastion in sorted(self._open.copy().items())
        ]

    def _bastion(self, instance_id: str) -> "_Bastion":
        try:
            return self._open[instance_id]
        except KeyError:
            raise SandboxError(
                f"No SSH server listens for {instance_id}: the instance is not running or has no "
                "public address. See: aws ec2 describe-instances"
            ) from None

    def _call(self, work: Coroutine[Any, Any, None]) -> None:
        if self._loop is None:
            work.close()
            raise RuntimeError("The bastions are not running: call start() first.")
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _live(self, ready: threading.Event) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        ready.set()
        await self._stopping.wait()
        await self._close(list(self._open))

    async def _sync(self, wanted: dict[str, asyncssh.SSHKey | None]) -> None:
        await self._close([name for name in self._open if name not in wanted])
        for name, key in wanted.items():
            if name not in self._open:
                folder = self._folder / name
                host_key = _host_key(folder / "host_key")
                # Those of stopped instances too: they want to find theirs again.
                promised = {_read_port(file) for file in self._folder.glob("*/port")}
                listener = _listener(folder / "port", promised)
                self._open[name] = _Bastion(name, listener, host_key, self)
            self._open[name].authorized_key = key

    async def _close(self, names: list[str]) -> None:
        gone = [self._open.pop(name) for name in names if name in self._open]
        await asyncio.gather(*(bastion.close() for bastion in gone))

    async def ask(self, question: Callable[..., T], *details: str | int) -> T:
        """Have a worker thread call one of the surroundings' methods."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self._workers, question, *details)
        # asyncssh would swallow a fault in there, and only cut the connection.
        answer.add_done_callback(_log_failure)
        return await answer


class _Bastion:
    """The SSH server of one instance: its door, and everybody inside."""

    def __init__(
        self, name: str, listener: socket.socket, host_key: asyncssh.SSHKey, bastions: Bastions
    ):
        self.name = name
        self.port: int = listener.getsockname()[1]
        self.host_key = host_key
        self.authorized_key: asyncssh.SSHKey | None = None
        self.bastions = bastions
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self._listener = listener
        self._tasks: set[asyncio.Task[None]] = set()
        self._run(self._accept())
        log.info("%s: listens on port %d", name, self.port)

    async def close(self) -> None:
        """Stop listening and cut every connection, at once."""
        cut = list(self.connections)
        for connection in cut:
            connection.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(connection.wait_closed() for connection in cut))
        self._listener.close()
        log.info("%s: closed", self.name)

    def _run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)
        return task

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                client, _ = await loop.sock_accept(self._listener)
            except OSError as error:  # out of file descriptors, or the client is gone already
                log.warning("%s: cannot accept a connection: %s", self.name, error)
                await asyncio.sleep(RULE_CHECK)
            else:
                visit = self._run(self._receive(client))
                # Not in `_receive`: a task that is cancelled early enough never begins.
                visit.add_done_callback(partial(_close_if_cancelled, client))

    async def _receive(self, client: socket.socket) -> None:
        if await self._is_let_in(client):
            await self._serve(client)
        else:
            client.close()

    async def _is_let_in(self, client: socket.socket) -> bool:
        # The kernel has accepted already, so silence is the nearest thing to a dropped packet.
        # A client that still tries when the rule comes gets through, as its SYN would on AWS;
        # one that is in stays in when the rule goes, as AWS tracks connections:
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.bastions.connect_timeout
        may_enter = self.bastions.surroundings.may_enter
        while not await self.bastions.ask(may_enter, self.name):
            if clock() >= deadline or _has_left(client):
                return False
            await asyncio.sleep(RULE_CHECK)
        return True

    async def _serve(self, client: socket.socket) -> None:
        try:
            await asyncssh.run_server(
                client,
                server_factory=lambda: _Visit(self),
                server_host_keys=[self.host_key],
                process_factory=_refuse_command,
                password_auth=False,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                agent_forwarding=False,
                x11_forwarding=False,
                line_editor=False,
                login_timeout=120,
                keepalive_interval=60,
            )
        except (asyncssh.Error, OSError) as error:
            log.info("%s: no login: %s", self.name, error)


class _Visit(asyncssh.SSHServer):
    """What one connection may do: log in with the key pair, and open forwards."""

    def __init__(self, bastion: _Bastion):
        self._bastion = bastion
        self._gone = asyncio.Event()

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._bastion.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._bastion.connections.discard(self._connection)
        self._gone.set()

    def begin_auth(self, username: str) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        authorized = self._bastion.authorized_key
        return (
            username == LOGIN
            and authorized is not None
            and key.public_data == authorized.public_data
        )

    def auth_completed(self) -> None:
        log.info("%s: %s logged in", self._bastion.name, LOGIN)

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Coroutine[Any, Any, asyncssh.SSHTCPSession[bytes]]:
        return self._forward(dest_host, dest_port)

    async def _forward(self, host: str, port: int) -> Any:
        bastions, name = self._bastion.bastions, self._bastion.name
        try:
            address = await bastions.ask(bastions.surroundings.address_of, name, host, port)
        except NotConnected as error:
            if isinstance(error, TrafficDropped):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._gone.wait(), bastions.connect_timeout)
            log.info("%s: no connection to %s port %d: %s", name, host, port, error.told)
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, error.told) from None
        try:
            forward = await self._connection.forward_connection(*address)
        except asyncssh.ChannelOpenError:
            # asyncssh's own message would name the address on this machine.
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_CONNECT_FAILED, PortClosed.told) from None
        if self._gone.is_set():
            forward.close()
        log.info("%s: forwards to %s port %d", name, host, port)
        return forward


def _refuse_command(process: asyncssh.SSHServerProcess[str]) -> None:
    # With a terminal the client has put the student's into raw mode: \n alone makes stairs.
    process.stderr.write(ONLY_FORWARDS + ("\r\n" if process.term_type else "\n"))
    process.exit(1)


def _authorized(host: BastionHost) -> asyncssh.SSHKey | None:
    if not host.authorized_key:
        return None
    try:
        return asyncssh.import_public_key(host.authorized_key)
    except asyncssh.KeyImportError as error:
        raise SandboxError(
            f"The key pair of {host.instance_id} is not an OpenSSH public key ({error}). "
            "Launch the instance with another: aws ec2 create-key-pair"
        ) from error


def _host_key(file: Path) -> asyncssh.SSHKey:
    try:
        return asyncssh.read_private_key(file)
    except FileNotFoundError:
        key = asyncssh.generate_private_key("ssh-ed25519")
        write_private(file, key.export_private_key().decode())
        return key
    except asyncssh.KeyImportError as error:
        raise SandboxError(
            f"The host key {file} cannot be read ({error}). Delete it: another is made"
        ) from error


def _listener(port_file: Path, promised: set[int | None]) -> socket.socket:
    """Listen on the port that was kept, or on a free one that is kept from now on."""
    with contextlib.suppress(OSError):  # taken by somebody else meanwhile
        if kept := _read_port(port_file):
            return _listen(kept)
    listener = _listen(0)
    while listener.getsockname()[1] in promised:
        listener.close()
        listener = _listen(0)
    write_private(port_file, str(listener.getsockname()[1]))
    return listener


def _listen(port: int) -> socket.socket:
    listener = socket.create_server((LOOPBACK, port), backlog=128)
    listener.setblocking(False)
    return listener


def _read_port(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _has_left(client: socket.socket) -> bool:
    try:
        if not client.recv(1, socket.MSG_PEEK):
            return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    # An SSH client greets first, and its greeting hides the end behind it. Where the system
    # cannot look past it, the client is taken to wait until the deadline.
    hang_up = getattr(select, "POLLRDHUP", None)
    if hang_up is None:
        return False
    poll = select.poll()
    poll.register(client, hang_up)
    return bool(poll.poll(0))


def _close_if_cancelled(client: socket.socket, visit: "asyncio.Task[None]") -> None:
    if visit.cancelled():
        client.close()


def _log_failure(work: "asyncio.Future[Any]") -> None:
    if work.cancelled() or isinstance(work.exception(), NotConnected):
        return
    if error := work.exception():
        log.error("A bastion failed: %s", error, exc_info=error)
