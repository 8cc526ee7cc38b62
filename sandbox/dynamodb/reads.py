"""GetItem, BatchGetItem and TransactGetItems."""

from typing import Any

from sandbox.dynamodb import legacy
from sandbox.dynamodb.capacity import Consumed, read_units
from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.expressions import Path, Placeholders
from sandbox.dynamodb.storage import cut_raw
from sandbox.dynamodb.throttle import Charge
from sandbox.dynamodb.transactions import admit

LARGEST_ANSWER = 16 * 1024 * 1024
LARGEST_TRANSACTION = 4 * 1024 * 1024
MOST_BATCH = 100


def get_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_GetItem.html"""
    paths = read_projection(request)
    table = db.table_for_traffic(request["TableName"])
    table.throttle.check("Read")
    record = table.store.get(table.key_bytes(request["Key"]))
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    strong = request.get("ConsistentRead", False)
    consumed.add(table, "Read", read_units(record.size if record else 0, strong))
    body: dict[str, Any] = {}
    if record is not None:
        body["Item"] = record.raw if paths is None else cut_raw(record, paths)
    return consumed.one(body)


def batch_get_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    wanted = request["RequestItems"]
    count = sum(len(part["Keys"]) for part in wanted.values())
    if count > MOST_BATCH:
        raise invalid("Too many items requested for the BatchGetItem call")
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    plan = []
    for name, part in wanted.items():
        paths = read_projection(part)
        table = db.table_for_traffic(name)
        keys = [table.key_bytes(key) for key in part["Keys"]]
        if len(set(keys)) < len(keys):
            raise invalid("Provided list of item keys contains duplicates")
        plan.append((name, part, table, keys, paths))
    answers: dict[str, list[bytes]] = {}
    left: dict[str, Any] = {}
    size = 0
    throttled: DynamoDBError | None = None
    for name, part, table, keys, paths in plan:
        answers[name] = []
        for key, attributes in zip(keys, part["Keys"], strict=True):
            record = table.store.get(key)
            try:
                table.throttle.check("Read")
            except DynamoDBError as error:
                throttled = error
                left.setdefault(name, {**part, "Keys": []})["Keys"].append(attributes)
                continue
            if record and size + record.size > LARGEST_ANSWER:
                left.setdefault(name, {**part, "Keys": []})["Keys"].append(attributes)
                continue
            strong = part.get("ConsistentRead", False)
            consumed.add(table, "Read", read_units(record.size if record else 0, strong))
            if record:
                size += record.size
                answers[name].append(record.raw if paths is None else cut_raw(record, paths))
    if throttled and sum(len(p["Keys"]) for p in left.values()) == count:
        raise throttled
    return consumed.many({"Responses": answers, "UnprocessedKeys": left})


def transact_get_items(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html"""
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    plan = []
    for part in request["TransactItems"]:
        get = part["Get"]
        paths = read_projection(get)
        table = db.table_for_traffic(get["TableName"])
        plan.append((table, table.key_bytes(get["Key"]), paths))
    if len({(table.name, key) for table, key, _ in plan}) < len(plan):
        raise invalid("Transaction request cannot include multiple operations on one item")
    answers = []
    records = [table.store.get(key) for table, key, _ in plan]
    if sum(record.size for record in records if record) > LARGEST_TRANSACTION:
        raise invalid("The aggregate size of the items in the transaction cannot exceed 4 MB")
    units = [2 * read_units(record.size if record else 0, strong=True) for record in records]
    admit([Charge(t, "Read", cost)] for (t, _, _), cost in zip(plan, units, strict=True))
    for (table, _, paths), record, cost in zip(plan, records, units, strict=True):
        consumed.add(table, "Read", cost)
        raw = record and (record.raw if paths is None else cut_raw(record, paths))
        answers.append({"Item": raw} if raw else {})
    return consumed.many({"Responses": answers}, split=True)


def read_projection(request: dict[str, Any]) -> list[Path] | None:
    """The paths that a get asks for; None for all.

    Raises:
        DynamoDBError: ValidationException, with AWS's message.
    """
    legacy.check_not_mixed(request)
    placeholders = Placeholders(request, ["ProjectionExpression"])
    paths = legacy.paths_asked_for(request, placeholders)
    placeholders.check_all_used()
    return paths
