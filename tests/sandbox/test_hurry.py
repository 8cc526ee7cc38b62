"""A catch-up asks the sandbox not to take its time; everybody else sees the pace of the start."""

import urllib.error
import urllib.request
from collections.abc import Callable

import boto3
import pytest

from helpers.session import hurried
from tests.conftest import RunningSandbox


def _states(name: str, looks: int) -> list[str]:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "Id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    described = (dynamodb.describe_table(TableName=name)["Table"] for _ in range(looks))
    return [each["TableStatus"] for each in described]


@pytest.mark.differs(
    "`catch_up()`",
    aws="each state lasts as long as it lasts",
    sandbox="passing states pass as soon as the work behind them is done, whatever the pace",
    since="2026-11",
)
def test_states_pass_at_the_next_look_while_it_hurries(
    start_sandbox: Callable[..., RunningSandbox],
) -> None:
    running = start_sandbox("aws")  # where a table is made in 15 seconds
    with hurried() as go_on:
        assert _states("One", 2) == ["CREATING", "ACTIVE"]
        go_on()
        assert _states("Two", 2) == ["CREATING", "ACTIVE"]
        assert running.status()["pace"] == "aws"
    assert _states("Three", 2) == ["CREATING", "CREATING"]


def test_it_hurries_for_the_homes_owner_only(start_sandbox: Callable[..., RunningSandbox]) -> None:
    running = start_sandbox()
    where = running.status()["endpoint_url"]
    for what in ("hurry", "take-time", "stop"):
        request = urllib.request.Request(
            f"{where}/_sandbox/{what}", method="POST", headers={"X-Sandbox-Token": "guessed"}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        assert refused.value.code == 403
    assert urllib.request.urlopen(f"{where}/_sandbox/health").status == 200
