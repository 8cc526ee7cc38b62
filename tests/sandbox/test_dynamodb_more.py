"""Transactions, time to live, streams, backups and PartiQL behave as documented."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sandbox.dynamodb.partiql_reader import read_statement
from tests.conftest import RunningSandbox

TOTAL = {"ReturnConsumedCapacity": "TOTAL"}


@pytest.fixture
def db(sandbox: RunningSandbox) -> Any:
    return sandbox.client("dynamodb")


@pytest.fixture
def table(db: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.node.name.split("[")[0]
    schema = [{"AttributeName": n, "KeyType": k} for n, k in (("p", "HASH"), ("s", "RANGE"))]
    db.create_table(
        TableName=name,
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": t}
            for n, t in (("p", "S"), ("s", "N"), ("g", "S"))
        ],
        KeySchema=schema,
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    db.describe_table(TableName=name)
    db.describe_table(TableName=name)
    yield name
    db.delete_table(TableName=name)
    db.list_tables()  # The last look: the next case of a test makes its table again.


def key(s: int, p: str = "a") -> dict[str, Any]:
    return {"p": {"S": p}, "s": {"N": str(s)}}


def everything(db: Any, table: str) -> list[dict[str, Any]]:
    return db.scan(TableName=table)["Items"]


# -- transactions ---------------------------------------------------------------------------------


def test_a_transaction_is_all_or_nothing(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item=key(1))
    steps = [
        {"Put": {"TableName": table, "Item": key(2)}},
        {
            "Put": {
                "TableName": table,
                "Item": key(1),
                "ConditionExpression": "attribute_not_exists(p)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        },
    ]
    with pytest.raises(ClientError) as caught:
        db.transact_write_items(TransactItems=steps)
    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    assert response["Error"]["Message"] == (
        "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed]"
    )
    assert response["CancellationReasons"] == [
        {"Code": "None"},
        {
            "Code": "ConditionalCheckFailed",
            "Message": "The conditional request failed",
            "Item": key(1),
        },
    ]
    assert everything(db, table) == [key(1)]
    answer = db.transact_write_items(TransactItems=steps[:1], **TOTAL)
    assert answer["ConsumedCapacity"] == [
        {"TableName": table, "CapacityUnits": 2.0, "WriteCapacityUnits": 2.0}
    ]
    gets = [{"Get": {"TableName": table, "Key": key(n)}} for n in (1, 2, 3)]
    answer = db.transact_get_items(TransactItems=gets, **TOTAL)
    assert answer["Responses"] == [{"Item": key(1)}, {"Item": key(2)}, {}]
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] == 6.0


def test_a_token_stands_for_one_transaction(db: Any, table: str) -> None:
    def add(token: str, amount: str) -> Any:
        update = {
            "TableName": table,
            "Key": key(1),
            "UpdateExpression": "ADD n :n",
            "ExpressionAttributeValues": {":n": {"N": amount}},
        }
        return db.transact_write_items(
            TransactItems=[{"Update": update}], ClientRequestToken=token, **TOTAL
        )

    assert add("one", "1")["ConsumedCapacity"][0]["WriteCapacityUnits"] == 2.0
    assert add("one", "1")["ConsumedCapacity"][0]["ReadCapacityUnits"] == 2.0
    assert everything(db, table) == [key(1) | {"n": {"N": "1"}}]
    add("two", "1")
    assert everything(db, table) == [key(1) | {"n": {"N": "2"}}]
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        add("one", "5")


def test_a_transaction_takes_100_items_each_once(db: Any, table: str) -> None:
    def puts(numbers: list[int]) -> list[dict[str, Any]]:
        return [{"Put": {"TableName": table, "Item": key(n)}} for n in numbers]

    db.transact_write_items(TransactItems=puts(list(range(100))))
    with pytest.raises(ClientError, match="Member must have length less than or equal to 100"):
        db.transact_write_items(TransactItems=puts(list(range(101))))
    with pytest.raises(
        ClientError, match="Transaction request cannot include multiple operations on one item"
    ):
        db.transact_write_items(TransactItems=puts([1, 1]))


def test_a_transaction_takes_4_megabytes(db: Any, table: str) -> None:
    for n in range(11):
        db.put_item(TableName=table, Item=key(n) | {"x": {"S": "x" * 390_000}})
    gets = [{"Get": {"TableName": table, "Key": key(n)}} for n in range(11)]
    assert len(db.transact_get_items(TransactItems=gets[:10])["Responses"]) == 10
    with pytest.raises(ClientError, match="cannot exceed 4 MB"):
        db.transact_get_items(TransactItems=gets)


# -- time to live ---------------------------------------------------------------------------------


@pytest.mark.differs(
    "DynamoDB: time to live",
    aws="an expired item goes within days",
    sandbox="within seconds",
    since="2026-11",
)
def test_items_expire(db: Any, table: str) -> None:
    now = int(time.time())
    db.put_item(TableName=table, Item=key(1) | {"until": {"N": str(now - 10)}})
    db.put_item(TableName=table, Item=key(2) | {"until": {"N": str(now + 1000)}})
    db.put_item(TableName=table, Item=key(3) | {"until": {"S": "no number"}})
    wanted = {"Enabled": True, "AttributeName": "until"}
    db.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)

    def state() -> str:
        answer = db.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
        return answer["TimeToLiveStatus"]

    assert len(everything(db, table)) == 3
    assert [state(), state()] == ["ENABLING", "ENABLED"]
    assert [i["s"]["N"] for i in everything(db, table)] == ["2", "3"]
    with pytest.raises(ClientError, match="TimeToLive is already enabled"):
        db.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
    # A later moment counts, not the first.
    db.put_item(TableName=table, Item=key(2) | {"until": {"N": str(now - 10)}})
    assert [i["s"]["N"] for i in everything(db, table)] == ["3"]


# -- streams --------------------------------------------------------------------------------------


def records(streams: Any, arn: str, kind: str = "TRIM_HORIZON") -> list[dict[str, Any]]:
    stream = streams.describe_stream(StreamArn=arn)["StreamDescription"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=stream["Shards"][0]["ShardId"], ShardIteratorType=kind
    )["ShardIterator"]
    answer = streams.get_records(ShardIterator=iterator)
    assert streams.get_records(ShardIterator=answer["NextShardIterator"])["Records"] == []
    return answer["Records"]


def test_a_stream_tells_old_and_new(sandbox: RunningSandbox, db: Any, table: str) -> None:
    streams = sandbox.client("dynamodbstreams")
    db.put_item(TableName=table, Item=key(0))
    db.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    db.describe_table(TableName=table)
    arn = db.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    db.put_item(TableName=table, Item=key(1) | {"x": {"B": b"\x00\x01"}})
    db.put_item(TableName=table, Item=key(1) | {"x": {"B": b"\x00\x01"}})  # Changes nothing.
    db.update_item(
        TableName=table,
        Key=key(1),
        UpdateExpression="SET x = :x",
        ExpressionAttributeValues={":x": {"N": "2"}},
    )
    db.delete_item(TableName=table, Key=key(1))
    found = records(streams, arn)
    assert [record["eventName"] for record in found] == ["INSERT", "MODIFY", "REMOVE"]
    images = [(r["dynamodb"].get("OldImage"), r["dynamodb"].get("NewImage")) for r in found]
    one, two = key(1) | {"x": {"B": b"\x00\x01"}}, key(1) | {"x": {"N": "2"}}
    assert images == [(None, one), (one, two), (two, None)]
    assert all(record["dynamodb"]["Keys"] == key(1) for record in found)
    assert records(streams, arn, "LATEST") == []
    (listed,) = streams.list_streams(TableName=table)["Streams"]
    assert listed["StreamArn"] == arn
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        streams.get_shard_iterator(
            StreamArn=arn, ShardId="shardId-no-such-shard-here-00000", ShardIteratorType="LATEST"
        )


def test_a_stream_tells_what_expired(sandbox: RunningSandbox, db: Any, table: str) -> None:
    streams = sandbox.client("dynamodbstreams")
    db.update_table(
        TableName=table,
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "OLD_IMAGE"},
    )
    db.describe_table(TableName=table)
    arn = db.describe_table(TableName=table)["Table"]["LatestStreamArn"]
    item = key(1) | {"until": {"N": str(int(time.time()) - 10)}}
    db.put_item(TableName=table, Item=item)
    db.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"}
    )
    db.describe_time_to_live(TableName=table)
    db.scan(TableName=table)
    removed = records(streams, arn)[-1]
    assert removed["eventName"] == "REMOVE"
    assert removed["userIdentity"] == {
        "Type": "Service",
        "PrincipalId": "dynamodb.amazonaws.com",
    }
    assert removed["dynamodb"]["OldImage"] == item


# -- backups --------------------------------------------------------------------------------------


def test_a_backup_restores_what_was_there(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item=key(1) | {"g": {"S": "x"}})
    arn = db.create_backup(TableName=table, BackupName="before")["BackupDetails"]["BackupArn"]
    db.put_item(TableName=table, Item=key(1) | {"g": {"S": "changed"}})
    db.put_item(TableName=table, Item=key(2))
    target = f"{table}-restored"
    with pytest.raises(ClientError, match="BackupInUseException"):
        db.restore_table_from_backup(TargetTableName=target, BackupArn=arn)

    def state() -> str:
        description = db.describe_backup(BackupArn=arn)["BackupDescription"]
        return description["BackupDetails"]["BackupStatus"]

    assert [state(), state()] == ["CREATING", "AVAILABLE"]
    restored = db.restore_table_from_backup(TargetTableName=target, BackupArn=arn)
    assert restored["TableDescription"]["TableStatus"] == "CREATING"
    assert restored["TableDescription"]["RestoreSummary"]["RestoreInProgress"]
    db.describe_table(TableName=target)
    summary = db.describe_table(TableName=target)["Table"]["RestoreSummary"]
    assert not summary["RestoreInProgress"]
    assert everything(db, target) == [key(1) | {"g": {"S": "x"}}]
    assert db.scan(TableName=target, IndexName="by-g")["Count"] == 1
    assert len(everything(db, table)) == 2
    with pytest.raises(ClientError, match="Table already exists"):
        db.restore_table_from_backup(TargetTableName=target, BackupArn=arn)
    assert [b["BackupArn"] for b in db.list_backups(TableName=table)["BackupSummaries"]] == [arn]
    db.delete_backup(BackupArn=arn)
    with pytest.raises(ClientError, match="BackupNotFoundException"):
        db.describe_backup(BackupArn=arn)


@pytest.mark.differs(
    "DynamoDB: point-in-time recovery",
    aws="to the second, up to the last five minutes",
    sandbox="to the second, up to now",
    since="2026-11",
)
def test_a_table_is_restored_to_a_moment(db: Any, table: str) -> None:
    target = {"SourceTableName": table, "TargetTableName": f"{table}-then"}
    with pytest.raises(ClientError, match="PointInTimeRecoveryUnavailableException"):
        db.restore_table_to_point_in_time(**target, UseLatestRestorableTime=True)
    db.put_item(TableName=table, Item=key(1))
    db.put_item(TableName=table, Item=key(2))
    db.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    time.sleep(2 - time.time() % 1)  # The API counts in whole seconds.
    then = datetime.now(UTC).replace(microsecond=0)
    time.sleep(0.05)
    db.delete_item(TableName=table, Key=key(1))
    db.put_item(TableName=table, Item=key(2) | {"x": {"S": "changed"}})
    db.put_item(TableName=table, Item=key(3))
    with pytest.raises(ClientError, match="InvalidRestoreTimeException"):
        db.restore_table_to_point_in_time(**target, RestoreDateTime=datetime(2020, 1, 1))
    db.restore_table_to_point_in_time(**target, RestoreDateTime=then)
    assert everything(db, f"{table}-then") == [key(1), key(2)]
    target["TargetTableName"] = f"{table}-latest"
    db.restore_table_to_point_in_time(**target, UseLatestRestorableTime=True)
    assert everything(db, f"{table}-latest") == everything(db, table)


def ready(db: Any, table: str, **request: Any) -> tuple[str, dict[str, Any]]:
    """A backup that can be restored, and the restored table's description."""
    arn = db.create_backup(TableName=table, BackupName="again")["BackupDetails"]["BackupArn"]
    db.describe_backup(BackupArn=arn)
    target = f"{table}-again"
    db.restore_table_from_backup(TargetTableName=target, BackupArn=arn, **request)
    db.describe_table(TableName=target)
    return target, db.describe_table(TableName=target)["Table"]


