"""What CreateTable and UpdateTable accept: keys, indexes and attribute definitions.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
"""

import re
from typing import Any

from sandbox.dynamodb.errors import invalid, invalid_values
from sandbox.dynamodb.storage import Keys

MOST_GLOBAL = 20
MOST_LOCAL = 5
MOST_PROJECTED = 100


def check_new_table(request: dict[str, Any]) -> None:
    """Refuse what AWS refuses of a CreateTable.

    Raises:
        DynamoDBError: ValidationException, with AWS's message.
    """
    _check_name(request["TableName"])
    check_throughput(request)
    if "KeySchema" not in request or "AttributeDefinitions" not in request:
        missing = "KeySchema" if "KeySchema" not in request else "AttributeDefinitions"
        path = missing[0].lower() + missing[1:]
        raise invalid(
            f"1 validation error detected: Value null at '{path}' failed to satisfy "
            "constraint: Member must not be null"
        )
    definitions = request["AttributeDefinitions"]
    defined = [definition["AttributeName"] for definition in definitions]
    if len(set(defined)) != len(defined):
        raise invalid_values("Cannot have duplicate attribute definitions")
    schema = request["KeySchema"]
    check_schema(schema, defined)
    local, globals_ = request.get("LocalSecondaryIndexes"), request.get("GlobalSecondaryIndexes")
    if local is None and globals_ is None and len(schema) != len(defined):
        raise invalid_values(
            "Number of attributes in KeySchema does not exactly match number of attributes "
            "defined in AttributeDefinitions"
        )
    names: set[str] = set()
    if local is not None:
        _check_local(local, schema, defined, names)
    if globals_ is not None:
        if not globals_:
            raise invalid_values("List of GlobalSecondaryIndexes is empty")
        on_demand = request.get("BillingMode") == "PAY_PER_REQUEST"
        for index in globals_:
            check_global(index, defined, names, on_demand)
        if len(globals_) > MOST_GLOBAL:
            raise too_many_global()
    _check_projected([*(local or []), *(globals_ or [])])
    check_all_defined_used(schema, [*(local or []), *(globals_ or [])], defined)


def too_many_global() -> Exception:
    """More than 20 global secondary indexes."""
    return invalid_values(
        f"GlobalSecondaryIndex count exceeds the per-table limit of {MOST_GLOBAL}"
    )


def check_throughput(request: dict[str, Any]) -> None:
    """The capacity of a request goes with its billing mode, or is refused."""
    throughput = request.get("ProvisionedThroughput")
    if request.get("BillingMode") == "PAY_PER_REQUEST":
        if throughput is not None:
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                "BillingMode is PAY_PER_REQUEST"
            )
    elif throughput is None:
        raise invalid_values(
            "ReadCapacityUnits and WriteCapacityUnits must both be specified when "
            "BillingMode is PROVISIONED"
        )


def check_schema(schema: list[dict[str, str]], defined: list[str]) -> None:
    """A key schema: HASH first, then perhaps RANGE, both defined."""
    names = [element["AttributeName"] for element in schema]
    if len(schema) > 2:
        raise invalid(
            f"1 validation error detected: Value '[{len(schema)} members]' at 'keySchema' failed "
            "to satisfy constraint: Member must have length less than or equal to 2"
        )
    if schema[0]["KeyType"] != "HASH":
        raise invalid("Invalid KeySchema: The first KeySchemaElement is not a HASH key type")
    if len(schema) == 2 and schema[1]["KeyType"] != "RANGE":
        raise invalid("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type")
    if len(set(names)) != len(names):
        raise invalid(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name"
        )
    if not set(names) <= set(defined):
        raise invalid_values(
            "Some index key attributes are not defined in AttributeDefinitions. "
            f"Keys: [{', '.join(names)}], AttributeDefinitions: [{', '.join(defined)}]"
        )


