"""The real database servers behind the account's Aurora clusters."""

import threading
from collections.abc import Iterable
from concurrent.futures import Future
from datetime import datetime
from pathlib import Path

from sandbox import setaside
from sandbox.clusterservers import REMOVED, ClusterServers, Master
from sandbox.copies import Copies
from sandbox.deferred import Deferred
from sandbox.home import write_private
from sandbox.mysqld import DatabaseServer
from sandbox.server_errors import ServerFailed

__all__ = ["ClusterServers", "DatabaseServers", "Master"]


class DatabaseServers:
    """All clusters' servers, and the data of snapshots.

    Attributes:
        deferred: holds work back while a call is being answered.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.deferred = Deferred()
        self._clusters: dict[str, ClusterServers] = {}
        self._lock = threading.Lock()
        # No cluster's name begins with an underscore.
        self.snapshots = Copies(folder / "_snapshots", self.deferred)
        self._last_id_file = folder / "_last-server-id"

    def cluster(self, name: str) -> ClusterServers:
        """The servers of a cluster; made at its first mention."""
        with self._lock:
            if name not in self._clusters:
                self._clusters[name] = ClusterServers(
                    self._folder / name, self._next_id, self.deferred
                )
            return self._clusters[name]

    def delete(self, name: str, last_snapshots: Iterable[Future] = ()) -> Future:
        """Have a cluster's servers and data removed, once these snapshots of them are taken.

        When it fails, the rest is still there and it can be asked for again.
        """
        cluster = self.cluster(name)
        return cluster.submit(self._delete, name, cluster, list(last_snapshots))

    def _delete(self, name: str, cluster: ClusterServers, last_snapshots: list[Future]) -> None:
        cluster.delete(last_snapshots)
        with self._lock:
            self._clusters.pop(name, None)
        cluster.end_worker()

    def server(self, cluster: str, instance: str) -> DatabaseServer | None:
        """The server of an instance; None while it does not run."""
        server = self.cluster(cluster).servers.get(instance)
        return server if server and server.running else None

    def address(self, cluster: str, instance: str) -> tuple[str, int] | None:
        """Where a server really listens; None while it does not."""
        server = self.server(cluster, instance)
        return ("127.0.0.1", server.port) if server else None

    def clone(self, source: str, target: str, moment: str | datetime | None) -> Future:
        """Have a new cluster's volume filled with what another had at a moment."""
        giver, taker = self.cluster(source), self.cluster(target)
        copied = giver.submit(giver.copy_to, taker.volume, moment)
        return taker.submit(taker.wait_for, copied)

    def problem(self, cluster: str, instance: str) -> ServerFailed | None:
        """Why an instance's server cannot be used; None while it can."""
        return self.cluster(cluster).problems.get(instance)

    def kept(self) -> list[dict[str, str]]:
        """The folders that were moved aside, each with the reason."""
        return setaside.listing(self._folder)

    def set_aside_all_but(self, clusters: set[str]) -> None:
        """Move the folders of other clusters aside, and go on removing what is half removed.

        A new cluster may have the name of one that the account does not know.
        """
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if folder.name.startswith(REMOVED):
                self.snapshots.remove(folder)
            elif folder.is_dir() and folder.name not in {"_snapshots", setaside.FOLDER, *clusters}:
                self.snapshots.remove_if_empty(folder, "The account has no such DB cluster.")

    def close(self) -> None:
        """Stop all servers; their data stays."""
        with self._lock:
            clusters = list(self._clusters.values())
        self.snapshots.close()
        for cluster in clusters:
            cluster.close()

    def _next_id(self) -> int:
        # Never given twice, not even after a restart: a server skips changes that carry its own
        # number, taking them for its own that came back.
        with self._lock:
            file = self._last_id_file
            last = int(file.read_text()) if file.exists() else 100
            write_private(file, str(last + 1))
            return last + 1