def test_a_restore_may_change_billing_and_leave_indexes_out(db: Any, table: str) -> None:
    db.put_item(TableName=table, Item=key(1) | {"g": {"S": "x"}})
    capacity = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2}
    target, restored = ready(
        db,
        table,
        BillingModeOverride="PROVISIONED",
        ProvisionedThroughputOverride=capacity,
        GlobalSecondaryIndexOverride=[],
    )
    assert restored["ProvisionedThroughput"].items() >= capacity.items()
    assert "GlobalSecondaryIndexes" not in restored
    assert [d["AttributeName"] for d in restored["AttributeDefinitions"]] == ["p", "s"]
    assert everything(db, target) == [key(1) | {"g": {"S": "x"}}]
    db.delete_table(TableName=target)


def test_a_restored_index_takes_the_capacity_of_the_table(db: Any, table: str) -> None:
    capacity = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 2}
    target, restored = ready(
        db, table, BillingModeOverride="PROVISIONED", ProvisionedThroughputOverride=capacity
    )
    (index,) = restored["GlobalSecondaryIndexes"]
    assert index["ProvisionedThroughput"].items() >= capacity.items()
    db.delete_table(TableName=target)


@pytest.mark.parametrize(
    ("message", "overrides"),
    [
        ("must both be specified when BillingMode", {"BillingModeOverride": "PROVISIONED"}),
        (
            "can be specified when BillingMode is PAY_PER_REQUEST",
            {"ProvisionedThroughputOverride": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
        ),
        (
            "Index by-x of the restored table does not match an index of the source table",
            {
                "GlobalSecondaryIndexOverride": [
                    {
                        "IndexName": "by-x",
                        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                ]
            },
        ),
    ],
    ids=["capacity missing", "capacity too much", "a new index"],
)
def test_restores_that_are_refused(
    db: Any, table: str, message: str, overrides: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match=message):
        ready(db, table, **overrides)
    assert f"{table}-again" not in db.list_tables()["TableNames"]


# -- PartiQL --------------------------------------------------------------------------------------


def run(db: Any, statement: str, *parameters: Any, **more: Any) -> Any:
    if parameters:
        more["Parameters"] = list(parameters)
    return db.execute_statement(Statement=statement, **more)


def test_partiql(db: Any, table: str) -> None:
    text = f"INSERT INTO \"{table}\" VALUE {{'p': ?, 's': 1, 'm': {{'x': [1, 'it''s']}}}}"
    run(db, text, {"S": "a"})
    with pytest.raises(ClientError, match="DuplicateItemException"):
        run(db, text, {"S": "a"})
    for n in range(2, 6):
        run(db, f"INSERT INTO \"{table}\" VALUE {{'p': 'a', 's': ?, 'g': 'x'}}", {"N": str(n)})
    answer = run(db, f"SELECT s, m.x[1] FROM \"{table}\" WHERE p = 'a' AND s < 3", **TOTAL)
    assert answer["Items"] == [
        {"s": {"N": "1"}, "m": {"M": {"x": {"L": [{"S": "it's"}]}}}},
        {"s": {"N": "2"}},
    ]
    assert answer["ConsumedCapacity"]["CapacityUnits"] == 0.5
    found = run(db, f"SELECT * FROM \"{table}\" WHERE p = 'a' ORDER BY s DESC")["Items"]
    assert [item["s"]["N"] for item in found] == ["5", "4", "3", "2", "1"]
    found = run(db, f'SELECT s FROM "{table}"."by-g" WHERE g = ? AND s IN [2, 3]', {"S": "x"})
    assert sorted(item["s"]["N"] for item in found["Items"]) == ["2", "3"]
    found = run(db, f"SELECT s FROM \"{table}\" WHERE m IS NOT MISSING OR begins_with(g, 'y')")
    assert found["Items"] == [{"s": {"N": "1"}}]
    updated = run(
        db,
        f"UPDATE \"{table}\" SET n = 5 SET m.y = <<'b', 'a'>> REMOVE m.x "
        "WHERE p = 'a' AND s = 1 RETURNING ALL NEW *",
    )["Items"]
    assert updated == [key(1) | {"n": {"N": "5"}, "m": {"M": {"y": {"SS": ["a", "b"]}}}}]
    run(db, f"UPDATE \"{table}\" SET n = n + 1 WHERE p = 'a' AND s = 1 AND n = 5")
    with pytest.raises(ClientError, match="ConditionalCheckFailedException"):
        run(db, f"UPDATE \"{table}\" SET n = 0 WHERE p = 'a' AND s = 1 AND n = 5")
    with pytest.raises(ClientError, match="mandatory equality on all key attributes"):
        run(db, f"DELETE FROM \"{table}\" WHERE p = 'a'")
    gone = run(db, f"DELETE FROM \"{table}\" WHERE p = 'a' AND s = 1 RETURNING ALL OLD *")["Items"]
    assert gone[0]["n"] == {"N": "6"}
    assert len(everything(db, table)) == 4


def test_partiql_in_pages(db: Any, table: str) -> None:
    for n in range(5):
        db.put_item(TableName=table, Item=key(n))
    found: list[str] = []
    more: dict[str, str] = {}
    for _ in range(4):
        page = run(db, f"SELECT s FROM {table} WHERE p = 'a'", Limit=2, **more)
        found += [item["s"]["N"] for item in page["Items"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found == ["0", "1", "2", "3", "4"]


WHERES = [
    ("p IN ['b', 'a', 'b']", ["b1", "b2", "a1", "a2"]),
    ("p = 'a' OR p = 'c'", ["a1", "a2", "c1", "c2"]),
    ("p IN ['a', 'b', 'nobody'] AND s = 2", ["a2", "b2"]),
    ("(p = 'a' OR p = 'b' AND s = 1) AND NOT s = 2", ["a1", "b1"]),
]


@pytest.mark.differs(
    "DynamoDB: `pk IN [...]` in PartiQL",
    aws="reads the keys named",
    sandbox="reads the keys named, and rounds their capacity up once for all",
    since="2026-11",
)
@pytest.mark.parametrize(("where", "wanted"), WHERES, ids=[where for where, _ in WHERES])
def test_partiql_reads_only_the_keys_it_names(
    db: Any, table: str, where: str, wanted: list[str]
) -> None:
    for p in "abcd":
        for n in (1, 2):
            db.put_item(TableName=table, Item=key(n, p) | {"x": {"S": "x" * 5000}})
    text = f"SELECT p, s FROM {table} WHERE {where}"
    answer = run(db, text, **TOTAL)
    assert [item["p"]["S"] + item["s"]["N"] for item in answer["Items"]] == wanted
    # Of 40 KB, 20 or 10 are read: 5,000 bytes an item, at half a unit for each 4 KB.
    assert answer["ConsumedCapacity"]["CapacityUnits"] <= 2.5
    found: list[str] = []
    more: dict[str, str] = {}
    for _ in range(9):
        page = run(db, text, Limit=1, **more)
        found += [item["p"]["S"] + item["s"]["N"] for item in page["Items"]]
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}
    assert found == wanted


def test_partiql_order_needs_a_partition_key(db: Any, table: str) -> None:
    with pytest.raises(ClientError, match="Must have WHERE clause"):
        run(db, f"SELECT * FROM {table} ORDER BY s")
    with pytest.raises(ClientError, match="at least one non-optional hash key condition"):
        run(db, f"SELECT * FROM {table} WHERE s > 1 ORDER BY s")


def test_a_batch_of_statements_reads_or_writes(db: Any, table: str) -> None:
    parts = [
        {"Statement": f"SELECT * FROM {table} WHERE p = 'a' AND s = 1"},
        {"Statement": f"DELETE FROM {table} WHERE p = 'a' AND s = 1"},
    ]
    with pytest.raises(ClientError, match="cannot mix SELECT statements with others"):
        db.batch_execute_statement(Statements=parts)


def test_partiql_batches_and_transactions(db: Any, table: str) -> None:
    insert = f"INSERT INTO {table} VALUE {{'p': 'a', 's': ?}}"
    parts = [{"Statement": insert, "Parameters": [{"N": n}]} for n in ("1", "2", "1")]
    answers = db.batch_execute_statement(Statements=parts)["Responses"]
    assert [answer.get("Error", {}).get("Code") for answer in answers] == [
        None,
        None,
        "DuplicateItem",
    ]
    select = f"SELECT * FROM {table} WHERE p = 'a' AND s = ?"
    parts = [{"Statement": select, "Parameters": [{"N": n}]} for n in ("1", "9")]
    answers = db.batch_execute_statement(Statements=parts)["Responses"]
    assert [answer.get("Item") for answer in answers] == [key(1), None]
    assert db.execute_transaction(TransactStatements=parts)["Responses"] == [{"Item": key(1)}, {}]
    parts = [{"Statement": insert, "Parameters": [{"N": n}]} for n in ("3", "1")]
    with pytest.raises(ClientError, match=r"\[None, ConditionalCheckFailed\]"):
        db.execute_transaction(TransactStatements=parts)
    assert len(everything(db, table)) == 2


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM t LIMIT 1",
        "SELECT * FROM t GROUP BY x",
        "SELECT * FROM t, u",
        "SELECT COUNT(*) FROM t",
        "SELECT * FROM t WHERE x LIKE 'a'",
        "SELECT * FROM t WHERE",
        "SELECT * FROM t WHERE x = 'unclosed",
        "INSERT INTO t VALUE 1",
        "INSERT INTO t (a, b) VALUES (1, 2)",
        "UPDATE t WHERE x = 1",
        "UPDATE t SET x = ? WHERE y = 1",
        "DROP TABLE t",
        "DELETE FROM t WHERE x = 1 RETURNING ALL NEW *",
        "",
        "(" * 500,
        "SELECT * FROM t WHERE " + "(" * 500,
        "SELECT * FROM t WHERE x = " + "[" * 500,
        "SELECT * FROM t WHERE " + " OR ".join(["x=1"] * 900),
        "SELECT * FROM t WHERE " + "NOT " * 1900 + "x=1",
    ],
)
def test_partiql_refuses_what_it_does_not_know(text: str) -> None:
    from sandbox.dynamodb.errors import DynamoDBError

    with pytest.raises(DynamoDBError):
        read_statement(text, [])


# -- the wire -------------------------------------------------------------------------------------


@pytest.mark.differs(
    "DynamoDB: global tables",
    aws="offered",
    sandbox="refused as not offered",
    since="2026-11",
)
def test_what_is_not_offered_says_so(sandbox: RunningSandbox, db: Any) -> None:
    with pytest.raises(ClientError, match="does not offer dynamodb:ListGlobalTables"):
        db.list_global_tables()


def test_answers_carry_their_checksum(sandbox: RunningSandbox, db: Any, table: str) -> None:
    # botocore compares the checksum with the body, and would try again.
    answer = db.scan(TableName=table)
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert answer["ResponseMetadata"]["RetryAttempts"] == 0
    assert "x-amz-crc32" in headers
