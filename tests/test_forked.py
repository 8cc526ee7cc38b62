"""A forked sandbox is what the command line starts, only sooner."""

import json
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest

from tests import forked
from tests.conftest import running_sandbox, sandbox_command

pytestmark = pytest.mark.skipif(not forked.available(), reason="forks on Linux only")


def _seen() -> list[Any]:
    """What a fresh account shows, and what it calls the things that are made in it."""
    ec2, iam, dynamodb = (boto3.client(name) for name in ("ec2", "iam", "dynamodb"))
    key = {"AttributeName": "id", "AttributeType": "S"}
    table = dynamodb.create_table(
        TableName="table",
        AttributeDefinitions=[key],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return [
        [vpc["VpcId"] for vpc in ec2.describe_vpcs()["Vpcs"]],
        sorted(image["ImageId"] for image in ec2.describe_images(Owners=["amazon"])["Images"]),
        [user["UserId"] for user in iam.list_users()["Users"]],
        ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"],
        ec2.create_security_group(GroupName="g", Description="g")["GroupId"],
        table["TableDescription"]["TableId"],
    ]


def test_it_gives_the_ids_of_one_from_the_command_line(tmp_path: Path) -> None:
    with running_sandbox(tmp_path / "first" / "home"):
        first = _seen()
    with running_sandbox(tmp_path / "second" / "home"):
        assert _seen() == first
    with running_sandbox(tmp_path / "third" / "home", own_process=True):
        assert _seen() == first


def test_the_commands_know_it(start_sandbox) -> None:
    running = start_sandbox("lesson")
    said = json.loads(sandbox_command(running.home, "status", "--json").stdout)
    assert (said["home"], said["pace"]) == (str(running.home), "lesson")
    again = sandbox_command(running.home, "start")
    assert "already" in again.stdout, again.stderr
    process = psutil.Process(said["pid"])
    assert sandbox_command(running.home, "stop").stdout == "The sandbox is stopped.\n"
    assert not psutil.pid_exists(process.pid) or process.status() == psutil.STATUS_ZOMBIE


def test_what_keeps_one_from_starting_is_said(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "account.db").mkdir(parents=True)
    with pytest.raises(RuntimeError, match=r"account\.db"):
        forked.start(home, "instant", {})
