"""After a restart: bring the real servers in line with the account, as it was last kept.

The account says what should be; the disk says how far it had come. What was under way goes on
from there. An instance whose server does not start shows it in its status.
"""

import itertools
from concurrent.futures import Future
from typing import Any

from moto.rds.models import rds_backends

from sandbox import clusterrecovery
from sandbox.aurora.backend import SandboxRDS
from sandbox.aurora.models import AuroraCluster, AuroraInstance, AuroraSnapshot
from sandbox.clusterrecovery import Wanted

# The states from which a start brings an instance or a cluster back.
NOT_WORKING = ("failed", "storage-full")


def recover(backend: SandboxRDS) -> None:
    """Have all done that is to be done; returns before it is.

    To be called once, when the backend and the passages are there again and no server runs. The
    work is done on the clusters' workers, so that what is asked of a cluster afterwards waits.
    """
    _tidy(backend)
    # Those that are leaving come first, and go last: a snapshot, or a clone, may want their data.
    leaving = [c for c in backend.leaving_clusters.values() if isinstance(c, AuroraCluster)]
    staying = [c for c in backend.clusters.values() if isinstance(c, AuroraCluster)]
    for cluster in leaving:
        _recover_cluster(backend, cluster)
    for cluster in staying:
        if _is_unfilled(backend, cluster):
            # In the order of their making: where a clone's source is a clone, that is filled first.
            backend._fill_cluster(cluster)
        _recover_cluster(backend, cluster)
    for snapshot in backend.cluster_snapshots.values():
        name = snapshot.db_cluster_snapshot_identifier
        passage = backend.pace.passage("DBClusterSnapshot", name)
        if passage and isinstance(snapshot, AuroraSnapshot):
            passage.work = backend._fill_snapshot(snapshot)
    for cluster in leaving:
        name = cluster.db_cluster_identifier
        work = backend.servers.delete(name, backend._snapshots_under_way(cluster))
        _resume(backend, "DBCluster", name, cluster, work)


def _is_unfilled(backend: SandboxRDS, cluster: AuroraCluster) -> bool:
    """Whether a restored cluster never got its data; data that are missing are not older ones."""
    folder = backend.servers.cluster(cluster.db_cluster_identifier).folder
    return (
        cluster.origin is not None
        and cluster.status in ("creating", "failed")
        and not any(isinstance(m, AuroraInstance) and m.was_available for m in cluster.members)
        and not clusterrecovery.holds_data(folder)
    )


def _recover_cluster(backend: SandboxRDS, cluster: AuroraCluster) -> None:
    name = cluster.db_cluster_identifier
    leaves = name in backend.leaving_clusters
    members = [] if leaves else cluster.members
    wanted = Wanted(
        cluster.master(),
        cluster.writer.db_instance_identifier if members and cluster.writer else None,
        tuple(member.db_instance_identifier for member in members),
        running=cluster.status not in ("stopping", "stopped"),
        unfinished=frozenset(
            member.db_instance_identifier for member in members if _is_unfinished(backend, member)
        ),
    )
    for member in members:
        backend.tell_again(member)
    real = backend.servers.cluster(name)
    work = real.submit(clusterrecovery.recover, real, wanted)
    if not leaves:
        _resume(backend, "DBCluster", name, cluster, work)
    for instance in itertools.chain(backend.databases.values(), backend.leaving_instances.values()):
        if isinstance(instance, AuroraInstance) and instance.cluster is cluster:
            own = instance.db_instance_identifier
            _resume(backend, "DBInstance", own, instance, real.submit(real.check, own))


def _is_unfinished(backend: SandboxRDS, member: Any) -> bool:
    if member.was_available:
        return False
    passage = backend.pace.passage("DBInstance", member.db_instance_identifier)
    return member.status == "failed" or (passage is not None and passage.state == "creating")


def _resume(backend: SandboxRDS, kind: str, name: str, model: Any, work: Future) -> None:
    """Let a resource show its state until the work is done, and then how it went."""
    passage = backend.pace.passage(kind, name)
    if passage:
        passage.work = work
        return
    state = model.status
    if state in NOT_WORKING:
        backend._pass(kind, model, name, "starting", "available", work)
    else:
        backend._pass(kind, model, name, state, state, work)
        backend.pace.mark_seen(kind, lambda other: other == name)


def _tidy(backend: SandboxRDS) -> None:
    """Finish deletions, and move aside what the account does not know."""
    clusters: set[str] = set()
    snapshots: set[str] = set()
    backends = [each for regions in rds_backends.values() for each in regions.values()]
    for each in [backend, *backends]:
        if isinstance(each, SandboxRDS):
            clusters |= {c.db_cluster_identifier for c in each.clusters.values()}
            clusters |= {c.db_cluster_identifier for c in each.leaving_clusters.values()}
            of_it = each.cluster_snapshots.values()
            snapshots |= {snapshot.db_cluster_snapshot_identifier for snapshot in of_it}
    backend.servers.set_aside_all_but(clusters)
    backend.servers.snapshots.tidy(snapshots, backend.deleted_snapshots - snapshots)
    backend.deleted_snapshots.clear()
