"""A service is loaded when it is first asked for, and it is the sandbox's own from the start."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.base_backend import BackendDict
from moto.moto_api._internal import mock_random

from sandbox import on_demand
from sandbox.home import Home
from sandbox.protocol import Call
from sandbox.server import MOTO_SETTINGS, Sandbox
from tests.conftest import RunningSandbox, running_sandbox, sandbox_command

MUSIC: dict[str, Any] = {
    "TableName": "Music",
    "KeySchema": [{"AttributeName": "Artist", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "Artist", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def _code(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"]


# -- what shows that a service is not moto's own --------------------------------------------


def _ec2() -> None:
    ec2 = boto3.client("ec2")
    groups = [
        ec2.create_security_group(GroupName=name, Description=name)["GroupId"]
        for name in ("one", "other")
    ]
    pair = {"UserIdGroupPairs": [{"GroupId": groups[0]}]}
    rule = {"IpProtocol": "tcp", "FromPort": 1, "ToPort": 1, **pair}
    ec2.authorize_security_group_ingress(GroupId=groups[1], IpPermissions=[rule])
    assert _code(ec2.delete_security_group, GroupId=groups[0]) == "DependencyViolation"


def _rds() -> None:
    rds = boto3.client("rds")
    assert rds.describe_db_cluster_endpoints()["ResponseMetadata"]["HTTPStatusCode"] == 200
    found = rds.describe_db_engine_versions(Engine="aurora-mysql")["DBEngineVersions"]
    assert {each["DBParameterGroupFamily"] for each in found} == {"aurora-mysql8.0"}


def _dynamodb() -> None:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(**MUSIC)
    table = dynamodb.describe_table(TableName="Music")["Table"]
    assert table["TableStatus"] == "CREATING"  # moto's is ACTIVE at once


def _streams() -> None:
    unchecked = Config(parameter_validation=False)
    streams = boto3.client("dynamodbstreams", config=unchecked)
    with pytest.raises(ClientError, match="1 validation error detected"):
        streams.describe_stream(StreamArn="a" * 40, Limit=0)


def _secretsmanager() -> None:
    # RDS manages the secret: it asks Secrets Manager, and Secrets Manager refuses everybody else.
    cluster = boto3.client("rds").create_db_cluster(
        DBClusterIdentifier="managed",
        Engine="aurora-mysql",
        MasterUsername="boss",
        ManageMasterUserPassword=True,
    )["DBCluster"]
    vault, secret = boto3.client("secretsmanager"), cluster["MasterUserSecret"]["SecretArn"]
    refused = _code(vault.put_secret_value, SecretId=secret, SecretString="x")
    assert refused == "InvalidRequestException"


PROOFS = {
    "ec2": _ec2,
    "rds": _rds,
    "dynamodb": _dynamodb,
    "dynamodbstreams": _streams,
    "secretsmanager": _secretsmanager,
}


@pytest.mark.parametrize("first", PROOFS)
def test_whichever_service_is_asked_for_first_all_are_the_sandboxs(
    start_sandbox: Callable[..., RunningSandbox], first: str
) -> None:
    start_sandbox()
    for proof in [PROOFS[first], *(PROOFS[name] for name in PROOFS if name != first)]:
        proof()


def test_ids_do_not_depend_on_what_is_asked_for_first(tmp_path: Path) -> None:
    """The default VPC is made when EC2 is loaded; what is created then has the same ids."""
    found = set()
    for first in ("ec2", "rds", "dynamodb"):
        with running_sandbox(tmp_path / first / "home"):
            if first == "rds":
                boto3.client("rds").describe_db_instances()
            if first == "dynamodb":
                boto3.client("dynamodb").create_table(**MUSIC)
            ec2 = boto3.client("ec2")
            made = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
            default = [v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if v["IsDefault"]]
            found.add((made, *default))
    assert len(found) == 1


@pytest.mark.parametrize("first", ["iam", "rds", "ec2", "dynamodb"])
def test_a_kept_account_is_whole_whatever_is_asked_for_first(
    start_sandbox: Callable[..., RunningSandbox], first: str
) -> None:
    running = start_sandbox()
    ec2, dynamodb, iam = (boto3.client(name) for name in ("ec2", "dynamodb", "iam"))
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    dynamodb.create_table(**MUSIC)
    dynamodb.put_item(TableName="Music", Item={"Artist": {"S": "Ann"}})
    for _ in range(2):  # killed, and once more, since the first start writes the account again
        psutil.Process(running.status()["pid"]).kill()
        assert sandbox_command(running.home, "start").returncode == 0
        if first == "iam":
            iam.create_user(UserName="late")  # a change, which waits for the other services
            assert "late" in [user["UserName"] for user in iam.list_users()["Users"]]
            iam.delete_user(UserName="late")
        if first == "rds":
            assert boto3.client("rds").describe_db_clusters()["DBClusters"] == []
        if first == "dynamodb":
            assert dynamodb.scan(TableName="Music")["Count"] == 1
        assert vpc in [each["VpcId"] for each in ec2.describe_vpcs()["Vpcs"]]
        assert dynamodb.scan(TableName="Music")["Items"] == [{"Artist": {"S": "Ann"}}]
        assert dynamodb.describe_table(TableName="Music")["Table"]["TableStatus"] == "ACTIVE"


# -- in this process -------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A folder for sandboxes in this process; moto's account is empty before and after."""
    for name, value in MOTO_SETTINGS.items():
        monkeypatch.setenv(name, value)
    BackendDict.reset()
    place = Home(tmp_path / "home")
    place.prepare()
    yield place
    BackendDict.reset()


