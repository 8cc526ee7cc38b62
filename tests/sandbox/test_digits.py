"""Only ASCII digits are digits, wherever a request has a number."""

import base64
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.rds.exceptions import InvalidParameterValue

from sandbox import operations
from sandbox.aurora.answers import page
from sandbox.aurora.windows import BACKUP, MAINTENANCE
from sandbox.digits import decimal_number, is_digits, whole_number
from sandbox.dynamodb import install, service
from sandbox.pace import Pace

# Arabic-Indic, Devanagari and full-width digits, and a superscript, which is a digit to Python too.
OTHERS = ["٣", "३", "３", "²"]


def ask(operation: str, **request: Any) -> tuple[int, dict[str, Any]]:
    status, _, payload = service.answer(operation, json.dumps(request).encode(), "us-east-1")
    return status, json.loads(payload)


@pytest.fixture
def table() -> str:
    pace = Pace("instant")
    install(pace)
    status, answer = ask(
        "CreateTable",
        TableName="digits",
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "p", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    )
    assert status == 200
    yield answer["TableDescription"]["LatestStreamArn"]
    ask("DescribeTable", TableName="digits")
    pace.settle()
    ask("DeleteTable", TableName="digits")
    ask("ListTables")
    pace.settle()


@pytest.mark.parametrize("digit", [*OTHERS, "1_0", " 1", "1 ", "", "0x1", "1" * 21])
def test_numbers_of_our_own(digit: str) -> None:
    assert not is_digits(digit) or digit == "1" * 21
    with pytest.raises(ValueError, match="not an integer"):
        whole_number(digit)
    with pytest.raises(ValueError, match="not a number"):
        decimal_number(f"{digit}.{digit}" if digit in OTHERS else f"{digit}x")


@pytest.mark.parametrize("text", ["0", "-3", "+3", "00012"])
def test_plain_numbers(text: str) -> None:
    assert whole_number(text) == int(text)
    assert decimal_number(f"{text}.5e2") == float(f"{text}.5e2")


@pytest.mark.parametrize("digit", OTHERS)
def test_dynamodb_takes_no_others(table: str, digit: str) -> None:
    for number in (digit, f"1{digit}", f"1.{digit}", f"1e{digit}"):
        status, answer = ask(
            "PutItem", TableName="digits", Item={"p": {"S": "a"}, "n": {"N": number}}
        )
        assert status == 400
        assert "cannot be converted to a numeric value" in answer["message"]
    for operation, request in (
        ("GetItem", {"Key": {"p": {"S": "a"}}, "ProjectionExpression": f"l[{digit}]"}),
        ("Scan", {"FilterExpression": f"attribute_exists(l[{digit}])"}),
    ):
        status, answer = ask(operation, TableName="digits", **request)
        assert (status, "Syntax error" in answer["message"]) == (400, True)
    for text in (f"SELECT l[{digit}] FROM digits", f"SELECT * FROM digits WHERE n = {digit}"):
        assert ask("ExecuteStatement", Statement=text)[0] == 400
    # The model's pattern for a table's name has no digits of others either.
    assert ask("DescribeTable", TableName=f"digits{digit}")[0] == 400


@pytest.mark.parametrize("digit", OTHERS)
def test_streams_take_no_others(table: str, digit: str) -> None:
    shard = ask("DescribeStream", StreamArn=table)[1]["StreamDescription"]["Shards"][0]["ShardId"]
    status, answer = ask(
        "GetShardIterator",
        StreamArn=table,
        ShardId=shard,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        SequenceNumber=digit * 25,
    )
    assert (status, answer["__type"].split("#")[-1]) == (400, "ValidationException")
    for position in (digit, "1", 1.5, -1, True, None, [1]):
        iterator = base64.urlsafe_b64encode(json.dumps([table, position]).encode()).decode()
        status, answer = ask("GetRecords", ShardIterator=iterator)
        assert (status, answer["message"]) == (400, "Invalid ShardIterator")


def test_an_index_of_thousands_of_digits_is_a_syntax_error(table: str) -> None:
    text = f"SELECT l[{'1' * 5000}] FROM digits"
    status, answer = ask("ExecuteStatement", Statement=text)
    assert (status, answer["__type"].split("#")[-1]) == (400, "ValidationException")


@pytest.mark.parametrize("digit", OTHERS)
def test_rds_takes_no_others(digit: str) -> None:
    with pytest.raises(ValueError, match="not an integer"):
        page([], {"MaxRecords": f"{digit}0"})
    with pytest.raises(InvalidParameterValue):
        page([], {"Marker": base64.urlsafe_b64encode(f"from:{digit}".encode()).decode()})
    body = urlencode({"Action": "DescribeDBClusters", "MaxRecords": f"{digit}0"}).encode()
    fault = operations.fault("rds", "DescribeDBClusters", body)
    assert fault is not None and "MaxRecords is invalid" in fault
    assert not BACKUP.fullmatch(f"0{digit}:00-04:00")
    assert not MAINTENANCE.fullmatch(f"sun:0{digit}:00-sun:04:00")
