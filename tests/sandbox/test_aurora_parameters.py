"""RDS: parameter groups, whose parameters hold on the real servers when AWS says they do."""

import secrets
import time
from typing import Any

import boto3
import pymysql
import pytest
from botocore.exceptions import ClientError

from sandbox.aurora import parameters

pytestmark = pytest.mark.database

PASSWORD = secrets.token_hex(8)
FAMILY = "aurora-mysql8.0"


@pytest.fixture(scope="module")
def rds(sandbox) -> Any:
    return boto3.client("rds")


@pytest.fixture
def group(rds, request) -> str:
    """A cluster parameter group of the test's own."""
    name = "g" + request.node.name.replace("_", "").replace("[", "-").lower()[4:40].strip("-]")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name, DBParameterGroupFamily=FAMILY, Description="for a test"
    )
    return name


def _change(name: str, value: str, method: str = "immediate") -> dict[str, str]:
    return {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}


def _modify(rds, group: str, *changes: dict[str, str]) -> None:
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName=group, Parameters=list(changes)
    )


def _all(rds, group: str, **more: Any) -> dict[str, dict]:
    pages = rds.get_paginator("describe_db_cluster_parameters").paginate(
        DBClusterParameterGroupName=group, **more
    )
    return {p["ParameterName"]: p for page in pages for p in page["Parameters"]}


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def _make(rds, name: str, group: str, count: int = 1, **of_instance: Any) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DBClusterParameterGroupName=group,
    )
    for number in range(1, count + 1):
        rds.create_db_instance(
            DBInstanceIdentifier=f"{name}-{number}",
            DBClusterIdentifier=name,
            Engine="aurora-mysql",
            DBInstanceClass="db.t3.medium",
            **of_instance,
        )
    _settle(rds)


def _settle(rds) -> None:
    for _ in range(3):
        rds.describe_db_clusters()
        rds.describe_db_instances()


def _variable(sandbox, instance: str, name: str) -> str:
    port = next(d["port"] for d in sandbox.status()["databases"] if d["instance"] == instance)
    connection = pymysql.connect(host="127.0.0.1", port=port, user="admin", password=PASSWORD)
    with connection, connection.cursor() as cursor:
        cursor.execute("show global variables like %s", (name,))
        ((_, value),) = cursor.fetchall()
    return value


def _becomes(sandbox, instance: str, name: str, value: str) -> None:
    for _ in range(100):
        if (found := _variable(sandbox, instance, name)) == value:
            return
        time.sleep(0.05)
    raise AssertionError(f"{name} of {instance} is {found}, not {value}")


def _status(rds, cluster: str) -> tuple[set[str], set[str]]:
    found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    members = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [cluster]}])
    return (
        {member["DBClusterParameterGroupStatus"] for member in found["DBClusterMembers"]},
        {i["DBParameterGroups"][0]["ParameterApplyStatus"] for i in members["DBInstances"]},
    )


def test_the_default_groups_are_there_and_stay_as_they_are(rds) -> None:
    name = f"default.{FAMILY}"
    (found,) = rds.describe_db_cluster_parameter_groups(DBClusterParameterGroupName=name)[
        "DBClusterParameterGroups"
    ]
    assert found["DBParameterGroupFamily"] == FAMILY
    (found,) = rds.describe_db_parameter_groups(DBParameterGroupName=name)["DBParameterGroups"]
    assert found["DBParameterGroupFamily"] == FAMILY
    assert _refusal(
        rds.modify_db_cluster_parameter_group,
        DBClusterParameterGroupName=name,
        Parameters=[_change("time_zone", "UTC")],
    ) == ("InvalidParameterValue", "Cannot modify a default parameter group.")
    assert _refusal(rds.delete_db_cluster_parameter_group, DBClusterParameterGroupName=name) == (
        "InvalidDBParameterGroupState",
        f"Default DBClusterParameterGroup cannot be deleted: {name}",
    )


