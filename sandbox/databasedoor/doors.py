"""Opens a door before each database server that somebody connects to, and closes it after it.

All of it lives in one asyncio loop in a thread of its own; the methods of `DatabaseDoors` are
called from any other thread.
"""

import asyncio
import datetime
import logging
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pymysql

from sandbox.certificates import Authority
from sandbox.databasedoor import tokens
from sandbox.databasedoor.endpoint import Endpoint
from sandbox.databasedoor.iam_users import IamUsers, Rules
from sandbox.databasedoor.line import CHUNK, Line
from sandbox.databasedoor.packets import BadPacket
from sandbox.databasedoor.rds_statements import RdsStatements
from sandbox.databasedoor.statements import Statements
from sandbox.databasedoor.visit import visit
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

LOOPBACK = "127.0.0.1"
LOGIN_SECONDS = 10.0  # MySQL's own connect_timeout
LOOK_SECONDS = 0.5  # how soon a door notices that its server has ended

log = logging.getLogger("sandbox.databasedoor")


class Servers(Protocol):
    """Where the real servers are found."""

    def server(self, cluster: str, instance: str) -> "DatabaseServer | None":
        """The server of an instance; None where it has none, or it does not run."""


class DatabaseDoors:
    """All doors of one home.

    Args:
        folder: the home's; keys are kept in `certificates/` in it.
        servers: the real servers.
        secret_of: tells the secret of an active access key, given its id and a session token.
        login_seconds: how long a client may take to log in.
    """

    def __init__(
        self,
        folder: Path,
        servers: Servers,
        secret_of: tokens.SecretOf,
        login_seconds: float = LOGIN_SECONDS,
    ):
        self.authority = Authority(folder / "certificates")
        self.iam_users = IamUsers(folder / "certificates" / "iam-users.password")
        self.secret_of = secret_of
        self.login_seconds = login_seconds
        self.workers = ThreadPoolExecutor(8, thread_name_prefix="database-door-worker")
        self._servers = servers
        self._open: dict[DatabaseServer, _Door] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._guard = threading.Lock()

    def address(self, endpoint: Endpoint) -> tuple[str, int] | None:
        """Where the door before an instance's server is, opened now if need be.

        Returns:
            Host and port on this machine; None while the server does not run.
        """
        server = self._servers.server(endpoint.cluster, endpoint.instance)
        if server is None:
            return None
        opening = asyncio.run_coroutine_threadsafe(self._door(server, endpoint), self._start())
        return LOOPBACK, opening.result()

    def close(self) -> None:
        """Cut every connection, close the doors and end the thread."""
        with self._guard:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
        self.workers.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._loop is None:
                ready = threading.Event()
                self._thread = threading.Thread(
                    target=lambda: asyncio.run(self._live(ready)),
                    name="database-doors",
                    daemon=True,
                )
                self._thread.start()
                ready.wait()
            assert self._loop is not None
            return self._loop

    async def _live(self, ready: threading.Event) -> None:
        self._closing = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        ready.set()
        await self._closing.wait()
        await asyncio.gather(*(door.close() for door in self._open.values()))

    async def _door(self, server: "DatabaseServer", endpoint: Endpoint) -> int:
        # Up to the first await nothing comes between: two who ask at once get the same door.
        door = self._open.get(server)
        if door is None:
            door = self._open[server] = _Door(server, self)
            door.watch = asyncio.create_task(self._watch(door))
        door.endpoint = endpoint
        await door.opened
        return door.port

    async def _watch(self, door: "_Door") -> None:
        try:
            await door.open()
            while door.server.running:
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._open.pop(door.server, None)
            await door.close()


class _Door:
    """The door before one server."""

    def __init__(self, server: "DatabaseServer", doors: DatabaseDoors):
        self.server = server
        self.endpoint: Endpoint
        self.port = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.watch: asyncio.Task[None]
        self._doors = doors
        self._visits: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._tls: tuple[tuple[str, ...], ssl.SSLContext] | None = None

    async def open(self) -> None:
        """Listen on a free port."""
        try:
            self._listener = await asyncio.start_server(self._enter, LOOPBACK, 0, limit=CHUNK)
        except OSError as error:
            self.opened.set_exception(error)
            raise
        self.port = self._listener.sockets[0].getsockname()[1]
        self.opened.set_result(None)

    async def close(self) -> None:
        """Stop listening and cut every connection."""
        if self._listener is not None:
            self._listener.close()
        for task in [self.watch, *self._visits]:
            if task is not asyncio.current_task():
                task.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    # -- what a visit asks: see `visit.Host` ------------------------------------------------

    @property
    def name(self) -> str:
        """The instance's identifier."""
        return self.endpoint.instance

    async def server_line(self) -> Line:
        """A new connection to the real server."""
        return await Line.to(LOOPBACK, self.server.port)

    def client_tls(self) -> ssl.SSLContext:
        """With a certificate for the names that the endpoint has now."""
        names = self.endpoint.names
        if self._tls is None or self._tls[0] != names:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._doors.authority.certify(names))
            self._tls = names, context
        return self._tls[1]

    def server_tls(self) -> ssl.SSLContext:
        """Which takes the certificate of the server's own folder and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.server.certificate)
        return context

    async def rules_for(self, user: str) -> Rules:
        """What goes for this user's login."""
        loop = asyncio.get_running_loop()
        ask = partial(self._doors.iam_users.rules_for, self.server, user)
        try:
            return await loop.run_in_executor(self._doors.workers, ask)
        except (pymysql.MySQLError, SandboxError) as error:
            # A server that is ending, or is full: it will say so itself.
            log.info("%s: cannot look up a user: %s", self.name, error)
            return Rules(token=False, tls=False)

    async def check_token(self, token: str, user: str) -> None:
        """Raise TokenRefused if the token is not good."""
        now = datetime.datetime.now(datetime.UTC)
        tokens.check(token, user, self.endpoint, self._doors.secret_of, now)

    def iam_password(self) -> str:
        """With which the door logs in for IAM's users."""
        return self._doors.iam_users.password()

    def statements(self, user: str) -> Statements:
        """What the statements of a client go through who has logged in as this user."""
        program = self.server.program
        return Statements(
            partial(self._doors.iam_users.words, self.server),
            RdsStatements(program.flavour, program.version, user),
        )

    # -- who comes --------------------------------------------------------------------------

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(Line(reader, writer)))
        self._visits.add(task)
        task.add_done_callback(self._visits.discard)

    async def _serve(self, client: Line) -> None:
        try:
            await visit(self, client, self._doors.login_seconds)
        except (OSError, EOFError, BadPacket, TimeoutError) as error:
            log.info("%s: a connection ended early: %s", self.name, error or type(error).__name__)
