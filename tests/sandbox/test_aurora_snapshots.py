"""Snapshots, clones and moments past, through the API: what comes back is the data of then."""

import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pymysql
import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.database

PASSWORD, OTHER = secrets.token_hex(8), secrets.token_hex(8)


@pytest.fixture(scope="module")
def rds(sandbox) -> Any:
    return boto3.client("rds")


@pytest.fixture(scope="module")
def shop(rds, sandbox) -> str:
    """A cluster with one instance and one row, that tests may read and snapshot."""
    create(rds, "shop")
    ask(sandbox, "shop-1", "create table t (n int)", "insert into t values (1)")
    return "shop"


def create(rds: Any, name: str, **more: Any) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DatabaseName="shop",
        **more,
    )
    add(rds, name)


def add(rds: Any, name: str) -> None:
    """An instance `<name>-1`; returns when it and the cluster are available."""
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-1",
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
    )
    for _ in range(2):
        rds.describe_db_clusters(DBClusterIdentifier=name)
        rds.describe_db_instances(DBInstanceIdentifier=f"{name}-1")
    found = rds.describe_db_instances(DBInstanceIdentifier=f"{name}-1")["DBInstances"][0]
    assert found["DBInstanceStatus"] == "available"


def ask(sandbox: Any, instance: str, *statements: str, password: str = PASSWORD) -> list[tuple]:
    """Run them on the real server, past the bastion; the rows of the last."""
    port = next(d["port"] for d in sandbox.status()["databases"] if d["instance"] == instance)
    connection = pymysql.connect(
        host="127.0.0.1", port=port, user="admin", password=password, database="shop"
    )
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
        return list(cursor.fetchall())


def rows(sandbox: Any, instance: str, **more: Any) -> list[tuple]:
    return ask(sandbox, instance, "select n from t order by n", **more)


def snapshot(rds: Any, cluster: str, name: str) -> list[str]:
    """Take one and wait; the states that were shown."""
    rds.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name)
    rds.describe_db_clusters(DBClusterIdentifier=cluster)
    return [status(rds, name) for _ in range(2)]


def status(rds: Any, name: str) -> str:
    found = rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)
    return found["DBClusterSnapshots"][0]["Status"]


def error(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    said = refused.value.response["Error"]
    return said["Code"], said["Message"]


def test_a_snapshot_is_creating_and_its_cluster_backing_up(rds, shop) -> None:
    rds.create_db_cluster_snapshot(DBClusterIdentifier=shop, DBClusterSnapshotIdentifier="states")
    clusters, states = [], []
    for _ in range(2):
        found = rds.describe_db_clusters(DBClusterIdentifier=shop)["DBClusters"][0]
        clusters.append(found["Status"])
        states.append(status(rds, "states"))
    assert clusters == ["backing-up", "available"]
    assert states == ["creating", "available"]


def test_a_restored_cluster_has_the_rows_and_the_password_of_then(rds, sandbox) -> None:
    create(rds, "before")
    ask(sandbox, "before-1", "create table t (n int)", "insert into t values (1)")
    snapshot(rds, "before", "then")
    ask(sandbox, "before-1", "insert into t values (2)")
    rds.modify_db_cluster(DBClusterIdentifier="before", MasterUserPassword=OTHER)
    rds.describe_db_clusters(DBClusterIdentifier="before")
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="after", SnapshotIdentifier="then", Engine="aurora-mysql"
    )
    found = rds.describe_db_clusters(DBClusterIdentifier="after")["DBClusters"][0]
    assert (found["Status"], found["DBClusterMembers"]) == ("creating", [])
    assert (found["MasterUsername"], found["DatabaseName"]) == ("admin", "shop")
    add(rds, "after")
    assert rows(sandbox, "after-1") == [(1,)]
    assert rows(sandbox, "before-1", password=OTHER) == [(1,), (2,)]


def test_a_snapshot_outlives_its_cluster(rds, sandbox) -> None:
    create(rds, "mortal")
    ask(sandbox, "mortal-1", "create table t (n int)", "insert into t values (1)")
    rds.delete_db_instance(DBInstanceIdentifier="mortal-1")
    rds.delete_db_cluster(DBClusterIdentifier="mortal", FinalDBSnapshotIdentifier="last")
    rds.describe_db_clusters(DBClusterIdentifier="mortal")
    assert [status(rds, "last") for _ in range(2)] == ["creating", "available"]
    missing, _ = error(rds.describe_db_clusters, DBClusterIdentifier="mortal")
    assert missing == "DBClusterNotFoundFault"
    rds.copy_db_cluster_snapshot(
        SourceDBClusterSnapshotIdentifier="last", TargetDBClusterSnapshotIdentifier="copied"
    )
    assert [status(rds, "copied") for _ in range(2)] == ["creating", "available"]
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="last")
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="reborn", SnapshotIdentifier="copied", Engine="aurora-mysql"
    )
    add(rds, "reborn")
    assert rows(sandbox, "reborn-1") == [(1,)]
    folders = [f.name for f in (sandbox.home / "databases" / "_snapshots").iterdir()]
    assert "copied" in folders
    assert "last" not in folders


