"""The calls behind the console's forms: what was filled in, as a `Call`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from helpers.console.calls import Call
from helpers.existing import COURSE

Item = dict[str, dict[str, Any]]  # in DynamoDB's own JSON: {"Year": {"N": "1981"}}
KEY_TYPES = {"String": "S", "Number": "N", "Binary": "B"}
MOST_AT_ONCE = 25  # items of one BatchWriteItem

# The conditions in the AWS console's words. A key's are the first seven; "{a}" and "{b}" are the
# values. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
CONDITIONS = {
    "Equal to": "{name} = {a}",
    "Less than or equal to": "{name} <= {a}",
    "Less than": "{name} < {a}",
    "Greater than or equal to": "{name} >= {a}",
    "Greater than": "{name} > {a}",
    "Between": "{name} BETWEEN {a} AND {b}",
    "Begins with": "begins_with({name}, {a})",
    "Not equal to": "{name} <> {a}",
    "Contains": "contains({name}, {a})",
    "Not contains": "NOT contains({name}, {a})",
    "Exists": "attribute_exists({name})",
    "Not exists": "attribute_not_exists({name})",
}
KEY_CONDITIONS = list(CONDITIONS)[:7]


@dataclass(frozen=True)
class Key:
    """One attribute of a key: its name and its type, "S", "N" or "B"."""

    name: str
    kind: str


@dataclass(frozen=True)
class Condition:
    """Such as Year, "Between", [{"N": "1980"}, {"N": "1989"}]."""

    attribute: str
    word: str
    values: Sequence[dict[str, Any]] = ()


@dataclass
class Expressions:
    """Writes conditions with placeholders, so that a reserved word is as good a name as any."""

    names: dict[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)

    def write(self, condition: Condition) -> str:
        """The condition as an expression; its placeholders are noted."""
        name = self.name(condition.attribute)
        wanted = re.findall(r"{([ab])}", CONDITIONS[condition.word])
        given = zip(wanted, condition.values, strict=False)
        places = {letter: self._value(name[1:], value) for letter, value in given}
        return CONDITIONS[condition.word].format(name=name, **places)

    def name(self, attribute: str) -> str:
        """The placeholder of an attribute's name."""
        plain = "#" + (re.sub(r"\W", "", attribute, flags=re.ASCII) or "name")
        while self.names.setdefault(plain, attribute) != attribute:
            plain += "x"
        return plain

    def _value(self, name: str, value: dict[str, Any]) -> str:
        place, number = f":{name}", 1
        while place in self.values:
            number += 1
            place = f":{name}{number}"
        self.values[place] = value
        return place

    @property
    def arguments(self) -> dict[str, Any]:
        """What every call with these expressions needs beside them."""
        named = {"ExpressionAttributeNames": self.names} if self.names else {}
        return named | ({"ExpressionAttributeValues": self.values} if self.values else {})


def keys_of(schema: Sequence[Mapping[str, str]], table: Mapping[str, Any]) -> list[Key]:
    """The partition key and perhaps the sort key of a KeySchema of that table."""
    kinds = {d["AttributeName"]: d["AttributeType"] for d in table["AttributeDefinitions"]}
    ordered = sorted(schema, key=lambda part: part["KeyType"] != "HASH")
    return [Key(part["AttributeName"], kinds.get(part["AttributeName"], "?")) for part in ordered]


def create_table(
    name: str, keys: Sequence[Key], capacity: tuple[int, int] | None = None, tag: bool = True
) -> Call:
    """CreateTable; `capacity` is (read, write) units, None for on-demand."""
    arguments = {"TableName": name, **_schema(keys), **_billing(capacity)}
    return Call("create_table", arguments | ({"Tags": [COURSE]} if tag else {}))


def create_index(
    table: Mapping[str, Any],
    name: str,
    keys: Sequence[Key],
    projection: str = "ALL",
    attributes: Iterable[str] = (),
) -> Call:
    """UpdateTable that adds a global index, with the table's own capacity as the console has it.

    Args:
        table: as DescribeTable shows it.
        name: of the index.
        keys: its partition key and perhaps its sort key.
        projection: "ALL", "KEYS_ONLY" or "INCLUDE".
        attributes: the ones to include.
    """
    schema = _schema(keys)
    copied: dict[str, Any] = {"ProjectionType": projection}
    if projection == "INCLUDE":
        copied["NonKeyAttributes"] = list(attributes)
    create = {"IndexName": name, "KeySchema": schema["KeySchema"], "Projection": copied}
    if capacity := capacity_of(table):
        create |= {"ProvisionedThroughput": _throughput(capacity)}
    return Call(
        "update_table",
        {
            "TableName": table["TableName"],
            "AttributeDefinitions": schema["AttributeDefinitions"],
            "GlobalSecondaryIndexUpdates": [{"Create": create}],
        },
    )


