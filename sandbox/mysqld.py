"""One real MySQL-family server process: the database behind one Aurora instance."""

import contextlib
import os
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pymysql
import pymysql.cursors

from sandbox import datafolder, mysqld_accounts, replication, server_settings
from sandbox.datafolder import CERTIFICATE, LOOPBACK, SUPERUSER
from sandbox.errors import SandboxError
from sandbox.install import NoDatabaseServer, Program, find_program
from sandbox.mysqld_process import (
    apart_from_terminal,
    command_line,
    free_port,
    is_free,
    stop_leftovers,
)

__all__ = ["DatabaseServer", "NoDatabaseServer", "Program", "find_program", "stop_leftovers"]

PORT_ATTEMPTS = 5


class DatabaseServer:
    """A MariaDB or MySQL server on 127.0.0.1 whose data, settings and log are in one folder.

    May be used from several threads. `create()` once, then `start()` and `stop()` at will; stop
    it before dropping it, or leave it to `stop_leftovers`.

    Args:
        folder: where everything is kept; this server's alone.
        server_id: a number no other server of the cluster has; replication tells them by it.
        program: which server to run; found by itself when not given.
    """

    def __init__(self, folder: Path, server_id: int, program: Program | None = None) -> None:
        self.folder = Path(folder).resolve()
        self.server_id = server_id
        self.program = program or find_program()
        self._process: subprocess.Popen[bytes] | None = None
        self._port: int | None = None
        self._guard = threading.RLock()
        self._tls: ssl.SSLContext | None = None  # once the server insists on TLS

    def create(self, template_cache: Path | None = None) -> None:
        """Lay down an empty database: one superuser, `rdsadmin`, who logs in from 127.0.0.1 only.

        Args:
            template_cache: where the prepared data folder is kept between runs; this user's
                cache folder when not given.

        Raises:
            SandboxError: there is a database in the folder already, or no room for one.
        """
        with self._guard:
            datafolder.create(self.folder, self.program, template_cache)

    def start(self, timeout: float = 30.0) -> None:
        """Start the process and wait until it answers; nothing to do when it runs.

        Keeps its port from one start to the next, unless something else has taken it. A server
        that was killed recovers what it had acknowledged.

        Raises:
            SandboxError: nothing was created here, or the server would not start.
        """
        with self._guard:
            if self.running:
                return
            if not (self.folder / "data").is_dir():
                raise SandboxError(f"There is no database in {self.folder}. Call create() first.")
            if (self.folder / "mysqld.pid").exists():
                # Not stopped in good order: the process may still be there, holding the files.
                stop_leftovers(self.folder)
            port, read_only = datafolder.read_settings(self.folder)
            for _ in range(PORT_ATTEMPTS):
                if port is None or not is_free(port):
                    port = free_port()
                datafolder.write_settings(
                    self.folder, self.program, self.server_id, port, read_only
                )
                if self._launch(port, timeout):
                    self._port = port
                    (self.folder / "first-start.sql").unlink(missing_ok=True)
                    server_settings.tell(self)
                    return
            raise SandboxError(
                f"The database server in {self.folder} found every port it tried taken by "
                "another program. Close what opens so many, and start it again."
            )

    def stop(self, timeout: float = 15.0) -> None:
        """Shut down in good order, or by force after `timeout` seconds; nothing if not running."""
        with self._guard:
            process, self._process = self._process, None
            if process is None:
                return
            if process.poll() is None:
                self._ask_to_end(process)
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def kill(self) -> None:
        """End the process at once, as a power cut would."""
        with self._guard:
            process, self._process = self._process, None
            if process is not None:
                process.kill()
                process.wait()

    @property
    def running(self) -> bool:
        """Whether the process lives; False too when it died or was killed from outside."""
        process = self._process
        return process is not None and process.poll() is None

    @property
    def pid(self) -> int | None:
        """The process id, or None when it does not run."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def port(self) -> int:
        """The TCP port on 127.0.0.1, of this start or the last."""
        if self._port is None:
            self._port, _ = datafolder.read_settings(self.folder)
        if self._port is None:
            raise SandboxError(f"The database in {self.folder} has no port yet. start() it first.")
        return self._port

    @property
    def certificate(self) -> Path:
        """The file with the certificate that the server shows when a client begins TLS."""
        return self.folder / CERTIFICATE

    def execute(
        self, sql: str, args: Sequence[Any] | Mapping[str, Any] | None = None
    ) -> list[tuple[Any, ...]]:
        """Run one statement as `rdsadmin` and return its rows, committed.

        Raises:
            SandboxError: the server does not run.
            pymysql.MySQLError: the server refused the statement.
        """
        with self._cursor() as cursor:
            cursor.execute(sql, args)
            return list(cursor.fetchall())

    def describe(self, sql: str) -> list[dict[str, Any]]:
        """Like `execute`, each row by its column names."""
        with self._cursor() as cursor:
            cursor.execute(sql)
            names = [column[0] for column in cursor.description or ()]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def create_master_user(self, user: str, password: str, database: str | None = None) -> None:
        """Make the account that RDS makes for the customer, and the first database if named.

        It may do what RDS lets it do on every database, and is no superuser: no SUPER, FILE or
        SHUTDOWN. Run on the writer; replicas get it by replication.
        """
        mysqld_accounts.create_master_user(self, user, password, database)

    def set_master_password(self, user: str, password: str) -> None:
        """Change the password for new connections; those that are open stay open, as on RDS."""
        self.execute("ALTER USER %s@'%%' IDENTIFIED BY %s", (user, password))

    def drop_connections(self) -> None:
        """End every connection of clients, as a failover or a reboot does."""
        mysqld_accounts.drop_connections(self)

    def follow(self, writer: "DatabaseServer") -> None:
        """Become a read-only replica of `writer`; call it again when the writer's port changes.

        Clients are disconnected, and their writes get error 1290, as on an Aurora reader. A server
        that was the writer may follow the one promoted in its place.

        Raises:
            SandboxError: either does not run, or this one has changes that the writer lacks.
        """
        with self._guard:
            if not writer.running:
                raise SandboxError(f"The writer in {writer.folder} does not run. start() it first.")
            self.refuse_writes()
            replication.follow(self, writer)

    def refuse_writes(self) -> None:
        """End clients' connections and refuse writes from then on (error 1290).

        For a writer about to be succeeded: after this its successor can catch up completely.
        """
        with self._guard:
            # First: setting read_only would wait for whoever holds LOCK TABLES.
            self.drop_connections()
            self._set_read_only(True)

    def promote(self) -> None:
        """Apply what was received, stop following, and accept writes.

        Raises:
            SandboxError: it does not run, or could not apply what it received.
        """
        with self._guard:
            replication.promote(self)
            self._set_read_only(False)

    def replay(self, source: "DatabaseServer", until: str, timeout: float = 600.0) -> None:
        """Become, from empty, what `source` was at the position `until`; follow it no further.

        Raises:
            SandboxError: either does not run, or it did not work out within `timeout` seconds.
        """
        with self._guard:
            replication.replay(self, source, until, timeout)

    @property
    def position(self) -> str:
        """All that it has committed, as global transaction ids: a moment of its history."""
        return replication.position(self)

    @property
    def lag(self) -> float | None:
        """Seconds behind the writer; None when it follows none, or is cut off."""
        return replication.lag(self)

    def caught_up(self, writer: "DatabaseServer", timeout: float = 10.0) -> bool:
        """Wait until this has all that `writer` has committed by now; False after `timeout` s."""
        return replication.caught_up(self, writer, timeout)

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[pymysql.cursors.Cursor]:
        if not self.running:
            raise SandboxError(f"The database server in {self.folder} does not run. start() it.")
        with (
            contextlib.closing(self._connect(self.port)) as connection,
            connection.cursor() as cursor,
        ):
            yield cursor

    def _connect(
        self, port: int, read_timeout: float | None = None
    ) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        try:
            return self._connect_with(self._tls, port, read_timeout)
        except pymysql.OperationalError as error:
            # require_secure_transport has been switched on; MariaDB gives the first, MySQL the
            # second number.
            if self._tls or error.args[0] not in (1045, 3159):
                raise
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname = False
        tls.load_verify_locations(self.certificate)
        connection = self._connect_with(tls, port, read_timeout)
        self._tls = tls
        return connection

    def _connect_with(
        self, tls: ssl.SSLContext | None, port: int, read_timeout: float | None
    ) -> "pymysql.Connection[pymysql.cursors.Cursor]":
        password = (self.folder / SUPERUSER).read_text(encoding="utf-8")
        return pymysql.connect(
            host=LOOPBACK,
            port=port,
            user=SUPERUSER,
            password=password,
            autocommit=True,
            read_timeout=read_timeout,
            init_command="SET SESSION lock_wait_timeout = 5",  # never hang on a client's locks
            ssl=tls,
            ssl_disabled=tls is None,  # TLS of PyMySQL's own choice would cost 25 ms
        )

    def _launch(self, port: int, timeout: float) -> bool:
        """Start the process; False when another program took the port first."""
        log = self.folder / "error.log"
        with log.open("ab") as output:
            said_before = output.tell()
            self._process = process = subprocess.Popen(
                command_line(self.program, self.folder),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                **apart_from_terminal(),
            )
        deadline = time.monotonic() + timeout
        while process.poll() is None:
            try:
                # Whoever has the port in our place may accept and never say a word.
                self._connect(port, read_timeout=1).close()
                return True
            except pymysql.OperationalError as error:
                if time.monotonic() > deadline:
                    self.kill()
                    raise SandboxError(
                        f"The database server in {self.folder} did not answer within {timeout:g} "
                        f"seconds ({error}). Read {log}, or give it more time."
                    ) from error
                time.sleep(0.01)
        self._process = None
        with log.open("rb") as said:
            said.seek(said_before)
            lines = said.read().decode(errors="replace").splitlines()
        errors = [line for line in lines if "[ERROR]" in line] or lines or ["it said nothing"]
        if any("TCP/IP port" in line for line in errors):
            return False
        raise SandboxError(
            f"The database server in {self.folder} ended while starting: {errors[0].strip()} "
            f"Read {log} for the rest; deleting the folder starts it afresh."
        )

    def _ask_to_end(self, process: "subprocess.Popen[bytes]") -> None:
        if self.program.flavour == "mysql":
            # MySQL waits about ten seconds for the threads that feed its replicas.
            with (
                contextlib.suppress(pymysql.MySQLError),
                contextlib.closing(self._connect(self.port, read_timeout=2)) as connection,
                connection.cursor() as cursor,
            ):
                mysqld_accounts.drop_replicas(cursor)
        if os.name != "nt":
            process.terminate()
            return
        # On Windows terminate() is a kill, so ask in SQL; the connection may go down with it.
        with contextlib.suppress(pymysql.MySQLError):
            self._connect(self.port).cursor().execute("SHUTDOWN")

    def _set_read_only(self, read_only: bool) -> None:
        variable = "super_read_only" if self.program.flavour == "mysql" else "read_only"
        if read_only:
            self.execute(f"SET GLOBAL {variable} = ON")
        else:
            self.execute("SET GLOBAL read_only = OFF")  # MySQL turns super_read_only off with it
        datafolder.write_settings(self.folder, self.program, self.server_id, self.port, read_only)
