"""What Aurora MySQL offers: engine versions and instance classes, told and insisted on.

One list, `catalogue.json`, answers the describe calls and decides which create calls are good.
"""

import json
import re
from pathlib import Path
from typing import Any

from moto.rds.exceptions import InvalidParameterCombination, InvalidParameterValue
from moto.rds.models import DBCluster, DBInstance

from sandbox.aurora.base import AuroraBase
from sandbox.aurora.models import ENGINE, AuroraCluster

_DATA = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))

FAMILY: str = _DATA["family"]
DEFAULT_VERSION: str = _DATA["default"]
VERSIONS: dict[str, str] = _DATA["versions"]
CLASSES: list[str] = sorted(
    f"{family}.{size}".rstrip(".") for family, sizes in _DATA["classes"].items() for size in sizes
)
OTHER_CLASSES = re.compile(_DATA["classes_of_other_engines"])

LOGS = ["audit", "error", "general", "instance", "slowquery"]
LICENSE = "general-public-license"
CERTIFICATE_AUTHORITIES = ["rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1", "rds-ca-ecc384-g1"]


def engine_versions(version: str | None, default_only: bool) -> list[dict[str, Any]]:
    """Engine versions as DescribeDBEngineVersions has them, the oldest first.

    Args:
        version: this one, or all of a major version ("8.0"); None for all.
        default_only: only the one that a cluster gets for which none is asked.
    """
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBEngineVersion.html
    chosen = [
        each
        for each in VERSIONS
        if (not version or each == version or each.startswith(f"{version}."))
        and (not default_only or each == DEFAULT_VERSION)
    ]
    return [_engine_version(each) for each in chosen]


def upgrades(version: str) -> list[str]:
    """The versions that a cluster of this one can be upgraded to."""
    every = list(VERSIONS)
    return every[every.index(version) + 1 :] if version in VERSIONS else []


def orderable_options(
    version: str | None, instance_class: str | None, zones: list[str]
) -> list[dict[str, Any]]:
    """Instance classes as DescribeOrderableDBInstanceOptions has them, by class and version."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_OrderableDBInstanceOption.html
    return [
        {
            "Engine": ENGINE,
            "EngineVersion": each,
            "DBInstanceClass": name,
            "LicenseModel": LICENSE,
            "AvailabilityZones": [{"Name": zone} for zone in zones],
            "MultiAZCapable": False,
            "ReadReplicaCapable": False,
            "Vpc": True,
            "SupportsStorageEncryption": True,
            "StorageType": "aurora",
            "SupportsIops": False,
            "SupportsEnhancedMonitoring": True,
            "SupportsIAMDatabaseAuthentication": True,
            "SupportsPerformanceInsights": not name.startswith(("db.t3.", "db.t4g.")),
            "AvailableProcessorFeatures": [],
            "SupportedEngineModes": ["provisioned"],
            "SupportsStorageAutoscaling": False,
            "SupportsKerberosAuthentication": False,
            "OutpostCapable": False,
            "SupportedActivityStreamModes": [],
            "SupportsGlobalDatabases": not name.startswith(("db.t3.", "db.t4g.")),
            "SupportsClusters": True,
            "SupportedNetworkTypes": ["DUAL", "IPV4"],
            "SupportsStorageThroughput": False,
            "SupportsDedicatedLogVolume": False,
        }
        for name in CLASSES
        if instance_class in (None, name)
        for each in VERSIONS
        if version in (None, each)
    ]


class CatalogueCalls(AuroraBase):
    """Refuses what the catalogue does not list, in AWS's words."""

    def create_db_cluster(self, kwargs: dict[str, Any]) -> DBCluster:
        """AWS takes a version of its list; a major version stands for its default."""
        if kwargs.get("engine") == ENGINE:
            kwargs["engine_version"] = check_version(kwargs.get("engine_version"))
        return super().create_db_cluster(kwargs)

    def create_db_instance(self, db_kwargs: dict[str, Any]) -> DBInstance:
        """AWS wants a class that Aurora has, and the engine and version of the cluster."""
        cluster = self.clusters.get(db_kwargs.get("db_cluster_identifier") or "")
        if db_kwargs.get("engine") == ENGINE and isinstance(cluster, AuroraCluster):
            check_class(db_kwargs["db_instance_class"], cluster.engine_version)
            version = db_kwargs.get("engine_version")
            if version and not cluster.engine_version.startswith(version):
                raise InvalidParameterCombination(
                    f"The engine version that you requested for your DB instance ({version}) does "
                    "not match the engine version of your DB cluster "
                    f"({cluster.engine_version})."
                )
            # moto would take another version than the cluster's for an answer.
            db_kwargs["engine_version"] = cluster.engine_version
        return super().create_db_instance(db_kwargs)


def check_version(version: str | None) -> str:
    """The full version that a request means.

    Raises:
        InvalidParameterCombination: there is no such version.
    """
    if not version or version == DEFAULT_VERSION.partition(".mysql_aurora")[0]:
        return DEFAULT_VERSION
    if version not in VERSIONS:
        raise InvalidParameterCombination(f"Cannot find version {version} for {ENGINE}")
    return version


def check_class(name: str, version: str) -> None:
    """Let an instance class pass that Aurora MySQL has.

    Raises:
        InvalidParameterCombination: another engine has it.
        InvalidParameterValue: RDS has none of that name.
    """
    if name in CLASSES:
        return
    if not OTHER_CLASSES.fullmatch(name):
        raise InvalidParameterValue(f"Invalid DB Instance class: {name}")
    raise InvalidParameterCombination(
        "RDS does not support creating a DB instance with the following combination: "
        f"DBInstanceClass={name}, Engine={ENGINE}, EngineVersion={version}, "
        f"LicenseModel={LICENSE}. For supported combinations of instance class and database "
        "engine version, see the documentation."
    )


def _engine_version(version: str) -> dict[str, Any]:
    major = version.partition(".mysql_aurora.")[0]
    return {
        "Engine": ENGINE,
        "EngineVersion": version,
        "MajorEngineVersion": major,
        "DBParameterGroupFamily": FAMILY,
        "DBEngineDescription": "Aurora MySQL",
        "DBEngineVersionDescription": _description(version),
        "ValidUpgradeTarget": [
            {
                "Engine": ENGINE,
                "EngineVersion": target,
                "Description": _description(target),
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": False,
                "SupportedEngineModes": ["provisioned"],
                "SupportsParallelQuery": True,
                "SupportsGlobalDatabases": True,
            }
            for target in upgrades(version)
        ],
        "ExportableLogTypes": LOGS,
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": False,
        "SupportedEngineModes": ["provisioned"],
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsParallelQuery": True,
        "SupportsGlobalDatabases": True,
        "SupportsBabelfish": False,
        "SupportsCertificateRotationWithoutRestart": True,
        "SupportedCACertificateIdentifiers": CERTIFICATE_AUTHORITIES,
        "SupportsLocalWriteForwarding": True,
        "SupportsIntegrations": False,
    }


def _description(version: str) -> str:
    own = version.partition(".mysql_aurora.")[2]
    return f"Aurora MySQL {own} (compatible with MySQL {VERSIONS[version]})"
