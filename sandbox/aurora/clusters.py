"""Aurora clusters: made, changed, failed over, stopped and deleted, with their real servers."""

from typing import Any

from moto.rds.exceptions import (
    DBClusterNotFoundError,
    DBClusterToBeDeletedHasActiveMembers,
    InvalidDBClusterStateFault,
    InvalidParameterValue,
)
from moto.rds.models import DBCluster

from sandbox.aurora.failover import FailoverCalls
from sandbox.aurora.models import DEFAULT_GROUP, ENGINE, AuroraCluster, account_hash
from sandbox.aurora.snapshots import SnapshotCalls

# What takes AWS a while to change; deletion protection, for one, does not.
PASSES_BY_MODIFYING = {
    "backup_retention_period",
    "db_cluster_parameter_group_name",
    "enable_iam_database_authentication",
    "engine_version",
    "port",
    "preferred_backup_window",
    "preferred_maintenance_window",
    "vpc_security_group_ids",
}


class ClusterCalls(SnapshotCalls, FailoverCalls):
    """The calls on clusters, for Aurora MySQL; other engines stay moto's."""

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Refuse a name that is taken (moto overwrites), and pass through `creating`."""
        self._check_new_cluster(kwargs["db_cluster_identifier"])
        if kwargs.get("engine") != ENGINE:
            return super().create_db_cluster(kwargs)
        if not kwargs.get("manage_master_user_password"):
            _check_password(kwargs.get("master_user_password"))
        if kwargs.get("master_username") == "rdsadmin":
            raise InvalidParameterValue(
                "MasterUsername rdsadmin cannot be used as it is a reserved word used by the engine"
            )
        cluster = self._new_cluster(kwargs)
        self._pass_cluster(cluster, "creating")
        return cluster

    def _new_cluster(self, kwargs: dict[str, Any]) -> AuroraCluster:
        groups = self._check_placement(kwargs)
        cluster = AuroraCluster(
            self,
            **{**kwargs, "vpc_security_group_ids": groups},
        )
        cluster.url_identifier = account_hash(self.account_id, self.region_name)
        cluster.parameter_group = kwargs.get("db_cluster_parameter_group_name") or DEFAULT_GROUP
        self.clusters[cluster.db_cluster_identifier] = cluster
        cluster.save_automated_backup()
        return cluster

    def describe_db_clusters(
        self, db_cluster_identifier: str | None = None, filters: Any = None
    ) -> list[DBCluster]:
        """Show also those that are being deleted."""
        leaving = self._leaving(self.leaving_clusters, db_cluster_identifier, filters, DBCluster)
        try:
            return super().describe_db_clusters(db_cluster_identifier, filters) + leaving
        except DBClusterNotFoundError:
            if leaving:
                return leaving
            raise

    def modify_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Take a new master password to the real servers; refuse a bad one before any change."""
        cluster = self._cluster(kwargs["db_cluster_identifier"])
        password = kwargs.get("master_user_password")
        if password is not None:
            _check_password(password)
        if not isinstance(cluster, AuroraCluster):
            return super().modify_db_cluster(kwargs)
        if kwargs.get("vpc_security_group_ids"):
            self._check_groups(kwargs["vpc_security_group_ids"])
        if cluster.status != "available":
            raise InvalidDBClusterStateFault(
                f"DB cluster is not available for modification with status {cluster.status}"
            )
        answer = super().modify_db_cluster(kwargs)
        if password is None:
            if PASSES_BY_MODIFYING & set(kwargs):
                self._pass_cluster(cluster, "modifying")
        else:
            real = self.servers.cluster(cluster.db_cluster_identifier)
            work = real.submit(real.set_master_password, cluster.master_username, password)
            self._pass_cluster(cluster, "resetting-master-credentials", work)
        return answer

    def delete_db_cluster(
        self, cluster_identifier: str, snapshot_name: str | None = None
    ) -> DBCluster:
        """Pass through `deleting`; the servers and the data go, after a last snapshot if named."""
        cluster = self._cluster(cluster_identifier)
        if not isinstance(cluster, AuroraCluster):
            return super().delete_db_cluster(cluster_identifier, snapshot_name)
        if cluster.members:
            raise DBClusterToBeDeletedHasActiveMembers()
        if snapshot_name and not cluster.deletion_protection:
            self._check_new_snapshot(cluster, snapshot_name)
        super().delete_db_cluster(cluster_identifier)
        if snapshot_name:
            self._take_snapshot(cluster, snapshot_name)
        # Its data are not removed before the snapshots of them are taken.
        under_way = self._snapshots_under_way(cluster)
        name = cluster.db_cluster_identifier
        # AWS deletes the automated backups with the cluster. moto keeps them, and then refuses the
        # next cluster of that name within the same minute.
        for snapshot_id, snapshot in list(self.cluster_snapshots.items()):
            of_this_cluster = snapshot.cluster.db_cluster_identifier == name
            if of_this_cluster and snapshot.snapshot_type == "automated":
                del self.cluster_snapshots[snapshot_id]
        self.leaving_clusters[name] = cluster
        work = self.servers.delete(name, under_way)
        self._pass_cluster(cluster, "deleting", work, "deleted")
        return cluster

    def stop_db_cluster(self, cluster_identifier: str) -> DBCluster:
        """Stop the real servers too."""
        answer = super().stop_db_cluster(cluster_identifier)
        return self._stop_or_start(cluster_identifier, "stopping", "stopped") or answer

    def start_db_cluster(self, cluster_identifier: str) -> DBCluster:
        """Start the real servers too."""
        answer = super().start_db_cluster(cluster_identifier)
        return self._stop_or_start(cluster_identifier, "starting", "available") or answer

    def _stop_or_start(self, name: str, passing: str, lasting: str) -> DBCluster | None:
        cluster = self._cluster(name)
        if not isinstance(cluster, AuroraCluster):
            return None
        if passing == "starting":
            for member in cluster.members:
                self._prepare_server(member)
        real = self.servers.cluster(cluster.db_cluster_identifier)
        work = real.submit(real.stop if passing == "stopping" else real.start)
        for member in cluster.members:
            self._pass_instance(member, passing, work, lasting)
        self._pass_cluster(cluster, passing, work, lasting)
        return cluster


def _check_password(password: str | None) -> None:
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html
    if not password:
        raise InvalidParameterValue(
            "The parameter MasterUserPassword must be provided and must not be blank."
        )
    if not 8 <= len(password) <= 41:
        length = "shorter than 8" if len(password) < 8 else "longer than 41"
        raise InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password because it is "
            f"{length} characters."
        )
    if not all(33 <= ord(c) <= 126 and c not in '/@"' for c in password):
        raise InvalidParameterValue(
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII "
            "characters besides '/', '@', '\"', ' ' may be used."
        )
