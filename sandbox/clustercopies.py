"""Copy the data of a cluster as they were at a moment: for snapshots, clones and restores."""

import contextlib
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import binlog, datafolder
from sandbox.install import Program

if TYPE_CHECKING:
    from sandbox.clusterservers import ClusterServers
    from sandbox.mysqld import DatabaseServer

# Ends the name of a folder that is being filled, or was when the sandbox was killed. No instance,
# cluster or snapshot has a dot in its name.
PARTIAL, SOURCE = ".partial", ".source"


def copy_to(cluster: "ClusterServers", folder: Path, moment: str | datetime | None) -> None:
    """Lay a cluster's data down in `folder`, as they were at a moment.

    Nothing is laid down for a cluster that had no data then; nothing happens when the copy is
    there already.

    Args:
        cluster: on its worker.
        folder: appears when it is complete.
        moment: a position of the history, a time with its zone, or None for now.
    """
    if folder.exists():
        return
    writer = cluster.servers.get(cluster.writer or "")
    source = writer.folder if writer else cluster.volume
    if not source.exists():
        return
    with contextlib.ExitStack() as stack:
        if not (writer and writer.running):
            if moment is None:
                datafolder.copy(source, folder)
                return
            # Its history is to be read from a server that runs, and that is not the cluster's.
            writer = stack.enter_context(_temporary(cluster, folder, SOURCE))
            datafolder.copy(source, writer.folder)
            writer.start()
        if moment is None:
            moment = writer.position
        elif isinstance(moment, datetime):
            flavour = writer.program.flavour
            moment = binlog.position_at(writer.folder / "data", flavour, moment)
        if not moment:
            return
        copy = stack.enter_context(_temporary(cluster, folder, PARTIAL, writer.program))
        copy.create()
        copy.start()
        copy.replay(writer, moment)
        copy.stop()
        copy.folder.rename(folder)


@contextlib.contextmanager
def _temporary(
    cluster: "ClusterServers", folder: Path, suffix: str, program: Program | None = None
) -> "Iterator[DatabaseServer]":
    """A server beside `folder` that is gone in the end."""
    temporary = folder.with_name(f"{folder.name}{suffix}")
    shutil.rmtree(temporary, ignore_errors=True)
    server = cluster.new_server(temporary, program)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(temporary, ignore_errors=True)
