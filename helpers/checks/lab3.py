"""What is checked on the pages 3.1 to 3.11: the guide's own steps of Lab 3."""

import csv
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError, ProfileNotFound

from helpers.checks import Item, checks_of
from helpers.choice import target
from helpers.environment import aws_cli
from helpers.keys import key_file

USER = "cloud_user"
# The five books of the lab guide: author and title.
BOOKS = {
    ("John Grisham", "The Rainmaker"),
    ("John Grisham", "The Firm"),
    ("James Patterson", "Along Came a Spider"),
    ("Dr. Seuss", "Green Eggs and Ham"),
    ("William Shakespeare", "Hamlet"),
}
SUSPENSE = {key for key in BOOKS if key[0] in ("John Grisham", "James Patterson")}
BOOKS_KEYS = {"Author": "HASH", "Title": "RANGE"}
MUSIC_KEYS = {"Artist": "HASH", "SongTitle": "RANGE"}


@checks_of("3.1")
def the_aws_cli() -> Iterator[Item]:
    """An AWS CLI that is new enough and knows who asks."""
    found = aws_cli()
    yield Item(
        "The AWS CLI, new enough",
        found == "yes",
        f"Found: {found}. Page 00 says what to type.",
    )
    answered = _aws("sts", "get-caller-identity", "--query", "Account", "--output", "text")
    account = boto3.client("sts").get_caller_identity()["Account"]
    yield Item(
        "It works in the same account as this notebook",
        answered == account,
        "Run the cell with connect() again, then this one.",
    )


def _aws(*words: str) -> str:
    """What the AWS CLI prints; nothing where there is none, or it fails."""
    program = shutil.which("aws")
    if program is None:
        return ""
    done = subprocess.run([program, *words], capture_output=True, text=True)
    return "" if done.returncode else done.stdout.strip()


@checks_of("3.2")
def boto3_is_here() -> Iterator[Item]:
    """A client and a resource that reach DynamoDB."""
    names = boto3.client("dynamodb").list_tables()["TableNames"]
    yield Item("A client that DynamoDB answers", isinstance(names, list), "connect() first.")
    listed = [each.name for each in boto3.resource("dynamodb").tables.all()]
    yield Item(
        "A resource that sees the same tables", listed[: len(names)] == names, "connect() first."
    )


@checks_of("3.3")
def the_start() -> Iterator[Item]:
    """`MusicExample`, active, with the guide's keys and some songs."""
    yield from _table_items("MusicExample", MUSIC_KEYS, "page 3.3, step 1")
    music = boto3.resource("dynamodb").Table("MusicExample")
    songs = music.scan(Limit=1)["Items"] if _described("MusicExample") else []
    yield Item("Songs in it", bool(songs), "Load data/music.json: page 3.3, step 2.")


@checks_of("3.4")
def the_access_key() -> Iterator[Item]:
    """An active key of `cloud_user`, in a file that only its owner can read."""
    statuses, file, kept = _statuses(), access_keys_file(), _kept()
    yield Item(
        "An IAM user cloud_user",
        statuses is not None,
        f'iam.create_user(UserName="{USER}"): page 3.4, step 1.',
    )
    yield Item(
        f"A key in {file.name}, with the console's columns",
        kept is not None,
        "Make a key and write both halves into the file: page 3.4, step 4.",
    )
    yield Item(
        "Nobody else may read the file",
        _only_yours(file),
        f"It is missing, or others may read it. Delete {file.name} and the key, and make a new "
        "one: page 3.4, step 4.",
    )
    status = (statuses or {}).get(kept["Access key ID"], "unknown to IAM") if kept else "missing"
    yield Item("IAM knows this key as active", status == "Active", f"It is {status}: page 3.4.")


