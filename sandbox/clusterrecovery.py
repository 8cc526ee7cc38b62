"""Bring a cluster's real servers in line with what the account says, whatever was cut short.

A sandbox may have been killed at any moment, its servers with it: in the middle of a failover, of
the making of a replica, of a deletion. What was acknowledged is on disk, in the folder of whichever
server was the writer. That folder is found first; from it all else follows.
"""

import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pymysql

from sandbox import replication
from sandbox.clusterservers import ClusterServers, Master
from sandbox.errors import SandboxError
from sandbox.home import write_private
from sandbox.mysqld import DatabaseServer

log = logging.getLogger("sandbox.servers")


@dataclass(frozen=True)
class Wanted:
    """How a cluster's servers should be.

    Attributes:
        master: the master user, with the password that was last given to RDS.
        writer: the instance that should take writes; None for a cluster without instances.
        instances: all of them, in the order in which they were made.
        running: False for a cluster that is stopped.
    """

    master: Master
    writer: str | None = None
    instances: tuple[str, ...] = ()
    running: bool = True


def holds_data(folder: Path) -> bool:
    """Whether a cluster's folder holds any database that is complete."""
    return bool(_databases(folder))


def recover(cluster: ClusterServers, wanted: Wanted) -> None:
    """Make it so. To be called on a cluster's worker, before anything else is asked of it."""
    found = _databases(cluster.folder)
    for folder in cluster.folder.iterdir() if cluster.folder.exists() else ():
        if folder.is_dir() and folder.name not in found:
            shutil.rmtree(folder, ignore_errors=True)  # cut short while it was made, or removed
    if not wanted.running and set(found) == set(wanted.instances):
        # Its servers were stopped in good order, after all else was done.
        for name in wanted.instances:
            cluster.servers[name] = cluster.server(name)
        cluster.writer = wanted.writer
        return
    if wanted.instances or set(found) - {cluster.volume.name}:
        _bring_up(cluster, wanted, found)
    if not wanted.running:
        cluster.stop()


def _databases(folder: Path) -> dict[str, Path]:
    if not folder.exists():
        return {}
    return {
        each.name: each
        for each in sorted(folder.iterdir())
        # A dot is in the names of what is only passing, and in no instance's.
        if "." not in each.name and (each / "data").is_dir()
    }


def _bring_up(cluster: ClusterServers, wanted: Wanted, found: Mapping[str, Path]) -> None:
    servers = _started(cluster, found)
    if servers:
        # A replica never has more than its writer. Where two have the same, as in a failover that
        # had come that far, it is the one that should be the writer.
        latest = max(servers, key=lambda name: (servers[name][1], name == wanted.writer))
        server = servers[latest][0]
        replication.forget(server)
        server.promote()
        cluster.servers[latest], cluster.writer = server, latest
        # What the volume holds is from before the instance that has the data now.
        shutil.rmtree(cluster.volume, ignore_errors=True)
        _make_sure_of_master(cluster, server, wanted.master)
    for name in wanted.instances:
        if name not in cluster.servers:
            _attach(cluster, name, servers.get(name, (None, 0))[0], wanted.master)
    if wanted.writer and wanted.writer != cluster.writer:
        cluster.promote(wanted.writer)
    for name in set(servers) - set(wanted.instances) - set(cluster.servers):
        servers[name][0].stop()
        shutil.rmtree(servers[name][0].folder, ignore_errors=True)
    for name in set(cluster.servers) - set(wanted.instances):
        cluster.remove(name, wanted.writer)


def _started(
    cluster: ClusterServers, found: Mapping[str, Path]
) -> dict[str, tuple[DatabaseServer, int]]:
    """Start what there is, and see how many transactions each server has."""
    started = {}
    for name in found:
        if name == cluster.volume.name:
            continue
        server = cluster.server(name)
        try:
            server.start()
            replication.pause(server)
            started[name] = (server, replication.progress(server))
        except (SandboxError, pymysql.MySQLError):
            log.exception("the database in %s cannot be used", server.folder)
            server.stop()
    return started


def _attach(
    cluster: ClusterServers, name: str, server: DatabaseServer | None, master: Master
) -> None:
    """Have an instance's server follow the writer; make it, or make it anew, where it cannot."""
    if server is not None:
        try:
            server.follow(cluster.servers[cluster.writer or ""])
            cluster.servers[name] = server
            return
        except (SandboxError, pymysql.MySQLError) as error:
            log.warning("%s is made anew: %s", server.folder, error)
            server.stop()
    shutil.rmtree(cluster.folder / name, ignore_errors=True)
    cluster.add(name, master)


def _make_sure_of_master(cluster: ClusterServers, writer: DatabaseServer, master: Master) -> None:
    """Make the master user where that was cut short, and set the password where RDS changed it.

    One that was changed in SQL since then is left alone.
    """
    file = cluster.master_file
    known = file.read_text(encoding="utf-8") if file.exists() else None
    if known is None:
        writer.create_master_user(master.user, master.password, master.database)
    if known != master.password and master.password:
        writer.set_master_password(master.user, master.password)
        write_private(file, master.password)
