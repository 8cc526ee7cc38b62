"""Tables and indexes pass through AWS's states and keep AWS's limits."""

import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import RunningSandbox

ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}


@pytest.fixture
def db(sandbox: RunningSandbox) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return request.node.name.replace("[", "-").replace("]", "")[:100]


def attributes(**types: str) -> list[dict[str, str]]:
    return [{"AttributeName": n, "AttributeType": t} for n, t in types.items()]


def schema(*names: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": n, "KeyType": kind}
        for n, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def index(name: str, *keys: str, projection: Any = "ALL", **more: Any) -> dict[str, Any]:
    kind = {"ProjectionType": projection} if isinstance(projection, str) else projection
    return {"IndexName": name, "KeySchema": schema(*keys), "Projection": kind, **more}


def books(db: Any, name: str, **more: Any) -> dict[str, Any]:
    wanted = {
        "AttributeDefinitions": attributes(Author="S", Title="S"),
        "KeySchema": schema("Author", "Title"),
        "ProvisionedThroughput": ONE,
        **more,
    }
    return db.create_table(TableName=name, **wanted)["TableDescription"]


def status(db: Any, name: str) -> str:
    return db.describe_table(TableName=name)["Table"]["TableStatus"]


def active(db: Any, name: str) -> dict[str, Any]:
    for _ in range(3):
        table = db.describe_table(TableName=name)["Table"]
        indexes = table.get("GlobalSecondaryIndexes", [])
        if table["TableStatus"] == "ACTIVE" and all(i["IndexStatus"] == "ACTIVE" for i in indexes):
            return table
    raise AssertionError(table)


def refused(code: str, message: str, call: Any, **arguments: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    assert error["Code"] == code
    assert message in error["Message"]


def test_a_table_is_created_then_active(db: Any, name: str) -> None:
    assert books(db, name)["TableStatus"] == "CREATING"
    assert [status(db, name) for _ in range(3)] == ["CREATING", "ACTIVE", "ACTIVE"]


def test_a_table_is_shown_deleting_then_gone(db: Any, name: str) -> None:
    books(db, name)
    active(db, name)
    assert db.delete_table(TableName=name)["TableDescription"]["TableStatus"] == "DELETING"
    refused("ResourceInUseException", "Table already exists", books, db=db, name=name)
    refused("ResourceInUseException", "is being deleted", db.delete_table, TableName=name)
    refused("ResourceNotFoundException", "Requested resource not found", db.scan, TableName=name)
    assert status(db, name) == "DELETING"
    message = f"Requested resource not found: Table: {name} not found"
    refused("ResourceNotFoundException", message, db.describe_table, TableName=name)
    assert name not in db.list_tables()["TableNames"]


def test_a_name_that_is_taken_is_refused(db: Any, name: str) -> None:
    books(db, name)
    message = f"Table already exists: {name}"
    refused("ResourceInUseException", message, books, db=db, name=name)


def test_a_table_being_created_is_not_deleted(db: Any, name: str) -> None:
    books(db, name)
    message = f"Table is being created: {name}"
    refused("ResourceInUseException", message, db.delete_table, TableName=name)


def test_at_pace_instant_traffic_waits_for_no_look(db: Any, name: str) -> None:
    books(db, name)
    db.put_item(TableName=name, Item={"Author": {"S": "A"}, "Title": {"S": "T"}})
    assert status(db, name) == "ACTIVE"


def test_a_table_being_created_takes_no_items(start_sandbox: Any, name: str) -> None:
    db = start_sandbox("lesson").client("dynamodb")
    books(db, name)
    item = {"Author": {"S": "A"}, "Title": {"S": "T"}}
    message = "Requested resource not found"
    refused("ResourceNotFoundException", message, db.put_item, TableName=name, Item=item)
    deadline = time.monotonic() + 10
    while status(db, name) != "ACTIVE":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    db.put_item(TableName=name, Item=item)


def test_an_index_backfills_before_it_can_be_queried(db: Any, name: str) -> None:
    books(db, name)
    for title, category in (("One", "Suspense"), ("Two", "Other"), ("Three", None)):
        item = {"Author": {"S": "A"}, "Title": {"S": title}}
        if category:
            item["Category"] = {"S": category}
        db.put_item(TableName=name, Item=item)
    answer = db.update_table(
        TableName=name,
        AttributeDefinitions=attributes(Category="S"),
        GlobalSecondaryIndexUpdates=[
            {"Create": index("CategoryIndex", "Category", ProvisionedThroughput=ONE)}
        ],
    )["TableDescription"]
    assert answer["TableStatus"] == "UPDATING"
    query = {
        "TableName": name,
        "IndexName": "CategoryIndex",
        "KeyConditionExpression": "Category = :c",
        "ExpressionAttributeValues": {":c": {"S": "Suspense"}},
    }
    message = "Cannot read from backfilling global secondary index: CategoryIndex"
    refused("ValidationException", message, db.query, **query)
    refused("ValidationException", message, db.scan, TableName=name, IndexName="CategoryIndex")
    shown = db.describe_table(TableName=name)["Table"]
    assert shown["TableStatus"] == "UPDATING"
    (building,) = shown["GlobalSecondaryIndexes"]
    assert (building["IndexStatus"], building["Backfilling"]) == ("CREATING", True)
    shown = db.describe_table(TableName=name)["Table"]
    assert shown["TableStatus"] == "ACTIVE"
    (built,) = shown["GlobalSecondaryIndexes"]
    assert built["IndexStatus"] == "ACTIVE"
    assert "Backfilling" not in built
    assert built["ItemCount"] == 2  # The item without the key is not in the index.
    assert [i["Title"]["S"] for i in db.query(**query)["Items"]] == ["One"]


def test_attribute_definitions_are_kept_and_cleaned(db: Any, name: str) -> None:
    books(db, name)
    active(db, name)
    db.update_table(
        TableName=name,
        AttributeDefinitions=attributes(Category="S"),
        GlobalSecondaryIndexUpdates=[
            {"Create": index("ByC", "Category", ProvisionedThroughput=ONE)}
        ],
    )
    table = active(db, name)
    assert [d["AttributeName"] for d in table["AttributeDefinitions"]] == [
        "Author",
        "Title",
        "Category",
    ]
    db.update_table(TableName=name, GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "ByC"}}])
    assert (
        db.describe_table(TableName=name)["Table"]["GlobalSecondaryIndexes"][0]["IndexStatus"]
        == "DELETING"
    )
    table = active(db, name)
    assert "GlobalSecondaryIndexes" not in table
    assert [d["AttributeName"] for d in table["AttributeDefinitions"]] == ["Author", "Title"]