@checks_of("3.5")
def the_configuration() -> Iterator[Item]:
    """The key of the file is what the AWS CLI and boto3 find."""
    kept, session = _kept(), _configured()
    found = session.get_credentials() if session else None
    pair = (found.access_key, found.secret_key) if found else ("", "")
    yield Item(
        "aws configure has the key of your file",
        kept is not None and pair == tuple(kept.values()),
        "Give both halves to aws configure: page 3.5, step 2.",
    )
    yield Item(
        "It has a region",
        session is not None and session.region_name is not None,
        "The third answer: page 3.5, step 2.",
    )
    who = _who(session) if session and found and session.region_name else "nobody"
    yield Item(f"AWS knows you as {USER}", who == f"user/{USER}", f"You are {who}: page 3.5.")


@checks_of("3.6")
def the_books_table() -> Iterator[Item]:
    """`Books`, active, with the guide's keys and capacity, beside `MusicExample`."""
    yield from _table_items("Books", BOOKS_KEYS, "page 3.6, step 1")
    capacity = (_described("Books") or {}).get("ProvisionedThroughput", {})
    yield Item(
        "One unit of capacity for reading and one for writing",
        _units(capacity) == (1, 1),
        f"It has {_units(capacity)}. On AWS, more costs more: page 3.6, step 1.",
    )
    names = boto3.client("dynamodb").list_tables()["TableNames"]
    yield Item(
        "Beside it, MusicExample", "MusicExample" in names, "Make it again: page 3.3, step 1."
    )


@checks_of("3.7")
def the_books() -> Iterator[Item]:
    """The five books of the guide are in the table."""
    missing = [t for a, t in sorted(BOOKS) if not _item("Books", {"Author": a, "Title": t})]
    yield Item(
        "The five books of the guide",
        not missing,
        f"No {', '.join(missing)}. Load them: page 3.7, step 2.",
    )


@checks_of("3.8")
def one_book() -> Iterator[Item]:
    """The guide's item comes back by its key."""
    item = _item("Books", {"Author": "John Grisham", "Title": "The Rainmaker"})
    yield Item("The Rainmaker, found by its key", bool(item), "Load it again: page 3.7, step 2.")
    yield Item(
        "With its category and its two formats",
        (item.get("Category"), item.get("Formats"))
        == ("Suspense", {"Hardcover": "J4SUKVGU", "Paperback": "D7YF4FCX"}),
        "It was changed. Load it again: page 3.7, step 2.",
    )


@checks_of("3.9")
def books_of_an_author() -> Iterator[Item]:
    """A query by author gives his books in the order of their titles."""
    titles: list[str] = []
    if _schema(_described("Books") or {}) == BOOKS_KEYS:
        books = boto3.resource("dynamodb").Table("Books")
        found = books.query(KeyConditionExpression=Key("Author").eq("John Grisham"))["Items"]
        titles = [str(item["Title"]) for item in found]
    guide = [title for title in titles if ("John Grisham", title) in BOOKS]
    yield Item(
        "John Grisham's books, in the order of their titles",
        guide == ["The Firm", "The Rainmaker"],
        f"Found: {', '.join(titles) or 'none'}. Load them: page 3.7, step 2.",
    )


@checks_of("3.10")
def the_index() -> Iterator[Item]:
    """`CategoryIndex` as the guide has it; it may still be in the making."""
    index = _index()
    yield Item("An index CategoryIndex", bool(index), "Add it: page 3.10, step 3.")
    yield Item(
        "Its key is Category alone",
        _schema(index) == {"Category": "HASH"},
        f"Its key is {_schema(index)}. Delete it and add it anew: page 3.10.",
    )
    yield Item(
        "It copies all attributes",
        index.get("Projection", {}).get("ProjectionType") == "ALL",
        "Projection ALL. Delete it and add it anew: page 3.10, step 1.",
    )
    yield Item(
        "One unit of capacity for reading and one for writing",
        _units(index.get("ProvisionedThroughput", {})) == (1, 1),
        "ProvisionedThroughput of the index: page 3.10, step 1.",
    )


