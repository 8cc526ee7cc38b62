"""Bring a cluster's real servers in line with what the account says, whatever was cut short.

A sandbox may have been killed at any moment, its servers with it: in the middle of a failover, of
the making of a replica, of a deletion. What was acknowledged is on disk, in the folder of the
server that was the writer. That folder is found first; from it all else follows.

No folder with data is removed unless another server that runs has all of them. A server that does
not start keeps its folder and is a problem of its instance until the next start. A reader takes
the place of such a writer only when it has everything that the writer had.
"""

import contextlib
import logging
import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sandbox import clusterfailover, clustermembers, datafolder, history, replication, setaside
from sandbox.clustercopies import PARTIAL, SOURCE
from sandbox.clusterservers import ClusterServers, Master
from sandbox.home import write_private
from sandbox.mysqld import DatabaseServer
from sandbox.server_errors import ERRORS, TRY_AGAIN, ServerFailed, as_server_failed

log = logging.getLogger("sandbox.servers")


@dataclass(frozen=True)
class Wanted:
    """How a cluster's servers should be.

    Attributes:
        master: the master user, with the password that was last given to RDS.
        writer: the instance that should take writes; None for a cluster without instances.
        instances: all of them, in the order in which they were made.
        running: False for a cluster that is stopped.
        unfinished: the instances that were never available: without data there is nothing to miss.
    """

    master: Master
    writer: str | None = None
    instances: tuple[str, ...] = ()
    running: bool = True
    unfinished: frozenset[str] = frozenset()


def holds_data(folder: Path) -> bool:
    """Whether a cluster's folder holds any database that is complete."""
    return bool(_databases(folder))


def recover(cluster: ClusterServers, wanted: Wanted) -> None:
    """Make it so. To be called on a cluster's worker, before anything else is asked of it.

    Raises:
        ServerFailed: the cluster has no writer, or another than wanted. What keeps an instance from
            working is in `cluster.problems`.
    """
    _remove_unfinished(cluster.folder)
    found = _databases(cluster.folder)
    for name in found:
        if name != cluster.volume.name:
            cluster.servers[name] = cluster.server(name)
    if not wanted.running and _is_in_order(cluster, wanted, set(found)):
        cluster.writer = wanted.writer
        return
    try:
        if wanted.instances or cluster.servers:
            _bring_up(cluster, wanted)
    finally:
        if not wanted.running:
            cluster.stop()


def _is_in_order(cluster: ClusterServers, wanted: Wanted, found: Collection[str]) -> bool:
    """Whether all else was done before the servers of a cluster were stopped."""
    return set(found) == set(wanted.instances) and all(
        _was_reader(server) == (name != wanted.writer) for name, server in cluster.servers.items()
    )


def _databases(folder: Path) -> dict[str, Path]:
    if not folder.exists():
        return {}
    return {
        each.name: each
        for each in sorted(folder.iterdir())
        # A dot is in the names of what is temporary, and in no instance's.
        if "." not in each.name and (each / "data").is_dir()
    }


def _remove_unfinished(folder: Path) -> None:
    """Remove what was cut short while it was made; anything else without a database is kept."""
    for each in folder.iterdir() if folder.exists() else ():
        temporary = each.name.endswith((PARTIAL, SOURCE))
        if not (temporary or ("." not in each.name and not (each / "data").is_dir())):
            continue
        if not each.is_dir():
            continue
        if temporary or (each / "data.partial").exists() or not setaside.holds_files(each):
            shutil.rmtree(each, ignore_errors=True)
        else:
            setaside.set_aside(each, folder.parent, "It has no folder data, so it is no database.")


