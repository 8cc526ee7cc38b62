"""PartiQL from Python, as AWS's own examples go: statements one by one, then in batches.

It knows nothing of the sandbox: AWS_ENDPOINT_URL and the credentials lead it there.
"""

from typing import Any

import boto3
from botocore.exceptions import ClientError

TABLE = "doc-example-partiql"


def run(client: Any, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    """One statement's items."""
    more = {"Parameters": list(parameters)} if parameters else {}
    return client.execute_statement(Statement=statement, **more)["Items"]


def main() -> None:
    """Insert, select, update and delete; one by one, then several at once."""
    client = boto3.client("dynamodb")
    client.create_table(
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
    client.get_waiter("table_exists").wait(TableName=TABLE)

    insert = f"INSERT INTO \"{TABLE}\" VALUE {{'year': ?, 'title': ?, 'info': ?}}"
    run(client, insert, {"N": "1972"}, {"S": "Solaris"}, {"M": {"rating": {"N": "8"}}})
    try:
        run(client, insert, {"N": "1972"}, {"S": "Solaris"}, {"M": {}})
    except ClientError as error:
        print("again:", error.response["Error"]["Code"])
    where = "WHERE year = ? AND title = ?"
    key = ({"N": "1972"}, {"S": "Solaris"})
    print("rating:", run(client, f'SELECT info FROM "{TABLE}" {where}', *key))
    run(client, f'UPDATE "{TABLE}" SET info.rating = ? {where}', {"N": "9"}, *key)
    print("rating:", run(client, f'SELECT info FROM "{TABLE}" {where}', *key))
    run(client, f'DELETE FROM "{TABLE}" {where}', *key)
    print("left:", run(client, f'SELECT * FROM "{TABLE}" {where}', *key))

    movies = [("1954", "Rear Window"), ("1958", "Vertigo"), ("1960", "Psycho")]

    def batch(statement: str, *more: Any) -> list[dict[str, Any]]:
        parts = [
            {"Statement": statement, "Parameters": [*more, {"N": year}, {"S": title}]}
            for year, title in movies
        ]
        return client.batch_execute_statement(Statements=parts)["Responses"]

    batch(f"INSERT INTO \"{TABLE}\" VALUE {{'year': ?, 'title': ?}}")
    batch(f'UPDATE "{TABLE}" SET director = ? {where}', {"S": "Hitchcock"})
    found = batch(f'SELECT * FROM "{TABLE}" {where}')
    print("batch:", [answer["Item"]["director"]["S"] for answer in found])
    named = run(client, f'SELECT title FROM "{TABLE}" WHERE year IN [1958, 1960]')
    print("named:", [item["title"]["S"] for item in named])
    batch(f'DELETE FROM "{TABLE}" {where}')
    print("left:", run(client, f'SELECT * FROM "{TABLE}"'))

    client.delete_table(TableName=TABLE)
    client.get_waiter("table_not_exists").wait(TableName=TABLE)
    print("table: gone")


if __name__ == "__main__":
    main()
