"""CreateTable, UpdateTable, DeleteTable, DescribeTable and ListTables.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/WorkingWithTables.Basics.html
"""

import copy
from typing import Any

from sandbox.dynamodb import schema
from sandbox.dynamodb.errors import DynamoDBError, invalid, invalid_values, limit_exceeded
from sandbox.dynamodb.table import SandboxTable

ZERO = {"ReadCapacityUnits": 0, "WriteCapacityUnits": 0}
# Parts of a request that would have an effect on AWS and have none here.
NOT_OFFERED = ("VectorIndexes", "VectorIndexUpdates", "ReplicaUpdates", "GlobalTableSourceArn")


def create_table(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html"""
    _check_offered(request)
    schema.check_new_table(request)
    _check_stream(request.get("StreamSpecification"))
    table = db.create_table(
        request["TableName"].rpartition("/")[2],
        schema=request["KeySchema"],
        throughput=request.get("ProvisionedThroughput"),
        attr=request["AttributeDefinitions"],
        global_indexes=copy.deepcopy(request.get("GlobalSecondaryIndexes") or []),
        indexes=copy.deepcopy(request.get("LocalSecondaryIndexes") or []),
        streams=request.get("StreamSpecification"),
        billing_mode=request.get("BillingMode", "PROVISIONED"),
        sse_specification=request.get("SSESpecification"),
        tags=request.get("Tags", []),
        deletion_protection_enabled=request.get("DeletionProtectionEnabled", False),
        warm_throughput=request.get("WarmThroughput"),
    )
    return table.describe()


def delete_table(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteTable.html"""
    return db.delete_table(request["TableName"]).describe()


def describe_table(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html"""
    return db.look_at(db.table_named(request["TableName"]))


def list_tables(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html"""
    start, limit = request.get("ExclusiveStartTableName", ""), request.get("Limit", 100)
    names = [name for name in db.look_at_names() if name > start]
    answer: dict[str, Any] = {"TableNames": names[:limit]}
    if len(names) > limit:
        answer["LastEvaluatedTableName"] = names[limit - 1]
    return answer


def update_table(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html"""
    _check_offered(request)
    if not set(request) - {"TableName", "AttributeDefinitions"}:
        raise invalid(
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required"
        )
    table = db.table_named(request["TableName"])
    db.check_idle(table, ("CREATING", "UPDATING", "DELETING"))
    updates = request.get("GlobalSecondaryIndexUpdates", [])
    _check_index_updates(table, updates)
    _check_stream_change(table, request.get("StreamSpecification"))
    _check_billing(table, request)
    new = next((u["Create"] for u in updates if "Create" in u), None)
    definitions = _definitions(table, request.get("AttributeDefinitions", []), new)
    if new:
        names = {i.name for i in [*table.indexes, *table.global_indexes]}
        if new["IndexName"] in names:
            raise invalid("Attempting to create an index which already exists")
        defined = [definition["AttributeName"] for definition in definitions]
        mode = request.get("BillingMode", table.billing_mode)
        schema.check_global(new, defined, names, mode == "PAY_PER_REQUEST")
        if len(table.global_indexes) >= schema.MOST_GLOBAL:
            raise schema.too_many_global()
    # All is checked: from here on it is done.
    table.attr = definitions
    _set_billing(table, request)
    if "StreamSpecification" in request:
        table.set_stream_specification(request["StreamSpecification"])
    if "DeletionProtectionEnabled" in request:
        table.deletion_protection_enabled = request["DeletionProtectionEnabled"]
    db.begin_update(table)
    for update in updates:
        if "Create" in update:
            db.create_index(table, copy.deepcopy(update["Create"]))
        elif "Delete" in update:
            db.delete_index(table, _index(table, update["Delete"]["IndexName"]))
        else:
            _index(table, update["Update"]["IndexName"]).update(dict(update["Update"]))
    return table.describe()


def _check_offered(request: dict[str, Any]) -> None:
    for word in NOT_OFFERED:
        if request.get(word):
            raise NotImplementedError(word)
    for index in request.get("GlobalSecondaryIndexes") or []:
        if len(index["KeySchema"]) > 2:
            raise NotImplementedError("keys of several attributes")


def _check_stream(wanted: dict[str, Any] | None) -> None:
    if wanted and wanted["StreamEnabled"] and "StreamViewType" not in wanted:
        raise invalid_values("StreamViewType is required when StreamEnabled is true")
    if wanted and not wanted["StreamEnabled"] and "StreamViewType" in wanted:
        raise invalid_values("StreamViewType cannot be set when StreamEnabled is false")


def _check_stream_change(table: SandboxTable, wanted: dict[str, Any] | None) -> None:
    _check_stream(wanted)
    if wanted is None:
        return
    if wanted["StreamEnabled"] and table.streams:
        raise invalid(f"Table already has an enabled stream: {table.stream_arn}")
    if not wanted["StreamEnabled"] and not table.streams:
        raise invalid("Table is already in requested stream state: disabled")


def _check_index_updates(table: SandboxTable, updates: list[dict[str, Any]]) -> None:
    for update in updates:
        if len(update) != 1:
            raise invalid_values(
                "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                "GlobalSecondaryIndexUpdate.Delete must not be null"
            )
        word = next(iter(update))
        if word != "Create":
            _index(table, update[word]["IndexName"])
    online = [update for update in updates if "Update" not in update]
    busy = any(index.status != "ACTIVE" for index in table.global_indexes)
    if len(online) > 1 or (busy and any("Create" in update for update in online)):
        raise limit_exceeded(
            "Only 1 online index can be created or deleted simultaneously per table"
        )


def _index(table: SandboxTable, name: str) -> Any:
    for index in table.global_indexes:
        if index.name == name:
            return index
    raise DynamoDBError(
        "ResourceNotFoundException",
        f"Requested resource not found: Index: {name} not found in table: {table.name}",
    )


def _definitions(
    table: SandboxTable, given: list[dict[str, str]], new: dict[str, Any] | None
) -> list[dict[str, str]]:
    # AWS keeps the definitions that other keys use, whether the request repeats them or not.
    kept = {d["AttributeName"]: d["AttributeType"] for d in table.attr}
    for definition in given:
        name, kind = definition["AttributeName"], definition["AttributeType"]
        if kept.setdefault(name, kind) != kind:
            raise invalid_values(
                f"Attribute {name} is a key attribute of type {kept[name]} already, "
                f"AttributeDefinitions says {kind}"
            )
    result = [{"AttributeName": name, "AttributeType": kind} for name, kind in kept.items()]
    indexes = [{"KeySchema": index.schema} for index in [*table.indexes, *table.global_indexes]]
    if new is not None:
        schema.check_schema(new["KeySchema"], list(kept))
        indexes.append(new)
    schema.check_all_defined_used(table.schema, indexes, list(kept))
    return result


def _check_billing(table: SandboxTable, request: dict[str, Any]) -> None:
    throughput = request.get("ProvisionedThroughput")
    mode = request.get("BillingMode", table.billing_mode)
    if mode == "PAY_PER_REQUEST" and throughput:
        raise invalid_values(
            "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode "
            "is PAY_PER_REQUEST"
        )
    if mode == "PROVISIONED" and table.billing_mode == "PAY_PER_REQUEST" and not throughput:
        raise invalid_values(
            "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
        )
    now = {word: table.throughput[word] for word in ZERO}
    if throughput == now and mode == table.billing_mode:
        read, write = now["ReadCapacityUnits"], now["WriteCapacityUnits"]
        raise invalid(
            "The provisioned throughput for the table will not change. The requested value equals "
            f"the current value. Current ReadCapacityUnits provisioned for the table: {read}. "
            f"Requested ReadCapacityUnits: {read}. Current WriteCapacityUnits provisioned for the "
            f"table: {write}. Requested WriteCapacityUnits: {write}. Refer to the Amazon DynamoDB "
            "Developer Guide for current limits and how to request higher limits."
        )


def _set_billing(table: SandboxTable, request: dict[str, Any]) -> None:
    if mode := request.get("BillingMode"):
        table.billing_mode = mode
        if mode == "PAY_PER_REQUEST":
            table.throughput |= ZERO
    if throughput := request.get("ProvisionedThroughput"):
        table.throughput |= throughput
