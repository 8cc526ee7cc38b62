"""The whole course is deleted, proven so, and nothing that lacks the course's tag is touched."""

from typing import Any

import boto3
import pytest

import helpers
from helpers import COURSE, CourseError, check, clean_up, cleanup, everything, prove_clean
from tests.conftest import RunningSandbox
from tests.helpers.test_lab3_resources import make_table
from tests.helpers.test_resources import make_network

pytestmark = pytest.mark.database

ACCOUNT = "123456789012"


def make_one_of_each(name: str, tags: list[dict[str, str]]) -> None:
    """Make one of every kind of thing, called so and tagged so."""
    ec2, rds = boto3.client("ec2"), boto3.client("rds")
    make_network(ec2, rds, name, tags)
    named = [{"Key": "Name", "Value": name}, *tags]

    def of(kind: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": named}]

    (vpc,) = (
        vpc["VpcId"]
        for vpc in ec2.describe_vpcs()["Vpcs"]
        if {"Key": "Name", "Value": name} in vpc.get("Tags", [])
    )
    groups = [
        ec2.create_security_group(
            GroupName=f"{name}-{n}",
            Description=name,
            VpcId=vpc,
            TagSpecifications=of("security-group"),
        )["GroupId"]
        for n in (1, 2)
    ]
    # Each names the other: neither can be deleted before its rules are.
    for one, other in (groups, groups[::-1]):
        from_other = {"IpProtocol": "tcp", "FromPort": 3306, "ToPort": 3306}
        from_other["UserIdGroupPairs"] = [{"GroupId": other}]
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[from_other])
    ec2.create_route_table(VpcId=vpc, TagSpecifications=of("route-table"))
    gateway = ec2.create_internet_gateway(TagSpecifications=of("internet-gateway"))
    gateway_id = gateway["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc)

    family = {"DBParameterGroupFamily": "aurora-mysql8.0", "Description": name, "Tags": tags}
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName=f"{name}-c", **family)
    rds.create_db_parameter_group(DBParameterGroupName=f"{name}-i", **family)
    rds.create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword="not-a-real-one",  # pragma: allowlist secret
        DBSubnetGroupName=name,
        Tags=tags,
    )
    wait = helpers.wait_for
    wait(rds.describe_db_clusters, "DBClusters.0.Status", "available", DBClusterIdentifier=name)
    rds.create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=f"{name}-copy", DBClusterIdentifier=name, Tags=tags
    )
    wait(
        rds.describe_db_cluster_snapshots,
        "DBClusterSnapshots.0.Status",
        "available",
        DBClusterSnapshotIdentifier=f"{name}-copy",
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-1",
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
        Tags=tags,
    )
    wait(
        rds.describe_db_instances,
        "DBInstances.0.DBInstanceStatus",
        "available",
        DBInstanceIdentifier=f"{name}-1",
    )
    boto3.client("secretsmanager").create_secret(Name=name, SecretString="x", Tags=tags)
    make_table(name, tags)
    boto3.client("dynamodb").create_backup(TableName=name, BackupName=f"{name}-backup")
    prefix = "aws-databases-" if tags else ""
    boto3.client("budgets").create_budget(
        AccountId=ACCOUNT,
        Budget={
            "BudgetName": f"{prefix}{name}",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "10", "Unit": "USD"},
        },
    )


