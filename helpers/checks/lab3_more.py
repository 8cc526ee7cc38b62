"""What is checked on the later pages of Lab 3, 3.12 to 3.19: what they leave in the tables."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.checks import Item, checks_of
from helpers.existing import COURSE
from helpers.lab3_resources import KINDS, leftovers
from helpers.session import project

FRANKENSTEIN = {"Author": "Mary Shelley", "Title": "Frankenstein"}
NOT_THERE = ("ResourceNotFoundException", "TableNotFoundException")


@checks_of("3.12")
def the_updated_book() -> Iterator[Item]:
    """The sixth book, as the updates of the page leave it."""
    book = _get("Books", FRANKENSTEIN)
    yield Item("Books has Frankenstein by Mary Shelley", bool(book), "Put it: page 3.12, step 1.")
    yield Item(
        "It has a price and a stock",
        {"Price", "Stock"} <= set(book),
        "SET both: page 3.12, step 2.",
    )
    formats = book.get("Formats", {})
    yield Item(
        "Its formats: an audiobook, and no paperback any more",
        "Audiobook" in formats and "Paperback" not in formats,
        "SET the one and REMOVE the other: page 3.12, step 2.",
    )
    yield Item(
        "Both Ann's and Ben's change are in it, and its version is 3 or more",
        "Blurb" in book and book.get("Version", 0) >= 3,
        "Save both, each with a condition on Version: page 3.12, step 5.",
    )
    typo = {**FRANKENSTEIN, "Title": "Frankenstien"}
    yield Item(
        "No book came into being by a typing error",
        not _get("Books", typo),
        f"Delete it: books.delete_item(Key={typo})",
    )


@checks_of("3.13")
def the_tables_to_read() -> Iterator[Item]:
    """The two tables of the lab, holding at least what the files of data/ hold."""
    for name, file in (("MusicExample", "music.json"), ("Books", "books.json")):
        missing = _missing(name, file)
        yield Item(
            f"{name} holds the items of {file}",
            not missing,
            f"Missing or changed: {', '.join(missing)}. Run catch_up('3.13').",
        )


@checks_of("3.14")
def the_shop() -> Iterator[Item]:
    """Orders and stock that fit each other."""
    arn = _arn("Orders")
    yield Item("There is a table Orders", bool(arn), "Create it: page 3.14, step 3.")
    yield Item(
        "It has the course's tag",
        bool(arn) and COURSE in _tags(arn),
        "Create it with Tags=[COURSE], or page 3.19 will not find it.",
    )
    for customer, number in (("Ann", "1001"), ("Ben", "1002")):
        yield Item(
            f"{customer}'s order is written",
            bool(_get("Orders", {"Customer": customer, "OrderId": number})),
            "Make the sale: page 3.14, step 4.",
        )
    refused = _get("Orders", {"Customer": "Dan", "OrderId": "1004"})
    yield Item("Dan's, which was refused, is not", not refused, "Delete it.")
    stock = _get("Books", FRANKENSTEIN).get("Stock")
    yield Item(
        "The stock of Frankenstein is known, and not below 0",
        stock is not None and stock >= 0,
        "Set it to 2: page 3.14, step 5.",
    )


@checks_of("3.15")
def the_catalogue() -> Iterator[Item]:
    """The large table, whole."""
    table = _describe("Catalogue")
    mode = table.get("BillingModeSummary", {}).get("BillingMode")
    yield Item("There is a table Catalogue", bool(table), "Create it: page 3.15, step 3.")
    yield Item(
        "It is paid by request",
        mode == "PAY_PER_REQUEST",
        "Create it with BillingMode='PAY_PER_REQUEST': page 3.15, step 3.",
    )
    file = project() / "data" / "catalogue.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    some = [json.loads(line) for line in lines[:: max(1, len(lines) // 10)]]
    lacking = [book for book in some if not _get("Catalogue", _key(book))]
    yield Item(
        "It holds the books of catalogue.jsonl (ten of them looked up)",
        bool(some) and not lacking,
        f"{len(lacking)} of {len(some)} are missing. Load it: page 3.15, step 3.",
    )


@checks_of("3.16")
def the_books_of_partiql() -> Iterator[Item]:
    """What the statements of the page leave."""
    book = _get("Books", {"Author": "Bram Stoker", "Title": "Dracula"})
    yield Item("Books has Dracula", bool(book), "INSERT it: page 3.16, step 4.")
    yield Item(
        "It has a price, and is Suspense",
        "Price" in book and book.get("Category") == "Suspense",
        "UPDATE it: page 3.16, step 4.",
    )
    other = _get("Books", {"Author": "Bram Stoker", "Title": "The Lair of the White Worm"})
    yield Item("The other book by its author is gone", not other, "DELETE it: page 3.16, step 4.")
    missing = _missing("Books", "books.json")
    yield Item(
        "The guide's five books are as they were",
        not missing,
        f"Missing or changed: {', '.join(missing)}. Run catch_up('3.16').",
    )


@checks_of("3.17")
def the_baskets() -> Iterator[Item]:
    """A table with a stream and a time to live."""
    table = _describe("Baskets")
    yield Item("There is a table Baskets", bool(table), "Create it: page 3.17, step 1.")
    stream = table.get("StreamSpecification", {})
    yield Item(
        "It has a stream with new and old images",
        stream.get("StreamViewType") == "NEW_AND_OLD_IMAGES",
        "Switch it on: page 3.17, step 1.",
    )
    ttl: Mapping[str, Any] = {}
    if table:
        answer = boto3.client("dynamodb").describe_time_to_live(TableName="Baskets")
        ttl = answer["TimeToLiveDescription"]
    yield Item(
        "Its items expire by ExpiresAt",
        ttl.get("AttributeName") == "ExpiresAt" and ttl["TimeToLiveStatus"] == "ENABLED",
        "Enable time to live, and wait for it: page 3.17, step 2.",
    )
    yield Item(
        "Ben's basket is there, with a time to go",
        "ExpiresAt" in _get("Baskets", {"Customer": "Ben"}),
        "Put it: page 3.17, step 2.",
    )


@checks_of("3.18")
def the_restored_books() -> Iterator[Item]:
    """All books back, recovery on, and nothing of the exercise left to pay for."""
    missing = _missing("Books", "books.json")
    yield Item(
        "Books has the guide's five books again",
        not missing,
        f"Missing or changed: {', '.join(missing)}. Copy them back: page 3.18, step 5.",
    )
    dynamodb, recovery = boto3.client("dynamodb"), ""
    if _arn("Books"):
        answer = dynamodb.describe_continuous_backups(TableName="Books")
        inside = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery = inside["PointInTimeRecoveryStatus"]
    yield Item(
        "Its point-in-time recovery is on",
        recovery == "ENABLED",
        "Switch it on: page 3.18, step 2.",
    )
    left = [name for name in ("BooksFromBackup", "BooksAtMoment") if _arn(name)]
    yield Item(
        "The restored tables are deleted", not left, f"Delete {', '.join(left)}: page 3.18, step 6."
    )
    backups = [each["BackupName"] for each in _backups("Books")]
    yield Item("So is the backup", not backups, f"Delete {', '.join(backups)}: page 3.18, step 6.")


def _describe(name: str) -> dict[str, Any]:
    """What DescribeTable says; {} if there is no such table, or it is being deleted."""
    try:
        table = boto3.client("dynamodb").describe_table(TableName=name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        return {}
    return {} if table["TableStatus"] == "DELETING" else table


def _arn(name: str) -> str:
    return _describe(name).get("TableArn", "")


def _tags(arn: str) -> list[dict[str, str]]:
    return boto3.client("dynamodb").list_tags_of_resource(ResourceArn=arn)["Tags"]


def _get(table: str, key: Mapping[str, str]) -> dict[str, Any]:
    """The item, with Python values; {} if there is none, or no table."""
    try:
        answer = (
            boto3.resource("dynamodb").Table(table).get_item(Key=dict(key), ConsistentRead=True)
        )
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_THERE:
            raise
        return {}
    return answer.get("Item", {})


def _key(item: Mapping[str, Any]) -> dict[str, str]:
    """The key of a book or a song."""
    names = ("Author", "Title") if "Author" in item else ("Artist", "SongTitle")
    return {name: item[name] for name in names}


def _missing(table: str, file: str) -> list[str]:
    """The titles of a file's items that the table does not have, with at least what is theirs."""
    text = (project() / "data" / file).read_text(encoding="utf-8")
    items = json.loads(text, parse_float=Decimal)
    return [
        list(_key(item).values())[1]
        for item in items
        if not item.items() <= _get(table, _key(item)).items()
    ]


def _backups(table: str) -> list[dict[str, Any]]:
    return boto3.client("dynamodb").list_backups(TableName=table)["BackupSummaries"]


@checks_of("3.19")
def nothing_left() -> Iterator[Item]:
    """Nothing of Labs 2 and 3 is in the account any more, of whatever kind."""
    found = leftovers()
    for kind in KINDS:
        names = ", ".join(found.loc[found["what"] == kind, "name"])
        yield Item(f"No {kind}", not names, f"Still there: {names}. Run page 3.19 from the top.")
