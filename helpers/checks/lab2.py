"""What is checked on the pages of Lab 2."""

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.checks import Item, checks_of
from helpers.session import project

# What page 2.3 makes and deletes.
FOR_SHOW = {"MusicIndexed", "MusicTwenty", "MusicTwentyOne", "MusicFive", "MusicSix"}


@checks_of("2.1")
def core_components() -> Iterator[Item]:
    """The table People with the three people of the guide."""
    keys, items = _keys("People"), _items("People")
    yield Item(
        "A table People, ACTIVE, whose key is the number PersonID",
        keys == [("PersonID", "HASH", "N")],
        f"{_found('People', keys)} Create it: page 2.1, step 1.",
    )
    people = _from_file("people.json")
    missing = [person["PersonID"] for person in people if person not in items]
    yield Item(
        "The three people of data/people.json, each with its own attributes",
        not missing,
        f"Missing or different: {', '.join(map(str, missing))}. Load them: page 2.1, step 2.",
    )
    others = [str(item.get("PersonID")) for item in items if item not in people]
    yield Item(
        "Nobody else: the items that were for show are deleted",
        bool(items) and not others,
        f"Delete with people.delete_item, page 2.1, step 6: {', '.join(others) or 'nothing yet'}.",
    )


@checks_of("2.2")
def primary_keys() -> Iterator[Item]:
    """The table Music with a composite key, and its songs."""
    yield from _music("2.2, step 2")


@checks_of("2.3")
def secondary_indexes() -> Iterator[Item]:
    """Music as it was, and nothing left of the tables that were for show."""
    yield from _music("2.2, step 2")
    left = sorted(FOR_SHOW & set(boto3.client("dynamodb").list_tables()["TableNames"]))
    yield Item(
        "No table left that was for show",
        not left,
        f"Delete {', '.join(left)}: page 2.3, step 7.",
    )


@checks_of("2.4")
def the_console() -> Iterator[Item]:
    """MusicExample with songs in it and an index, by whichever way they came."""
    keys, items = _keys("MusicExample"), _items("MusicExample")
    yield Item(
        "A table MusicExample, ACTIVE, with the keys Artist (partition) and SongTitle (sort)",
        keys == [("Artist", "HASH", "S"), ("SongTitle", "RANGE", "S")],
        f"{_found('MusicExample', keys)} Create it: page 2.4, step 2.",
    )
    yield Item(
        "At least three songs in it",
        len(items) >= 3,
        f"There are {len(items)}: page 2.4, step 3.",
    )
    indexes = _described("MusicExample").get("GlobalSecondaryIndexes", [])
    genre = {"AttributeName": "Genre", "KeyType": "HASH"}
    states = [each["IndexStatus"] for each in indexes if genre in each["KeySchema"]]
    yield Item(
        "A global index by Genre, ACTIVE",
        "ACTIVE" in states,
        "It is still being filled: wait a little." if states else "Create it: page 2.4, step 5.",
    )


def _music(page: str) -> Iterator[Item]:
    keys = _keys("Music")
    yield Item(
        "A table Music, ACTIVE, with the keys Artist (partition) and SongTitle (sort)",
        keys == [("Artist", "HASH", "S"), ("SongTitle", "RANGE", "S")],
        f"{_found('Music', keys)} Create it: page {page}.",
    )
    items = _items("Music")
    missing = [song["SongTitle"] for song in _from_file("music.json") if song not in items]
    yield Item(
        "Every song of data/music.json, as it is in the file",
        not missing,
        f"Missing or different: {', '.join(missing)}. Load them: page {page}.",
    )


def _found(table_name: str, keys: list[tuple[str, str, str]]) -> str:
    if not keys:
        return f"There is no active table {table_name}."
    found = ", ".join(f"{name} ({kind}, {type_})" for name, kind, type_ in keys)
    return f"Its key is {found}, and a key cannot be changed: delete the table."


def _keys(table_name: str) -> list[tuple[str, str, str]]:
    """(attribute, HASH or RANGE, type) of an active table's primary key; none without one."""
    table = _described(table_name)
    if table.get("TableStatus") not in ("ACTIVE", "UPDATING"):
        return []
    types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
    schema = [(each["AttributeName"], each["KeyType"]) for each in table["KeySchema"]]
    return [(name, kind, types[name]) for name, kind in schema]


def _items(table_name: str) -> list[dict[str, Any]]:
    """The items of a table of this lab, a few dozen at most; none if there is no such table."""
    if _described(table_name).get("TableStatus") not in ("ACTIVE", "UPDATING"):
        return []
    table = boto3.resource("dynamodb").Table(table_name)
    return table.scan(ConsistentRead=True)["Items"]


def _described(table_name: str) -> dict[str, Any]:
    try:
        return boto3.client("dynamodb").describe_table(TableName=table_name)["Table"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return {}


def _from_file(name: str) -> list[dict[str, Any]]:
    text = (project() / "data" / name).read_text(encoding="utf-8")
    return json.loads(text, parse_float=Decimal)
