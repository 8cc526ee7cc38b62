"""The data of snapshots: what clusters had at a moment, kept apart from the clusters."""

import logging
import secrets
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import datafolder
from sandbox.deferred import Deferred

if TYPE_CHECKING:
    from sandbox.clusterservers import ClusterServers

log = logging.getLogger("sandbox.copies")


class Copies:
    """One folder for each snapshot: a database whose server does not run.

    A snapshot of a cluster that had no data has no folder. Reading and removing is done by one
    worker in the order asked, so that nothing is removed under a restore.
    """

    def __init__(self, folder: Path, deferred: Deferred):
        self._folder = folder
        self._deferred = deferred
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="snapshots")

    def folder_of(self, snapshot: str) -> Path:
        """Where the data of a snapshot are, if it has any and they are complete."""
        return self._folder / snapshot

    def take(self, cluster: "ClusterServers", snapshot: str, position: str | None) -> Future:
        """Have a cluster's data of a position of its history copied."""
        return cluster.submit(cluster.copy_to, self.folder_of(snapshot), position)

    def copy(self, snapshot: str, target: str) -> Future:
        """Have a snapshot copied to another."""
        return self._submit(_copy, self.folder_of(snapshot), self.folder_of(target))

    def restore(self, snapshot: str, cluster: "ClusterServers") -> Future:
        """Have a new cluster's volume filled from a snapshot."""
        copied = self._submit(_copy, self.folder_of(snapshot), cluster.volume)
        return cluster.submit(cluster.wait_for, copied)

    def delete(self, snapshot: str) -> Future:
        """Have the data of a snapshot removed."""
        return self.remove(self.folder_of(snapshot))

    def remove(self, folder: Path) -> Future:
        """Have a folder removed, after all that was asked before."""
        return self._submit(_remove, folder)

    def delete_all_but(self, snapshots: set[str]) -> None:
        """Have removed what belongs to none of these snapshots, or was not completed."""
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if folder.name not in snapshots:
                # Out of the way at once: the same snapshot may be made again meanwhile.
                doomed = folder.with_name(f"{secrets.token_hex(4)}.removed")
                folder.rename(doomed)
                self.remove(doomed)

    def close(self) -> None:
        """Wait for what is under way."""
        self._worker.shutdown(cancel_futures=True)

    def _submit(self, work: Callable[..., None], *folders: Path) -> Future:
        def logged() -> None:
            try:
                work(*folders)
            except BaseException:
                log.exception("%s of snapshot %s failed", work.__name__, folders[0].name)
                raise

        return self._deferred.submit(self._worker, logged)


def _copy(source: Path, target: Path) -> None:
    if source.exists() and not target.exists():
        datafolder.copy(source, target)


def _remove(folder: Path) -> None:
    # First out of sight: half a folder would look like a whole one after a crash.
    doomed = folder.with_name(f"{folder.name}.removed")
    if folder.exists():
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
