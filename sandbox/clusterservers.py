"""The real servers of one Aurora cluster: a writer, its replicas, and the volume they leave.

A cluster has one worker thread: what is asked of it is done in that order, and the API does not
wait. A `Future` tells when, and whether it went well.
"""

import contextlib
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sandbox import binlog, datafolder
from sandbox.deferred import Deferred
from sandbox.home import write_private
from sandbox.mysqld import DatabaseServer

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
    """

    def __init__(self, folder: Path, next_server_id: Callable[[], int], deferred: Deferred):
        self.folder = folder
        self._deferred = deferred
        self.servers: dict[str, DatabaseServer] = {}
        self.writer: str | None = None
        self._next_server_id = next_server_id
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"cluster-{folder.name}")

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
        number = datafolder.read_server_id(folder)
        return DatabaseServer(folder, number or self._next_server_id())

    def add(self, instance: str, master: Master) -> None:
        """Start a server: the writer where there is none yet, else a replica of the writer."""
        folder = self.folder / instance
        server = DatabaseServer(folder, self._next_server_id())
        if self.writer is None and self.volume.exists():
            if not self.master_file.exists():
                # Restored: its master user came with the data.
                write_private(self.master_file, master.password)
            self.volume.rename(folder)
            server.start()
            server.promote()
        else:
            server.create()
            server.start()
            if self.writer is None:
                self.make_master(server, master)
            else:
                server.follow(self.servers[self.writer])
        self.servers[instance] = server
        self.writer = self.writer or instance

    def remove(self, instance: str, successor: str | None) -> None:
        """Stop a server for good; if it was the writer, `successor` becomes the writer first."""
        server = self.servers.get(instance)
        if server is None:
            return
        if instance == self.writer and successor in self.servers:
            self.promote(successor)
        del self.servers[instance]
        server.stop()
        if self.servers:
            shutil.rmtree(server.folder, ignore_errors=True)
        else:
            self.writer = None
            shutil.rmtree(self.volume, ignore_errors=True)
            server.folder.rename(self.volume)

    def promote(self, instance: str) -> None:
        """Make a replica the writer.

        The old writer takes no more writes before the new one has caught up, so that no row that
        was acknowledged is lost; connections drop, and the others follow the new writer.
        """
        new, old = self.servers[instance], self.servers.get(self.writer or "")
        if old is new:
            return
        if old is not None and old.running:
            old.refuse_writes()
            if not new.caught_up(old, timeout=10):
                log.warning("%s is promoted before it has caught up", instance)
        new.promote()
        new.drop_connections()
        self.writer = instance
        for name, server in self.servers.items():
            if name != instance and server.running:
                server.follow(new)

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
        self.servers[instance].stop()
        self.servers[instance].start()
        writer = self.servers[self.writer or instance]
        for name, server in self.servers.items():
            if server is not writer and instance in (name, self.writer):
                server.follow(writer)

    # -- copies -----------------------------------------------------------------------------

    def position(self) -> str | None:
        """The moment of the cluster's history that is now; None where no server can tell."""
        writer = self.servers.get(self.writer or "")
        return writer.position if writer and writer.running else None

    def copy_to(self, folder: Path, moment: str | datetime | None) -> None:
        """Lay the cluster's data down in `folder`, as they were at a moment.

        Nothing is laid down for a cluster that had no data then; nothing happens when the copy is
        there already.

        Args:
            folder: appears when it is complete.
            moment: a position of the history, a time with its zone, or None for now.
        """
        if folder.exists():
            return
        writer = self.servers.get(self.writer or "")
        source = writer.folder if writer else self.volume
        if not source.exists():
            return
        with contextlib.ExitStack() as stack:
            if not (writer and writer.running):
                if moment is None:
                    datafolder.copy(source, folder)
                    return
                # Its history is to be read from a server that runs, and that is not the cluster's.
                writer = stack.enter_context(self._passing(folder, "source"))
                datafolder.copy(source, writer.folder)
                writer.start()
            if moment is None:
                moment = writer.position
            elif isinstance(moment, datetime):
                flavour = writer.program.flavour
                moment = binlog.position_at(writer.folder / "data", flavour, moment)
            if not moment:
                return
            copy = stack.enter_context(self._passing(folder, "partial"))
            copy.create()
            copy.start()
            copy.replay(writer, moment)
            copy.stop()
            copy.folder.rename(folder)

    @contextlib.contextmanager
    def _passing(self, folder: Path, suffix: str) -> Iterator[DatabaseServer]:
        """A server beside `folder` that is gone in the end."""
        passing = folder.with_name(f"{folder.name}.{suffix}")
        shutil.rmtree(passing, ignore_errors=True)
        server = DatabaseServer(passing, self._next_server_id())
        try:
            yield server
        finally:
            server.stop()
            shutil.rmtree(passing, ignore_errors=True)

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
        """Start the servers again, the writer first: its port may be another now."""
        if self.writer is None:
            return
        writer = self.servers[self.writer]
        writer.start()
        for server in self.servers.values():
            if server is not writer:
                server.start()
                server.follow(writer)

    def delete(self) -> None:
        """Stop everything and remove the data."""
        self.stop()
        self.servers.clear()
        self.writer = None
        shutil.rmtree(self.folder, ignore_errors=True)

    def close(self) -> None:
        """Wait for the worker, then stop the servers."""
        self._worker.shutdown(cancel_futures=True)
        self.stop()
