"""RDS: what can be set on a cluster and on an instance, and what AWS refuses."""

import secrets
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.database

PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module")
def rds(sandbox) -> Any:
    return boto3.client("rds")


@pytest.fixture(scope="module")
def instance(rds) -> str:
    """The one instance of the cluster `settings`."""
    rds.create_db_cluster(**_cluster("settings"))
    rds.create_db_instance(
        DBInstanceIdentifier="settings-1",
        DBClusterIdentifier="settings",
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
    )
    _settle(rds)
    return "settings-1"


def _cluster(name: str, **more: Any) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": name,
        "Engine": "aurora-mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": PASSWORD,
        **more,
    }


def _settle(rds) -> None:
    for _ in range(3):
        rds.describe_db_clusters()
        rds.describe_db_instances()


def _find(rds, cluster: str) -> dict[str, Any]:
    return rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]


def _find_instance(rds, name: str) -> dict[str, Any]:
    return rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_protected_cluster_is_not_deleted(rds) -> None:
    rds.create_db_cluster(**_cluster("protected", DeletionProtection=True))
    _settle(rds)
    assert _find(rds, "protected")["DeletionProtection"] is True
    refused = _refusal(
        rds.delete_db_cluster, DBClusterIdentifier="protected", SkipFinalSnapshot=True
    )
    assert refused == (
        "InvalidParameterCombination",
        "Cannot delete protected Cluster, please disable deletion protection and try again.",
    )
    rds.modify_db_cluster(DBClusterIdentifier="protected", DeletionProtection=False)
    _settle(rds)
    rds.delete_db_cluster(DBClusterIdentifier="protected", SkipFinalSnapshot=True)


def test_a_protected_instance_of_another_engine_is_not_deleted(rds) -> None:
    rds.create_db_instance(
        DBInstanceIdentifier="lonely",
        Engine="mysql",
        DBInstanceClass="db.t3.micro",
        AllocatedStorage=20,
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DeletionProtection=True,
    )
    refused = _refusal(
        rds.delete_db_instance, DBInstanceIdentifier="lonely", SkipFinalSnapshot=True
    )
    assert refused == (
        "InvalidParameterCombination",
        "Cannot delete protected DB Instance, please disable deletion protection and try again.",
    )


def test_what_can_be_set_on_a_cluster_is_shown(rds, instance) -> None:
    answer = rds.modify_db_cluster(
        DBClusterIdentifier="settings",
        BackupRetentionPeriod=7,
        PreferredBackupWindow="03:00-04:00",
        PreferredMaintenanceWindow="Sun:23:45-Mon:00:15",
        EnableIAMDatabaseAuthentication=True,
        ApplyImmediately=True,
    )["DBCluster"]
    assert answer["IAMDatabaseAuthenticationEnabled"] is True
    _settle(rds)
    found = _find(rds, "settings")
    assert found["BackupRetentionPeriod"] == 7
    assert found["PreferredBackupWindow"] == "03:00-04:00"
    assert found["PreferredMaintenanceWindow"] == "sun:23:45-mon:00:15"
    assert found["IAMDatabaseAuthenticationEnabled"] is True
    assert _find_instance(rds, instance)["IAMDatabaseAuthenticationEnabled"] is True
    assert _find_instance(rds, instance)["BackupRetentionPeriod"] == 7


@pytest.mark.parametrize(
    "bad",
    [
        {"BackupRetentionPeriod": 0},
        {"BackupRetentionPeriod": 36},
        {"PreferredBackupWindow": "3:00-4:00"},
        {"PreferredBackupWindow": "03:00-03:10"},
        {"PreferredBackupWindow": "25:00-26:00"},
        {"PreferredMaintenanceWindow": "sunday night"},
        {
            "PreferredMaintenanceWindow": "wed:03:00-wed:04:00",
            "PreferredBackupWindow": "03:30-04:30",
        },
    ],
)
def test_settings_that_make_no_sense_are_refused_and_change_nothing(rds, instance, bad) -> None:
    before = _find(rds, "settings")
    code, _ = _refusal(rds.modify_db_cluster, DBClusterIdentifier="settings", **bad)
    assert code == "InvalidParameterValue"
    code, _ = _refusal(rds.create_db_cluster, **_cluster("senseless", **bad))
    assert code == "InvalidParameterValue"
    after = _find(rds, "settings")
    assert {k: v for k, v in before.items() if k != "LatestRestorableTime"} == {
        k: v for k, v in after.items() if k != "LatestRestorableTime"
    }


