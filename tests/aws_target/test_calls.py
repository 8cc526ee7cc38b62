"""Every call of every page, recorded at a slow pace and held against what AWS takes and allows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from helpers.aws_account import REGION
from helpers.pages import pages
from tests.aws_target import policy, record_calls

Recorded = list[tuple[str, dict[str, Any]]]

# How AWS says that something is not ready, or not any more.
NOT_READY = re.compile(r"InvalidDB\w+State|IncorrectInstanceState|IncorrectState|ResourceInUse")
# Looking at what is on its way is how one waits for it.
LOOKS = ("Describe", "List", "Get")
# AWS takes a DB instance into a cluster that is being created.
TAKEN_MEANWHILE = {"rds:CreateDBInstance"}
# What a page calls on purpose to show how it is refused.
ON_PURPOSE = {("3.10", "dynamodb:UpdateTable"), ("3.11", "dynamodb:Query")}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """All pages, at pace `lesson`, with the solutions: page -> calls."""
    return record_calls.record(tmp_path_factory.mktemp("calls"))


def _all(recorded: dict) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for page, calls in recorded.items():
        for call in calls:
            yield page, f"{call['service']}:{call['operation']}", call


def test_all_pages_are_recorded(recorded: dict) -> None:
    assert set(recorded) == {number for number in pages() if number[0] in record_calls.LABS}


def test_the_table_and_the_policy_are_those_of_the_recorded_calls(recorded: dict) -> None:
    again = "record_calls and policy (tests/aws_target) write both anew"
    assert policy.TABLE.read_text(encoding="utf-8") == policy.in_markdown(recorded), again
    assert json.loads(policy.POLICY.read_text()) == policy.document(recorded), again


def test_the_policy_allows_every_call_and_nothing_else(recorded: dict) -> None:
    statements = json.loads(policy.POLICY.read_text())["Statement"]
    allowed = [a for each in statements if each["Effect"] == "Allow" for a in each["Action"]]
    called = {name for _, name, _ in _all(recorded)} | policy.HELPERS | policy.ON_AWS_ONLY
    called |= policy.LOGIN
    assert set(allowed) == policy.actions(called)
    assert len(allowed) == len(set(allowed))
    # The most that a managed policy may have, white space not counted.
    assert len(re.sub(r"\s", "", policy.POLICY.read_text())) <= 6144
    assert "iam:PassRole" not in allowed
    assert not any("*" in action for action in allowed)


def test_every_call_is_one_of_botocores_service_models(recorded: dict) -> None:
    operations = {}
    models = {"streams.dynamodb": "dynamodbstreams", "tagging": "resourcegroupstaggingapi"}
    for _, name, _ in _all(recorded):
        service, _, operation = name.partition(":")
        if service not in operations:
            client = boto3.client(
                models.get(service, service),
                region_name=REGION,
                aws_access_key_id="a",
                aws_secret_access_key="b",
            )
            operations[service] = set(client.meta.service_model.operation_names)
            if service == "dynamodb":  # the streams sign as dynamodb too
                streams = boto3.client("dynamodbstreams", region_name=REGION)
                operations[service] |= set(streams.meta.service_model.operation_names)
        assert operation in operations[service], name


def test_nothing_is_used_before_it_is_ready(recorded: dict) -> None:
    for page, name, call in _all(recorded):
        assert not NOT_READY.search(call["error"]) or name.startswith("dynamodb:CreateTable"), (
            page,
            call,
        )
        looks = name.partition(":")[2].startswith(LOOKS)
        if not looks and name not in TAKEN_MEANWHILE and (page, name) not in ON_PURPOSE:
            assert not call["passing"], (page, name, call["passing"], call["error"])


def test_limits_of_harm(recorded: dict) -> None:
    """Small, tagged, not public, and open on port 22 to one address."""
    asked: dict[str, list[dict[str, Any]]] = {}
    # Page 1.8 breaks things for practice, and opens port 22 to somebody who does not exist.
    for _, name, call in _all({page: recorded[page] for page in recorded if page != "1.8"}):
        asked.setdefault(name, []).append(call["given"])
    assert {v for each in asked["ec2:RunInstances"] for v in each["InstanceType"]} == {"t3.micro"}
    for each in asked["rds:CreateDBInstance"]:
        assert each["DBInstanceClass"] == ["db.t3.medium"]  # the smallest for Aurora MySQL
        assert each["PubliclyAccessible"] == ["false"]
        assert "EngineVersion" not in each
    sources = [each.get("CidrIp", []) for each in asked["ec2:AuthorizeSecurityGroupIngress"]]
    assert {source for each in sources for source in each} == {"203.0.113.25/32"}
    assert not any("CidrIpv6" in each for each in asked["ec2:AuthorizeSecurityGroupIngress"])
    tagged = [
        name
        for name in asked
        if re.search(r":(Create(Vpc|Subnet|DB|Table|User|KeyPair|Int|Sec)|RunInst)", name)
    ]
    assert len(tagged) > 10
    for name in tagged:
        for each in asked[name]:
            tags = each.get("tags", [])
            # The one of page 1.3 that is refused since its name is taken has none.
            if tags or name != "rds:CreateDBCluster":
                assert {"course", "aws-databases", "student"} <= set(tags), (name, each)


def test_the_policys_region_is_the_courses() -> None:
    assert policy.REGION == REGION
    assert Path(policy.POLICY).read_text().count("us-east-1") > 1
