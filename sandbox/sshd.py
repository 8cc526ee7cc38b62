"""One bastion's SSH server: who gets in, and where a forward goes.

It lets `ec2-user` in with the instance's key pair and with nothing else, and forwards
connections; no command runs on this machine. `root` gets in with that key too, as on Amazon
Linux, and is told to come as `ec2-user`.

SSH itself is asyncssh's: https://asyncssh.readthedocs.io/en/latest/api.html
"""

import asyncio
import contextlib
import logging
import select
import socket
import sys
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol, TypeVar

import asyncssh

LOGIN = "ec2-user"  # the user that Amazon Linux creates
# cloud-init gives root the key too, with one forced command and no forwarding (disable_root):
# https://cloudinit.readthedocs.io/en/latest/reference/modules.html#ssh
ROOT = "root"
ROOT_PAUSE = 10.0  # seconds that the forced command sleeps
ROOT_STATUS = 142  # what it exits with
ROOT_TOLD = f'Please login as the user "{LOGIN}" rather than the user "{ROOT}".'
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


class Keeper(Protocol):
    """What a server asks of the `Bastions` it belongs to."""

    surroundings: Surroundings
    connect_timeout: float

    async def ask(self, question: Callable[..., T], *details: str | int) -> T:
        """Have a worker thread call one of the surroundings' methods."""


class SshServer:
    """The SSH server of one instance: its door, and everybody inside."""

    def __init__(
        self, name: str, listener: socket.socket, host_key: asyncssh.SSHKey, bastions: Keeper
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
        task.add_done_callback(log_failure)
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

    def __init__(self, bastion: SshServer):
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
            username in (LOGIN, ROOT)
            and authorized is not None
            and key.public_data == authorized.public_data
        )

    def auth_completed(self) -> None:
        log.info("%s: %s logged in", self._bastion.name, self._user())

    def _user(self) -> str:
        return self._connection.get_extra_info("username")

    def connection_requested(
        self, dest_host: str, dest_port: int, orig_host: str, orig_port: int
    ) -> Coroutine[Any, Any, asyncssh.SSHTCPSession[bytes]]:
        if self._user() == ROOT:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "open failed"
            )
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


async def _refuse_command(process: asyncssh.SSHServerProcess[str]) -> None:
    # With a terminal the client has put the student's into raw mode: \n alone makes stairs.
    line_end = "\r\n" if process.term_type else "\n"
    if process.get_extra_info("username") == ROOT:
        process.stdout.write(ROOT_TOLD + 2 * line_end)
        await asyncio.sleep(ROOT_PAUSE)
        process.exit(ROOT_STATUS)
        return
    process.stderr.write(ONLY_FORWARDS + line_end)
    process.exit(1)


def _has_left(client: socket.socket) -> bool:
    try:
        if not client.recv(1, socket.MSG_PEEK):
            return True
    except BlockingIOError:
        return False
    except OSError:
        return True
    # An SSH client greets first, and its greeting hides the end behind it. Where the system
    # cannot look past it (Windows), the client is taken to wait until the deadline.
    if sys.platform == "darwin":
        with contextlib.closing(select.kqueue()) as queue:
            ended = select.kevent(client.fileno(), select.KQ_FILTER_READ, select.KQ_EV_ADD)
            return any(e.flags & select.KQ_EV_EOF for e in queue.control([ended], 1, 0))
    hang_up = getattr(select, "POLLRDHUP", None)
    if sys.platform == "win32" or hang_up is None:
        return False
    poll = select.poll()
    poll.register(client, hang_up)
    return bool(poll.poll(0))


def _close_if_cancelled(client: socket.socket, visit: "asyncio.Task[None]") -> None:
    if visit.cancelled():
        client.close()


def log_failure(work: "asyncio.Future[Any]") -> None:
    """Write down what a task or a worker failed at; for `add_done_callback`."""
    if work.cancelled() or isinstance(work.exception(), NotConnected):
        return
    if error := work.exception():
        log.error("A bastion failed: %s", error, exc_info=error)