def test_the_parameters_as_they_are_listed(rds, group) -> None:
    found = _all(rds, group, PaginationConfig={"PageSize": 20})
    assert list(found) == sorted(found)
    assert set(found) == set(parameters.PARAMETERS)
    assert found["auto_increment_offset"] == {
        "ParameterName": "auto_increment_offset",
        "Description": "Offset added to auto-increment columns",
        "Source": "engine-default",
        "ApplyType": "dynamic",
        "DataType": "integer",
        "AllowedValues": "1-65535",
        "IsModifiable": True,
        "ApplyMethod": "pending-reboot",
        "SupportedEngineModes": ["provisioned"],
    }
    assert found["max_connections"]["Source"] == "system"
    _modify(rds, group, _change("auto_increment_offset", "3"))
    mine = _all(rds, group, Source="user")
    assert list(mine) == ["auto_increment_offset"]
    assert mine["auto_increment_offset"]["ParameterValue"] == "3"
    assert mine["auto_increment_offset"]["ApplyMethod"] == "immediate"
    defaults = rds.describe_engine_default_cluster_parameters(DBParameterGroupFamily=FAMILY)
    assert len(defaults["EngineDefaults"]["Parameters"]) == len(found)


def test_an_instances_group_has_no_parameters_of_the_cluster(rds) -> None:
    found = rds.describe_db_parameters(DBParameterGroupName=f"default.{FAMILY}")["Parameters"]
    names = {p["ParameterName"] for p in found}
    assert "max_connections" in names and "time_zone" not in names
    rds.create_db_parameter_group(
        DBParameterGroupName="own", DBParameterGroupFamily=FAMILY, Description="an instance's"
    )
    assert _refusal(
        rds.modify_db_parameter_group,
        DBParameterGroupName="own",
        Parameters=[_change("time_zone", "Asia/Seoul")],
    ) == ("InvalidParameterValue", "Could not find parameter with name: time_zone")


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (
            _change("auto_increment_offset", "0"),
            "InvalidParameterValue",
            "Invalid parameter value: 0 for: auto_increment_offset allowed values are: 1-65535",
        ),
        (
            _change("slow_query_log", "ON"),
            "InvalidParameterValue",
            "Invalid parameter value: ON for: slow_query_log allowed values are: 0,1",
        ),
        (_change("wait_timeout", "ten"), "InvalidParameterValue", None),
        (_change("sql_mode", "STRICT_ALL_TABLES,LAX"), "InvalidParameterValue", None),
        (_change("time_zone", "Mars/Olympus"), "InvalidParameterValue", None),
        (
            _change("no_such_thing", "1"),
            "InvalidParameterValue",
            "Could not find parameter with name: no_such_thing",
        ),
        (
            _change("innodb_page_size", "16384", "pending-reboot"),
            "InvalidParameterValue",
            "The parameter innodb_page_size cannot be modified.",
        ),
        (
            _change("innodb_ft_min_token_size", "2"),
            "InvalidParameterCombination",
            "cannot use immediate apply method for static parameter",
        ),
        (
            {"ParameterName": "wait_timeout", "ApplyMethod": "immediate"},
            "InvalidParameterValue",
            "The parameter ParameterValue must be provided and must not be blank.",
        ),
    ],
)
def test_a_wrong_change_is_refused_with_all_beside_it(rds, change, code, message) -> None:
    name = "w" + secrets.token_hex(4)
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName=name, DBParameterGroupFamily=FAMILY, Description="x"
    )
    refused = _refusal(
        rds.modify_db_cluster_parameter_group,
        DBClusterParameterGroupName=name,
        Parameters=[_change("net_read_timeout", "33"), change],
    )
    assert refused[0] == code and refused[1] == (message or refused[1])
    assert _all(rds, name, Source="user") == {}


