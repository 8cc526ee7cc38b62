"""Aurora instances: each one a real server that is started, and stopped for good."""

import hashlib
from typing import Any

from moto.rds.exceptions import (
    DBInstanceAlreadyExists,
    DBInstanceNotFoundError,
    InvalidDBClusterStateFault,
    InvalidDBInstanceEngine,
    InvalidParameterCombination,
    RDSClientError,
)
from moto.rds.models import DBInstance

from sandbox.aurora.failover import FailoverCalls
from sandbox.aurora.models import ENGINE, AuroraCluster, AuroraInstance
from sandbox.aurora.placement import Placement
from sandbox.install import NoDatabaseServer, find_program


class InstanceCalls(Placement, FailoverCalls):
    """The calls on instances of Aurora clusters; other engines stay moto's."""

    def create_db_instance(self, db_kwargs: dict[str, Any]) -> DBInstance:
        """Start a real server: the writer of a cluster without one, else a replica."""
        if db_kwargs.get("engine") != ENGINE:
            return super().create_db_instance(db_kwargs)
        name = db_kwargs["db_instance_identifier"]
        if name in self.databases or name in self.leaving_instances:
            raise DBInstanceAlreadyExists()
        self._validate_db_identifier(name)
        if not db_kwargs.get("db_cluster_identifier"):
            raise InvalidParameterCombination(
                f"The engine {ENGINE} needs a DBClusterIdentifier: create the DB cluster first."
            )
        cluster = self._cluster(db_kwargs["db_cluster_identifier"])
        if not isinstance(cluster, AuroraCluster):
            raise InvalidDBInstanceEngine(ENGINE, cluster.engine)
        _check_not_stopped(cluster)
        try:
            find_program()
        except NoDatabaseServer as error:
            # AWS has servers always; here the way to one is to be said, and nothing half-made.
            raise RDSClientError("InsufficientDBInstanceCapacity", str(error)) from error
        zones = self._zones(cluster)
        # The abstract methods are CloudFormation's, which the sandbox does not offer.
        instance = AuroraInstance(  # type: ignore[abstract]
            backend=self,
            **{
                "publicly_accessible": False,
                "availability_zone": zones[len(cluster.members) % len(zones)],
                **db_kwargs,
                "db_subnet_group_name": cluster.db_subnet_group_name
                if cluster.db_subnet_group_name in self.subnet_groups
                else None,
            },
        )
        instance.port = cluster.port
        instance.dbi_resource_id = "db-" + hashlib.sha256(name.encode()).hexdigest()[:26].upper()
        self.databases[name] = instance
        real = self.servers.cluster(cluster.db_cluster_identifier)
        self._prepare_server(instance)
        work = real.submit(real.add, instance.db_instance_identifier, cluster.master())
        monitored = ("configuring-enhanced-monitoring",) if instance.monitoring_interval else ()
        self._pass_instance(instance, "creating", work, then=monitored)
        return instance

    def reboot_db_instance(self, db_instance_identifier: str) -> DBInstance:
        """Stop the real server and start it again; connections drop."""
        instance = self.databases.get(db_instance_identifier)
        if not isinstance(instance, AuroraInstance):
            return super().reboot_db_instance(db_instance_identifier)
        _check_available(instance)
        self._prepare_server(instance)
        real = self.servers.cluster(instance.cluster.db_cluster_identifier)
        work = real.submit(real.reboot, instance.db_instance_identifier)
        self._pass_instance(instance, "rebooting", work)
        return instance

    def modify_db_instance(
        self, db_instance_identifier: str, db_kwargs: dict[str, Any]
    ) -> DBInstance:
        """Only of an instance that is available."""
        instance = self.databases.get(db_instance_identifier)
        if isinstance(instance, AuroraInstance):
            _check_available(instance)
        return super().modify_db_instance(db_instance_identifier, db_kwargs)

    def stop_db_instance(
        self, db_instance_identifier: str, db_snapshot_identifier: str | None = None
    ) -> DBInstance:
        """An Aurora cluster stops as a whole."""
        self._refuse_members(db_instance_identifier)
        return super().stop_db_instance(db_instance_identifier, db_snapshot_identifier)

    def start_db_instance(self, db_instance_identifier: str) -> DBInstance:
        """An Aurora cluster starts as a whole."""
        self._refuse_members(db_instance_identifier)
        return super().start_db_instance(db_instance_identifier)

    def _refuse_members(self, name: str) -> None:
        if isinstance(self.databases.get(name), AuroraInstance):
            raise InvalidParameterCombination(
                f"{ENGINE} DB instances are not eligible for stopping/starting."
            )

    def describe_db_instances(
        self, db_instance_identifier: str | None = None, filters: Any = None
    ) -> list[DBInstance]:
        """Show also those that are being deleted."""
        leaving = self._leaving(self.leaving_instances, db_instance_identifier, filters, DBInstance)
        try:
            return super().describe_db_instances(db_instance_identifier, filters) + leaving
        except DBInstanceNotFoundError:
            if leaving:
                return leaving
            raise

    def delete_db_instance(
        self,
        db_instance_identifier: str,
        final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False,
        delete_automated_backups: bool | None = True,
    ) -> DBInstance:
        """Stop the real server; a reader takes over from a writer that is deleted."""
        if db_instance_identifier in self.leaving_instances:
            raise RDSClientError(
                "InvalidDBInstanceState",
                f"Instance {db_instance_identifier} is already being deleted.",
            )
        instance = self.databases.get(db_instance_identifier)
        if not isinstance(instance, AuroraInstance):
            return super().delete_db_instance(
                db_instance_identifier,
                final_db_snapshot_identifier,
                skip_final_snapshot,
                delete_automated_backups,
            )
        if final_db_snapshot_identifier:
            raise InvalidParameterCombination(
                "FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance"
            )
        name, cluster = instance.db_instance_identifier, instance.cluster
        _check_not_stopped(cluster)
        if instance.is_cluster_writer and (heir := cluster.successor()):
            self.note_failover(cluster, heir)
        super().delete_db_instance(db_instance_identifier, None, True, delete_automated_backups)
        cluster.designate_writer()
        successor = cluster.writer.db_instance_identifier if cluster.writer else None
        if instance.is_cluster_writer and successor:
            self.note(
                "DBCluster",
                cluster,
                ("failover", f"Completed failover to DB instance: {successor}"),
            )
        self.leaving_instances[name] = instance
        real = self.servers.cluster(cluster.db_cluster_identifier)
        work = real.submit(real.remove, name, successor)
        self._pass_instance(instance, "deleting", work, "deleted")
        return instance


def _check_available(instance: AuroraInstance) -> None:
    if instance.status != "available":
        raise RDSClientError(
            "InvalidDBInstanceState", "Database instance is not in available state."
        )


def _check_not_stopped(cluster: AuroraCluster) -> None:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    if cluster.status in ("stopping", "stopped", "starting"):
        raise InvalidDBClusterStateFault(
            f"DbCluster {cluster.db_cluster_identifier} is in {cluster.status} state "
            "but expected it to be one of available."
        )
