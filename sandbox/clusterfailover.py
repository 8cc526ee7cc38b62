"""Make a replica of a cluster the writer, without losing a row that was acknowledged."""

import contextlib
import logging
from typing import TYPE_CHECKING

from sandbox import history
from sandbox.server_errors import ERRORS, TRY_AGAIN, FailoverAbandoned

if TYPE_CHECKING:
    from sandbox.clusterservers import ClusterServers
    from sandbox.mysqld import DatabaseServer

log = logging.getLogger("sandbox.servers")

# Seconds: until replication is started again, and until the failover is abandoned.
FIRST_WAIT, CATCH_UP = 10.0, 60.0


def promote(cluster: "ClusterServers", instance: str) -> None:
    """Make a replica the writer, and have the others follow it.

    The old writer takes no more writes before the new one has caught up. Connections drop.

    Raises:
        FailoverAbandoned: the replica lacks rows and does not get them. The old writer takes
            writes again, and the replica follows it.
    """
    new, old = cluster.servers[instance], cluster.servers.get(cluster.writer or "")
    if old is new:
        return
    if old is not None and not old.running:
        log.warning("the writer %s does not run: starting it", cluster.writer)
        with contextlib.suppress(*ERRORS), cluster.noting_problem_of(cluster.writer or ""):
            old.start()
    try:
        if old is not None:
            _bring_level(new, old)
        new.promote()
    except ERRORS as error:
        _abandon(cluster, instance)
        if isinstance(error, FailoverAbandoned):
            raise
        raise FailoverAbandoned(f"{instance} cannot become the writer: {error}") from error
    take_over(cluster, instance)


def take_over(cluster: "ClusterServers", instance: str) -> None:
    """Have every server of the cluster follow the one that is the writer from now on."""
    cluster.writer = instance
    cluster.servers[instance].drop_connections()
    for name, server in list(cluster.servers.items()):
        if name != instance and server.running:
            rejoin(cluster, name)


def rejoin(cluster: "ClusterServers", instance: str) -> None:
    """Have a server follow the writer; where it cannot, make the replica again.

    What only this server has is kept aside. A failure is the problem of this instance alone.
    """
    writer, server = cluster.servers[cluster.writer or ""], cluster.servers[instance]
    try:
        server.follow(writer)
    except ERRORS as error:
        log.warning("the replica %s is made again: %s", instance, error)
        with contextlib.suppress(*ERRORS):  # The problem of the instance is on record.
            cluster.remake(instance)
    else:
        cluster.problems.pop(instance, None)


def _bring_level(new: "DatabaseServer", old: "DatabaseServer") -> None:
    if not old.running:
        if not history.has_all_of(new, old.folder):
            raise FailoverAbandoned(
                f"The reader in {new.folder} lacks rows that the writer in {old.folder} has, and "
                f"that writer does not start. Put right what keeps it from starting. {TRY_AGAIN} "
                "Or delete the writer: the reader takes over as it is."
            )
        return
    old.refuse_writes()
    if not new.caught_up(old, FIRST_WAIT):
        new.follow(old)  # Replication may have stopped.
        new.caught_up(old, CATCH_UP)
    if not history.has_all_of(new, old.folder):
        raise FailoverAbandoned(
            f"The reader in {new.folder} has not caught up with the writer in {old.folder} within "
            f"{FIRST_WAIT + CATCH_UP:g} seconds. Try the failover again when it has."
        )


def _abandon(cluster: "ClusterServers", instance: str) -> None:
    """Have the writer take writes again, and the replica follow it."""
    new, old = cluster.servers[instance], cluster.servers.get(cluster.writer or "")
    if old is None or not old.running:
        return
    with contextlib.suppress(*ERRORS):
        new.refuse_writes()
    with contextlib.suppress(*ERRORS), cluster.noting_problem_of(cluster.writer or ""):
        old.accept_writes()
    if new.running:
        rejoin(cluster, instance)
