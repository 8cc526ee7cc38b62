"""Whatever the request, an AWS error answers: no 5xx, nothing half-done."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.dynamodb import install, service
from sandbox.pace import Pace

TABLE = "fuzzed"

names = st.sampled_from(["p", "s", "#n", "x.y", "", "Author"])
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "a", ":v", "#n", "1", "1e999999999", "AAA=", "\ud800", "NaN", "x = :v"]),
)
types = st.sampled_from(["S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M", "X"])
anything = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(types, names), inner, max_size=3)
    ),
    max_leaves=6,
)
WORDS = [
    *("TableName", "Item", "Key", "KeyConditionExpression", "FilterExpression", "IndexName"),
    *("ExpressionAttributeNames", "ExpressionAttributeValues", "UpdateExpression", "Limit"),
    *("ConditionExpression", "ProjectionExpression", "ExclusiveStartKey", "RequestItems"),
    *("TransactItems", "Statement", "Parameters", "Statements", "Segment", "TotalSegments"),
    *("AttributeUpdates", "Expected", "KeyConditions", "ScanFilter", "ReturnValues", "NextToken"),
]
VOCABULARY = (
    "p s x #n :v = <> < AND OR NOT ( ) , . [ 0 ] BETWEEN IN SET REMOVE ADD + - size "
    "attribute_exists begins_with contains SELECT * FROM fuzzed WHERE 'a' ? { } << >>"
)
grammar = st.lists(st.sampled_from(VOCABULARY.split()), max_size=12).map(" ".join)
OPERATIONS = sorted(set(service.OPERATIONS) - {"DeleteTable"})


def ask(operation: str, body: bytes) -> tuple[int, dict[str, Any]]:
    try:
        status, _, payload = service.answer(operation, body, "us-east-1")
    except NotImplementedError:  # The front door says: not offered.
        return 501, {}
    return status, json.loads(payload)


@pytest.fixture(autouse=True, scope="module")
def table() -> None:
    install(Pace("instant"))
    body = {
        "TableName": TABLE,
        "AttributeDefinitions": [
            {"AttributeName": "p", "AttributeType": "S"},
            {"AttributeName": "s", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "p", "KeyType": "HASH"},
            {"AttributeName": "s", "KeyType": "RANGE"},
        ],
        "BillingMode": "PAY_PER_REQUEST",
    }
    ask("CreateTable", json.dumps(body).encode())


@given(st.sampled_from(OPERATIONS), st.dictionaries(st.sampled_from(WORDS), anything, max_size=5))
@settings(max_examples=400, deadline=None)
def test_any_parameters(operation: str, request: dict[str, Any]) -> None:
    request.setdefault("TableName", TABLE)
    status, answer = ask(operation, json.dumps(request).encode())
    assert status in (200, 400, 501)
    if status == 400:
        assert answer["__type"]
        assert answer.get("message") or answer.get("Message")


@given(st.binary(max_size=30))
@settings(max_examples=100, deadline=None)
def test_any_bytes(body: bytes) -> None:
    status, answer = ask("GetItem", body)
    assert status == 400
    assert answer["__type"]


@given(
    st.sampled_from(
        ["KeyConditionExpression", "FilterExpression", "ConditionExpression", "UpdateExpression"]
    ),
    grammar,
)
@settings(max_examples=400, deadline=None)
def test_any_expression(word: str, text: str) -> None:
    operation = {"K": "Query", "F": "Scan", "C": "PutItem", "U": "UpdateItem"}[word[0]]
    key = {"p": {"S": "a"}, "s": {"N": "1"}}
    request = {
        "TableName": TABLE,
        word: text,
        "ExpressionAttributeNames": {"#n": "name"},
        "ExpressionAttributeValues": {":v": {"N": "1"}},
        "Item": key,
        "Key": key,
    }
    status, _ = ask(operation, json.dumps(request).encode())
    assert status in (200, 400)


@given(grammar)
@settings(max_examples=300, deadline=None)
def test_any_statement(text: str) -> None:
    request = {"Statement": text, "Parameters": [{"S": "a"}] * text.count("?")}
    if not request["Parameters"]:
        del request["Parameters"]
    status, _ = ask("ExecuteStatement", json.dumps(request).encode())
    assert status in (200, 400)


def test_deep_and_broken_json() -> None:
    for body in (b"[" * 100_000, b'{"TableName":' * 5_000, b'{"TableName": "x"', b"null", b"[]"):
        assert ask("PutItem", body)[0] == 400
