"""The data of snapshots: what clusters had at a moment, kept apart from the clusters."""

import logging
import secrets
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import clustercopies, datafolder, setaside
from sandbox.deferred import Deferred

if TYPE_CHECKING:
    from sandbox.clusterservers import ClusterServers

# Ends the name of a folder that is being removed, as was asked.
REMOVED = ".removed"

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
        self._removals: dict[Path, Future] = {}

    def folder_of(self, snapshot: str) -> Path:
        """Where the data of a snapshot are, if it has any and they are complete."""
        return self._folder / snapshot

    def take(self, cluster: "ClusterServers", snapshot: str, position: str | None) -> Future:
        """Have a cluster's data of a position of its history copied."""
        folder = self.folder_of(snapshot)
        # A snapshot of this name may be about to go, and its data with it.
        removed = self._removals.get(folder)

        def copy_to() -> None:
            if removed is not None:
                removed.result()
            cluster.copy_to(folder, position)

        return cluster.submit(copy_to)

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
        self._removals[folder] = removal = self._submit(_remove, folder)
        return removal

    def tidy(self, snapshots: set[str], deleted: set[str]) -> None:
        """Remove what was deleted or not completed; move aside what the account does not know.

        Args:
            snapshots: the names of those that the account has.
            deleted: the names of those that it had, until they were deleted.
        """
        for folder in self._folder.iterdir() if self._folder.exists() else ():
            if folder.name in snapshots:
                continue
            temporary = folder.name.endswith((REMOVED, clustercopies.PARTIAL, clustercopies.SOURCE))
            if temporary or folder.name in deleted:
                # Out of the way at once: the same snapshot may be made again meanwhile.
                doomed = folder.with_name(f"{secrets.token_hex(4)}{REMOVED}")
                folder.rename(doomed)
                self.remove(doomed)
            elif folder.is_dir():
                self.remove_if_empty(folder, "The account has no such DB cluster snapshot.")

    def remove_if_empty(self, folder: Path, why: str) -> None:
        """Remove a folder without any file; move one with files aside."""
        if setaside.holds_files(folder):
            setaside.set_aside(folder, self._folder.parent, why)
        else:
            shutil.rmtree(folder, ignore_errors=True)

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
    doomed = (
        folder if folder.name.endswith(REMOVED) else folder.with_name(f"{folder.name}{REMOVED}")
    )
    if folder != doomed and folder.exists():
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)