@pytest.mark.parametrize("name", ["1st", "under_score", "a--b", "ends-"])
def test_bad_names_are_refused(rds, name) -> None:
    code, message = _refusal(
        rds.create_db_parameter_group,
        DBParameterGroupName=name,
        DBParameterGroupFamily=FAMILY,
        Description="x",
    )
    assert code == "InvalidParameterValue" and "DBParameterGroupName" in message


def test_an_unknown_family_or_group_is_refused(rds) -> None:
    assert _refusal(
        rds.create_db_cluster_parameter_group,
        DBClusterParameterGroupName="family",
        DBParameterGroupFamily="8.0.mysql_aurora.3.08.2",
        Description="x",
    ) == (
        "InvalidParameterValue",
        "ParameterGroupFamily 8.0.mysql_aurora.3.08.2 is not a valid parameter group family",
    )
    with pytest.raises(rds.exceptions.DBParameterGroupNotFoundFault):
        rds.describe_db_cluster_parameters(DBClusterParameterGroupName="nothing")
    with pytest.raises(rds.exceptions.DBParameterGroupNotFoundFault):
        rds.describe_db_parameter_groups(DBParameterGroupName="nothing")
    with pytest.raises(rds.exceptions.DBClusterParameterGroupNotFoundFault):
        _make(rds, "without", "nothing")


def test_a_copy_has_what_was_set(rds, group) -> None:
    _modify(rds, group, _change("wait_timeout", "77"))
    rds.copy_db_cluster_parameter_group(
        SourceDBClusterParameterGroupIdentifier=group,
        TargetDBClusterParameterGroupIdentifier="thecopy",
        TargetDBClusterParameterGroupDescription="a copy",
    )
    _modify(rds, group, _change("wait_timeout", "88"))
    assert _all(rds, "thecopy", Source="user")["wait_timeout"]["ParameterValue"] == "77"


def test_dynamic_parameters_reach_every_server_at_once(rds, sandbox, group) -> None:
    _modify(rds, group, _change("long_query_time", "2.5"), _change("time_zone", "Asia/Seoul"))
    _make(rds, "dynamic", group, count=2)
    for instance in ("dynamic-1", "dynamic-2"):
        assert _variable(sandbox, instance, "long_query_time") == "2.500000"
        assert _variable(sandbox, instance, "time_zone") == "+09:00"
    _modify(
        rds,
        group,
        _change("max_connections", "123"),
        _change("slow_query_log", "1"),
        _change("sql_mode", "STRICT_ALL_TABLES,ANSI_QUOTES"),
        _change("transaction_isolation", "READ-COMMITTED"),
    )
    assert _status(rds, "dynamic") == ({"in-sync"}, {"in-sync"})
    for instance in ("dynamic-1", "dynamic-2"):
        _becomes(sandbox, instance, "max_connections", "123")
        _becomes(sandbox, instance, "slow_query_log", "ON")
        _becomes(sandbox, instance, "sql_mode", "ANSI_QUOTES,STRICT_ALL_TABLES")
    rds.reset_db_cluster_parameter_group(DBClusterParameterGroupName=group, ResetAllParameters=True)
    _becomes(sandbox, "dynamic-1", "max_connections", "90")
    _becomes(sandbox, "dynamic-1", "sql_mode", "")
    _becomes(sandbox, "dynamic-1", "long_query_time", "10.000000")
    _becomes(sandbox, "dynamic-2", "time_zone", "+00:00")


def test_they_hold_after_the_servers_were_stopped(rds, sandbox, group) -> None:
    _make(rds, "restarted", group)
    _modify(rds, group, _change("net_read_timeout", "44"))
    rds.stop_db_cluster(DBClusterIdentifier="restarted")
    _settle(rds)
    rds.start_db_cluster(DBClusterIdentifier="restarted")
    _settle(rds)
    assert _variable(sandbox, "restarted-1", "net_read_timeout") == "44"


