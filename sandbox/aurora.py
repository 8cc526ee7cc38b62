"""RDS as moto has it, where each Aurora MySQL instance is a real database server.

Other engines stay what moto makes of them: a record without a server.
"""

import hashlib
import re
from collections.abc import MutableMapping
from concurrent.futures import Future
from typing import Any, ClassVar

from moto.ec2.models import ec2_backends
from moto.rds import urls
from moto.rds.exceptions import (
    DBClusterNotFoundError,
    DBClusterToBeDeletedHasActiveMembers,
    DBInstanceAlreadyExists,
    DBInstanceNotFoundError,
    InvalidParameterCombination,
    InvalidParameterValue,
    RDSClientError,
)
from moto.rds.models import (
    DBCluster,
    DBInstance,
    DBInstanceClustered,
    DBSubnetGroup,
    RDSBackend,
    rds_backends,
)
from moto.utilities.utils import CaseInsensitiveDict

from sandbox.install import NoDatabaseServer, find_program
from sandbox.pace import Pace, Passage
from sandbox.servers import DatabaseServers, Master

ENGINE = "aurora-mysql"
ENGINE_VERSION = "8.0.mysql_aurora.3.08.2"

# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Concepts.DBInstanceClass.SupportAurora.html
INSTANCE_CLASS = re.compile(
    r"db\.(serverless|t3\.(medium|large)|t4g\.(medium|large)"
    r"|(r5|r6g|r6i|r7g|r7i|r8g|x2g)\.(\d*x?large))"
)


class AuroraCluster(DBCluster):
    """moto's cluster, whose status is what the pace says and not what was last looked at."""

    @property
    def status(self) -> str:
        """One of AWS's cluster statuses."""
        return self._status

    @status.setter
    def status(self, value: str) -> None:
        self._status = value


class AuroraInstance(DBInstanceClustered):
    """moto's instance of a cluster, in its cluster's subnets and under its account's domain."""

    @property
    def address(self) -> str:
        """The instance endpoint; its middle part is the same for all endpoints of an account."""
        return (
            f"{self.db_instance_identifier}.{self.cluster.url_identifier}"
            f".{self.region}.rds.amazonaws.com"
        )