def _bring_up(cluster: ClusterServers, wanted: Wanted) -> None:
    running = _started(cluster)
    leader = _leader(cluster, running, wanted)
    if leader is not None:
        with cluster.noting_problem_of(leader):
            _lead(cluster, leader, wanted.master)
    elif cluster.servers:
        _wait_for_the_data(cluster, running, wanted)
    for name in wanted.instances:
        if name == cluster.writer:
            continue
        with contextlib.suppress(*ERRORS):  # A problem of this instance, and noted as one.
            _bring_up_member(cluster, name, wanted)
    abandoned = None
    if cluster.has_writer and wanted.writer in cluster.servers:
        try:
            if cluster.servers[wanted.writer].running:
                cluster.promote(wanted.writer)
        except ServerFailed as error:
            abandoned = error
    if cluster.has_writer:
        # The writer last: until then it has what the others have.
        unwanted = set(cluster.servers) - set(wanted.instances)
        for name in sorted(unwanted, key=lambda name: name == cluster.writer):
            cluster.remove(name, wanted.writer)
    if wanted.writer:
        cluster.check(wanted.writer)
    if abandoned:
        raise abandoned


def _started(cluster: ClusterServers) -> dict[str, int]:
    """Start what there is, and see how many transactions each server has."""
    started = {}
    for name, server in cluster.servers.items():
        try:
            server.start()
            replication.pause(server)
            started[name] = replication.progress(server)
        except ERRORS as error:
            log.exception("the database in %s cannot be used now; it is kept", server.folder)
            cluster.problems[name] = as_server_failed(error)
            server.stop()
    return started


def _leader(cluster: ClusterServers, running: dict[str, int], wanted: Wanted) -> str | None:
    """The server that certainly has everything that was acknowledged; None where none has."""
    if not running:
        return None
    # A replica never has more than its writer. Where two have the same, as in a failover that had
    # come that far, it is the one that should be the writer.
    latest = max(running, key=lambda name: (running[name], name == wanted.writer))
    best = cluster.servers[latest]
    for name, server in cluster.servers.items():
        if name not in running and not _is_behind(server, best):
            return None
    missing = wanted.writer is not None and wanted.writer not in cluster.servers
    if missing and wanted.writer not in wanted.unfinished and _was_reader(best):
        return None
    return latest


def _is_behind(failed: DatabaseServer, best: DatabaseServer) -> bool:
    """Whether a server that does not run has nothing that another lacks."""
    if _was_reader(failed) and not _was_reader(best):
        return True
    try:
        return history.has_all_of(best, failed.folder)
    except ERRORS as error:
        log.warning("the history in %s cannot be read: %s", failed.folder, error)
        return False


def _was_reader(server: DatabaseServer) -> bool:
    return datafolder.read_settings(server.folder)[1]


def _lead(cluster: ClusterServers, leader: str, master: Master) -> None:
    server = cluster.servers[leader]
    replication.forget(server)
    server.promote()
    cluster.writer = leader
    if cluster.volume.exists():
        # It is from before the instance that has the data now.
        clustermembers.discard(
            cluster, cluster.volume, "The data of the cluster are in its instances now."
        )
    _make_sure_of_master(cluster, server, master)


def _wait_for_the_data(cluster: ClusterServers, running: Collection[str], wanted: Wanted) -> None:
    """Let nobody write while the server with the latest data does not run."""
    failed = [name for name in cluster.servers if name not in running]
    holder = wanted.writer if wanted.writer in failed else next(iter(failed), None)
    cluster.writer = holder
    for name in running:
        with contextlib.suppress(*ERRORS):
            cluster.servers[name].refuse_writes()
    if wanted.writer in running:
        cluster.problems[str(wanted.writer)] = ServerFailed(
            f"{wanted.writer} cannot take writes: {holder} may have newer data and does not start. "
            f"Put right what keeps it from starting. {TRY_AGAIN}"
        )


def _bring_up_member(cluster: ClusterServers, name: str, wanted: Wanted) -> None:
    """Have an instance's server follow the writer; make it where it is missing."""
    if name in cluster.servers:
        if cluster.servers[name].running and cluster.has_writer:
            clusterfailover.rejoin(cluster, name)
        return
    complete = set(wanted.instances) - wanted.unfinished
    nothing_there = not cluster.servers and not cluster.volume.exists()
    if name == wanted.writer and name in complete and not cluster.volume.exists():
        missing = cluster.writer is None
    else:
        missing = nothing_there and bool(complete)
    if missing:
        cluster.problems[name] = ServerFailed(
            f"The data of {name} are missing: there is no folder {cluster.folder / name}. "
            f"Put it back. {TRY_AGAIN} Or delete the instance."
        )
        return
    cluster.add(name, wanted.master)


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
