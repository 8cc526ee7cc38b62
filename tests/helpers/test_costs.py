"""Prices come from the price list or the file; the meter counts what exists and is the course's."""

import csv
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from helpers import COURSE, CourseError, capacity_cost, price, price_list, running_costs
from helpers.costs import HOURS, TOTAL, UNKNOWN
from tests.conftest import PROJECT, Lab1, RunningSandbox

PRICES = PROJECT / "data" / "prices.csv"


@pytest.fixture
def on_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """AWS as the target, and a price list of the test's own; yields what it was asked."""
    asked: list[dict[str, Any]] = []
    monkeypatch.setenv("LAB_TARGET", "aws")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(price_list, "_no_answer", [])
    price_list._live.cache_clear()
    yield asked
    price_list._live.cache_clear()


def product(usage_type: str, *tiers: tuple[str, str]) -> str:
    dimensions = {
        f"d{number}": {"beginRange": begin, "pricePerUnit": {"USD": usd}}
        for number, (begin, usd) in enumerate(tiers)
    }
    return json.dumps(
        {
            "product": {"attributes": {"usagetype": usage_type}},
            "terms": {"OnDemand": {"t": {"priceDimensions": dimensions}}},
        }
    )


def answer_with(monkeypatch: pytest.MonkeyPatch, asked: list, *products: str) -> None:
    class Pricing:
        def get_paginator(self, operation: str) -> "Pricing":
            return self

        def paginate(self, **arguments: Any) -> list[dict[str, Any]]:
            asked.append(arguments)
            return [{"PriceList": [each]} for each in products]

    monkeypatch.setattr(boto3, "client", lambda *_, **__: Pricing())


def test_every_price_says_of_when_and_where_it_is() -> None:
    rows = list(csv.DictReader(PRICES.read_text(encoding="utf-8").splitlines()))
    assert len({row["key"] for row in rows}) == len(rows) > 15
    for row in rows:
        assert float(row["usd"]) > 0
        assert row["region"] == "us-east-1"
        assert row["as_of"].startswith("20")
        assert row["source"].startswith("https://aws.amazon.com/")
        assert row["unit"] in {"hour", "month", "GB-month", "GB", *price_list.IN_ONE}
        assert row["service_code"] and row["usage_type"]


def test_in_the_sandbox_the_file_has_the_price() -> None:
    found = price("db.t3.medium")
    assert (found.usd, found.unit) == (0.082, "hour")
    assert found.source.startswith("prices.csv, us-east-1, 20")
    with pytest.raises(CourseError, match=r"db\.t3\.medium"):
        price("db.t3.enormous")


def test_capacity_units_in_money() -> None:
    assert capacity_cost() == 0
    assert capacity_cost(reads=1_000_000) == pytest.approx(0.125)
    assert capacity_cost(writes=100_000) == pytest.approx(0.0625)
    assert capacity_cost(reads=2_000_000, writes=1_000_000) == pytest.approx(0.875)