def test_one_index_is_made_at_a_time(db: Any, name: str) -> None:
    books(db, name)
    active(db, name)
    two = [
        {"Create": index(f"By{letter}", letter, ProvisionedThroughput=ONE)} for letter in ("C", "D")
    ]
    refused(
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
        "per table",
        db.update_table,
        TableName=name,
        AttributeDefinitions=attributes(C="S", D="S"),
        GlobalSecondaryIndexUpdates=two,
    )
    db.update_table(
        TableName=name,
        AttributeDefinitions=attributes(C="S"),
        GlobalSecondaryIndexUpdates=two[:1],
    )
    refused(
        "ResourceInUseException",
        f"Table is being updated: {name}",
        db.update_table,
        TableName=name,
        AttributeDefinitions=attributes(D="S"),
        GlobalSecondaryIndexUpdates=two[1:],
    )


def test_an_index_needs_its_attribute_defined(db: Any, name: str) -> None:
    books(db, name)
    active(db, name)
    refused(
        "ValidationException",
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [Category]",
        db.update_table,
        TableName=name,
        GlobalSecondaryIndexUpdates=[
            {"Create": index("ByC", "Category", ProvisionedThroughput=ONE)}
        ],
    )


def test_twenty_global_indexes_and_no_more(db: Any, name: str) -> None:
    names = [f"k{n:02}" for n in range(21)]
    every = [index(f"by-{n}", n) for n in names]
    arguments = {
        "TableName": name,
        "KeySchema": schema("id"),
        "BillingMode": "PAY_PER_REQUEST",
    }
    refused(
        "ValidationException",
        "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        db.create_table,
        AttributeDefinitions=attributes(id="S", **dict.fromkeys(names, "S")),
        GlobalSecondaryIndexes=every,
        **arguments,
    )
    db.create_table(
        AttributeDefinitions=attributes(id="S", **dict.fromkeys(names[:20], "S")),
        GlobalSecondaryIndexes=every[:20],
        **arguments,
    )
    assert len(active(db, name)["GlobalSecondaryIndexes"]) == 20
    refused(
        "ValidationException",
        "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        db.update_table,
        TableName=name,
        AttributeDefinitions=attributes(k20="S"),
        GlobalSecondaryIndexUpdates=[{"Create": every[20]}],
    )


