"""What can be set on clusters and instances, with AWS's rules for which of the two and how."""

from typing import Any

from moto.rds.exceptions import (
    InvalidParameterCombination,
    InvalidParameterValue,
)
from moto.rds.models import DBCluster, DBInstance

from sandbox.aurora import catalogue
from sandbox.aurora.base import AuroraBase
from sandbox.aurora.models import ENGINE, AuroraCluster, AuroraInstance
from sandbox.aurora.windows import check_windows

LONGEST_RETENTION = 35  # days
LAST_TIER = 15

# What an instance takes from its cluster, by AWS's names for it in the refusal.
OF_THE_CLUSTER = {
    "backup_retention_period": "backup retention period",
    "db_name": "database name",
    "deletion_protection": "deletion protection",
    "manage_master_user_password": "master user password management",
    "master_user_password": "master user password",
    "master_username": "master user name",
    "preferred_backup_window": "preferred backup window",
    "rotate_master_user_password": "master user password management",
    "vpc_security_group_ids": "vpc security groups",
}


class Settings(AuroraBase):
    """Checks what is set, and sets what moto does not know how to."""

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """AWS refuses windows and retentions that make no sense."""
        if kwargs.get("engine") == ENGINE:
            _check_cluster(kwargs, {})
        return super().create_db_cluster(kwargs)

    def modify_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """Likewise; a new engine version waits for the maintenance window, unless told not to."""
        cluster = self._cluster(kwargs["db_cluster_identifier"])
        if not isinstance(cluster, AuroraCluster):
            return super().modify_db_cluster(kwargs)
        if kwargs.get("new_db_cluster_identifier"):
            raise NotImplementedError  # the data's folder has the cluster's name
        _check_cluster(kwargs, vars(cluster))
        version = _newer_version(cluster, kwargs.pop("engine_version", None))
        at_once = kwargs.get("apply_immediately")
        if version and at_once:
            kwargs["engine_version"] = version
        answer: Any = super().modify_db_cluster(kwargs)
        for model in (cluster, answer):  # the answer is a copy from before
            model.iam_auth = kwargs.get("enable_iam_database_authentication", model.iam_auth)
            if version:
                waits = {} if at_once else {"EngineVersion": version}
                model.pending_modified_values = waits
        for member in cluster._members:
            member.port = cluster.port
        return answer

    def create_db_instance(self, db_kwargs: dict[str, Any]) -> DBInstance:
        """AWS refuses what is the cluster's to say."""
        if db_kwargs.get("engine") == ENGINE:
            _check_instance(db_kwargs)
        return super().create_db_instance(db_kwargs)

    def modify_db_instance(
        self, db_instance_identifier: str, db_kwargs: dict[str, Any]
    ) -> DBInstance:
        """Likewise; a new class restarts the server at once, or waits as a version does."""
        instance = self.databases.get(db_instance_identifier)
        if not isinstance(instance, AuroraInstance):
            return super().modify_db_instance(db_instance_identifier, db_kwargs)
        if db_kwargs.get("new_db_instance_identifier"):
            raise NotImplementedError  # the server's folder has the instance's name
        _check_instance(db_kwargs)
        new_class = db_kwargs.pop("db_instance_class", None)
        if new_class in (None, instance.db_instance_class):
            new_class = None
        else:
            catalogue.check_class(new_class, instance.cluster.engine_version)
        super().modify_db_instance(db_instance_identifier, db_kwargs)
        if new_class and not db_kwargs.get("apply_immediately"):
            instance.pending_modified_values = {"DBInstanceClass": new_class}
            return instance
        work = None
        if new_class:
            instance.db_instance_class = new_class
            instance.pending_modified_values = {}
            self._prepare_server(instance)
            real = self.servers.cluster(instance.cluster.db_cluster_identifier)
            work = real.submit(real.reboot, instance.db_instance_identifier)
        self._pass_instance(instance, "modifying", work)
        return instance


def _check_cluster(wanted: dict[str, Any], present: dict[str, Any]) -> None:
    days = wanted.get("backup_retention_period")
    if days is not None and not 1 <= days <= LONGEST_RETENTION:
        raise InvalidParameterValue(
            f"Invalid backup retention period: {days}. Retention period must be between 1 and "
            f"{LONGEST_RETENTION}"
        )
    backup = wanted.get("preferred_backup_window")
    maintenance = wanted.get("preferred_maintenance_window")
    if maintenance is not None:
        wanted["preferred_maintenance_window"] = maintenance = maintenance.lower()
    if backup or maintenance:
        check_windows(
            backup or present.get("preferred_backup_window"),
            maintenance or present.get("preferred_maintenance_window"),
        )


def _check_instance(wanted: dict[str, Any]) -> None:
    for key, name in OF_THE_CLUSTER.items():
        if wanted.get(key) not in (None, []):
            raise InvalidParameterCombination(
                "The requested DB Instance will be a member of a DB Cluster. "
                f"Set {name} for the DB Cluster."
            )
    tier = wanted.get("promotion_tier")
    if tier is not None and not 0 <= tier <= LAST_TIER:
        raise InvalidParameterValue(
            f"Invalid promotion tier: {tier}. Promotion tier must be between 0 and {LAST_TIER}"
        )


def _newer_version(cluster: AuroraCluster, version: str | None) -> str | None:
    if version in (None, cluster.engine_version):
        return None
    version = catalogue.check_version(version)
    if version not in catalogue.upgrades(cluster.engine_version):
        raise InvalidParameterCombination(
            f"Cannot upgrade {ENGINE} from {cluster.engine_version} to {version}"
        )
    return version
