"""What Labs 2 and 3 made is listed, and page 3.19 deletes it and nothing else."""

import csv
from pathlib import Path

import boto3
import nbformat
import pytest

from helpers import COURSE, check, leftovers, wait_for
from helpers.keys import key_file
from helpers.lab3_resources import KINDS
from helpers.pages import pages
from tests.conftest import RunningSandbox

CSV = "cloud_user_accessKeys.csv"


def make_table(name: str, tags: list) -> None:
    dynamodb = boto3.client("dynamodb")
    key, other = "Author", "Category"
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        AttributeDefinitions=[
            {"AttributeName": each, "AttributeType": "S"} for each in (key, other)
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "ByCategory",
                "KeySchema": [{"AttributeName": other, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        Tags=tags,
    )
    wait_for(dynamodb.describe_table, "Table.TableStatus", "ACTIVE", TableName=name)


def make_key() -> Path:
    """An access key of cloud_user in its file, and one that is not in it."""
    iam = boto3.client("iam")
    iam.create_access_key(UserName="cloud_user")
    key = iam.create_access_key(UserName="cloud_user")["AccessKey"]
    file = key_file("cloud_user").with_name(CSV)
    with file.open("w", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["Access key ID", "Secret access key"])
        writer.writerow([key["AccessKeyId"], key["SecretAccessKey"]])
    return file


def run_cells_of_3_19() -> None:
    """The page's code up to its check, without the cell that makes something to clean up."""
    cells = nbformat.read(pages()["3.19"], as_version=4).cells
    code = [cell for cell in cells if cell.cell_type == "code"]
    ids = [cell.id for cell in code]
    namespace: dict = {}
    for cell in code[: ids.index("check")]:
        if cell.id != "catch-up":
            exec(compile(cell.source, cell.id, "exec"), namespace)


def state(dynamodb) -> tuple:
    backups = dynamodb.list_backups()["BackupSummaries"]
    keys = boto3.client("iam").list_access_keys(UserName="cloud_user")["AccessKeyMetadata"]
    return (
        dynamodb.list_tables()["TableNames"],
        [backup["BackupName"] for backup in backups],
        len(keys),
    )


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_is_ours_is_listed_and_deleted_and_nothing_else(sandbox: RunningSandbox) -> None:
    """One scenario, because a sandbox of its own takes each test seconds."""
    dynamodb = sandbox.client("dynamodb")
    assert leftovers().empty
    assert list(leftovers().per_kind()["what"]) == list(KINDS)
    assert set(leftovers().per_kind()["left"]) == {0}
    assert check("3.19").passed
    run_cells_of_3_19()  # harmless on an empty account

    make_table("Theirs", [])
    make_table("TheirsToo", [{"Key": "course", "Value": "another"}])
    dynamodb.create_backup(TableName="Theirs", BackupName="theirs")
    assert leftovers().empty

    for name in ("Ours", "Gone"):
        make_table(name, [COURSE])
    dynamodb.create_backup(TableName="Ours", BackupName="any-name")
    dynamodb.create_backup(TableName="Gone", BackupName="aws-databases-gone")
    dynamodb.delete_table(TableName="Gone")
    wait_for(dynamodb.describe_table, "Table.TableStatus", "gone", TableName="Gone")
    file = make_key()

    found = leftovers()
    expected = ["backup", "backup", "table", "index", "access key", "CSV of the key"]
    assert list(found["what"]) == expected
    assert list(found["name"])[:4] == ["any-name", "aws-databases-gone", "Ours", "ByCategory"]
    secret = file.read_text().splitlines()[1].split(",")
    assert not any(part in repr(found) for part in secret)
    result = check("3.19")
    refused = {row[0]: row[2] for row in result.values if row[1] == "no"}
    assert set(refused) == {f"No {kind}" for kind in expected}
    assert "any-name, aws-databases-gone" in refused["No backup"]

    for _ in range(2):  # the second time there is nothing to do
        run_cells_of_3_19()
        assert state(dynamodb) == (["Theirs", "TheirsToo"], ["theirs"], 1)
        assert not file.exists()
        assert check("3.19").passed


@pytest.mark.parametrize("page", ["3.12", "3.14", "3.15", "3.16", "3.17", "3.18"])
def test_checks_fail_on_an_empty_account_and_say_where_to_go(
    sandbox: RunningSandbox, page: str
) -> None:
    result = check(page)
    assert not result.passed
    missing = result[result["done"] == "no"]
    assert missing["to do"].str.contains(rf"page {page}, step \d", regex=True).any(), missing