def check_global(
    index: dict[str, Any], defined: list[str], names: set[str], on_demand: bool
) -> None:
    """One global secondary index of a request; `names` are those of the others."""
    check_schema(index["KeySchema"], defined)
    _check_index(index, names)
    if on_demand and "ProvisionedThroughput" in index:
        raise invalid_values(
            f"ProvisionedThroughput should not be specified for index: {index['IndexName']} "
            "when BillingMode is PAY_PER_REQUEST"
        )
    if not on_demand and "ProvisionedThroughput" not in index:
        raise invalid_values(
            f"ProvisionedThroughput must be specified for index: {index['IndexName']}"
        )


def check_all_defined_used(
    schema: list[dict[str, str]], indexes: list[dict[str, Any]], defined: list[str]
) -> None:
    """Refuse an attribute definition that no key uses."""
    schemas = [schema, *(index["KeySchema"] for index in indexes)]
    used = list(dict.fromkeys(e["AttributeName"] for elements in schemas for e in elements))
    if set(defined) - set(used):
        raise invalid_values(
            "Some AttributeDefinitions are not used. AttributeDefinitions: "
            f"[{', '.join(defined)}], keys used: [{', '.join(used)}]"
        )


def keys_of(schema: list[dict[str, str]], definitions: list[dict[str, str]]) -> Keys:
    """A key schema with its types."""
    types = {d["AttributeName"]: d["AttributeType"] for d in definitions}
    names = [element["AttributeName"] for element in schema]
    return Keys(names[0], names[1] if len(names) > 1 else None, {n: types[n] for n in names})


def projected(projection: dict[str, Any]) -> list[str] | None:
    """The attributes that an index holds beside the keys; None for all."""
    kind = projection.get("ProjectionType")
    return None if kind == "ALL" else list(projection.get("NonKeyAttributes", ()))


def _check_name(name: str) -> None:
    if name.startswith("arn:"):
        return
    if not re.fullmatch("[a-zA-Z0-9_.-]+", name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'tableName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        )
    if not 3 <= len(name) <= 255:
        raise invalid(
            "TableName must be at least 3 characters long and at most 255 characters long"
        )


def _check_local(
    indexes: list[dict[str, Any]],
    schema: list[dict[str, str]],
    defined: list[str],
    names: set[str],
) -> None:
    if not indexes:
        raise invalid_values("List of LocalSecondaryIndexes is empty")
    if len(schema) != 2:
        raise invalid_values(
            "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex"
        )
    table_partition = schema[0]["AttributeName"]
    for index in indexes:
        name, keys = index["IndexName"], index["KeySchema"]
        check_schema(keys, defined)
        if len(keys) != 2:
            raise invalid_values(f"Index KeySchema does not have a range key for index: {name}")
        partition = keys[0]["AttributeName"]
        if partition != table_partition:
            raise invalid_values(
                "Index KeySchema does not have the same leading hash key as table KeySchema for "
                f"index: {name}. index hash key: {partition}, table hash key: {table_partition}"
            )
        _check_index(index, names)
    if len(indexes) > MOST_LOCAL:
        raise invalid_values(
            f"Number of LocalSecondaryIndexes exceeds per-table limit of {MOST_LOCAL}"
        )


def _check_index(index: dict[str, Any], names: set[str]) -> None:
    name, projection = index["IndexName"], index["Projection"]
    kind = projection.get("ProjectionType")
    if kind is None:
        raise invalid_values("Unknown ProjectionType: null")
    if "NonKeyAttributes" in projection and kind != "INCLUDE":
        raise invalid_values(f"ProjectionType is {kind}, but NonKeyAttributes is specified")
    if kind == "INCLUDE" and "NonKeyAttributes" not in projection:
        raise invalid_values("ProjectionType is INCLUDE, but NonKeyAttributes is not specified")
    if name in names:
        raise invalid_values(f"Duplicate index name: {name}")
    names.add(name)


def _check_projected(indexes: list[dict[str, Any]]) -> None:
    count = sum(len(index["Projection"].get("NonKeyAttributes", ())) for index in indexes)
    if count > MOST_PROJECTED:
        raise invalid_values(
            f"Number of projected attributes exceeds the per-table limit of {MOST_PROJECTED}"
        )
