"""Provisioned capacity runs out: what a table that throttles answers, and when it goes on."""

import pickle
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sandbox.dynamodb.throttle import BURST_SECONDS, Bucket
from tests.conftest import RunningSandbox

TABLE = "narrow"
ONE = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
MANY = {"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000}
ON = [{"Key": "throttle", "Value": "on"}]
EXCEEDED = "ProvisionedThroughputExceededException"


@pytest.fixture
def db(sandbox: RunningSandbox) -> Any:
    return boto3.client("dynamodb", config=Config(retries={"total_max_attempts": 1}))


def make(db: Any, throughput: dict[str, int], index: dict[str, int], tags: Any) -> str:
    table = db.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("p", "g")],
        KeySchema=[{"AttributeName": "p", "KeyType": "HASH"}],
        ProvisionedThroughput=throughput,
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": index,
            }
        ],
        Tags=tags,
    )
    return table["TableDescription"]["TableArn"]


@pytest.fixture
def narrow(db: Any) -> Iterator[str]:
    yield make(db, ONE, MANY, ON)
    remove(db)


def remove(db: Any) -> None:
    db.delete_table(TableName=TABLE)
    db.list_tables()


def item(number: int, size: int = 1, **more: Any) -> dict[str, Any]:
    """An item whose write costs about `size` units."""
    return {"p": {"S": f"{number:04}"}, "x": {"S": "x" * (1024 * size - 20)}, **more}


def spend_writes(db: Any, **more: Any) -> None:
    """Take nearly the whole burst twice: it is owed for minutes, however slow this machine is."""
    for number in (1, 2):
        db.put_item(TableName=TABLE, Item=item(number, 299, **more))