def delete_index(table: str, index: str) -> Call:
    """UpdateTable that deletes a global index."""
    updates = [{"Delete": {"IndexName": index}}]
    return Call("update_table", {"TableName": table, "GlobalSecondaryIndexUpdates": updates})


def read(
    table: str,
    *,
    index: str | None = None,
    key: Sequence[Condition] = (),
    filters: Sequence[Condition] = (),
    descending: bool = False,
    limit: int = 50,
    start: Item | None = None,
) -> Call:
    """One page of Query, or of Scan where there is no condition on the key.

    Args:
        table: the table's name.
        index: read this index instead.
        key: the conditions on the partition key and the sort key.
        filters: on other attributes; all must hold.
        descending: from the end of the sort key.
        limit: how many items DynamoDB looks at for a page, before it filters.
        start: the LastEvaluatedKey of the page before.
    """
    write = Expressions()
    arguments: dict[str, Any] = {"TableName": table}
    if index:
        arguments["IndexName"] = index
    if key:
        arguments["KeyConditionExpression"] = " AND ".join(map(write.write, key))
    if filters:
        arguments["FilterExpression"] = " AND ".join(map(write.write, filters))
    arguments |= write.arguments
    if descending and key:
        arguments["ScanIndexForward"] = False
    arguments["Limit"] = limit
    if start:
        arguments["ExclusiveStartKey"] = start
    arguments["ReturnConsumedCapacity"] = "TOTAL"
    return Call("query" if key else "scan", arguments)


def create_item(table: str, keys: Sequence[Key], item: Item) -> Call:
    """PutItem that refuses to replace an item with the same key, as the console's form does."""
    return Call("put_item", {"TableName": table, "Item": item, **_only_if(keys, "Not exists")})


def save_item(table: str, keys: Sequence[Key], before: Item, after: Item) -> Call:
    """PutItem over an item that is still there.

    With another key it is another item; then the old one is deleted and the new one put in one
    transaction, so that there are never two nor none.
    """
    old, new = key_of(before, keys), key_of(after, keys)
    if new == old or len(new) < len(keys):  # a key that is missing is for AWS to refuse
        return Call("put_item", {"TableName": table, "Item": after, **_only_if(keys, "Exists")})
    delete = {"TableName": table, "Key": old, **_only_if(keys, "Exists")}
    put = {"TableName": table, "Item": after, **_only_if(keys, "Not exists")}
    return Call("transact_write_items", {"TransactItems": [{"Delete": delete}, {"Put": put}]})


def delete_items(table: str, keys: Sequence[Key], items: Sequence[Item]) -> list[Call]:
    """DeleteItem for one; BatchWriteItem, 25 at a time, for several."""
    found = [key_of(item, keys) for item in items]
    if len(found) == 1:
        return [Call("delete_item", {"TableName": table, "Key": found[0]})]
    requests = [{"DeleteRequest": {"Key": key}} for key in found]
    return [
        Call("batch_write_item", {"RequestItems": {table: requests[i : i + MOST_AT_ONCE]}})
        for i in range(0, len(requests), MOST_AT_ONCE)
    ]


def key_of(item: Item, keys: Sequence[Key]) -> Item:
    """The item's key attributes, as far as it has them."""
    return {key.name: item[key.name] for key in keys if key.name in item}


def capacity_of(table: Mapping[str, Any]) -> tuple[int, int] | None:
    """The provisioned (read, write) units; None for an on-demand table."""
    if table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST":
        return None
    units = table["ProvisionedThroughput"]
    return units["ReadCapacityUnits"], units["WriteCapacityUnits"]


def _schema(keys: Sequence[Key]) -> dict[str, list[dict[str, str]]]:
    roles = zip(keys, ("HASH", "RANGE"), strict=False)
    # An attribute that is both keys is defined once; that it cannot be both, AWS says itself.
    kinds = {key.name: key.kind for key in keys}
    return {
        "AttributeDefinitions": [
            {"AttributeName": name, "AttributeType": kind} for name, kind in kinds.items()
        ],
        "KeySchema": [{"AttributeName": key.name, "KeyType": role} for key, role in roles],
    }


def _billing(capacity: tuple[int, int] | None) -> dict[str, Any]:
    if capacity is None:
        return {"BillingMode": "PAY_PER_REQUEST"}
    return {"BillingMode": "PROVISIONED", "ProvisionedThroughput": _throughput(capacity)}


def _throughput(capacity: tuple[int, int]) -> dict[str, int]:
    return dict(zip(("ReadCapacityUnits", "WriteCapacityUnits"), capacity, strict=True))


def _only_if(keys: Sequence[Key], word: str) -> dict[str, Any]:
    write = Expressions()
    return {
        "ConditionExpression": write.write(Condition(keys[0].name, word)),
        **write.arguments,
    }
