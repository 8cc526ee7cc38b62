"""Which reader takes over from a writer, and the call that makes one do so.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.AuroraHighAvailability.html
"""

from moto.rds.exceptions import DBInstanceNotFoundError, InvalidDBClusterStateFault, RDSClientError
from moto.rds.models import DBCluster, DBInstanceClustered

from sandbox.aurora.base import AuroraBase
from sandbox.aurora.models import AuroraCluster


class FailoverCalls(AuroraBase):
    """Failover of Aurora clusters; of other engines' it is moto's."""

    def failover_db_cluster(
        self, db_cluster_identifier: str, target_db_instance_identifier: str | None = None
    ) -> DBCluster:
        """Promote the reader that is named, or the one whose turn it is; connections drop."""
        cluster = self._cluster(db_cluster_identifier)
        if not isinstance(cluster, AuroraCluster):
            return super().failover_db_cluster(db_cluster_identifier, target_db_instance_identifier)
        name = cluster.db_cluster_identifier
        if cluster.status != "available":
            raise InvalidDBClusterStateFault(
                f"DbCluster {name} is in {cluster.status} state "
                "but expected it to be one of available."
            )
        if len(cluster.members) < 2:
            raise InvalidDBClusterStateFault(
                f"Database cluster:{name} should have at least two database instances for failover"
            )
        if target_db_instance_identifier is None:
            target = cluster.successor()
        else:
            target = self._target(cluster, target_db_instance_identifier)
        if target is None:
            raise InvalidDBClusterStateFault(
                f"Database cluster:{name} should have at least two database instances in valid "
                "states or a valid target instance for failover."
            )
        self.note_failover(cluster, target)
        cluster.failover(target)
        real = self.servers.cluster(name)
        work = real.submit(real.promote, target.db_instance_identifier)
        over = ("failover", f"Completed failover to DB instance: {target.db_instance_identifier}")
        self._pass_cluster(cluster, "failing-over", work, over=over)
        return cluster

    def note_failover(self, cluster: AuroraCluster, target: DBInstanceClustered) -> None:
        """Say that a failover has begun; to be called while the old writer is the writer."""
        zones = {member.availability_zone for member in (cluster.writer, target) if member}
        way = "cross" if len(zones) > 1 else "same"
        name = target.db_instance_identifier
        self.note(
            "DBCluster",
            cluster,
            ("failover", f"Started {way} AZ failover to DB instance: {name}"),
        )

    @staticmethod
    def _target(cluster: AuroraCluster, name: str) -> DBInstanceClustered:
        members = {member.db_instance_identifier: member for member in cluster.members}
        if name.lower() not in members:
            raise DBInstanceNotFoundError(name)
        target = members[name.lower()]
        if target.is_cluster_writer:
            raise RDSClientError(
                "InvalidDBInstanceState",
                f"Instance {name} is the writer of the cluster already. Name one of its readers.",
            )
        if target.status != "available":
            raise RDSClientError(
                "InvalidDBInstanceState",
                f"Instance {name} should be in valid state for failover.",
            )
        return target
