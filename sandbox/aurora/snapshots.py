"""Snapshots of Aurora clusters, and clusters made from them or from a moment of another's past.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-restore-snapshot.html
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-pitr.html
"""

from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from moto.rds.exceptions import (
    DBClusterSnapshotAlreadyExistsError,
    DBClusterSnapshotNotFoundError,
    InvalidDBClusterSnapshotStateFault,
    InvalidDBClusterStateFault,
    InvalidParameterCombination,
    InvalidParameterValue,
    RDSClientError,
    SnapshotQuotaExceededFault,
)
from moto.rds.models import DBCluster, DBClusterSnapshot

from sandbox.aurora.models import AuroraCluster, AuroraSnapshot, Origin
from sandbox.aurora.placement import Placement

# What a restored cluster has from the one it is made from, unless the call says otherwise. Not
# its subnet group, security groups and parameter group: those are the default ones, as on AWS.
KEPT = (
    "engine",
    "engine_version",
    "engine_mode",
    "master_username",
    "database_name",
    "port",
    "backup_retention_period",
    "preferred_backup_window",
    "preferred_maintenance_window",
    "storage_encrypted",
    "storage_type",
    "kms_key_id",
    "copy_tags_to_snapshot",
    "serverless_v2_scaling_configuration",
)


class SnapshotCalls(Placement):
    """The calls on snapshots of clusters, and on restores."""

    def create_db_cluster_snapshot(
        self,
        db_cluster_identifier: str,
        db_cluster_snapshot_identifier: str,
        snapshot_type: str = "manual",
        tags: list[dict[str, str]] | None = None,
    ) -> DBClusterSnapshot:
        """Copy the cluster's data as they are now; the cluster is `backing-up` meanwhile."""
        cluster = self._cluster(db_cluster_identifier)
        if not isinstance(cluster, AuroraCluster) or snapshot_type != "manual":
            # An automated one is made with the cluster, which has no data then.
            return super().create_db_cluster_snapshot(
                db_cluster_identifier, db_cluster_snapshot_identifier, snapshot_type, tags
            )
        self._check_new_snapshot(cluster, db_cluster_snapshot_identifier)
        snapshot = self._take_snapshot(cluster, db_cluster_snapshot_identifier, tags)
        work = self.pace.passage("DBClusterSnapshot", snapshot.db_cluster_snapshot_identifier)
        self._pass_cluster(cluster, "backing-up", work.work if work else None)
        return snapshot

    def copy_db_cluster_snapshot(
        self,
        source_db_cluster_snapshot_identifier: str,
        target_db_cluster_snapshot_identifier: str,
        kms_key_id: str | None = None,
        copy_tags: bool = False,
        tags: list[dict[str, str]] | None = None,
        **_: Any,
    ) -> DBClusterSnapshot:
        """Copy the data too."""
        source = self._snapshot(source_db_cluster_snapshot_identifier)
        if not isinstance(source.cluster, AuroraCluster):
            return super().copy_db_cluster_snapshot(
                source_db_cluster_snapshot_identifier,
                target_db_cluster_snapshot_identifier,
                kms_key_id,
                copy_tags,
                tags,
            )
        self._check_snapshot_available(source)
        name = target_db_cluster_snapshot_identifier
        self._check_snapshot_name(name)
        if kms_key_id is not None:
            kms_key_id = self._validate_kms_key(kms_key_id)
        if copy_tags and not tags:
            tags = source.tags
        snapshot = AuroraSnapshot(
            self, source.cluster, name, tags=tags or [], kms_key_id=kms_key_id
        )
        snapshot.copied_from = source.db_cluster_snapshot_identifier
        self.cluster_snapshots[name] = snapshot
        self.deleted_snapshots.discard(name)
        self._pass_snapshot(snapshot)
        return snapshot

    def delete_db_cluster_snapshot(self, db_snapshot_identifier: str) -> DBClusterSnapshot:
        """Remove the data too."""
        snapshot = self._snapshot(db_snapshot_identifier)
        if snapshot.snapshot_type == "automated":
            raise InvalidDBClusterSnapshotStateFault("Only manual snapshots may be deleted.")
        if snapshot.status != "failed":
            self._check_snapshot_available(snapshot)
        name = snapshot.db_cluster_snapshot_identifier
        del self.cluster_snapshots[name]
        self.deleted_snapshots.add(name)
        self.servers.snapshots.delete(name)
        return snapshot

    def restore_db_cluster_from_snapshot(
        self, from_snapshot_id: str, overrides: dict[str, Any]
    ) -> DBCluster:
        """Make a cluster whose first instance will have the data of the snapshot."""
        snapshot = self._snapshot(from_snapshot_id)
        if not isinstance(snapshot.cluster, AuroraCluster):
            return super().restore_db_cluster_from_snapshot(from_snapshot_id, overrides)
        self._check_snapshot_available(snapshot)
        origin = Origin(snapshot=snapshot.db_cluster_snapshot_identifier)
        return self._restore(snapshot.cluster, dict(overrides.items()), origin)

    def restore_db_cluster_to_point_in_time(
        self,
        db_cluster_identifier: str,
        source_db_cluster_identifier: str,
        restore_type: str = "full-copy",
        restore_to_time: datetime | str | None = None,
        use_latest_restorable_time: bool = False,
        **overrides: Any,
    ) -> DBCluster:
        """Make a cluster whose first instance will have the data that another had at a moment.

        A clone (`copy-on-write`) is a copy here, too: quick, since the databases are small.
        """
        source = self._cluster(source_db_cluster_identifier.rpartition(":cluster:")[2])
        if restore_type not in ("full-copy", "copy-on-write"):
            raise InvalidParameterValue(f"Invalid restore type: {restore_type}")
        if restore_to_time is not None and use_latest_restorable_time:
            raise InvalidParameterCombination(
                "Cannot specify both RestoreToTime and UseLatestRestorableTime"
            )
        if restore_to_time is None and not use_latest_restorable_time:
            raise InvalidParameterCombination(
                "Either RestoreToTime or UseLatestRestorableTime must be specified."
            )
        if restore_to_time is not None and restore_type == "copy-on-write":
            raise InvalidParameterCombination(
                "RestoreToTime cannot be specified when RestoreType is copy-on-write"
            )
        if not isinstance(source, AuroraCluster):
            return super().restore_db_cluster_to_point_in_time(
                db_cluster_identifier,
                source_db_cluster_identifier,
                restore_type,
                restore_to_time,  # type: ignore[arg-type]
                use_latest_restorable_time,
                **overrides,
            )
        if source.status == "creating":
            raise InvalidDBClusterStateFault(
                f"DbCluster {source.db_cluster_identifier} is in creating state "
                "but expected it to be one of available,stopped."
            )
        moment: datetime | str | None
        if restore_to_time is None:
            moment = self.servers.cluster(source.db_cluster_identifier).position()
        else:
            moment = _checked_time(source, restore_to_time)
        overrides["db_cluster_identifier"] = db_cluster_identifier
        origin = Origin(cluster=source.db_cluster_identifier, moment=moment)
        return self._restore(source, overrides, origin)

    # -- pieces -----------------------------------------------------------------------------

    def _take_snapshot(
        self, cluster: AuroraCluster, name: str, tags: list[dict[str, str]] | None = None
    ) -> AuroraSnapshot:
        snapshot = AuroraSnapshot(self, cluster, name, tags=tags)
        snapshot.position = self.servers.cluster(cluster.db_cluster_identifier).position()
        self.cluster_snapshots[name] = snapshot
        self.deleted_snapshots.discard(name)
        self._pass_snapshot(snapshot)
        return snapshot

    def _snapshots_under_way(self, cluster: AuroraCluster) -> list[Future]:
        """The work on snapshots that still need the data of a cluster."""
        passages = [
            self.pace.passage("DBClusterSnapshot", name)
            for name, snapshot in self.cluster_snapshots.items()
            if isinstance(snapshot, AuroraSnapshot)
            and snapshot.db_cluster_identifier == cluster.db_cluster_identifier
            and snapshot.copied_from is None
        ]
        return [each.work for each in passages if each is not None and each.work is not None]

    def _pass_snapshot(self, snapshot: AuroraSnapshot) -> None:
        name, work = snapshot.db_cluster_snapshot_identifier, self._fill_snapshot(snapshot)
        self._pass("DBClusterSnapshot", snapshot, name, "creating", "available", work)

    def _fill_snapshot(self, snapshot: AuroraSnapshot) -> Any:
        """Have the data of a snapshot laid down, if they are not there yet."""
        name = snapshot.db_cluster_snapshot_identifier
        if snapshot.copied_from:
            return self.servers.snapshots.copy(snapshot.copied_from, name)
        source = self.servers.cluster(snapshot.db_cluster_identifier)
        return self.servers.snapshots.take(source, name, snapshot.position)

    def _restore(
        self, source: AuroraCluster, overrides: dict[str, Any], origin: Origin
    ) -> AuroraCluster:
        name = overrides["db_cluster_identifier"]
        self._check_new_cluster(name)
        said = {key: value for key, value in overrides.items() if value is not None}
        kept = {key: getattr(source, key) for key in KEPT if hasattr(source, key)}
        # The password of then is in the data. This one is for a cluster that has no data yet.
        password = source.master().password
        cluster = self._new_cluster(
            {
                "enable_iam_database_authentication": source.iam_auth,
                **kept,
                **said,
                "engine": source.engine,
                "master_user_password": password,
            }
        )
        cluster.origin = origin
        self._pass_cluster(cluster, "creating", self._fill_cluster(cluster))
        return cluster

    def _fill_cluster(self, cluster: AuroraCluster) -> Any:
        """Have the volume of a restored cluster filled, if it is not yet."""
        origin, name = cluster.origin, cluster.db_cluster_identifier
        if origin is None:
            return None
        if origin.snapshot is not None:
            return self.servers.snapshots.restore(origin.snapshot, self.servers.cluster(name))
        return self.servers.clone(str(origin.cluster), name, origin.moment)

    def _snapshot(self, name: str) -> DBClusterSnapshot:
        name = name.rpartition(":cluster-snapshot:")[2]
        if name not in self.cluster_snapshots:
            raise DBClusterSnapshotNotFoundError(name)
        return self.cluster_snapshots[name]

    def _check_new_snapshot(self, cluster: AuroraCluster, name: str) -> None:
        self._check_snapshot_name(name)
        if cluster.status != "available":
            raise InvalidDBClusterStateFault(
                "Cannot create a snapshot because the database cluster "
                f"{cluster.db_cluster_identifier} is not currently in the available state."
            )

    def _check_snapshot_name(self, name: str) -> None:
        self.validate_db_snapshot_identifier(name, "DBClusterSnapshotIdentifier")
        if name in self.cluster_snapshots:
            raise DBClusterSnapshotAlreadyExistsError(name)
        if len(self.cluster_snapshots) >= self.SNAPSHOT_QUOTA:
            raise SnapshotQuotaExceededFault()

    @staticmethod
    def _check_snapshot_available(snapshot: DBClusterSnapshot) -> None:
        if snapshot.status != "available":
            raise InvalidDBClusterSnapshotStateFault(
                f"The DB cluster snapshot {snapshot.db_cluster_snapshot_identifier} is "
                f"{snapshot.status}: it must be available."
            )

    def _check_new_cluster(self, name: str) -> None:
        self._validate_db_identifier(name)
        if name in self.clusters or name in self.leaving_clusters:
            raise RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")

    def _new_cluster(self, kwargs: dict[str, Any]) -> AuroraCluster:
        raise NotImplementedError


def _checked_time(source: AuroraCluster, time: datetime | str) -> datetime:
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    earliest = source.earliest_restorable_time.replace(tzinfo=UTC)
    latest = source.latest_restorable_time.replace(tzinfo=UTC)
    # AWS says "instance" of a cluster, too.
    for beyond, limit in (("later", latest), ("earlier", earliest)):
        if (moment > limit) if beyond == "later" else (moment < limit.replace(microsecond=0)):
            raise InvalidParameterValue(
                f"The specified instance cannot be restored to a time {beyond} than "
                f"{limit:%Y-%m-%dT%H:%M:%SZ}."
            )
    return moment