def test_five_local_indexes_and_no_more(db: Any, name: str) -> None:
    names = [f"k{n}" for n in range(6)]
    every = [index(f"by-{n}", "Author", n) for n in names]
    more = dict.fromkeys(names, "S")
    refused(
        "ValidationException",
        "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        books,
        db=db,
        name=name,
        AttributeDefinitions=attributes(Author="S", Title="S", **more),
        LocalSecondaryIndexes=every,
    )
    more.pop("k5")
    books(
        db,
        name,
        AttributeDefinitions=attributes(Author="S", Title="S", **more),
        LocalSecondaryIndexes=every[:5],
    )
    assert len(active(db, name)["LocalSecondaryIndexes"]) == 5


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        (
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex",
            {
                "KeySchema": schema("Author"),
                "LocalSecondaryIndexes": [index("by-title", "Author", "Title")],
            },
        ),
        (
            "Index KeySchema does not have the same leading hash key as table KeySchema for index: "
            "by-title. index hash key: Title, table hash key: Author",
            {"LocalSecondaryIndexes": [index("by-title", "Title", "Author")]},
        ),
        (
            "Index KeySchema does not have a range key for index: by-author",
            {"LocalSecondaryIndexes": [index("by-author", "Author")]},
        ),
        (
            "Number of attributes in KeySchema does not exactly match number of attributes defined "
            "in AttributeDefinitions",
            {"AttributeDefinitions": attributes(Author="S", Title="S", Year="N")},
        ),
        (
            "Some index key attributes are not defined in AttributeDefinitions. "
            "Keys: [Author, Title], AttributeDefinitions: [Author]",
            {"AttributeDefinitions": attributes(Author="S")},
        ),
        (
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED",
            {"ProvisionedThroughput": None},
        ),
        (
            "1 validation error detected: Value '0' at 'provisionedThroughput.readCapacityUnits' "
            "failed to satisfy constraint: Member must have value greater than or equal to 1",
            {"ProvisionedThroughput": {"ReadCapacityUnits": 0, "WriteCapacityUnits": 1}},
        ),
        (
            "ProjectionType is ALL, but NonKeyAttributes is specified",
            {
                "LocalSecondaryIndexes": [
                    index(
                        "by-title",
                        "Author",
                        "Title",
                        projection={"ProjectionType": "ALL", "NonKeyAttributes": ["x"]},
                    )
                ]
            },
        ),
        (
            "TableName must be at least 3 characters long and at most 255 characters long",
            {"TableName": "ab"},
        ),
        (
            "Value 'a b c' at 'tableName' failed to satisfy constraint: Member must satisfy "
            "regular expression pattern: [a-zA-Z0-9_.-]+",
            {"TableName": "a b c"},
        ),
    ],
    ids=lambda value: None if isinstance(value, dict) else value[:24],
)
def test_what_create_table_refuses(
    sandbox: RunningSandbox, message: str, wanted: dict[str, Any]
) -> None:
    config = Config(parameter_validation=False)
    db = boto3.client("dynamodb", config=config)
    arguments = {
        "TableName": "refused-table",
        "AttributeDefinitions": attributes(Author="S", Title="S"),
        "KeySchema": schema("Author", "Title"),
        "ProvisionedThroughput": ONE,
        **wanted,
    }
    arguments = {key: value for key, value in arguments.items() if value is not None}
    refused("ValidationException", message, db.create_table, **arguments)


def test_a_projection_is_honoured(db: Any, name: str) -> None:
    include = {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["Year"]}
    db.create_table(
        TableName=name,
        AttributeDefinitions=attributes(id="S", Category="S"),
        KeySchema=schema("id"),
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            index("keys", "Category", projection="KEYS_ONLY"),
            index("some", "Category", projection=include),
            index("all", "Category"),
        ],
    )
    item = {"id": {"S": "1"}, "Category": {"S": "c"}, "Year": {"N": "1"}, "Text": {"S": "t"}}
    db.put_item(TableName=name, Item=item)
    db.put_item(TableName=name, Item={"id": {"S": "2"}})

    def held(which: str) -> list[set[str]]:
        return [set(i) for i in db.scan(TableName=name, IndexName=which)["Items"]]

    assert held("keys") == [{"id", "Category"}]
    assert held("some") == [{"id", "Category", "Year"}]
    assert held("all") == [{"id", "Category", "Year", "Text"}]
    refused(
        "ValidationException",
        "Global secondary index keys does not project [Text]",
        db.scan,
        TableName=name,
        IndexName="keys",
        ProjectionExpression="#t",
        ExpressionAttributeNames={"#t": "Text"},
    )
    db.update_item(
        TableName=name,
        Key={"id": {"S": "1"}},
        UpdateExpression="REMOVE Category",
    )
    assert held("all") == []


@pytest.mark.differs(
    "DynamoDB: `ItemCount`, `TableSizeBytes`",
    aws="updated about every six hours",
    sandbox="always as they are",
    since="2026-11",
)
def test_counts_and_sizes_are_live(db: Any, name: str) -> None:
    books(db, name)
    db.put_item(TableName=name, Item={"Author": {"S": "A"}, "Title": {"S": "T"}})
    table = db.describe_table(TableName=name)["Table"]
    assert (table["ItemCount"], table["TableSizeBytes"]) == (1, 13)


def test_deletion_protection(db: Any, name: str) -> None:
    books(db, name, DeletionProtectionEnabled=True)
    active(db, name)
    message = "protected against deletion"
    refused("ValidationException", message, db.delete_table, TableName=name)
    db.update_table(TableName=name, DeletionProtectionEnabled=False)
    active(db, name)
    db.delete_table(TableName=name)


def test_tables_are_listed_in_pages(db: Any, name: str) -> None:
    for letter in "abc":
        books(db, f"{name}-{letter}")
    db.list_tables()  # The last look at what other tests have deleted.
    every = db.list_tables()["TableNames"]
    assert every == sorted(every)
    pages = db.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    assert [n for page in pages for n in page["TableNames"]] == every


def test_what_moto_keeps_still_works(db: Any, name: str) -> None:
    arn = books(db, name, Tags=[{"Key": "a", "Value": "b"}])["TableArn"]
    active(db, name)
    assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    db.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    assert len(db.list_tags_of_resource(ResourceArn=arn)["Tags"]) == 2
    assert db.describe_limits()["TableMaxReadCapacityUnits"]