@pytest.mark.differs(
    "RDS: changes for the maintenance window",
    aws="are made in it",
    sandbox="wait until a change is asked for with `ApplyImmediately`",
    since="2026-11",
)
def test_a_newer_version_waits_unless_told_not_to(rds) -> None:
    old, new = "8.0.mysql_aurora.3.08.0", "8.0.mysql_aurora.3.10.3"
    rds.create_db_cluster(**_cluster("aged", EngineVersion=old))
    _settle(rds)
    rds.modify_db_cluster(DBClusterIdentifier="aged", EngineVersion=new)
    _settle(rds)
    assert _find(rds, "aged")["EngineVersion"] == old
    assert _find(rds, "aged")["PendingModifiedValues"] == {"EngineVersion": new}
    rds.modify_db_cluster(DBClusterIdentifier="aged", EngineVersion=new, ApplyImmediately=True)
    _settle(rds)
    assert _find(rds, "aged")["EngineVersion"] == new
    code, message = _refusal(
        rds.modify_db_cluster, DBClusterIdentifier="aged", EngineVersion=old, ApplyImmediately=True
    )
    assert code == "InvalidParameterCombination" and "Cannot upgrade" in message


def test_a_new_class_waits_unless_told_not_to(rds, instance) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=instance, DBInstanceClass="db.r6g.large")
    found = _find_instance(rds, instance)
    assert found["DBInstanceClass"] == "db.t3.medium"
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.r6g.large"}
    rds.modify_db_instance(
        DBInstanceIdentifier=instance, DBInstanceClass="db.r6g.large", ApplyImmediately=True
    )
    seen = [_find_instance(rds, instance) for _ in range(2)]
    assert [found["DBInstanceStatus"] for found in seen] == ["modifying", "available"]
    assert seen[1]["DBInstanceClass"] == "db.r6g.large"
    assert seen[1].get("PendingModifiedValues", {}) == {}


def test_the_promotion_tier(rds, instance) -> None:
    rds.modify_db_instance(DBInstanceIdentifier=instance, PromotionTier=0)
    _settle(rds)
    assert _find_instance(rds, instance)["PromotionTier"] == 0
    (member,) = _find(rds, "settings")["DBClusterMembers"]
    assert member["PromotionTier"] == 0
    code, _ = _refusal(rds.modify_db_instance, DBInstanceIdentifier=instance, PromotionTier=16)
    assert code == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ({"MasterUserPassword": PASSWORD}, "master user password"),
        ({"BackupRetentionPeriod": 3}, "backup retention period"),
        ({"VpcSecurityGroupIds": ["sg-1"]}, "vpc security groups"),
    ],
)
def test_what_is_the_clusters_is_not_set_on_an_instance(rds, instance, setting, name) -> None:
    refused = _refusal(rds.modify_db_instance, DBInstanceIdentifier=instance, **setting)
    assert refused == (
        "InvalidParameterCombination",
        f"The requested DB Instance will be a member of a DB Cluster. Set {name} for the DB "
        "Cluster.",
    )


@pytest.mark.differs(
    "RDS: new names for clusters and instances",
    aws="offered",
    sandbox="refused as not offered",
    since="2026-11",
)
@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("modify_db_cluster", {"DBClusterIdentifier": "settings"}),
        ("modify_db_instance", {"DBInstanceIdentifier": "settings-1"}),
    ],
)
def test_a_new_name_is_not_offered(rds, instance, call, arguments) -> None:
    kind = next(iter(arguments))
    code, _ = _refusal(getattr(rds, call), **arguments, **{f"New{kind}": "renamed"})
    assert code == "NotImplemented"
    assert _find(rds, "settings")["Status"] == "available"
