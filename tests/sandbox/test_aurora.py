"""RDS: what moto lacks and the course relies on, with real servers behind it."""

import contextlib
import itertools
import secrets
import threading
import time
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


@pytest.fixture
def cluster(rds, request) -> str:
    """A cluster with a writer `-1` and a reader `-2`, both available."""
    name = "c" + request.node.name.replace("_", "").lower()[4:40]
    rds.create_db_cluster(**_cluster(name))
    for number in (1, 2):
        rds.create_db_instance(**_instance(name, number))
    _wait(rds, name)
    return name


def _cluster(name: str, **more: Any) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": name,
        "Engine": "aurora-mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": PASSWORD,
        "DatabaseName": "shop",
        **more,
    }


def _instance(cluster: str, number: int, **more: Any) -> dict[str, Any]:
    return {
        "DBInstanceIdentifier": f"{cluster}-{number}",
        "DBClusterIdentifier": cluster,
        "Engine": "aurora-mysql",
        "DBInstanceClass": "db.t3.medium",
        **more,
    }


def _wait(rds, name: str) -> None:
    for _ in range(3):
        cluster = rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        of_it = [{"Name": "db-cluster-id", "Values": [name]}]
        members = rds.describe_db_instances(Filters=of_it)["DBInstances"]
    states = {cluster["Status"], *(m["DBInstanceStatus"] for m in members)}
    assert states == {"available"}


