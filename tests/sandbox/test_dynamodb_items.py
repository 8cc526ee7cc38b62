"""Items: reading, writing, what each call costs, and what AWS refuses."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import RunningSandbox

TABLE = "items"
TOTAL = {"ReturnConsumedCapacity": "TOTAL"}


@pytest.fixture(scope="module")
def client(sandbox: RunningSandbox) -> Any:
    db = boto3.client("dynamodb", config=Config(parameter_validation=False))
    kinds = {"p": "S", "s": "N", "g": "S", "l": "S"}
    keys_only = {"ProjectionType": "KEYS_ONLY"}
    db.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in kinds.items()],
        KeySchema=schema("p", "s"),
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {"IndexName": "by-g", "KeySchema": schema("g"), "Projection": {"ProjectionType": "ALL"}}
        ],
        LocalSecondaryIndexes=[
            {"IndexName": "by-l", "KeySchema": schema("p", "l"), "Projection": keys_only}
        ],
    )
    return db


@pytest.fixture
def db(client: Any) -> Iterator[Any]:
    yield client
    for item in client.scan(TableName=TABLE)["Items"]:
        client.delete_item(TableName=TABLE, Key={"p": item["p"], "s": item["s"]})


def schema(*names: str) -> list[dict[str, str]]:
    kinds = ("HASH", "RANGE")
    return [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)]


def key(p: str = "a", s: int = 1) -> dict[str, Any]:
    return {"p": {"S": p}, "s": {"N": str(s)}}


def refused(message: str, call: Any, code: str = "ValidationException", **arguments: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**{"TableName": TABLE, **arguments})
    error = caught.value.response["Error"]
    assert message in error["Message"]
    assert error["Code"] == code
    return caught.value.response


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "deep"}
    for _ in range(levels):
        value = {"M": {"n": value}}
    return value


# -- what AWS refuses -----------------------------------------------------------------------------

EMPTY_KEY = (
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
    "contain an empty string value. Key: p"
)
BAD_ITEMS = [
    ("Missing the key s in the item", {"p": {"S": "a"}}),
    ("Type mismatch for key s expected: N actual: S", {"p": {"S": "a"}, "s": {"S": "1"}}),
    (EMPTY_KEY, {"p": {"S": ""}, "s": {"N": "1"}}),
    ("Size of hashkey has exceeded the maximum size limit of2048 bytes", key("가" * 683)),
    (
        "Type mismatch for Index Key g Expected: S Actual: N IndexName: by-g",
        key() | {"g": {"N": "1"}},
    ),
    ("IndexName: by-g, IndexKey: g", key() | {"g": {"S": ""}}),
    (
        "Aggregated size of all range keys has exceeded the size limit of 1024 bytes",
        key() | {"l": {"S": "x" * 1025}},
    ),
    ("Item size has exceeded the maximum allowed size", key() | {"x": {"S": "x" * 401 * 1024}}),
    ("Nesting Levels have exceeded supported limits", key() | {"x": nested(32)}),
    ("more than 38 significant digits", key() | {"x": {"N": "1" * 39}}),
    ("Number overflow", key() | {"x": {"N": "1e126"}}),
    ("Number underflow", key() | {"x": {"N": "1e-131"}}),
    ("cannot be converted to a numeric value: one", key() | {"x": {"N": "one"}}),
    ("An string set  may not be empty", key() | {"x": {"SS": []}}),
    ("An number set  may not be empty", key() | {"x": {"NS": []}}),
    ("Input collection [a, a] contains duplicates.", key() | {"x": {"SS": ["a", "a"]}}),
    ("Supplied AttributeValue is empty", key() | {"x": {}}),
    ("Supplied AttributeValue has more than one datatypes set", key() | {"x": {"S": "", "N": "1"}}),
]


@pytest.mark.parametrize(("message", "item"), BAD_ITEMS, ids=[m[:24] for m, _ in BAD_ITEMS])
def test_items_that_are_refused(db: Any, message: str, item: dict[str, Any]) -> None:
    refused(message, db.put_item, Item=item)
    assert db.scan(TableName=TABLE)["Count"] == 0


def test_the_largest_that_is_taken(db: Any) -> None:
    item = key("x" * 2048) | {"deep": nested(31), "digits": {"N": "1" * 38}, "": {"S": ""}}
    db.put_item(TableName=TABLE, Item=item)
    assert db.get_item(TableName=TABLE, Key=key("x" * 2048))["Item"] == item
    room = 400 * 1024 - (1 + 1 + 1 + 2 + 1)
    db.put_item(TableName=TABLE, Item=key() | {"x": {"S": "x" * room}})
    refused("Item size has exceeded", db.put_item, Item=key() | {"x": {"S": "x" * (room + 1)}})
    refused(
        "Item size to update has exceeded the maximum allowed size",
        db.update_item,
        Key=key(),
        UpdateExpression="SET y = :y",
        ExpressionAttributeValues={":y": {"S": "y"}},
    )


@pytest.mark.parametrize(
    "wrong",
    [{"p": {"S": "a"}}, key() | {"g": {"S": "a"}}, {"p": {"N": "1"}, "s": {"N": "1"}}],
)
def test_a_key_that_does_not_fit(db: Any, wrong: dict[str, Any]) -> None:
    refused("The provided key element does not match the schema", db.get_item, Key=wrong)


VALUES = {":v": {"N": "1"}}
BAD_CONDITIONS: list[tuple[str, dict[str, Any]]] = [
    (
        "Invalid ConditionExpression: Attribute name is a reserved keyword; reserved keyword: name",
        {"ConditionExpression": "name = :v", "ExpressionAttributeValues": VALUES},
    ),
    (
        "An expression attribute name used in the document path is not defined; attribute name: #n",
        {"ConditionExpression": "#n = :v", "ExpressionAttributeValues": VALUES},
    ),
    (
        "An expression attribute value used in expression is not defined; attribute value: :v",
        {"ConditionExpression": "x = :v"},
    ),
    (
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
        {"ConditionExpression": "x = :v", "ExpressionAttributeValues": VALUES | {":w": {"N": "1"}}},
    ),
    (
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}",
        {
            "ConditionExpression": "attribute_exists(x)",
            "ExpressionAttributeNames": {"#n": "name"},
        },
    ),
    (
        "ExpressionAttributeValues can only be specified when using expressions",
        {"ExpressionAttributeValues": VALUES},
    ),
    (
        'Syntax error; token: "and", near: "= and y"',
        {"ConditionExpression": "x = and y", "ExpressionAttributeValues": VALUES},
    ),
    (
        'Syntax error; token: "<EOF>", near: "="',
        {"ConditionExpression": "x =", "ExpressionAttributeValues": VALUES},
    ),
    ("The expression can not be empty;", {"ConditionExpression": ""}),
    ("Invalid function name; function: foo", {"ConditionExpression": "foo(x)"}),
    (
        "Incorrect operand type for operator or function; operator or function: begins_with, "
        "operand type: N",
        {"ConditionExpression": "begins_with(x, :v)", "ExpressionAttributeValues": VALUES},
    ),
    (
        "The expression has redundant parentheses;",
        {"ConditionExpression": "((x = :v))", "ExpressionAttributeValues": VALUES},
    ),
    (
        "The first operand must be distinct from the remaining operands",
        {"ConditionExpression": "x = x"},
    ),
]


@pytest.mark.parametrize(
    ("message", "request_"), BAD_CONDITIONS, ids=[str(n) for n in range(len(BAD_CONDITIONS))]
)
def test_conditions_that_are_refused(db: Any, message: str, request_: dict[str, Any]) -> None:
    refused(message, db.put_item, Item=key(), **request_)


@pytest.mark.parametrize("joined", [" OR ", " AND "])
def test_an_expression_has_300_operators_and_no_more(db: Any, joined: str) -> None:
    for terms, fits in ((150, True), (151, False)):  # A term is one, and so is what joins it.
        request = {
            "FilterExpression": joined.join(["x=:v"] * terms),
            "ExpressionAttributeValues": VALUES,
        }
        if fits:
            assert db.scan(TableName=TABLE, **request)["Count"] == 0
        else:
            refused("The expression contains too many operators", db.scan, **request)


BAD_UPDATES = [
    ("Cannot update attribute p. This attribute is part of the key", "SET p = :v"),
    ("Two document paths overlap with each other", "SET x = :v, x.y = :v"),
    ('The "SET" section can only be used once in an update expression;', "SET x = :v SET y = :v"),
    ("The document path provided in the update expression is invalid for update", "SET nil.x = :v"),
    (
        "The provided expression refers to an attribute that does not exist in the item",
        "SET x = nil + :v",
    ),
    ("An operand in the update expression has an incorrect data type", "SET x = t + :v"),
    ("Invalid UpdateExpression: Syntax error;", "UPSERT x = :v"),
    ("Attribute name is a reserved keyword; reserved keyword: Year", "SET Year = :v"),
    ("Type mismatch for Index Key g Expected: S Actual: N", "SET g = :v"),
]


@pytest.mark.parametrize(("message", "expression"), BAD_UPDATES, ids=[e for _, e in BAD_UPDATES])
def test_updates_that_are_refused(db: Any, message: str, expression: str) -> None:
    item = key() | {"t": {"S": "text"}}
    db.put_item(TableName=TABLE, Item=item)
    refused(
        message,
        db.update_item,
        Key=key(),
        UpdateExpression=expression,
        ExpressionAttributeValues=VALUES,
    )
    assert db.get_item(TableName=TABLE, Key=key())["Item"] == item


# -- what works -----------------------------------------------------------------------------------


def update(db: Any, expression: str, values: Any = None, **more: Any) -> Any:
    if values is not None:
        more["ExpressionAttributeValues"] = values
    return db.update_item(TableName=TABLE, Key=key(), UpdateExpression=expression, **more)


def test_update_expressions(db: Any) -> None:
    update(
        db,
        "SET a = :a, m = :m, l1 = :l ADD n :one, ss :ss",
        {
            ":a": {"S": "a"},
            ":m": {"M": {"x": {"N": "1"}}},
            ":l": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}]},
            ":one": {"N": "1"},
            ":ss": {"SS": ["b", "a"]},
        },
    )
    answer = update(
        db,
        "SET m.y = if_not_exists(m.y, :z), l1 = list_append(l1, :l), b = m.x + :one, n = n - :one "
        "REMOVE a DELETE ss :b",
        {
            ":z": {"N": "0"},
            ":l": {"L": [{"S": "end"}]},
            ":one": {"N": "1"},
            ":b": {"SS": ["b"]},
        },
        ReturnValues="ALL_NEW",
    )
    assert answer["Attributes"] == key() | {
        "m": {"M": {"x": {"N": "1"}, "y": {"N": "0"}}},
        "l1": {"L": [{"N": "1"}, {"N": "2"}, {"N": "3"}, {"S": "end"}]},
        "b": {"N": "2"},
        "n": {"N": "0"},
        "ss": {"SS": ["a"]},
    }
    answer = update(
        db,
        "SET l1[9] = :v REMOVE l1[0], l1[1]",
        {":v": {"S": "new"}},
        ReturnValues="UPDATED_OLD",
    )
    assert answer["Attributes"] == {"l1": {"L": [{"N": "1"}, {"N": "2"}]}}
    item = db.get_item(TableName=TABLE, Key=key())["Item"]
    assert item["l1"] == {"L": [{"N": "3"}, {"S": "end"}, {"S": "new"}]}


def test_conditional_writes(db: Any) -> None:
    db.put_item(TableName=TABLE, Item=key() | {"version": {"N": "1"}})
    response = refused(
        "The conditional request failed",
        db.put_item,
        code="ConditionalCheckFailedException",
        Item=key(),
        ConditionExpression="attribute_not_exists(p)",
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
    )
    assert response["Item"]["version"] == {"N": "1"}
    changes = {":v": {"N": "1"}, ":w": {"N": "2"}}
    update(db, "SET version = :w", changes, ConditionExpression="version = :v")
    refused(
        "The conditional request failed",
        db.update_item,
        code="ConditionalCheckFailedException",
        Key=key(),
        UpdateExpression="SET version = :w",
        ExpressionAttributeValues=changes,
        ConditionExpression="version = :v",
    )
    gone = db.delete_item(TableName=TABLE, Key=key(), ReturnValues="ALL_OLD")
    assert gone["Attributes"]["version"] == {"N": "2"}


CONDITIONS = [
    ("t = :t AND n BETWEEN :one AND :three", True),
    ("n IN (:one, :three) OR NOT attribute_exists(t)", False),
    ("contains(t, :e) AND contains(ss, :a) AND contains(li, :one)", True),
    ("size(t) = :four AND size(li) > :one", True),
    ("attribute_type(m, :map) AND m.x = :one AND li[0] = :one", True),
    ("nil <> :one AND NOT nil = :one", True),
    ("nil < :one OR t < :one", False),
    ("begins_with(t, :te)", True),
]


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_conditions(db: Any, condition: str, holds: bool) -> None:
    item = key() | {
        "t": {"S": "text"},
        "n": {"N": "2"},
        "ss": {"SS": ["a"]},
        "li": {"L": [{"N": "1"}, {"N": "2"}]},
        "m": {"M": {"x": {"N": "1"}}},
    }
    db.put_item(TableName=TABLE, Item=item)
    values = {
        ":t": {"S": "text"},
        ":te": {"S": "te"},
        ":e": {"S": "ex"},
        ":a": {"S": "a"},
        ":map": {"S": "M"},
        ":one": {"N": "1.0"},
        ":three": {"N": "3"},
        ":four": {"N": "4"},
    }
    used = {k: v for k, v in values.items() if k in condition.replace(",", " ").replace(
        ")", " ").replace("(", " ").split()}  # fmt: skip
    found = db.scan(TableName=TABLE, FilterExpression=condition, ExpressionAttributeValues=used)
    assert (found["Count"] == 1, found["ScannedCount"]) == (holds, 1)


def test_projections(db: Any) -> None:
    item = key() | {"m": {"M": {"x": {"N": "1"}, "y": {"L": [{"N": "1"}, {"N": "2"}]}}}}
    db.put_item(TableName=TABLE, Item=item)
    found = db.get_item(
        TableName=TABLE,
        Key=key(),
        ProjectionExpression="s, m.#y[1], nothing",
        ExpressionAttributeNames={"#y": "y"},
    )["Item"]
    assert found == {"s": {"N": "1"}, "m": {"M": {"y": {"L": [{"N": "2"}]}}}}


def test_the_old_parameters_still_work(db: Any) -> None:
    db.put_item(TableName=TABLE, Item=key() | {"n": {"N": "1"}}, Expected={"p": {"Exists": False}})
    db.update_item(
        TableName=TABLE,
        Key=key(),
        AttributeUpdates={"n": {"Action": "ADD", "Value": {"N": "2"}}},
        Expected={"n": {"Value": {"N": "1"}}},
    )
    found = db.query(
        TableName=TABLE,
        KeyConditions={
            "p": {"ComparisonOperator": "EQ", "AttributeValueList": [{"S": "a"}]},
            "s": {"ComparisonOperator": "GE", "AttributeValueList": [{"N": "0"}]},
        },
        QueryFilter={"n": {"ComparisonOperator": "IN", "AttributeValueList": [{"N": "3"}]}},
        AttributesToGet=["n"],
    )
    assert found["Items"] == [{"n": {"N": "3"}}]
    refused(
        "Can not use both expression and non-expression parameters in the same request",
        db.get_item,
        Key=key(),
        AttributesToGet=["n"],
        ProjectionExpression="n",
    )


# -- batches --------------------------------------------------------------------------------------


def puts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"PutRequest": {"Item": key("b", n)}} for n in range(start, start + count)]


def test_batches(db: Any) -> None:
    answer = db.batch_write_item(RequestItems={TABLE: puts(25)}, **TOTAL)
    assert answer["UnprocessedItems"] == {}
    assert answer["ConsumedCapacity"] == [{"TableName": TABLE, "CapacityUnits": 25.0}]
    keys = [key("b", n) for n in range(100)]
    answer = db.batch_get_item(RequestItems={TABLE: {"Keys": keys}}, **TOTAL)
    assert len(answer["Responses"][TABLE]) == 25
    assert answer["ConsumedCapacity"] == [{"TableName": TABLE, "CapacityUnits": 50.0}]


def test_batches_that_are_refused(db: Any) -> None:
    with pytest.raises(ClientError, match="Member must have length less than or equal to 25"):
        db.batch_write_item(RequestItems={TABLE: puts(26)})
    double = [*puts(1), {"DeleteRequest": {"Key": key("b", 0)}}]
    with pytest.raises(ClientError, match="Provided list of item keys contains duplicates"):
        db.batch_write_item(RequestItems={TABLE: double})
    keys = [key("b", n) for n in range(101)]
    with pytest.raises(ClientError, match="Member must have length less than or equal to 100"):
        db.batch_get_item(RequestItems={TABLE: {"Keys": keys}})
    with pytest.raises(ClientError, match="Provided list of item keys contains duplicates"):
        db.batch_get_item(RequestItems={TABLE: {"Keys": [key(), key()]}})
    # The last of the batch is bad: none of it is stored.
    with pytest.raises(ClientError, match="Missing the key s"):
        db.batch_write_item(
            RequestItems={TABLE: [*puts(3), {"PutRequest": {"Item": {"p": {"S": "a"}}}}]}
        )
    assert db.scan(TableName=TABLE)["Count"] == 0


# -- capacity -------------------------------------------------------------------------------------


def units(answer: dict[str, Any]) -> float:
    return answer["ConsumedCapacity"]["CapacityUnits"]


def test_what_reads_and_writes_consume(db: Any) -> None:
    large = key() | {"x": {"S": "x" * 5000}}
    assert units(db.put_item(TableName=TABLE, Item=large, **TOTAL)) == 5
    assert units(db.get_item(TableName=TABLE, Key=key(), **TOTAL)) == 1
    assert units(db.get_item(TableName=TABLE, Key=key(), ConsistentRead=True, **TOTAL)) == 2
    assert units(db.get_item(TableName=TABLE, Key=key("none"), **TOTAL)) == 0.5
    # The larger of before and after counts.
    assert units(db.put_item(TableName=TABLE, Item=key(), **TOTAL)) == 5
    assert units(db.delete_item(TableName=TABLE, Key=key(), **TOTAL)) == 1
    assert units(db.delete_item(TableName=TABLE, Key=key(), **TOTAL)) == 1
    assert "ConsumedCapacity" not in db.get_item(TableName=TABLE, Key=key())


def test_what_indexes_consume(db: Any) -> None:
    mode = {"ReturnConsumedCapacity": "INDEXES"}
    item = key() | {"g": {"S": "x"}, "l": {"S": "y"}, "x": {"S": "x" * 1500}}
    answer = db.put_item(TableName=TABLE, Item=item, **mode)["ConsumedCapacity"]
    assert answer == {
        "TableName": TABLE,
        "CapacityUnits": 5.0,
        "Table": {"CapacityUnits": 2.0},
        "LocalSecondaryIndexes": {"by-l": {"CapacityUnits": 1.0}},
        "GlobalSecondaryIndexes": {"by-g": {"CapacityUnits": 2.0}},
    }
    # Another index key: its entry is removed and put.
    answer = update(db, "SET g = :g", {":g": {"S": "z"}}, **mode)["ConsumedCapacity"]
    assert answer["GlobalSecondaryIndexes"] == {"by-g": {"CapacityUnits": 4.0}}
    assert "LocalSecondaryIndexes" not in answer
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "p = :p",
        "ExpressionAttributeValues": {":p": {"S": "a"}},
        "IndexName": "by-l",
        **mode,
    }
    answer = db.query(**query)["ConsumedCapacity"]
    assert answer["LocalSecondaryIndexes"] == {"by-l": {"CapacityUnits": 0.5}}
    # What the index does not project is fetched from the table.
    answer = db.query(**query, Select="ALL_ATTRIBUTES")
    assert set(answer["Items"][0]) == {"p", "s", "g", "l", "x"}
    assert answer["ConsumedCapacity"]["Table"] == {"CapacityUnits": 0.5}
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 1.0


def test_what_is_scanned_counts_not_what_is_returned(db: Any) -> None:
    for n in range(10):
        db.put_item(TableName=TABLE, Item=key("a", n) | {"x": {"S": "x" * 1000}})
    answer = db.scan(
        TableName=TABLE,
        FilterExpression="s = :s",
        ExpressionAttributeValues={":s": {"N": "3"}},
        **TOTAL,
    )
    assert (answer["Count"], answer["ScannedCount"]) == (1, 10)
    assert units(answer) == 1.5  # 10,050 bytes are 3 units of 4 KB, at half.
    assert units(db.scan(TableName=TABLE, ConsistentRead=True, Select="COUNT", **TOTAL)) == 3


# -- query and scan -------------------------------------------------------------------------------


def sorts(answer: dict[str, Any]) -> list[int]:
    return [int(item["s"]["N"]) for item in answer["Items"]]


@pytest.fixture
def filled(db: Any) -> Any:
    for n in (10, 9, 100, -1, 0, 2):
        db.put_item(TableName=TABLE, Item=key("a", n) | {"g": {"S": "same"}, "l": {"S": str(n)}})
    db.put_item(TableName=TABLE, Item=key("b", 5))
    return db


def query(db: Any, condition: str, more: Any = None, **arguments: Any) -> Any:
    values = {":p": {"S": "a"}, **(more or {})}
    return db.query(
        TableName=TABLE,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=values,
        **arguments,
    )


def test_queries(filled: Any) -> None:
    assert sorts(query(filled, "p = :p")) == [-1, 0, 2, 9, 10, 100]
    assert sorts(query(filled, "p = :p", ScanIndexForward=False)) == [100, 10, 9, 2, 0, -1]
    nine = {":n": {"N": "9"}}
    assert sorts(query(filled, "p = :p AND s > :n", nine)) == [10, 100]
    assert sorts(query(filled, "s <= :n AND p = :p", nine)) == [-1, 0, 2, 9]
    both = nine | {":z": {"N": "0"}}
    assert sorts(query(filled, "p = :p AND s BETWEEN :z AND :n", both)) == [0, 2, 9]
    one = {":l": {"S": "1"}}
    answer = query(filled, "p = :p AND begins_with(l, :l)", one, IndexName="by-l")
    assert sorts(answer) == [10, 100]
    assert query(filled, "p = :p", Select="COUNT")["Count"] == 6


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize("index", [None, "by-g", "by-l"])
def test_pages(filled: Any, forward: bool, index: str | None) -> None:
    condition, values = ("g = :p", {":p": {"S": "same"}}) if index == "by-g" else ("p = :p", None)
    where = {"IndexName": index} if index else {}
    every = query(filled, condition, values, ScanIndexForward=forward, **where)
    assert "LastEvaluatedKey" not in every
    found, start = [], {}
    for _ in range(4):
        page = query(filled, condition, values, ScanIndexForward=forward, Limit=2, **where, **start)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        last = page["LastEvaluatedKey"]
        assert set(last) == {"p", "s"} | {"by-g": {"g"}, "by-l": {"l"}}.get(index or "", set())
        start = {"ExclusiveStartKey": last}
    assert found == every["Items"]


def test_the_limit_counts_what_is_examined(filled: Any) -> None:
    answer = query(
        filled,
        "p = :p",
        {":x": {"S": "100"}},
        Limit=3,
        FilterExpression="l = :x",
    )
    assert (answer["Count"], answer["ScannedCount"]) == (0, 3)
    assert answer["LastEvaluatedKey"] == key("a", 2)


def test_a_page_ends_at_one_megabyte(db: Any) -> None:
    for n in range(3):
        db.put_item(TableName=TABLE, Item=key("a", n) | {"x": {"S": "x" * 390_000}})
    answer = query(db, "p = :p")
    assert sorts(answer) == [0, 1]
    assert answer["LastEvaluatedKey"] == key("a", 1)
    assert sorts(query(db, "p = :p", ExclusiveStartKey=key("a", 1))) == [2]


def test_segments_share_a_scan(filled: Any) -> None:
    for n in range(30):
        filled.put_item(TableName=TABLE, Item=key(f"p{n}"))
    found: list[Any] = []
    for segment in range(4):
        page = filled.scan(TableName=TABLE, Segment=segment, TotalSegments=4)
        found += [(i["p"]["S"], i["s"]["N"]) for i in page["Items"]]
    every = [(i["p"]["S"], i["s"]["N"]) for i in filled.scan(TableName=TABLE)["Items"]]
    assert sorted(found) == sorted(every)
    assert len(found) == 37


BAD_QUERIES: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("Query condition missed key schema element: p", "s = :p", {":p": {"N": "1"}}, {}),
    ("Query key condition not supported", "p > :p", None, {}),
    (
        "Invalid operator used in KeyConditionExpression: OR",
        "p = :p OR s = :s",
        {":s": {"N": "1"}},
        {},
    ),
    ("Condition parameter type does not match schema type", "p = :p", {":p": {"N": "1"}}, {}),
    ("Query condition missed key schema element: s", "p = :p AND x = :x", {":x": {"N": "1"}}, {}),
    ("The table does not have the specified index: no", "p = :p", None, {"IndexName": "no."}),
    (
        "Consistent reads are not supported on global secondary indexes",
        "g = :p",
        None,
        {"IndexName": "by-g", "ConsistentRead": True},
    ),
    (
        "Filter Expression can only contain non-primary key attributes: Primary key attribute: s",
        "p = :p",
        {":s": {"N": "1"}},
        {"FilterExpression": "s = :s"},
    ),
    (
        "The provided starting key is outside query boundaries based on provided conditions",
        "p = :p",
        None,
        {"ExclusiveStartKey": {"p": {"S": "b"}, "s": {"N": "1"}}},
    ),
    (
        "The provided starting key is invalid",
        "p = :p",
        None,
        {"ExclusiveStartKey": {"p": {"S": "a"}}},
    ),
    (
        "Cannot specify the ProjectionExpression when choosing to get only the Count",
        "p = :p",
        None,
        {"Select": "COUNT", "ProjectionExpression": "x"},
    ),
    (
        "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or "
        "equal to 1",
        "p = :p",
        None,
        {"Limit": 0},
    ),
]


@pytest.mark.parametrize(
    ("message", "condition", "values", "more"), BAD_QUERIES, ids=[m[:30] for m, *_ in BAD_QUERIES]
)
def test_queries_that_are_refused(
    db: Any, message: str, condition: str, values: Any, more: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as caught:
        query(db, condition, values, **more)
    assert message in caught.value.response["Error"]["Message"]
