"""Lists what Labs 2 and 3 have made in the account: DynamoDB tables, their backups, a key."""

import csv
from collections.abc import Iterator
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.existing import COURSE
from helpers.keys import key_file
from helpers.resources import OUR_NAMES, Inventory

USER = "cloud_user"
# In the order of page 3.19: a table's indexes go with it, a user's keys must go before the user.
KINDS = ("backup", "table", "index", "access key", "CSV of the key", "IAM user")
Row = tuple[str, str, str, str]


def leftovers() -> Inventory:
    """Ask AWS for everything of Labs 2 and 3 that is the course's, in the client's region.

    Tables and the user `cloud_user` are the course's if they have its tag. A backup is, if its
    table is, or if its name begins with the tag's value; an access key, if it is the one in the CSV
    of page 3.4, or if its user is. An access key is shown by its first letters.
    """
    tables = list(course_tables(boto3.client("dynamodb")))
    rows = [*_backups(tables), *_tables(tables), *_of_user()]
    return Inventory.of(rows, ["what", "name", "of", "state"], KINDS)


def course_tables(dynamodb: Any) -> Iterator[dict[str, Any]]:
    """The descriptions of the tables that have the course's tag, as DescribeTable gives them."""
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            try:
                table = dynamodb.describe_table(TableName=name)["Table"]
                tags = dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"]
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceNotFoundException":
                    raise
                continue  # gone since it was listed
            if COURSE in tags:
                yield table


def _tables(tables: list[dict[str, Any]]) -> Iterator[Row]:
    for table in tables:
        yield "table", table["TableName"], "", table["TableStatus"]
        for index in table.get("GlobalSecondaryIndexes", []):
            yield "index", index["IndexName"], table["TableName"], index["IndexStatus"]
        for index in table.get("LocalSecondaryIndexes", []):
            yield "index", index["IndexName"], table["TableName"], table["TableStatus"]


def backups_of(tables: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The backups of those tables, and those with the course's name, as ListBackups gives them.

    A DynamoDB backup cannot bear a tag, and it stays when its table goes.
    """
    ids = {table["TableId"] for table in tables if "TableId" in table}
    pages = boto3.client("dynamodb").get_paginator("list_backups").paginate()
    for backup in pages.build_full_result().get("BackupSummaries", []):
        if backup.get("TableId") in ids or backup["BackupName"].startswith(OUR_NAMES):
            yield backup


def _backups(tables: list[dict[str, Any]]) -> Iterator[Row]:
    for backup in backups_of(tables):
        yield "backup", backup["BackupName"], backup["TableName"], backup["BackupStatus"]


def _of_user() -> Iterator[Row]:
    iam = boto3.client("iam")
    file = key_file(USER).with_name(f"{USER}_accessKeys.csv")
    text = file.read_text(encoding="utf-8-sig") if file.exists() else ""
    kept = {row.get("Access key ID") for row in csv.DictReader(text.splitlines())}
    try:
        ours = COURSE in iam.list_user_tags(UserName=USER)["Tags"]
        keys = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchEntity":
            raise
        ours, keys = False, []
    for key in keys:
        if ours or key["AccessKeyId"] in kept:
            yield "access key", f"{key['AccessKeyId'][:4]}…", USER, key["Status"]
    if file.exists():
        yield "CSV of the key", file.name, USER, ""
    if ours:
        yield "IAM user", USER, "", ""
