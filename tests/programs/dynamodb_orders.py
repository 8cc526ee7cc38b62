"""Transactions, a stream and time to live from Python: an order takes from the stock, or is none.

It knows nothing of the sandbox: AWS_ENDPOINT_URL and the credentials lead it there.
"""

from typing import Any

import boto3

TABLE = "doc-example-orders"


def order(client: Any, name: str, pieces: int, token: str) -> str:
    """Take pieces from the stock and note the order: both, or neither."""
    try:
        client.transact_write_items(
            ClientRequestToken=token,
            TransactItems=[
                {
                    "Update": {
                        "TableName": TABLE,
                        "Key": {"id": {"S": "stock"}},
                        "UpdateExpression": "SET pieces = pieces - :n",
                        "ConditionExpression": "pieces >= :n",
                        "ExpressionAttributeValues": {":n": {"N": str(pieces)}},
                    }
                },
                {"Put": {"TableName": TABLE, "Item": {"id": {"S": name}, "expires": {"N": "1"}}}},
            ],
        )
    except client.exceptions.TransactionCanceledException as error:
        return "cancelled: " + error.response["CancellationReasons"][0]["Code"]
    return "done"


def main() -> None:
    """Order until there is no more, and read what happened."""
    client, streams = boto3.client("dynamodb"), boto3.client("dynamodbstreams")
    arn = client.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]["LatestStreamArn"]
    client.get_waiter("table_exists").wait(TableName=TABLE)
    client.update_time_to_live(
        TableName=TABLE, TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires"}
    )
    client.put_item(TableName=TABLE, Item={"id": {"S": "stock"}, "pieces": {"N": "5"}})
    print("first:", order(client, "order-1", 3, "token-1"))
    print("the same again:", order(client, "order-1", 3, "token-1"))
    print("too many:", order(client, "order-2", 3, "token-2"))
    stock = client.get_item(TableName=TABLE, Key={"id": {"S": "stock"}}, ConsistentRead=True)
    print("left:", stock["Item"]["pieces"]["N"])

    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=iterator)["Records"]
    print("stream:", [(r["eventName"], r["dynamodb"]["Keys"]["id"]["S"]) for r in records])

    client.delete_table(TableName=TABLE)
    client.get_waiter("table_not_exists").wait(TableName=TABLE)
    print("table: gone")


if __name__ == "__main__":
    main()