def test_a_look_at_the_users_is_answered_before_the_rest_is_back(home: Home) -> None:
    """And a change waits: the two parts of a kept account refer to each other."""
    sandbox = Sandbox(home)
    sandbox._prepare(Call("sts", "GetCallerIdentity", "query", None))
    waiting = [
        threading.Thread(target=sandbox._prepare, args=[Call(*words, "query", None)], daemon=True)
        for words in (("iam", "CreateUser"), ("ec2", "DescribeVpcs"), ("dynamodb", "ListTables"))
    ]
    for thread in waiting:
        thread.start()
    waiting[0].join(0.2)
    assert all(thread.is_alive() for thread in waiting)
    sandbox._bring_back()
    for thread in waiting:
        thread.join()
    sandbox._journal.close()


def test_a_start_uses_neither_ec2_nor_databases(home: Home) -> None:
    sandbox = Sandbox(home)
    sandbox._bring_back()
    for service in ("ec2", "rds", "dynamodb", "secretsmanager"):
        assert on_demand.in_use(service, "123456789012", "us-east-1") is None
    assert sandbox._parts.in_use == []
    assert sandbox.status()["databases"] == sandbox.status()["bastions"] == []
    sandbox._journal.close()


def test_a_correction_comes_before_the_first_use_and_once(home: Home) -> None:
    from moto.kms.models import kms_backends

    seen: list[list[str]] = []
    on_demand.correct("kms", lambda: seen.append([b.service_name for b in BackendDict._instances]))
    assert seen == []
    kms_backends["123456789012"]["us-east-1"]
    kms_backends["123456789012"]["eu-west-1"]
    assert seen == [[]]


def test_loading_draws_nothing_from_the_calls_random_numbers(home: Home) -> None:
    from moto.ec2.models import ec2_backends

    sandbox = Sandbox(home)
    mock_random.seed("a call")
    before = mock_random.getstate()
    assert len(ec2_backends["123456789012"]["us-east-1"].vpcs) == 1
    assert mock_random.getstate() == before
    sandbox._journal.close()


def test_many_who_ask_at_once_get_the_same() -> None:
    made: list[object] = []

    def make() -> object:
        made.append(object())
        return made[-1]

    thing = on_demand.Once(make)
    threads = [threading.Thread(target=thing.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [thing.get()] == [thing.made]