def exceeded(call: Any, **arguments: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert response["Error"]["Code"] == EXCEEDED
    return response


@pytest.mark.differs(
    "DynamoDB: burst",
    aws="what was left unused in the last five minutes",
    sandbox="a new table begins with all of it",
    since="2026-11",
)
def test_a_table_has_five_minutes_of_burst_and_then_refuses(db: Any, narrow: str) -> None:
    puts = [{"PutRequest": {"Item": item(number, 29)}} for number in range(25)]
    answer = db.batch_write_item(RequestItems={TABLE: puts}, ReturnConsumedCapacity="TOTAL")
    # 11 of 29 units each are more than 300: what is left of the batch comes back.
    left = answer["UnprocessedItems"][TABLE]
    assert left == puts[len(puts) - len(left) :]
    assert answer["ConsumedCapacity"][0]["CapacityUnits"] >= BURST_SECONDS
    assert len(left) == 14
    assert db.scan(TableName=TABLE)["Count"] == 25 - len(left)
    response = exceeded(db.put_item, TableName=TABLE, Item=item(99))
    assert response["Error"]["Message"] == (
        "The level of configured provisioned throughput for the table was exceeded. Consider "
        "increasing your provisioning level with the UpdateTable API."
    )
    assert response["ThrottlingReasons"] == [
        {"reason": "TableWriteProvisionedThroughputExceeded", "resource": narrow}
    ]
    # None of it can be done: an error, and no item is there.
    exceeded(db.batch_write_item, RequestItems={TABLE: puts[-2:]})
    assert "Item" not in db.get_item(TableName=TABLE, Key={"p": {"S": "0099"}})


def test_reads_run_out_on_their_own(db: Any, narrow: str) -> None:
    db.put_item(TableName=TABLE, Item=item(1, 250))
    for _ in range(5):  # 250 KB, strongly consistent: 63 units each.
        answer = db.get_item(TableName=TABLE, Key={"p": {"S": "0001"}}, ConsistentRead=True)
        assert "Item" in answer
    for call, arguments in (
        (db.get_item, {"Key": {"p": {"S": "0001"}}}),
        (db.scan, {}),
        (
            db.query,
            {
                "KeyConditionExpression": "p = :p",
                "ExpressionAttributeValues": {":p": {"S": "1"}},
            },
        ),
    ):
        exceeded(call, TableName=TABLE, **arguments)
    keys = [{"p": {"S": "0001"}}, {"p": {"S": "0002"}}]
    exceeded(db.batch_get_item, RequestItems={TABLE: {"Keys": keys}})
    exceeded(db.execute_statement, Statement=f"SELECT * FROM {TABLE}")
    gets = [{"Get": {"TableName": TABLE, "Key": key}} for key in keys]
    with pytest.raises(ClientError, match=r"\[ProvisionedThroughputExceeded, "):
        db.transact_get_items(TransactItems=gets)
    db.put_item(TableName=TABLE, Item=item(2))  # Writes have a bucket of their own.
    # And the index has its own for reads.
    assert db.scan(TableName=TABLE, IndexName="by-g")["Count"] == 0


def test_a_transaction_is_cancelled_whole(db: Any, narrow: str) -> None:
    spend_writes(db)
    puts = [{"Put": {"TableName": TABLE, "Item": item(n)}} for n in (100, 101)]
    with pytest.raises(ClientError) as caught:
        db.transact_write_items(TransactItems=puts)
    response = caught.value.response
    assert response["Error"]["Code"] == "TransactionCanceledException"
    codes = [reason["Code"] for reason in response["CancellationReasons"]]
    assert codes == ["ProvisionedThroughputExceeded"] * 2


def test_an_index_that_lags_holds_the_table_back(db: Any) -> None:
    arn = make(db, MANY, ONE, ON)
    try:
        spend_writes(db, g={"S": "same"})
        response = exceeded(db.put_item, TableName=TABLE, Item=item(999, 1, g={"S": "a"}))
        assert "one or more global secondary indexes" in response["Error"]["Message"]
        assert response["ThrottlingReasons"] == [
            {
                "reason": "IndexWriteProvisionedThroughputExceeded",
                "resource": f"{arn}/index/by-g",
            }
        ]
        db.put_item(TableName=TABLE, Item=item(999))  # This one is not in the index.
    finally:
        remove(db)


def test_boto3_waits_and_tries_again(db: Any, narrow: str) -> None:
    puts = [{"PutRequest": {"Item": item(number, 12)}} for number in range(25)]
    assert db.batch_write_item(RequestItems={TABLE: puts})["UnprocessedItems"] == {}  # 300 units
    patient = boto3.client("dynamodb")
    answer = patient.put_item(TableName=TABLE, Item=item(99))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200


@pytest.mark.differs(
    "DynamoDB: provisioned capacity",
    aws="a table throttles when its burst is used up",
    sandbox=(
        "counted always; throttles at pace `aws`, or where the table has the tag `throttle` = `on`"
    ),
    since="2026-11",
)
def test_it_is_off_without_the_tag_and_on_demand(db: Any) -> None:
    arn = make(db, ONE, ONE, [])
    try:
        spend_writes(db)
        spend_writes(db)  # For all that it has no capacity for.
        db.tag_resource(ResourceArn=arn, Tags=[{"Key": "throttle", "Value": "no"}])
        db.tag_resource(ResourceArn=arn, Tags=ON)
        assert db.list_tags_of_resource(ResourceArn=arn)["Tags"] == ON
        spend_writes(db)
        exceeded(db.put_item, TableName=TABLE, Item=item(1))
        db.untag_resource(ResourceArn=arn, TagKeys=["throttle"])
        db.put_item(TableName=TABLE, Item=item(1))
        db.tag_resource(ResourceArn=arn, Tags=ON)
        exceeded(db.put_item, TableName=TABLE, Item=item(1))
        db.update_table(TableName=TABLE, BillingMode="PAY_PER_REQUEST")
        db.put_item(TableName=TABLE, Item=item(1))
        db.describe_table(TableName=TABLE)
    finally:
        remove(db)


def test_more_capacity_fills_faster(db: Any, narrow: str) -> None:
    spend_writes(db)
    exceeded(db.put_item, TableName=TABLE, Item=item(1))
    db.update_table(TableName=TABLE, ProvisionedThroughput=MANY)
    db.describe_table(TableName=TABLE)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            db.put_item(TableName=TABLE, Item=item(1))
        except ClientError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the table throttles still")


def test_a_bucket_fills_at_its_rate_and_no_further() -> None:
    bucket = Bucket(-10.0, time.time() - 5)
    bucket.fill(4)
    assert 10 <= bucket.units < 20
    bucket.since -= 10_000
    bucket.fill(4)
    assert bucket.units == 4 * BURST_SECONDS
    again = pickle.loads(pickle.dumps(bucket))
    assert (again.units, again.since) == (bucket.units, bucket.since)
