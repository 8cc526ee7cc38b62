"""RDS: what Aurora MySQL offers is told page by page, and nothing else can be made."""

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


def _cluster(name: str, **more: Any) -> dict[str, Any]:
    return {
        "DBClusterIdentifier": name,
        "Engine": "aurora-mysql",
        "MasterUsername": "admin",
        "MasterUserPassword": PASSWORD,
        **more,
    }


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_engine_versions(rds) -> None:
    found = rds.describe_db_engine_versions(Engine="aurora-mysql")["DBEngineVersions"]
    assert {v["DBParameterGroupFamily"] for v in found} == {"aurora-mysql8.0"}
    assert all(v["EngineVersion"].startswith("8.0.mysql_aurora.3.") for v in found)
    (default,) = rds.describe_db_engine_versions(Engine="aurora-mysql", DefaultOnly=True)[
        "DBEngineVersions"
    ]
    assert default["DBEngineVersionDescription"].startswith("Aurora MySQL 3.")
    assert default["Status"] == "available"
    later = [target["EngineVersion"] for target in default["ValidUpgradeTarget"]]
    assert later == sorted(later) and default["EngineVersion"] < later[0]
    one = rds.describe_db_engine_versions(
        Engine="aurora-mysql", EngineVersion=default["EngineVersion"], IncludeAll=True
    )
    assert one["DBEngineVersions"] == [default]
    major = rds.describe_db_engine_versions(Engine="aurora-mysql", EngineVersion="8.0")
    assert major["DBEngineVersions"] == found


@pytest.mark.differs(
    "RDS: engine versions and instance classes",
    aws="those of the day, of every engine",
    sandbox=(
        "Aurora MySQL 3's of November 2026 (`sandbox/aurora/catalogue.json`), none of other engines"
    ),
    since="2026-11",
)
@pytest.mark.parametrize(
    "asked",
    [
        {"Engine": "aurora-mysql", "EngineVersion": "5.7.mysql_aurora.2.07.2"},
        {"Engine": "aurora-mysql", "DBParameterGroupFamily": "aurora-mysql5.7"},
        {"Engine": "postgres"},
        {"Filters": [{"Name": "engine", "Values": ["mysql"]}]},
    ],
)
def test_versions_that_the_sandbox_has_not(rds, asked) -> None:
    assert rds.describe_db_engine_versions(**asked)["DBEngineVersions"] == []


def test_the_default_version_is_what_a_cluster_gets(rds) -> None:
    (default,) = rds.describe_db_engine_versions(Engine="aurora-mysql", DefaultOnly=True)[
        "DBEngineVersions"
    ]
    for asked in ({}, {"EngineVersion": "8.0"}):
        made = rds.create_db_cluster(**_cluster(f"default{len(asked)}", **asked))["DBCluster"]
        assert made["EngineVersion"] == default["EngineVersion"]
        assert made["DBClusterParameterGroup"] == f"default.{default['DBParameterGroupFamily']}"


def test_every_listed_version_can_be_made_and_no_other(rds) -> None:
    found = rds.describe_db_engine_versions(Engine="aurora-mysql")["DBEngineVersions"]
    for number, version in enumerate(v["EngineVersion"] for v in found):
        made = rds.create_db_cluster(**_cluster(f"version{number}", EngineVersion=version))
        assert made["DBCluster"]["EngineVersion"] == version
    unknown = _refusal(
        rds.create_db_cluster, **_cluster("unknown", EngineVersion="8.0.mysql_aurora.3.99.0")
    )
    assert unknown == (
        "InvalidParameterCombination",
        "Cannot find version 8.0.mysql_aurora.3.99.0 for aurora-mysql",
    )