class SandboxRDS(RDSBackend):
    """moto's RDS with real servers behind Aurora MySQL, and with AWS's passing states."""

    pace: ClassVar[Pace]
    servers: ClassVar[DatabaseServers]
    _url_module = urls  # moto looks for it beside the class

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        # Deleted, but still to be seen in state `deleting`; moto forgets them at once.
        self.leaving_instances: MutableMapping[str, DBInstance] = CaseInsensitiveDict()
        self.leaving_clusters: MutableMapping[str, DBCluster] = CaseInsensitiveDict()

    # -- clusters ---------------------------------------------------------------------------

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Refuse a name that is taken (moto overwrites), and pass through `creating`."""
        name = kwargs["db_cluster_identifier"]
        if name in self.clusters or name in self.leaving_clusters:
            raise RDSClientError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        if kwargs.get("engine") != ENGINE:
            return super().create_db_cluster(kwargs)
        self._validate_db_identifier(name)
        if not kwargs.get("manage_master_user_password"):
            _check_password(kwargs.get("master_user_password"))
        if kwargs.get("master_username") == "rdsadmin":
            raise InvalidParameterValue(
                "MasterUsername rdsadmin cannot be used as it is a reserved word used by the engine"
            )
        groups = self._check_placement(kwargs)
        cluster = AuroraCluster(
            self,
            **{"engine_version": ENGINE_VERSION, **kwargs, "vpc_security_group_ids": groups},
        )
        cluster.url_identifier = _account_hash(self.account_id, self.region_name)
        cluster.parameter_group = kwargs.get("db_cluster_parameter_group_name") or (
            "default.aurora-mysql8.0"
        )
        self.clusters[name] = cluster
        cluster.save_automated_backup()
        self._pass_cluster(cluster, "creating")
        return cluster

    def describe_db_clusters(
        self, db_cluster_identifier: str | None = None, filters: Any = None
    ) -> list[DBCluster]:
        """Show also those that are being deleted."""
        leaving = _pick(self, self.leaving_clusters, db_cluster_identifier, filters, DBCluster)
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
        answer = super().modify_db_cluster(kwargs)
        if password is not None:
            real = self.servers.cluster(cluster.db_cluster_identifier)
            work = real.submit(real.set_master_password, cluster.master_username, password)
            self._pass_cluster(cluster, "resetting-master-credentials", work)
        return answer

    def delete_db_cluster(
        self, cluster_identifier: str, snapshot_name: str | None = None
    ) -> DBCluster:
        """Pass through `deleting`; the servers and the data go."""
        cluster = self._cluster(cluster_identifier)
        if not isinstance(cluster, AuroraCluster):
            return super().delete_db_cluster(cluster_identifier, snapshot_name)
        if cluster.members:
            raise DBClusterToBeDeletedHasActiveMembers()
        super().delete_db_cluster(cluster_identifier, snapshot_name)
        name = cluster.db_cluster_identifier
        # AWS deletes the automated backups with the cluster. moto keeps them, and then refuses the
        # next cluster of that name within the same minute.
        for snapshot_id, snapshot in list(self.cluster_snapshots.items()):
            of_this_cluster = snapshot.cluster.db_cluster_identifier == name
            if of_this_cluster and snapshot.snapshot_type == "automated":
                del self.cluster_snapshots[snapshot_id]
        self.leaving_clusters[name] = cluster
        work = self.servers.delete(name)
        self._pass_cluster(cluster, "deleting", work, "deleted")
        return cluster

    def failover_db_cluster(
        self, db_cluster_identifier: str, target_db_instance_identifier: str | None = None
    ) -> DBCluster:
        """Promote the reader with the lowest promotion tier; moto takes any."""
        cluster = self._cluster(db_cluster_identifier)
        if target_db_instance_identifier is None and (successor := _successor(cluster)):
            target_db_instance_identifier = successor.db_instance_identifier
        super().failover_db_cluster(db_cluster_identifier, target_db_instance_identifier)
        if isinstance(cluster, AuroraCluster):
            real = self.servers.cluster(cluster.db_cluster_identifier)
            work = real.submit(real.promote, target_db_instance_identifier)
            self._pass_cluster(cluster, "failing-over", work)
        return cluster

    def stop_db_cluster(self, cluster_identifier: str) -> DBCluster:
        """Stop the real servers too."""
        answer = super().stop_db_cluster(cluster_identifier)
        return self._stop_or_start(cluster_identifier, "stopping", "stopped") or answer

    def start_db_cluster(self, cluster_identifier: str) -> DBCluster:
        """Start the real servers too."""
        answer = super().start_db_cluster(cluster_identifier)
        return self._stop_or_start(cluster_identifier, "starting", "available") or answer

    # -- instances --------------------------------------------------------------------------

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
        instance_class = db_kwargs["db_instance_class"]
        if not INSTANCE_CLASS.fullmatch(instance_class):
            raise InvalidParameterCombination(
                "RDS does not support creating a DB instance with the following combination: "
                f"DBInstanceClass={instance_class}, Engine={ENGINE}, "
                f"EngineVersion={cluster.engine_version}, LicenseModel=general-public-license. "
                "For supported combinations of instance class and database engine version, "
                "see the documentation."
            )
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
        instance.add_event("DB_INSTANCE_CREATE")
        real = self.servers.cluster(cluster.db_cluster_identifier)
        master = Master(
            cluster.master_username or "admin",
            cluster._master_user_password,
            cluster.database_name,
        )
        work = real.submit(real.add, instance.db_instance_identifier, master)
        self._pass_instance(instance, "creating", work)
        return instance

    def describe_db_instances(
        self, db_instance_identifier: str | None = None, filters: Any = None
    ) -> list[DBInstance]:
        """Show also those that are being deleted."""
        leaving = _pick(self, self.leaving_instances, db_instance_identifier, filters, DBInstance)
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
        # Without a final snapshot: of an Aurora instance there is none, only of its cluster.
        super().delete_db_instance(db_instance_identifier, None, True, delete_automated_backups)
        name, cluster = instance.db_instance_identifier, instance.cluster
        cluster.designate_writer()
        successor = cluster.writer.db_instance_identifier if cluster.writer else None
        self.leaving_instances[name] = instance
        real = self.servers.cluster(cluster.db_cluster_identifier)
        work = real.submit(real.remove, name, successor)
        self._pass_instance(instance, "deleting", work, "deleted")
        return instance

    # -- subnet groups ----------------------------------------------------------------------

    def create_subnet_group(
        self, subnet_name: str, description: str, subnets: list[Any], tags: list[dict[str, str]]
    ) -> DBSubnetGroup:
        """Refuse a name that is taken, and a group within one availability zone."""
        if subnet_name in self.subnet_groups:
            raise RDSClientError(
                "DBSubnetGroupAlreadyExists",
                f"The DB subnet group '{subnet_name}' already exists.",
            )
        if len({subnet.availability_zone for subnet in subnets}) < 2:
            raise RDSClientError(
                "DBSubnetGroupDoesNotCoverEnoughAZs",
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
                f"Current AZ coverage: {', '.join(sorted({s.availability_zone for s in subnets}))}."
                " Add subnets to cover at least 2 AZs.",
            )
        return super().create_subnet_group(subnet_name, description, subnets, tags)

    def delete_subnet_group(self, subnet_name: str) -> DBSubnetGroup:
        """Refuse while a cluster is in it."""
        for cluster in [*self.clusters.values(), *self.leaving_clusters.values()]:
            if cluster.db_subnet_group_name == subnet_name:
                raise RDSClientError(
                    "InvalidDBSubnetGroupStateFault",
                    f"Cannot delete the subnet group '{subnet_name}' because at least one "
                    f"database cluster: {cluster.db_cluster_identifier} is still using it.",
                )
        return super().delete_subnet_group(subnet_name)

    # -- pieces -----------------------------------------------------------------------------

    def _cluster(self, name: str) -> DBCluster:
        if name not in self.clusters:
            raise DBClusterNotFoundError(name)
        return self.clusters[name]

    def _check_placement(self, kwargs: dict[str, Any]) -> list[str]:
        # The subnet group must exist; without groups given, the VPC's default one is used.
        group_name = kwargs.get("db_subnet_group_name")
        ec2 = ec2_backends[self.account_id][self.region_name]
        vpc_id = ec2.default_vpc.id
        if group_name:
            vpc_id = self.describe_db_subnet_groups(group_name)[0].vpc_id
        groups = kwargs.get("vpc_security_group_ids")
        if not groups:
            default = ec2.get_default_security_group(vpc_id)
            return [default.id] if default else []
        self._check_groups(groups)
        return groups

    def _check_groups(self, groups: list[str]) -> None:
        ec2 = ec2_backends[self.account_id][self.region_name]
        for group in groups:
            if ec2.get_security_group_from_id(group) is None:
                raise InvalidParameterValue(
                    f"Invalid security group , groupId= {group}, groupName=."
                )

    def _zones(self, cluster: DBCluster) -> list[str]:
        group = self.subnet_groups.get(cluster.db_subnet_group_name)
        if group is None:
            return sorted(cluster.availability_zones or [])
        return sorted({s["SubnetAvailabilityZone"]["Name"] for s in group.subnets})

    def _stop_or_start(self, name: str, passing: str, lasting: str) -> DBCluster | None:
        cluster = self._cluster(name)
        if not isinstance(cluster, AuroraCluster):
            return None
        real = self.servers.cluster(cluster.db_cluster_identifier)
        work = real.submit(real.stop if passing == "stopping" else real.start)
        for member in cluster.members:
            self._pass_instance(member, passing, work, lasting)
        self._pass_cluster(cluster, passing, work, lasting)
        return cluster

    def _pass_cluster(
        self,
        cluster: DBCluster,
        passing: str,
        work: Future | None = None,
        lasting: str = "available",
    ) -> None:
        name = cluster.db_cluster_identifier
        self._pass("DBCluster", cluster, name, passing, lasting, work, self.leaving_clusters)

    def _pass_instance(
        self, instance: DBInstance, passing: str, work: Future, lasting: str = "available"
    ) -> None:
        name = instance.db_instance_identifier
        self._pass("DBInstance", instance, name, passing, lasting, work, self.leaving_instances)

    def _pass(
        self,
        kind: str,
        model: Any,
        name: str,
        passing: str,
        lasting: str,
        work: Future | None,
        leaving: MutableMapping,
    ) -> None:
        def show(state: str) -> None:
            model.status = state

        def arrived() -> None:
            if passing == "deleting":
                leaving.pop(name, None)

        self.pace.begin(Passage(kind, name, [passing], lasting, show, work, arrived))


def install(pace: Pace, servers: DatabaseServers) -> None:
    """Put this in place of moto's own RDS."""
    SandboxRDS.pace = pace
    SandboxRDS.servers = servers
    rds_backends.backend = SandboxRDS


def _pick(
    backend: RDSBackend,
    leaving: MutableMapping,
    name: str | None,
    filters: Any,
    kind: type,
) -> list[Any]:
    if name:
        return [leaving[name]] if name in leaving else []
    if filters and leaving:
        return list(backend._filter_resources(leaving, filters, kind).values())
    return list(leaving.values())


def _successor(cluster: DBCluster) -> DBInstanceClustered | None:
    readers = [m for m in cluster.members if not m.is_cluster_writer and m.status == "available"]
    return min(readers, key=lambda m: m.promotion_tier, default=None)


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


def _account_hash(account_id: str, region: str) -> str:
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
    digest = hashlib.sha256(f"{account_id}:{region}".encode()).hexdigest()
    return "c" + digest[:11]
