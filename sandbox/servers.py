"""The real database servers behind the account's Aurora clusters, and the work done on them.

Each cluster has one worker thread: what is asked of it is done in that order, and the API does
not wait. A `Future` tells when, and whether it went well.
"""

import logging
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

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

    def __init__(self, folder: Path, next_server_id: Callable[[], int]):
        self.folder = folder
        self.servers: dict[str, DatabaseServer] = {}
        self.writer: str | None = None
        self._next_server_id = next_server_id
        self._worker = ThreadPoolExecutor(1, thread_name_prefix=f"cluster-{folder.name}")

    @property
    def volume(self) -> Path:
        """Where the data waits while the cluster has no instance."""
        return self.folder / "volume"

    def submit(self, work: Callable[..., None], *args: object) -> Future:
        """Have the cluster's worker do something, after all that was asked before."""

        def logged() -> None:
            try:
                work(*args)
            except BaseException:
                log.exception("%s of cluster %s failed", work.__name__, self.folder.name)
                raise

        return self._worker.submit(logged)

    def add(self, instance: str, master: Master) -> None:
        """Start a server: the writer where there is none yet, else a replica of the writer."""
        folder = self.folder / instance
        server = DatabaseServer(folder, self._next_server_id())
        if self.writer is None and self.volume.exists():
            self.volume.rename(folder)
            server.start()
            server.promote()
        else:
            server.create()
            server.start()
            if self.writer is None:
                server.create_master_user(master.user, master.password, master.database)
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

    def set_master_password(self, user: str, password: str) -> None:
        """Change it on the writer; replication takes it to the others."""
        if self.writer:
            self.servers[self.writer].set_master_password(user, password)

    def reboot(self, instance: str) -> None:
        """Stop one server and start it again; the others find the writer wherever it is then."""
        self.servers[instance].stop()
        self.servers[instance].start()
        writer = self.servers[self.writer or instance]
        for name, server in self.servers.items():
            if server is not writer and instance in (name, self.writer):
                server.follow(writer)

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


class DatabaseServers:
    """All clusters' servers."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._clusters: dict[str, ClusterServers] = {}
        self._last_id = 100
        self._lock = threading.Lock()

    def cluster(self, name: str) -> ClusterServers:
        """The servers of a cluster; made at its first mention."""
        with self._lock:
            if name not in self._clusters:
                self._clusters[name] = ClusterServers(self._folder / name, self._next_id)
            return self._clusters[name]

    def delete(self, name: str) -> Future:
        """Have a cluster's servers and data removed."""
        with self._lock:
            cluster = self._clusters.pop(name, None)
        if cluster is None:
            done: Future = Future()
            done.set_result(None)
            return done
        return cluster.submit(cluster.delete)

    def address(self, cluster: str, instance: str) -> tuple[str, int] | None:
        """Where a server really listens; None while it does not."""
        server = self.cluster(cluster).servers.get(instance)
        return ("127.0.0.1", server.port) if server and server.running else None

    def close(self) -> None:
        """Stop all servers; their data stays."""
        with self._lock:
            clusters = list(self._clusters.values())
        for cluster in clusters:
            cluster.close()

    def _next_id(self) -> int:
        with self._lock:
            self._last_id += 1
            return self._last_id