def test_orderable_classes_come_in_pages(rds) -> None:
    pages = rds.get_paginator("describe_orderable_db_instance_options")
    one = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.08.2"}
    seen = [
        [option["DBInstanceClass"] for option in page["OrderableDBInstanceOptions"]]
        for page in pages.paginate(**one, PaginationConfig={"PageSize": 20})
    ]
    assert len(seen) > 1 and {len(page) for page in seen[:-1]} == {20}
    every = [name for page in seen for name in page]
    assert len(every) == len(set(every))
    assert {"db.t3.medium", "db.r6g.large", "db.serverless"} <= set(every)
    whole = rds.describe_orderable_db_instance_options(**one, MaxRecords=100)
    assert [o["DBInstanceClass"] for o in whole["OrderableDBInstanceOptions"]] == every


def test_an_orderable_class_says_where_it_is_offered(rds) -> None:
    asked = {"Engine": "aurora-mysql", "EngineVersion": "8.0.mysql_aurora.3.08.2"}
    found = rds.describe_orderable_db_instance_options(**asked, DBInstanceClass="db.t3.medium")
    (option,) = found["OrderableDBInstanceOptions"]
    zones = boto3.client("ec2").describe_availability_zones()["AvailabilityZones"]
    assert {z["Name"] for z in option["AvailabilityZones"]} == {z["ZoneName"] for z in zones}
    assert option["Vpc"] is True
    classic = rds.describe_orderable_db_instance_options(**asked, Vpc=False)
    assert classic["OrderableDBInstanceOptions"] == []


@pytest.mark.parametrize("bad", [{"MaxRecords": 5}, {"MaxRecords": 500}, {"Marker": "nonsense"}])
def test_bad_pages_are_refused(rds, bad) -> None:
    code, _ = _refusal(rds.describe_orderable_db_instance_options, Engine="aurora-mysql", **bad)
    assert code == "InvalidParameterValue"


def test_an_unknown_filter_is_refused(rds) -> None:
    refused = _refusal(
        rds.describe_db_engine_versions, Filters=[{"Name": "colour", "Values": ["blue"]}]
    )
    assert refused == ("InvalidParameterValue", "Unrecognized filter name: colour")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("db.t3.micro", "InvalidParameterCombination"),
        ("db.m5.large", "InvalidParameterCombination"),
        ("db.r9.enormous", "InvalidParameterValue"),
    ],
)
def test_a_class_that_aurora_has_not_is_refused(rds, name, code) -> None:
    rds.create_db_cluster(**_cluster(name.replace(".", "-")))
    refused, message = _refusal(
        rds.create_db_instance,
        DBInstanceIdentifier="one",
        DBClusterIdentifier=name.replace(".", "-"),
        Engine="aurora-mysql",
        DBInstanceClass=name,
    )
    assert refused == code and name in message
    assert not [d for d in rds.describe_db_instances()["DBInstances"] if "one" in d.values()]


def test_an_instance_has_its_clusters_version(rds) -> None:
    rds.create_db_cluster(**_cluster("mixed", EngineVersion="8.0.mysql_aurora.3.08.0"))
    code, _ = _refusal(
        rds.create_db_instance,
        DBInstanceIdentifier="other",
        DBClusterIdentifier="mixed",
        Engine="aurora-mysql",
        EngineVersion="8.0.mysql_aurora.3.10.3",
        DBInstanceClass="db.t3.medium",
    )
    assert code == "InvalidParameterCombination"


def test_the_endpoints_of_a_cluster(rds) -> None:
    made = rds.create_db_cluster(**_cluster("endpoints"))["DBCluster"]
    found = rds.describe_db_cluster_endpoints(DBClusterIdentifier="endpoints")
    assert {e["EndpointType"]: e["Endpoint"] for e in found["DBClusterEndpoints"]} == {
        "WRITER": made["Endpoint"],
        "READER": made["ReaderEndpoint"],
    }
    readers = rds.describe_db_cluster_endpoints(
        Filters=[{"Name": "db-cluster-endpoint-type", "Values": ["reader"]}]
    )["DBClusterEndpoints"]
    assert {e["EndpointType"] for e in readers} == {"READER"}
    code, _ = _refusal(rds.describe_db_cluster_endpoints, DBClusterIdentifier="nothing")
    assert code == "DBClusterNotFoundFault"