@checks_of("3.11")
def books_of_a_category() -> Iterator[Item]:
    """The index is ready and gives the guide's books of one category."""
    status, found = _index().get("IndexStatus", "missing"), set()
    yield Item("CategoryIndex is ready", status == "ACTIVE", f"It is {status}: page 3.11, step 2.")
    if status == "ACTIVE":
        books, suspense = boto3.resource("dynamodb").Table("Books"), Key("Category").eq("Suspense")
        items = books.query(IndexName="CategoryIndex", KeyConditionExpression=suspense)["Items"]
        found = {(item["Author"], item["Title"]) for item in items}
    titles = ", ".join(sorted(title for _, title in SUSPENSE - found))
    yield Item(
        "It finds the three books of the category Suspense",
        not titles,
        f"Not found: {titles}. Load them: page 3.7, step 2.",
    )


def access_keys_file() -> Path:
    """Where the key of `cloud_user` is kept, under the name that the console gives the file."""
    return key_file(USER).with_name(f"{USER}_accessKeys.csv")


def _kept() -> dict[str, str] | None:
    """The key in the file: its two columns; None where there is none."""
    file = access_keys_file()
    lines = file.read_text(encoding="utf-8-sig").splitlines() if file.is_file() else []
    rows = csv.DictReader(lines)
    if rows.fieldnames != ["Access key ID", "Secret access key"]:
        return None
    return next((row for row in rows if all(row.values())), None)


def _statuses() -> dict[str, str] | None:
    """The keys that IAM has for `cloud_user`, and their status; None without such a user."""
    iam = boto3.client("iam")
    try:
        keys = iam.list_access_keys(UserName=USER)["AccessKeyMetadata"]
    except iam.exceptions.NoSuchEntityException:
        return None
    return {key["AccessKeyId"]: key["Status"] for key in keys}


def _only_yours(file: Path) -> bool:
    # Windows has no such modes.
    return file.is_file() and (os.name != "posix" or not file.stat().st_mode & 0o077)


def _configured() -> boto3.Session | None:
    """A session of what page 3.5 configures: on AWS, a profile beside the student's own."""
    try:
        return boto3.Session(profile_name=None if target() == "sandbox" else USER)
    except ProfileNotFound:
        return None


def _who(session: boto3.Session) -> str:
    try:
        return session.client("sts").get_caller_identity()["Arn"].split(":", 5)[5]
    except ClientError as error:
        return f"refused ({error.response['Error']['Code']})"


def _table_items(name: str, keys: dict[str, str], where: str) -> Iterator[Item]:
    """Two checks of a table: it is there, and its key is the guide's."""
    described = _described(name) or {}
    status = described.get("TableStatus", "missing")
    # A table whose index is being built is UPDATING, and works.
    yield Item(
        f"A table {name}, ready",
        status in ("ACTIVE", "UPDATING"),
        f"It is {status}. Create it and wait: {where}.",
    )
    yield Item(
        f"Its key is {' and '.join(keys)}",
        _schema(described) == keys,
        f"Its key is {_schema(described)}; a key cannot be changed. Delete the table and create "
        f"it anew: {where}.",
    )


def _described(name: str) -> dict[str, Any] | None:
    client = boto3.client("dynamodb")
    try:
        return dict(client.describe_table(TableName=name)["Table"])
    except client.exceptions.ResourceNotFoundException:
        return None


def _index() -> dict[str, Any]:
    """`CategoryIndex` as `describe_table` shows it; {} if there is none."""
    indexes = (_described("Books") or {}).get("GlobalSecondaryIndexes", [])
    return next((each for each in indexes if each["IndexName"] == "CategoryIndex"), {})


def _schema(described: dict[str, Any]) -> dict[str, str]:
    return {part["AttributeName"]: part["KeyType"] for part in described.get("KeySchema", [])}


def _units(capacity: dict[str, Any]) -> tuple[int, int]:
    return capacity.get("ReadCapacityUnits", 0), capacity.get("WriteCapacityUnits", 0)


def _item(name: str, key: dict[str, str]) -> dict[str, Any]:
    """An item by its key; {} if there is none, or no table with such a key."""
    if set(_schema(_described(name) or {})) != set(key):
        return {}
    return dict(boto3.resource("dynamodb").Table(name).get_item(Key=key).get("Item", {}))