def _error(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


def _login(sandbox, instance: str, password: str = PASSWORD) -> pymysql.Connection:
    """Straight to the real server, past the bastion, to see what is behind the API."""
    port = next(d["port"] for d in sandbox.status()["databases"] if d["instance"] == instance)
    return pymysql.connect(
        host="127.0.0.1", port=port, user="admin", password=password, database="shop"
    )


def _ask(sandbox, instance: str, sql: str, password: str = PASSWORD) -> list[tuple]:
    connection = _login(sandbox, instance, password)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        connection.commit()
        return list(cursor.fetchall())


def test_states_are_shown_once_each(rds) -> None:
    rds.create_db_cluster(**_cluster("states"))
    rds.create_db_instance(**_instance("states", 1))
    seen = []
    for _ in range(3):
        instance = rds.describe_db_instances(DBInstanceIdentifier="states-1")["DBInstances"][0]
        cluster = rds.describe_db_clusters(DBClusterIdentifier="states")["DBClusters"][0]
        seen.append((cluster["Status"], instance["DBInstanceStatus"]))
    assert seen == [("creating", "creating"), ("available", "available"), ("available",) * 2]
    rds.delete_db_instance(DBInstanceIdentifier="states-1")
    states = rds.describe_db_instances(DBInstanceIdentifier="states-1")["DBInstances"]
    assert [s["DBInstanceStatus"] for s in states] == ["deleting"]
    missing = _error(rds.describe_db_instances, DBInstanceIdentifier="states-1")
    assert missing.startswith("DBInstanceNotFound")


def test_a_writer_and_a_replica(rds, sandbox, cluster) -> None:
    _ask(sandbox, f"{cluster}-1", "create table t (n int)")
    _ask(sandbox, f"{cluster}-1", "insert into t values (7)")
    assert _ask(sandbox, f"{cluster}-1", "select @@read_only")[0][0] == 0
    assert _ask(sandbox, f"{cluster}-2", "select @@read_only")[0][0] == 1
    for _ in range(100):
        try:
            rows = _ask(sandbox, f"{cluster}-2", "select n from t")
        except pymysql.err.ProgrammingError:  # the table has not arrived yet
            rows = []
        if rows:
            break
    assert rows == [(7,)]
    with pytest.raises(pymysql.err.OperationalError) as refused:
        _ask(sandbox, f"{cluster}-2", "insert into t values (8)")
    assert refused.value.args[0] == 1290


def test_endpoints_of_an_account_share_one_hash(rds, cluster) -> None:
    found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    instance = rds.describe_db_instances(DBInstanceIdentifier=f"{cluster}-1")["DBInstances"][0]
    middle = instance["Endpoint"]["Address"].split(".")[1]
    assert found["Endpoint"].split(".")[1] == f"cluster-{middle}"
    assert found["ReaderEndpoint"].split(".")[1] == f"cluster-ro-{middle}"
    assert instance["PubliclyAccessible"] is False


def test_a_new_master_password_reaches_the_server(rds, sandbox, cluster) -> None:
    rds.modify_db_cluster(
        DBClusterIdentifier=cluster, MasterUserPassword=OTHER, ApplyImmediately=True
    )
    found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    assert found["Status"] == "resetting-master-credentials"
    _wait(rds, cluster)
    assert _ask(sandbox, f"{cluster}-1", "select 1", OTHER) == [(1,)]
    with pytest.raises(pymysql.err.OperationalError) as refused:
        _login(sandbox, f"{cluster}-1")
    assert refused.value.args[0] == 1045


@pytest.mark.parametrize(
    "bad", ["short", "x" * 42, "with space in it", 'quote"quote', "at@sign-at"]
)
def test_a_bad_password_is_refused_and_changes_nothing(rds, sandbox, bad) -> None:
    assert _error(rds.create_db_cluster, **_cluster("bad", MasterUserPassword=bad)) == (
        "InvalidParameterValue"
    )
    missing = _error(rds.describe_db_clusters, DBClusterIdentifier="bad")
    assert missing == "DBClusterNotFoundFault"


def test_a_bad_new_password_leaves_the_cluster_alone(rds) -> None:
    rds.create_db_cluster(**_cluster("keeps"))
    refused = _error(rds.modify_db_cluster, DBClusterIdentifier="keeps", MasterUserPassword="x")
    assert refused == "InvalidParameterValue"
    assert rds.describe_db_clusters(DBClusterIdentifier="keeps")["DBClusters"]


def test_failover_promotes_by_tier_and_the_old_writer_follows(rds, sandbox, cluster) -> None:
    rds.create_db_instance(**_instance(cluster, 3, PromotionTier=0))
    _wait(rds, cluster)
    _ask(sandbox, f"{cluster}-1", "create table t (n int)")
    rds.failover_db_cluster(DBClusterIdentifier=cluster)
    found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    assert found["Status"] == "failing-over"
    _wait(rds, cluster)
    roles = {d["instance"]: d["role"] for d in sandbox.status()["databases"]}
    assert roles[f"{cluster}-3"] == "writer"
    _ask(sandbox, f"{cluster}-3", "insert into t values (1)")
    for number in (1, 2):
        assert _ask(sandbox, f"{cluster}-{number}", "select @@read_only")[0][0] == 1


def test_deleting_the_writer_promotes_the_reader_with_its_data(rds, sandbox, cluster) -> None:
    _ask(sandbox, f"{cluster}-1", "create table t (n int)")
    _ask(sandbox, f"{cluster}-1", "insert into t values (5)")
    rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-1")
    for _ in range(2):
        members = rds.describe_db_instances()["DBInstances"]
    assert f"{cluster}-1" not in [m["DBInstanceIdentifier"] for m in members]
    assert _ask(sandbox, f"{cluster}-2", "select n from t") == [(5,)]
    _ask(sandbox, f"{cluster}-2", "insert into t values (6)")


def test_the_data_belongs_to_the_cluster(rds, sandbox, cluster) -> None:
    """Aurora keeps the cluster volume when its last instance is deleted."""
    _ask(sandbox, f"{cluster}-1", "create table t (n int)")
    _ask(sandbox, f"{cluster}-1", "insert into t values (5)")
    for number in (2, 1):
        rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-{number}")
        for _ in range(2):
            rds.describe_db_instances()
    rds.create_db_instance(**_instance(cluster, 9))
    _wait(rds, cluster)
    assert _ask(sandbox, f"{cluster}-9", "select n from t") == [(5,)]


def test_stop_and_start_of_a_cluster(rds, sandbox, cluster) -> None:
    rds.stop_db_cluster(DBClusterIdentifier=cluster)
    for _ in range(2):
        found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    assert found["Status"] == "stopped"
    ports = [d["port"] for d in sandbox.status()["databases"] if d["cluster"] == cluster]
    assert ports == [None, None]
    rds.start_db_cluster(DBClusterIdentifier=cluster)
    _wait(rds, cluster)
    assert _ask(sandbox, f"{cluster}-1", "select 1") == [(1,)]


def test_a_deleted_cluster_takes_its_data_along(rds, sandbox, cluster) -> None:
    folder = sandbox.home / "databases" / cluster
    assert folder.exists()
    refused = _error(rds.delete_db_cluster, DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
    assert refused == "InvalidDBClusterStateFault"
    for number in (2, 1):
        rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-{number}")
    rds.delete_db_cluster(DBClusterIdentifier=cluster, SkipFinalSnapshot=True)
    assert rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["Status"] == (
        "deleting"
    )
    assert _error(rds.describe_db_clusters, DBClusterIdentifier=cluster) == "DBClusterNotFoundFault"
    assert not folder.exists()


def test_names_that_are_taken(rds, cluster) -> None:
    assert _error(rds.create_db_cluster, **_cluster(cluster)) == "DBClusterAlreadyExistsFault"
    taken = _error(rds.create_db_instance, **_instance(cluster, 1))
    assert taken == "DBInstanceAlreadyExists"


def test_what_aurora_does_not_have_is_refused(rds, cluster) -> None:
    refused = _error(rds.create_db_instance, **_instance(cluster, 8, DBInstanceClass="db.t3.micro"))
    assert refused == "InvalidParameterCombination"
    lonely = _instance(cluster, 8)
    del lonely["DBClusterIdentifier"]
    assert _error(rds.create_db_instance, **lonely) == "InvalidParameterCombination"
    unknown = _error(rds.create_db_instance, **_instance("nothing", 1))
    assert unknown == "DBClusterNotFoundFault"
    group = _error(rds.create_db_cluster, **_cluster("g", DBSubnetGroupName="nothing"))
    assert group == "DBSubnetGroupNotFoundFault"
    wrong = _cluster("g", VpcSecurityGroupIds=["sg-0123456789abcdef0"])
    assert _error(rds.create_db_cluster, **wrong) == "InvalidParameterValue"


def test_a_subnet_group_needs_two_zones_and_is_kept_while_in_use(rds) -> None:
    ec2 = boto3.client("ec2")
    subnets = sorted(ec2.describe_subnets()["Subnets"], key=lambda s: s["AvailabilityZone"])
    one, other = subnets[0], subnets[1]
    group = {"DBSubnetGroupName": "pair", "DBSubnetGroupDescription": "two zones"}
    refused = _error(rds.create_db_subnet_group, **group, SubnetIds=[one["SubnetId"]])
    assert refused == "DBSubnetGroupDoesNotCoverEnoughAZs"
    rds.create_db_subnet_group(**group, SubnetIds=[one["SubnetId"], other["SubnetId"]])
    again = _error(rds.create_db_subnet_group, **group, SubnetIds=[one["SubnetId"]])
    assert again == "DBSubnetGroupAlreadyExists"
    rds.create_db_cluster(**_cluster("inpair", DBSubnetGroupName="pair"))
    rds.create_db_instance(**_instance("inpair", 1))
    rds.create_db_instance(**_instance("inpair", 2))
    members = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": ["inpair"]}])
    zones = {m["AvailabilityZone"] for m in members["DBInstances"]}
    assert zones == {one["AvailabilityZone"], other["AvailabilityZone"]}
    kept = _error(rds.delete_db_subnet_group, DBSubnetGroupName="pair")
    assert kept == "InvalidDBSubnetGroupStateFault"


def test_without_a_database_server_it_says_what_to_install(start_sandbox, monkeypatch) -> None:
    monkeypatch.setenv("SANDBOX_MYSQLD", "/there/is/none")
    start_sandbox()
    rds = boto3.client("rds")
    rds.create_db_cluster(**_cluster("none"))
    with pytest.raises(ClientError) as refused:
        rds.create_db_instance(**_instance("none", 1))
    assert "SANDBOX_MYSQLD" in str(refused.value) or "install" in str(refused.value)
    assert rds.describe_db_instances()["DBInstances"] == []


def test_a_failover_loses_no_acknowledged_row(rds, sandbox, cluster) -> None:
    _ask(sandbox, f"{cluster}-1", "create table t (n int primary key)")
    connection = _login(sandbox, f"{cluster}-1")
    acknowledged: list[int] = []

    def write() -> None:
        with connection.cursor() as cursor, contextlib.suppress(pymysql.err.MySQLError):
            for number in itertools.count():
                cursor.execute("insert into t values (%s)", (number,))
                connection.commit()
                acknowledged.append(number)

    writing = threading.Thread(target=write)
    writing.start()
    while len(acknowledged) < 200:
        time.sleep(0.01)
    rds.failover_db_cluster(DBClusterIdentifier=cluster)
    _wait(rds, cluster)
    writing.join(10)
    with contextlib.suppress(pymysql.err.Error):
        connection.close()
    kept = {row[0] for row in _ask(sandbox, f"{cluster}-2", "select n from t")}
    assert set(acknowledged) <= kept


def _events(rds, kind: str, name: str) -> list[str]:
    found = rds.describe_events(SourceType=kind, SourceIdentifier=name)["Events"]
    return [event["Message"] for event in found]


def test_failover_takes_the_lowest_tier_then_the_largest(rds, sandbox, cluster) -> None:
    big = {"PromotionTier": 0, "DBInstanceClass": "db.r6g.2xlarge"}
    rds.create_db_instance(**_instance(cluster, 3, PromotionTier=0, DBInstanceClass="db.r6g.large"))
    rds.create_db_instance(**_instance(cluster, 4, **big))
    _wait(rds, cluster)
    rds.failover_db_cluster(DBClusterIdentifier=cluster)
    members = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    writer = next(m for m in members["DBClusterMembers"] if m["IsClusterWriter"])
    assert writer["DBInstanceIdentifier"] == f"{cluster}-4"


@pytest.mark.differs(
    "RDS: failover",
    aws="restarts the instances",
    sandbox="drops their connections",
    since="2026-11",
)
def test_a_failover_drops_connections_and_leaves_events(rds, sandbox, cluster) -> None:
    connections = [_login(sandbox, f"{cluster}-{number}") for number in (1, 2)]
    rds.failover_db_cluster(DBClusterIdentifier=cluster, TargetDBInstanceIdentifier=f"{cluster}-2")
    assert _events(rds, "db-cluster", cluster)[-1] == (
        f"Started cross AZ failover to DB instance: {cluster}-2"
    )
    _wait(rds, cluster)
    assert _events(rds, "db-cluster", cluster)[-1] == (
        f"Completed failover to DB instance: {cluster}-2"
    )
    for connection in connections:
        with pytest.raises(pymysql.err.OperationalError), connection.cursor() as cursor:
            cursor.execute("select 1")
        with contextlib.suppress(pymysql.err.Error):
            connection.close()
    only = rds.describe_events(EventCategories=["failover"], Duration=60)["Events"]
    assert {tuple(event["EventCategories"]) for event in only} == {("failover",)}
    assert rds.describe_events(EndTime="2020-01-01T00:00:00Z")["Events"] == []


def test_a_reboot_restarts_the_server_and_keeps_the_roles(rds, sandbox, cluster) -> None:
    _ask(sandbox, f"{cluster}-1", "create table t (n int)")
    for number in (1, 2):
        name = f"{cluster}-{number}"
        before = _login(sandbox, name)
        rds.reboot_db_instance(DBInstanceIdentifier=name)
        found = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        assert found["DBInstanceStatus"] == "rebooting"
        _wait(rds, cluster)
        with pytest.raises(pymysql.err.OperationalError), before.cursor() as cursor:
            cursor.execute("select 1")
        with contextlib.suppress(pymysql.err.Error):
            before.close()
        assert _events(rds, "db-instance", name)[-2:] == [
            "DB instance shutdown",
            "DB instance restarted",
        ]
    _ask(sandbox, f"{cluster}-1", "insert into t values (1)")
    assert _ask(sandbox, f"{cluster}-2", "select @@read_only")[0][0] == 1


def test_what_a_state_does_not_allow(rds, cluster) -> None:
    name, instance = {"DBClusterIdentifier": cluster}, {"DBInstanceIdentifier": f"{cluster}-1"}

    def refusals() -> set[str]:
        assert _error(rds.reboot_db_instance, **instance) == "InvalidDBInstanceState"
        return {
            _error(rds.modify_db_cluster, **name, BackupRetentionPeriod=2),
            _error(rds.failover_db_cluster, **name),
            _error(rds.stop_db_cluster, **name),
            _error(rds.create_db_cluster_snapshot, **name, DBClusterSnapshotIdentifier="no"),
        }

    rds.stop_db_cluster(DBClusterIdentifier=cluster)
    assert refusals() == {"InvalidDBClusterStateFault"}
    for _ in range(2):
        rds.describe_db_clusters(DBClusterIdentifier=cluster)
        rds.describe_db_instances()
    assert refusals() == {"InvalidDBClusterStateFault"}
    stopped = "InvalidDBClusterStateFault"
    assert _error(rds.create_db_instance, **_instance(cluster, 3)) == stopped
    assert _error(rds.delete_db_instance, DBInstanceIdentifier=f"{cluster}-2") == stopped
    modified = _error(rds.modify_db_instance, DBInstanceIdentifier=f"{cluster}-1", PromotionTier=3)
    assert modified == "InvalidDBInstanceState"
    rds.start_db_cluster(DBClusterIdentifier=cluster)
    assert refusals() == {"InvalidDBClusterStateFault"}
    _wait(rds, cluster)
    messages = _events(rds, "db-cluster", cluster)
    assert messages == ["DB cluster created", "DB cluster stopped", "DB cluster started"]


def test_a_modified_cluster_passes_through_modifying(rds, cluster) -> None:
    rds.modify_db_cluster(DBClusterIdentifier=cluster, BackupRetentionPeriod=7)
    states = [
        rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]["Status"]
        for _ in range(2)
    ]
    assert states == ["modifying", "available"]
    # As on AWS, this one takes no time.
    rds.modify_db_cluster(DBClusterIdentifier=cluster, DeletionProtection=True)
    rds.modify_db_cluster(DBClusterIdentifier=cluster, DeletionProtection=False)


def test_failover_needs_a_reader_that_can_take_over(rds, cluster) -> None:
    failover = rds.failover_db_cluster
    name = {"DBClusterIdentifier": cluster}
    writer = _error(failover, **name, TargetDBInstanceIdentifier=f"{cluster}-1")
    assert writer == "InvalidDBInstanceState"
    missing = _error(failover, **name, TargetDBInstanceIdentifier="another-1")
    assert missing.startswith("DBInstanceNotFound")
    rds.delete_db_instance(DBInstanceIdentifier=f"{cluster}-2")
    assert _error(failover, **name) == "InvalidDBClusterStateFault"


def test_members_do_not_stop_by_themselves(rds, cluster) -> None:
    for call in (rds.stop_db_instance, rds.start_db_instance):
        refused = _error(call, DBInstanceIdentifier=f"{cluster}-1")
        assert refused == "InvalidParameterCombination"
    last = {"DBInstanceIdentifier": f"{cluster}-1", "FinalDBSnapshotIdentifier": "last"}
    assert _error(rds.delete_db_instance, **last) == "InvalidParameterCombination"


def test_monitoring_is_configured_after_creating(rds, cluster) -> None:
    role = "arn:aws:iam::123456789012:role/rds-monitoring-role"
    rds.create_db_instance(**_instance(cluster, 7, MonitoringInterval=60, MonitoringRoleArn=role))
    states = [
        rds.describe_db_instances(DBInstanceIdentifier=f"{cluster}-7")["DBInstances"][0][
            "DBInstanceStatus"
        ]
        for _ in range(3)
    ]
    assert states == ["creating", "configuring-enhanced-monitoring", "available"]
