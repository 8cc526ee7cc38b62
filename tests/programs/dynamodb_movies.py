"""A getting-started program for DynamoDB, as AWS's own examples go: a table of movies.

It knows nothing of the sandbox: AWS_ENDPOINT_URL and the credentials lead it there.
"""

import json
from decimal import Decimal
from pathlib import Path

import boto3
from boto3.dynamodb.conditions import Attr, Key
from botocore.exceptions import ClientError

TABLE = "doc-example-movies"
DATA = Path(__file__).parent / "movies.json"


def main() -> None:
    """Create, fill, ask, change, delete."""
    dynamodb = boto3.resource("dynamodb")
    table = dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "year", "KeyType": "HASH"},
            {"AttributeName": "title", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "year", "AttributeType": "N"},
            {"AttributeName": "title", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    table.wait_until_exists()
    table.reload()
    print("table:", table.table_status, table.name)

    table.put_item(Item={"year": 2001, "title": "Amelie", "info": {"rating": Decimal("8.3")}})
    with DATA.open() as file, table.batch_writer() as batch:
        movies = json.load(file, parse_float=Decimal)
        for movie in movies:
            batch.put_item(Item=movie)
    print("loaded:", len(movies), "in all:", table.scan(Select="COUNT")["Count"])

    updated = table.update_item(
        Key={"year": 2001, "title": "Amelie"},
        UpdateExpression="SET info.rating = info.rating + :more, info.plot = :plot",
        ExpressionAttributeValues={":more": Decimal("0.2"), ":plot": "A waitress in Paris."},
        ReturnValues="UPDATED_NEW",
    )
    print("updated:", updated["Attributes"]["info"]["rating"])
    movie = table.get_item(Key={"year": 2001, "title": "Amelie"})["Item"]
    print("got:", movie["title"], movie["info"]["plot"])

    found = table.query(KeyConditionExpression=Key("year").eq(2013))["Items"]
    print("of 2013:", ", ".join(movie["title"] for movie in found))
    titles = table.query(
        KeyConditionExpression=Key("year").eq(2013) & Key("title").between("A", "L"),
        ProjectionExpression="#y, title, info.directors",
        ExpressionAttributeNames={"#y": "year"},
    )["Items"]
    print("from A to L:", titles[0]["info"]["directors"])

    old, start = [], {}
    while True:
        page = table.scan(FilterExpression=Attr("year").between(1950, 1990), Limit=3, **start)
        old += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    print("from 1950 to 1990:", sorted(movie["title"] for movie in old))

    key = {"year": 1997, "title": "Contact"}
    for limit in (5, 8):
        try:
            table.delete_item(
                Key=key,
                ConditionExpression="info.rating <= :limit",
                ExpressionAttributeValues={":limit": limit},
            )
            print("deleted:", key["title"])
        except ClientError as error:
            print("not deleted:", error.response["Error"]["Code"])

    table.delete()
    table.wait_until_not_exists()
    print("table: gone")


if __name__ == "__main__":
    main()
