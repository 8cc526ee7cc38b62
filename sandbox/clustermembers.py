"""Add servers to a cluster and take them away; the data outlive them.

A server that could not be made leaves no process and no folder. A folder is removed only when the
writer has all that is in it.
"""

import contextlib
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import clusterfailover, history, setaside
from sandbox.home import write_private
from sandbox.server_errors import ERRORS, ServerFailed

if TYPE_CHECKING:
    from sandbox.clusterservers import ClusterServers, Master
    from sandbox.mysqld import DatabaseServer

log = logging.getLogger("sandbox.servers")


def add(cluster: "ClusterServers", instance: str, master: "Master") -> None:
    """Start a server: the writer where there is none yet, else a replica of the writer.

    Raises:
        ServerFailed: the cluster has data, and the server that has them is not up.
        SandboxError, pymysql.MySQLError, OSError: it cannot be made. All is as before.
    """
    if cluster.writer is not None:
        _add_replica(cluster, instance)
    elif cluster.servers:
        raise ServerFailed(
            f"{instance} waits for {', '.join(sorted(cluster.servers))}: the data of the cluster "
            "are there, and cannot be used now. See: python -m sandbox status"
        )
    elif cluster.volume.exists():
        _add_from_volume(cluster, instance, master)
    else:
        _add_first(cluster, instance, master)


def remake(cluster: "ClusterServers", instance: str) -> None:
    """Make a replica again that cannot follow; what only it has is kept aside."""
    _running_writer(cluster, instance)
    server = cluster.servers[instance]
    server.stop()
    discard(cluster, server.folder, f"The replica {instance} could not follow the writer.")
    del cluster.servers[instance]
    _add_replica(cluster, instance)


def remove(cluster: "ClusterServers", instance: str, successor: str | None) -> None:
    """Stop a server for good; if it was the writer, another becomes the writer first.

    The last server's data become the volume of the cluster.

    Args:
        cluster: its cluster.
        instance: whose server it is; without a server there is nothing to stop.
        successor: the instance to become the writer, as the account has it.
    """
    server = cluster.servers.get(instance)
    others = [name for name in cluster.servers if name != instance]
    leaves_no_writer = instance == cluster.writer if server else not cluster.has_writer
    if others and leaves_no_writer:
        _succeed(cluster, successor if successor in others else others[0])
    if server is None:
        return
    server.stop()
    if others:
        discard(cluster, server.folder, f"The instance {instance} was deleted.")
    else:
        if cluster.volume.exists():
            setaside.set_aside(cluster.volume, cluster.folder.parent, "Newer data took its place.")
        server.folder.rename(cluster.volume)
        cluster.writer = None
    del cluster.servers[instance]


def discard(cluster: "ClusterServers", folder: Path, why: str) -> None:
    """Remove a folder if the writer has all that is in it; else keep it aside."""
    writer = cluster.servers.get(cluster.writer or "")
    if writer and writer.running and history.has_all_of(writer, folder):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        why += " It may have rows that no other server has."
        setaside.set_aside(folder, cluster.folder.parent, why)


def _succeed(cluster: "ClusterServers", successor: str) -> None:
    """Have a reader take over from a writer that is being deleted, whatever it lacks."""
    try:
        cluster.promote(successor)
    except ERRORS as error:
        log.warning("%s takes over as it is: %s", successor, error)
        server = cluster.servers[successor]
        server.start()
        server.promote()
        clusterfailover.take_over(cluster, successor)
    cluster.problems.pop(successor, None)


def _add_first(cluster: "ClusterServers", instance: str, master: "Master") -> None:
    server = cluster.new_server(cluster.folder / instance)
    with _removed_on_failure(server):
        server.create()
        server.start()
        cluster.make_master(server, master)
    cluster.servers[instance], cluster.writer = server, instance


def _add_from_volume(cluster: "ClusterServers", instance: str, master: "Master") -> None:
    if not cluster.master_file.exists():
        # Restored: its master user came with the data.
        write_private(cluster.master_file, master.password)
    server = cluster.new_server(cluster.folder / instance)
    cluster.volume.rename(server.folder)
    try:
        server.start()
        server.promote()
    except ERRORS:
        server.stop()
        server.folder.rename(cluster.volume)
        raise
    cluster.servers[instance], cluster.writer = server, instance


def _add_replica(cluster: "ClusterServers", instance: str) -> None:
    writer = _running_writer(cluster, instance)
    server = cluster.new_server(cluster.folder / instance, writer.program)
    with _removed_on_failure(server):
        server.create()
        server.start()
        server.follow(writer)
    cluster.servers[instance] = server


def _running_writer(cluster: "ClusterServers", instance: str) -> "DatabaseServer":
    writer = cluster.servers.get(cluster.writer or "")
    if writer is None or not writer.running:
        raise ServerFailed(
            f"{instance} waits for the writer {cluster.writer}, which is not up. "
            "See: python -m sandbox status"
        )
    return writer


@contextlib.contextmanager
def _removed_on_failure(server: "DatabaseServer") -> Iterator[None]:
    """A server that is made within; it has no data of its own before the end."""
    if server.folder.exists():
        raise ServerFailed(f"{server.folder} is in the way. Move it elsewhere and try again.")
    try:
        yield
    except ERRORS:
        server.stop()
        shutil.rmtree(server.folder, ignore_errors=True)
        raise