def names_of(found: Any) -> dict[str, int]:
    return {kind: int(left) for kind, left in found.per_kind().values}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_of_twins_only_the_tagged_one_goes(
    sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One scenario, because a sandbox of its own takes each test seconds."""
    prove_clean()
    assert capsys.readouterr().out.startswith("Done:")
    make_one_of_each("theirs", [])
    assert everything().empty
    before = _all_names()

    make_one_of_each("ours", [COURSE])
    counts = names_of(everything())
    of_a_user = {"access key", "CSV of the key", "IAM user"}  # they come from page 3.4
    assert {kind for kind, left in counts.items() if not left} == of_a_user
    assert set(counts) == set(cleanup.KINDS)
    with pytest.raises(CourseError, match="DB cluster ours"):
        prove_clean()
    assert not check("99").passed

    # Interrupted half-way: what is gone stays gone, and the next run takes up the rest.
    real, cells = cleanup.run_cell, []

    def interrupt(cell: Any, *rest: Any) -> None:
        cells.append(cell["id"])
        if cell["id"] == "wait-cluster":
            raise KeyboardInterrupt
        real(cell, *rest)

    monkeypatch.setattr(cleanup, "run_cell", interrupt)
    with pytest.raises(KeyboardInterrupt):
        clean_up()
    monkeypatch.setattr(cleanup, "run_cell", real)
    half = names_of(everything())
    assert half["DB instance"] == half["table"] == 0 < half["VPC"]

    for _ in range(2):  # the second time there is nothing to do
        clean_up()
        said = capsys.readouterr().out
        assert said.endswith("Done: nothing of the course is left in this account and region.\n")
        assert "Not done" not in said
    assert everything().empty
    assert check("99").passed
    assert _all_names() == before


def test_what_aws_refuses_is_told_and_the_rest_goes_on(
    sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stranger's machine stands in a subnet of the course's."""
    ec2 = boto3.client("ec2")
    tags = {"ResourceType": "vpc", "Tags": [COURSE]}
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=[tags])["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    make_table("Last", [COURSE])
    with pytest.raises(CourseError) as refused:
        clean_up()
    message = str(refused.value)
    assert message.startswith(f"Not done. Still there: VPC {vpc}.")
    assert "AWS bills" not in message
    assert "Page 1.9, 12. The VPC: AWS says DependencyViolation" in message
    assert "Last" not in boto3.client("dynamodb").list_tables()["TableNames"]
    ec2.delete_subnet(SubnetId=subnet)
    capsys.readouterr()
    clean_up()
    assert "Done:" in capsys.readouterr().out


def _all_names() -> dict[str, list[str]]:
    """Whatever there is in the account, whoever made it."""
    ec2, rds = boto3.client("ec2"), boto3.client("rds")
    running = [{"Name": "instance-state-name", "Values": ["running", "pending"]}]
    lists: dict[str, tuple[list[dict[str, Any]], str]] = {
        "DB instances": (rds.describe_db_instances()["DBInstances"], "DBInstanceIdentifier"),
        "DB clusters": (rds.describe_db_clusters()["DBClusters"], "DBClusterIdentifier"),
        "snapshots": (
            rds.describe_db_cluster_snapshots()["DBClusterSnapshots"],
            "DBClusterSnapshotIdentifier",
        ),
        "cluster groups": (
            rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"],
            "DBClusterParameterGroupName",
        ),
        "groups": (rds.describe_db_parameter_groups()["DBParameterGroups"], "DBParameterGroupName"),
        "subnet groups": (rds.describe_db_subnet_groups()["DBSubnetGroups"], "DBSubnetGroupName"),
        "instances": (
            [
                each
                for reservation in ec2.describe_instances(Filters=running)["Reservations"]
                for each in reservation["Instances"]
            ],
            "InstanceId",
        ),
        "key pairs": (ec2.describe_key_pairs()["KeyPairs"], "KeyName"),
        "security groups": (ec2.describe_security_groups()["SecurityGroups"], "GroupId"),
        "route tables": (ec2.describe_route_tables()["RouteTables"], "RouteTableId"),
        "gateways": (ec2.describe_internet_gateways()["InternetGateways"], "InternetGatewayId"),
        "subnets": (ec2.describe_subnets()["Subnets"], "SubnetId"),
        "VPCs": (ec2.describe_vpcs()["Vpcs"], "VpcId"),
        "secrets": (boto3.client("secretsmanager").list_secrets()["SecretList"], "Name"),
        "backups": (boto3.client("dynamodb").list_backups()["BackupSummaries"], "BackupName"),
        "budgets": (
            boto3.client("budgets").describe_budgets(AccountId=ACCOUNT)["Budgets"],
            "BudgetName",
        ),
    }
    found = {what: sorted(each[key] for each in things) for what, (things, key) in lists.items()}
    return found | {"tables": boto3.client("dynamodb").list_tables()["TableNames"]}