def test_on_aws_the_price_list_has_it(
    on_aws: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(
        monkeypatch,
        on_aws,
        product("InstanceUsage:db.t3.medium", ("0", "0.0900000000")),
        product("InstanceUsageIOOptimized:db.t3.medium", ("0", "0.1170000000")),
    )
    found = price("db.t3.medium")
    assert (found.usd, found.source) == (0.09, price_list.LIVE)
    (arguments,) = on_aws
    assert arguments["ServiceCode"] == "AmazonRDS"
    asked = {each["Field"]: each["Value"] for each in arguments["Filters"]}
    assert asked == {
        "regionCode": "us-east-1",
        "databaseEngine": "Aurora MySQL",
        "usagetype": "InstanceUsage:db.t3.medium",
    }
    price("db.t3.medium")
    assert len(on_aws) == 1  # remembered


def test_the_free_tier_is_passed_over_and_millions_are_millions(
    on_aws: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(
        monkeypatch,
        on_aws,
        product("TimedStorage-ByteHrs", ("25", "0.2500000000"), ("0", "0.0000000000")),
        product("IA-TimedStorage-ByteHrs", ("0", "0.1000000000")),
    )
    assert price("dynamodb-storage").usd == 0.25
    answer_with(monkeypatch, on_aws, product("ReadRequestUnits", ("0", "0.0000001250")))
    assert price("dynamodb-read").usd == pytest.approx(0.125)


def test_another_region_has_its_short_name_before_the_usage_type(
    on_aws: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    answer_with(
        monkeypatch,
        on_aws,
        product("EUC1-TimedStorage-ByteHrs", ("0", "0.3060000000")),
        product("EUC1-IA-TimedStorage-ByteHrs", ("0", "0.1200000000")),
    )
    assert price("dynamodb-storage").usd == 0.306


@pytest.mark.parametrize(
    "products",
    [
        [],
        [product("BoxUsage:t3.micro", ("0", "0.01")), product("BoxUsage:t3.micro", ("0", "0.02"))],
    ],
    ids=["nothing", "two prices"],
)
def test_where_the_list_is_unclear_the_file_has_it(
    on_aws: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, products: list[str]
) -> None:
    answer_with(monkeypatch, on_aws, *products)
    found = price("t3.micro")
    assert found.usd == 0.0104
    assert found.source.startswith("prices.csv")


def test_who_may_not_ask_the_list_is_refused_once(
    on_aws: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        on_aws.append({})
        raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetProducts")

    monkeypatch.setattr(boto3, "client", refuse)
    assert price("t3.micro").source.startswith("prices.csv")
    assert price("public-ipv4").usd == 0.005
    assert len(on_aws) == 1


def by_name(costs: Any) -> dict[tuple[str, str], tuple[str, str]]:
    return {(row[0], row[1]): (row[2], row[3]) for row in costs.values}


def test_what_labs_1_costs_and_what_stopping_saves(lab1: Lab1) -> None:
    """One scenario, because a sandbox of its own takes each test seconds."""
    costs = running_costs()
    rows = by_name(costs)
    assert rows["bookstore-1", "DB instance db.t3.medium"] == ("0.0820", "59.86")
    assert rows["bookstore-bastion", "EC2 instance t3.micro"] == ("0.0104", "7.59")
    assert rows["bookstore-bastion", "its public address"] == ("0.0050", "3.65")
    assert ("bookstore", "data of the DB cluster, 1 GB") in rows
    assert 0.17 < costs.an_hour < 0.19
    assert costs.a_month == pytest.approx(costs.an_hour * HOURS)
    assert rows[TOTAL, ""] == (f"{costs.an_hour:.4f}", f"{costs.a_month:.2f}")
    assert set(costs["price from"][:-1].str.split(",").str[0]) == {"prices.csv"}

    # Stopped, an instance has no address and is not billed by the hour; its disk is.
    ec2 = boto3.client("ec2")
    ec2.stop_instances(InstanceIds=[lab1.bastion])
    for _ in range(3):
        ec2.describe_instances(InstanceIds=[lab1.bastion])
    left = {what for name, what in by_name(running_costs()) if name == "bookstore-bastion"}
    assert len(left) == 1 and "disk" in left.pop()


def test_what_tables_cost(sandbox: RunningSandbox) -> None:
    dynamodb = sandbox.client("dynamodb")
    key = {
        "KeySchema": [{"AttributeName": "Id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "Id", "AttributeType": "S"}],
    }
    capacity = {"ProvisionedThroughput": {"ReadCapacityUnits": 10, "WriteCapacityUnits": 1}}
    dynamodb.create_table(TableName="Ours", Tags=[COURSE], **key, **capacity)
    dynamodb.create_table(TableName="Theirs", **key, **capacity)
    for name in ("Ours", "Theirs"):
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    before = by_name(running_costs())
    assert before["Ours", "10 read capacity units"] == ("0.0013", "0.95")
    assert before["Ours", "1 write capacity unit"] == ("0.0006", "0.47")
    assert not any(name == "Theirs" for name, _ in before)

    dynamodb.put_item(TableName="Ours", Item={"Id": {"S": "1"}})
    dynamodb.update_continuous_backups(
        TableName="Ours", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    dynamodb.create_backup(TableName="Ours", BackupName="copy")
    new = by_name(running_costs())
    assert {key for key in new if key not in before} == {
        ("Ours", "its data"),
        ("Ours", "point-in-time recovery"),
        ("copy", "backup"),
    }
    assert new["Ours", "its data"] == ("< 0.0001", "< 0.01")


def test_an_unusual_instance_is_named_without_a_price(lab1: Lab1) -> None:
    boto3.client("rds").modify_db_instance(
        DBInstanceIdentifier="bookstore-2", DBInstanceClass="db.r6g.large", ApplyImmediately=True
    )
    for _ in range(3):
        boto3.client("rds").describe_db_instances()
    rows = by_name(running_costs())
    assert rows["bookstore-2", "DB instance db.r6g.large"] == (UNKNOWN, UNKNOWN)