def test_static_parameters_wait_for_a_reboot(rds, sandbox, group) -> None:
    _make(rds, "static", group)
    before = _variable(sandbox, "static-1", "innodb_ft_min_token_size")
    _modify(rds, group, _change("innodb_ft_min_token_size", "2", "pending-reboot"))
    assert _status(rds, "static") == ({"pending-reboot"}, {"in-sync"})
    assert _variable(sandbox, "static-1", "innodb_ft_min_token_size") == before != "2"
    rds.reboot_db_instance(DBInstanceIdentifier="static-1")
    _settle(rds)
    assert _status(rds, "static") == ({"in-sync"}, {"in-sync"})
    assert _variable(sandbox, "static-1", "innodb_ft_min_token_size") == "2"


def test_another_group_holds_after_a_reboot_and_its_later_changes_at_once(
    rds, sandbox, group
) -> None:
    _make(rds, "another", f"default.{FAMILY}")
    _modify(rds, group, _change("wait_timeout", "500"))
    rds.modify_db_cluster(DBClusterIdentifier="another", DBClusterParameterGroupName=group)
    _settle(rds)
    assert _status(rds, "another") == ({"pending-reboot"}, {"in-sync"})
    assert _variable(sandbox, "another-1", "wait_timeout") != "500"
    rds.reboot_db_instance(DBInstanceIdentifier="another-1")
    _settle(rds)
    assert _variable(sandbox, "another-1", "wait_timeout") == "500"
    _modify(rds, group, _change("wait_timeout", "600"))
    _becomes(sandbox, "another-1", "wait_timeout", "600")


def test_an_instances_own_group_goes_first(rds, sandbox, group) -> None:
    rds.create_db_parameter_group(
        DBParameterGroupName="first", DBParameterGroupFamily=FAMILY, Description="goes first"
    )
    rds.modify_db_parameter_group(
        DBParameterGroupName="first", Parameters=[_change("wait_timeout", "111")]
    )
    _make(rds, "ordered", group, DBParameterGroupName="first")
    _modify(rds, group, _change("wait_timeout", "222"), _change("lock_wait_timeout", "333"))
    _becomes(sandbox, "ordered-1", "lock_wait_timeout", "333")
    assert _variable(sandbox, "ordered-1", "wait_timeout") == "111"
    rds.reset_db_parameter_group(
        DBParameterGroupName="first",
        Parameters=[{"ParameterName": "wait_timeout", "ApplyMethod": "immediate"}],
    )
    _becomes(sandbox, "ordered-1", "wait_timeout", "222")
    assert _refusal(rds.delete_db_parameter_group, DBParameterGroupName="first") == (
        "InvalidDBParameterGroupState",
        "One or more database instances are still members of this parameter group first, "
        "so the group cannot be deleted",
    )


def test_a_group_in_use_is_kept(rds, group) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier="uses",
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DBClusterParameterGroupName=group,
    )
    code, _ = _refusal(rds.delete_db_cluster_parameter_group, DBClusterParameterGroupName=group)
    assert code == "InvalidDBParameterGroupState"
    _settle(rds)
    rds.delete_db_cluster(DBClusterIdentifier="uses", SkipFinalSnapshot=True)
    _settle(rds)
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName=group)


@pytest.mark.differs(
    "RDS: parameters",
    aws="hundreds, all in force",
    sandbox=(
        "those of `sandbox/aurora/parameters.csv`; the ones marked `kept` there are "
        "remembered and not told to the servers"
    ),
    since="2026-11",
)
def test_what_a_server_does_not_know_keeps_it_from_nothing(rds, sandbox, group) -> None:
    """Neither a collation of MySQL's own nor a parameter that is only kept stops a start."""
    _modify(
        rds,
        group,
        _change("collation_server", "utf8mb4_ja_0900_as_cs"),
        _change("binlog_format", "MIXED", "pending-reboot"),
        _change("lower_case_table_names", "1", "pending-reboot"),
    )
    _make(rds, "kept", group)
    assert _variable(sandbox, "kept-1", "binlog_format") == "ROW"
