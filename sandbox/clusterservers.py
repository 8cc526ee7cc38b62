"""The real servers of one Aurora cluster: a writer, its replicas, and the volume they leave.

A cluster has one worker thread: what is asked of it is done in that order, and the API does not
wait. A `Future` tells when, and whether it went well.
"""

import contextlib
import logging
import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sandbox import clustercopies, clusterfailover, clustermembers, datafolder, replication
from sandbox.deferred import Deferred
from sandbox.home import write_private
from sandbox.install import Program
from sandbox.mysqld import DatabaseServer
from sandbox.server_errors import ERRORS, ServerFailed, as_server_failed

# Begins the name of a folder that is being removed, as was asked.
REMOVED = "_removed-"

log = logging.getLogger("sandbox.servers")


@dataclass(frozen=True)
class Master:
    """The master user as given to RDS, and the database to begin with."""

    user: str
    password: str = field(repr=False)
    database: str | None = None


class ClusterServers:
    """The servers of one cluster: one writer, the others replicas of it.

    The data belongs to the cluster, as in Aurora: it outlives the last instance, in `volume`,
    and the next instance of the cluster starts from it.

    Attributes:
        servers: of each instance whose folder is there, whether or not it runs.
        writer: the instance whose server has the data that count; it need not run.
        problems: why the server of an instance cannot be used, for as long as it cannot.
    """

    def __init__(self, folder: Path, next_server_id: Callable[[], int], deferred: Deferred):
        self.folder = folder
        self._deferred = deferred
        self.servers: dict[str, DatabaseServer] = {}
        self.writer: str | None = None
        self.problems: dict[str, ServerFailed] = {}
        self._closing = threading.Event()
        self._next_server_id = next_server_id
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"cluster-{folder.name}")

    @property
    def has_writer(self) -> bool:
        """Whether a server takes writes now."""
        writer = self.servers.get(self.writer or "")
        return writer is not None and writer.running

    @property
    def volume(self) -> Path:
        """Where the data waits while there is no instance; no instance has such a name."""
        return self.folder / "_volume"

    @property
    def master_file(self) -> Path:
        """Holds the master password that was last set; missing while one is being set."""
        return self.folder / "_master"

    def submit(self, work: Callable[..., None], *args: object) -> Future:
        """Have the cluster's worker do something, after all that was asked before."""

        def logged() -> None:
            try:
                work(*args)
            except BaseException:
                log.exception("%s of cluster %s failed", work.__name__, self.folder.name)
                raise

        return self._deferred.submit(self._worker, logged)

    def server(self, instance: str) -> DatabaseServer:
        """The server of an instance whose folder is there, as it was before a restart."""
        folder = self.folder / instance
        return self.new_server(folder, number=datafolder.read_server_id(folder))

    def check(self, instance: str) -> None:
        """Do nothing, or raise why the server of an instance cannot be used."""
        if instance in self.problems:
            raise self.problems[instance]

    def add(self, instance: str, master: Master) -> None:
        """Start a server: the writer where there is none yet, else a replica of the writer."""
        with self.noting_problem_of(instance):
            clustermembers.add(self, instance, master)

    def remake(self, instance: str) -> None:
        """Make a replica again that cannot follow; what only it has is kept aside."""
        with self.noting_problem_of(instance):
            clustermembers.remake(self, instance)

    def remove(self, instance: str, successor: str | None) -> None:
        """Stop a server for good; if it was the writer, `successor` becomes the writer first."""
        self.problems.pop(instance, None)
        clustermembers.remove(self, instance, successor)

    def promote(self, instance: str) -> None:
        """Make a replica the writer; raises FailoverAbandoned where rows would be lost."""
        clusterfailover.promote(self, instance)

    def make_master(self, server: DatabaseServer, master: Master) -> None:
        """Make the master user and the first database, where they are not there yet."""
        server.create_master_user(master.user, master.password, master.database)
        write_private(self.master_file, master.password)

    def set_master_password(self, user: str, password: str) -> None:
        """Change it on the writer; replication takes it to the others."""
        if self.writer:
            self.master_file.unlink(missing_ok=True)
            self.servers[self.writer].set_master_password(user, password)
            write_private(self.master_file, password)

    def reboot(self, instance: str) -> None:
        """Stop one server and start it again; the others find the writer wherever it is then."""
        with self.noting_problem_of(instance):
            self.servers[instance].stop()
            self.servers[instance].start()
        writer = self.servers[self.writer or instance]
        for name, server in list(self.servers.items()):
            if server is not writer and server.running and instance in (name, self.writer):
                clusterfailover.rejoin(self, name)
        self.check(instance)

    # -- copies -----------------------------------------------------------------------------

    def position(self) -> str | None:
        """The moment of the cluster's history that is now; None where no server tells it soon.

        It is asked while a call holds the account's lock. None, too, is a moment: when the copy
        begins.
        """
        writer = self.servers.get(self.writer or "")
        return replication.position_within(writer, 2) if writer and writer.running else None

    def copy_to(self, folder: Path, moment: str | datetime | None) -> None:
        """Lay the cluster's data down in `folder`, as they were at a moment.

        Args:
            folder: appears when it is complete; not at all for a cluster that had no data then.
            moment: a position of the history, a time with its zone, or None for now.
        """
        clustercopies.copy_to(self, folder, moment)

    @staticmethod
    def wait_for(copied: Future) -> None:
        """Do nothing more until the volume is filled, which others do."""
        copied.result()

    # -- life -------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop the servers; their data stays."""
        for server in self.servers.values():
            server.stop()

    def start(self) -> None:
        """Start the servers again, the writer first: its port may be another now.

        What fails is the problem of that instance; raises it in the end when it is the writer.
        """
        for name in sorted(self.servers, key=lambda name: name != self.writer):
            with contextlib.suppress(*ERRORS), self.noting_problem_of(name):
                self.servers[name].start()
        if self.writer is None:
            return
        self.check(self.writer)
        for name, server in list(self.servers.items()):
            if name != self.writer and server.running:
                clusterfailover.rejoin(self, name)

    def delete(self, last_snapshots: Iterable[Future] = ()) -> None:
        """Stop everything and remove the data, once the last snapshots of them are taken.

        Raises:
            SandboxError, OSError: the data are still there; it can be tried again.
        """
        for snapshot in last_snapshots:
            snapshot.result()
        self.stop()
        self.servers.clear()
        self.writer = None
        if self.folder.exists():
            # Out of the way at once: half a database would look like a whole one after a crash.
            doomed = self.folder.with_name(f"{REMOVED}{secrets.token_hex(4)}")
            self.folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def close(self) -> None:
        """Give up starts that are under way, wait for the worker, then stop the servers."""
        self._closing.set()
        self._worker.shutdown(cancel_futures=True)
        self.stop()

    def end_worker(self) -> None:
        """Let the worker thread go once it has done what it was asked."""
        self._worker.shutdown(wait=False)

    def new_server(
        self, folder: Path, program: Program | None = None, number: int | None = None
    ) -> DatabaseServer:
        """A server of this cluster; its start is given up when the sandbox stops."""
        server = DatabaseServer(folder, number or self._next_server_id(), program)
        server.cancelled = self._closing
        return server

    @contextlib.contextmanager
    def noting_problem_of(self, instance: str) -> Iterator[None]:
        """Note why an instance cannot be used when what is done here fails, and that it can."""
        try:
            yield
        except ERRORS as error:
            self.problems[instance] = as_server_failed(error)
            raise self.problems[instance] from error
        self.problems.pop(instance, None)