def test_a_deletion_says_what_becomes_of_the_data(rds, shop) -> None:
    code, message = error(rds.delete_db_cluster, DBClusterIdentifier=shop)
    assert code == "InvalidParameterCombination"
    assert message == "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."
    both = {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "x"}
    code, _ = error(rds.delete_db_cluster, DBClusterIdentifier=shop, **both)
    assert code == "InvalidParameterCombination"


def test_a_clone_and_a_moment_past(rds, sandbox) -> None:
    create(rds, "time")
    ask(sandbox, "time-1", "create table t (n int)", "insert into t values (1)")
    moment = datetime.now(UTC)
    time.sleep(1.1)  # moments are whole seconds
    ask(sandbox, "time-1", "delete from t", "insert into t values (2)")
    rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="clone",
        SourceDBClusterIdentifier="time",
        RestoreType="copy-on-write",
        UseLatestRestorableTime=True,
    )
    # What comes after the call is not in it, even while it is creating.
    ask(sandbox, "time-1", "insert into t values (3)")
    rds.restore_db_cluster_to_point_in_time(
        DBClusterIdentifier="past", SourceDBClusterIdentifier="time", RestoreToTime=moment
    )
    for name in ("clone", "past"):
        add(rds, name)
    assert rows(sandbox, "clone-1") == [(2,)]
    assert rows(sandbox, "past-1") == [(1,)]
    assert rows(sandbox, "time-1") == [(2,), (3,)]


def test_only_moments_within_the_backups_can_be_restored(rds, shop) -> None:
    found = rds.describe_db_clusters(DBClusterIdentifier=shop)["DBClusters"][0]
    earliest, latest = found["EarliestRestorableTime"], found["LatestRestorableTime"]
    assert earliest <= latest <= datetime.now(UTC) + timedelta(seconds=1)
    names = {"DBClusterIdentifier": "never", "SourceDBClusterIdentifier": shop}
    restore = rds.restore_db_cluster_to_point_in_time
    for moment, word in ((earliest - timedelta(1), "earlier"), (latest + timedelta(1), "later")):
        code, message = error(restore, **names, RestoreToTime=moment)
        assert code == "InvalidParameterValue"
        assert f"cannot be restored to a time {word} than" in message
    assert error(restore, **names)[0] == "InvalidParameterCombination"
    both = {"RestoreToTime": latest, "UseLatestRestorableTime": True}
    assert error(restore, **names, **both)[0] == "InvalidParameterCombination"
    cloned = {"RestoreToTime": latest, "RestoreType": "copy-on-write"}
    assert error(restore, **names, **cloned)[0] == "InvalidParameterCombination"
    assert error(rds.describe_db_clusters, DBClusterIdentifier="never")[0] == (
        "DBClusterNotFoundFault"
    )


def test_a_managed_password_is_no_hindrance(rds) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier="managed",
        Engine="aurora-mysql",
        MasterUsername="admin",
        ManageMasterUserPassword=True,
    )
    rds.describe_db_clusters(DBClusterIdentifier="managed")
    snapshot(rds, "managed", "managed-snap")
    restored = rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier="unmanaged", SnapshotIdentifier="managed-snap", Engine="aurora-mysql"
    )["DBCluster"]
    assert "MasterUserSecret" not in restored


def test_names_and_states_are_checked(rds, shop) -> None:
    create_snapshot = rds.create_db_cluster_snapshot
    names = {"DBClusterIdentifier": shop, "DBClusterSnapshotIdentifier": "checked"}
    create_snapshot(**names)
    assert error(create_snapshot, **names)[0] == "DBClusterSnapshotAlreadyExistsFault"
    code, message = error(create_snapshot, **{**names, "DBClusterSnapshotIdentifier": "other"})
    assert code == "InvalidDBClusterStateFault"
    assert "not currently in the available state" in message
    restore = {
        "DBClusterIdentifier": "x",
        "SnapshotIdentifier": "checked",
        "Engine": "aurora-mysql",
    }
    refused = error(rds.restore_db_cluster_from_snapshot, **restore)
    assert refused[0] == "InvalidDBClusterSnapshotStateFault"
    rds.describe_db_clusters(DBClusterIdentifier=shop)
    status(rds, "checked")
    taken = error(rds.restore_db_cluster_from_snapshot, **{**restore, "DBClusterIdentifier": shop})
    assert taken[0] == "DBClusterAlreadyExistsFault"
    missing = error(
        rds.restore_db_cluster_from_snapshot, **{**restore, "SnapshotIdentifier": "none"}
    )
    assert missing[0] == "DBClusterSnapshotNotFoundFault"
