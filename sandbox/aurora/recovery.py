"""After a restart: the real servers brought in line with the account, as it was last kept.

The account says what should be; the disk says how far it had come. What was under way goes on
from there, and its passage waits for it.
"""

import itertools
from concurrent.futures import Future

from moto.rds.models import rds_backends

from sandbox import clusterrecovery
from sandbox.aurora.backend import SandboxRDS
from sandbox.aurora.models import AuroraCluster, AuroraInstance, AuroraSnapshot
from sandbox.clusterrecovery import Wanted


def recover(backend: SandboxRDS) -> None:
    """Have all done that is to be done; returns before it is.

    To be called once, when the backend and the passages are there again and no server runs. The
    work is done on the clusters' workers, so that what is asked of a cluster afterwards waits.
    """
    _remove_what_nobody_names(backend)
    # Those that are leaving come first, and go last: a snapshot, or a clone, may want their data.
    leaving = [c for c in backend.leaving_clusters.values() if isinstance(c, AuroraCluster)]
    staying = [c for c in backend.clusters.values() if isinstance(c, AuroraCluster)]
    for cluster in leaving:
        _recover_cluster(backend, cluster)
    for cluster in staying:
        folder = backend.servers.cluster(cluster.db_cluster_identifier).folder
        if cluster.origin and not clusterrecovery.holds_data(folder):
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
        _awaits(backend, "DBCluster", name, backend.servers.delete(name))


def _recover_cluster(backend: SandboxRDS, cluster: AuroraCluster) -> None:
    name = cluster.db_cluster_identifier
    leaves = name in backend.leaving_clusters
    members = [] if leaves else cluster.members
    wanted = Wanted(
        cluster.master(),
        cluster.writer.db_instance_identifier if members and cluster.writer else None,
        tuple(member.db_instance_identifier for member in members),
        running=cluster.status not in ("stopping", "stopped"),
    )
    for member in members:
        backend.tell_again(member)
    real = backend.servers.cluster(name)
    work = real.submit(clusterrecovery.recover, real, wanted)
    _awaits(backend, "DBCluster", name, work)
    for instance in itertools.chain(backend.databases.values(), backend.leaving_instances.values()):
        if isinstance(instance, AuroraInstance) and instance.cluster is cluster:
            _awaits(backend, "DBInstance", instance.db_instance_identifier, work)


def _awaits(backend: SandboxRDS, kind: str, name: str, work: Future) -> None:
    passage = backend.pace.passage(kind, name)
    if passage:
        passage.work = work


def _remove_what_nobody_names(backend: SandboxRDS) -> None:
    clusters: set[str] = set()
    snapshots: set[str] = set()
    backends = [each for regions in rds_backends.values() for each in regions.values()]
    for each in [backend, *backends]:
        if isinstance(each, SandboxRDS):
            clusters |= {c.db_cluster_identifier for c in each.clusters.values()}
            clusters |= {c.db_cluster_identifier for c in each.leaving_clusters.values()}
            of_it = each.cluster_snapshots.values()
            snapshots |= {snapshot.db_cluster_snapshot_identifier for snapshot in of_it}
    backend.servers.delete_all_but(clusters)
    backend.servers.snapshots.delete_all_but(snapshots)
