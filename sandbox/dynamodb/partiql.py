"""ExecuteStatement, BatchExecuteStatement and ExecuteTransaction: PartiQL, done as item operations.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import base64
import binascii
import json
from typing import Any, NamedTuple

from sandbox.dynamodb import queries, transactions
from sandbox.dynamodb.capacity import Consumed
from sandbox.dynamodb.errors import DynamoDBError, invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Path
from sandbox.dynamodb.keyconditions import MIRRORED, KeyCondition
from sandbox.dynamodb.partiql_reader import Statement, read_statement
from sandbox.dynamodb.paths import cut
from sandbox.dynamodb.storage import Keys, Record, record_of
from sandbox.dynamodb.throttle import Admission, Charge
from sandbox.dynamodb.values import SCALARS, Item, Value, normal, type_of
from sandbox.dynamodb.writes import Write


def execute_statement(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteStatement.html"""
    statement = read_statement(request["Statement"], request.get("Parameters", []))
    if statement.kind == "SELECT":
        return _select(db, statement, request)
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    items = _write(db, statement, consumed)
    return consumed.one({"Items": items})


def batch_execute_statement(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchExecuteStatement.html"""
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    answers = []
    reads = [part["Statement"].lstrip()[:6].upper() == "SELECT" for part in request["Statements"]]
    if any(reads) and not all(reads):
        raise invalid("BatchExecuteStatement cannot mix SELECT statements with others")
    for part in request["Statements"]:
        answer: dict[str, Any] = {}
        try:
            statement = read_statement(part["Statement"], part.get("Parameters", []))
            answer["TableName"] = statement.table
            if statement.kind == "SELECT":
                read = _read_single(db, statement, "BatchExecuteStatement", 1)
                Admission().admit([read.charge])
                found = read.do(consumed)
            else:
                found = _write(db, statement, consumed)
            if found:
                answer["Item"] = found[0]
        except DynamoDBError as error:
            code = error.code.removesuffix("Exception").replace("Validation", "ValidationError")
            more = {word: error.more[word] for word in ("Item",) if word in error.more}
            answer["Error"] = {"Code": code, "Message": error.message, **more}
        answers.append(answer)
    return consumed.many({"Responses": answers})


def execute_transaction(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ExecuteTransaction.html"""
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    statements = [
        read_statement(part["Statement"], part.get("Parameters", []))
        for part in request["TransactStatements"]
    ]
    reads = [statement.kind == "SELECT" for statement in statements]
    if any(reads) and not all(reads):
        raise invalid("ExecuteTransaction cannot mix SELECT statements with others")
    if all(reads):
        singles = [_read_single(db, s, "ExecuteTransaction", 2) for s in statements]
        transactions.admit([single.charge] for single in singles)
        found = [single.do(consumed) for single in singles]
        answers = [{"Item": items[0]} if items else {} for items in found]
        return consumed.many({"Responses": answers}, split=True)
    writes = [_read_write(db, statement) for statement in statements]
    body = transactions.run(db, writes, consumed, request)
    return {"Responses": [{} for _ in writes], **body}


# -- reading --------------------------------------------------------------------------------------


def _select(db: Any, statement: Statement, request: dict[str, Any]) -> dict[str, Any]:
    query: dict[str, Any] = {
        word: request[word]
        for word in ("Limit", "ConsistentRead", "ReturnConsumedCapacity")
        if word in request
    }
    query |= {"TableName": statement.table}
    if statement.index:
        query["IndexName"] = statement.index
    if "NextToken" in request:
        query["ExclusiveStartKey"] = _start(request["NextToken"])
    keys = _keys(db, statement)
    conditions, rest = _split(statement.where, keys)
    searches = [conditions] if conditions else _searches(statement.where, keys)
    backward = _backward(statement, keys, bool(searches))
    body = queries.run(db, query, searches, rest, statement.paths, backward)
    body.pop("Count")
    body.pop("ScannedCount")
    if "LastEvaluatedKey" in body:
        token = json.dumps(body["LastEvaluatedKey"]).encode()
        body["NextToken"] = base64.b64encode(token).decode()
    return body


class _Single(NamedTuple):
    """A SELECT of one item by its whole key, as batches and transactions take it."""

    record: Record | None
    paths: list[Path] | None
    charge: Charge

    def do(self, consumed: Consumed) -> list[Item]:
        """Read; note what it consumes."""
        consumed.add(self.charge.table, "Read", self.charge.units)
        if self.record is None:
            return []
        item = self.record.item()
        return [item if self.paths is None else cut(item, self.paths)]


def _read_single(db: Any, statement: Statement, operation: str, factor: int) -> _Single:
    table = db.table_for_traffic(statement.table)
    key, rest = _key(statement, table.store.keys)
    if key is None or rest is not None or statement.index:
        raise invalid(
            f"Select statements within {operation} must specify the primary key in the where "
            "clause."
        )
    record = table.store.get(table.key_bytes(key))
    units = factor * queries.read_units(record.size if record else 0, strong=factor == 2)
    return _Single(record, statement.paths, Charge(table, "Read", units))


def _start(token: str) -> Item:
    try:
        key = json.loads(base64.b64decode(token, validate=True))
        return {name: normal(value) for name, value in key.items()}
    except (binascii.Error, ValueError, AttributeError) as error:
        raise invalid("Invalid NextToken") from error


def _keys(db: Any, statement: Statement) -> Keys:
    table = db.table_for_traffic(statement.table)
    if statement.index is None:
        return table.store.keys
    if statement.index not in table.store.indexes:
        raise invalid(f"The table does not have the specified index: {statement.index}")
    return table.store.indexes[statement.index].keys


def _split(where: Node | None, keys: Keys) -> tuple[list[KeyCondition], Node | None]:
    # What a query can do by key, and what is left to filter; no key conditions: a scan.
    by_key: dict[str, KeyCondition] = {}
    rest: Node | None = None
    for node in _flat(where):
        condition = _key_condition(node, keys)
        if condition is not None and condition.name not in by_key:
            by_key[condition.name] = condition
        else:
            rest = node if rest is None else ("and", rest, node)
    partition = by_key.get(keys.partition)
    if partition is None or partition.operator != "=":
        return [], where
    return list(by_key.values()), rest


def _searches(where: Node | None, keys: Keys) -> list[list[KeyCondition]]:
    # `pk IN [...]` and `pk = 1 OR pk = 2` name what to read too: a query for each partition key.
    values = _partitions(where, keys)
    if values is None:
        return []
    found = (_key_condition(node, keys) for node in _flat(where))
    sort = next((c for c in found if c is not None and c.name == keys.sort), None)
    return [
        [KeyCondition(keys.partition, "=", (value,)), *([sort] if sort else [])] for value in values
    ]


def _partitions(node: Node | None, keys: Keys) -> list[Value] | None:
    # The partition keys that an item must have one of; None where any would do.
    if node is None:
        return None
    if node[0] == "in" and node[1] == ("path", (keys.partition,)):
        if any(choice[0] != "value" or type_of(choice[1]) not in SCALARS for choice in node[2]):
            return None
        return _each_once([choice[1] for choice in node[2]])
    if node[0] in ("and", "or"):
        left, right = (_partitions(inner, keys) for inner in node[1:])
        if node[0] == "and":
            return left if left is not None else right
        return None if left is None or right is None else _each_once(left + right)
    condition = _key_condition(node, keys)
    if condition is None or condition.name != keys.partition:
        return None
    return list(condition.values)


def _each_once(values: list[Value]) -> list[Value]:
    return [value for place, value in enumerate(values) if value not in values[:place]]


def _flat(node: Node | None) -> list[Node]:
    if node is None:
        return []
    return _flat(node[1]) + _flat(node[2]) if node[0] == "and" else [node]


def _key_condition(node: Node, keys: Keys) -> KeyCondition | None:
    operator, operands = node[1], node[2:]
    if node[0] == "between":
        operator, operands = "between", node[1:]
    elif node[0] == "call":
        operands = node[2]
    elif node[0] != "compare":
        return None
    if node[0] == "compare" and operands[0][0] == "value" and operator in MIRRORED:
        operator, operands = MIRRORED[operator], (operands[1], operands[0])
    if operator not in ("=", "<", "<=", ">", ">=", "between", "begins_with"):
        return None
    first, values = operands[0], operands[1:]
    if first[0] != "path" or len(first[1]) != 1 or first[1][0] not in keys.names:
        return None
    if any(value[0] != "value" or type_of(value[1]) not in SCALARS for value in values):
        return None
    if first[1][0] == keys.partition and operator != "=":
        return None
    return KeyCondition(first[1][0], operator, tuple(value[1] for value in values))


def _backward(statement: Statement, keys: Keys, by_partition: bool) -> bool:
    for name, backward in statement.order:
        if name not in keys.names:
            raise invalid(f"Variable reference {name} in ORDER BY clause must be part of the "
                          "primary key")  # fmt: skip
        if statement.where is None:
            raise invalid("Must have WHERE clause in the statement when using ORDER BY clause.")
        if not by_partition:
            raise invalid(
                "Must have at least one non-optional hash key condition in WHERE clause when using "
                "ORDER BY clause."
            )
        if name == keys.sort:
            return backward
    return False


# -- writing --------------------------------------------------------------------------------------


def _write(db: Any, statement: Statement, consumed: Consumed) -> list[Item]:
    write = _read_write(db, statement)
    try:
        prepared = write.prepare()
    except DynamoDBError as error:
        if statement.kind == "INSERT" and error.code == "ConditionalCheckFailedException":
            message = "Duplicate primary key exists in table"
            raise DynamoDBError("DuplicateItemException", message) from error
        raise
    Admission().admit(prepared.charges)
    prepared.do(consumed)
    if statement.returning is None:
        return []
    old = statement.returning.endswith("OLD")
    item = (prepared.before if old else prepared.after) or {}
    if statement.returning.startswith("MODIFIED"):
        item = cut(item, [action.path for action in write.actions])
    return [item] if item else []


def _read_write(db: Any, statement: Statement) -> Write:
    table = db.table_for_traffic(statement.table)
    keys = table.store.keys
    exists = ("call", "attribute_exists", (("path", (keys.partition,)),))
    if statement.kind == "INSERT":
        record = record_of(statement.item)
        key_bytes = table.check_item(statement.item, record.size)
        return Write("Put", table, key_bytes, statement.item, ("not", exists), record=record)
    key, condition = _key(statement, keys)
    if key is None:
        raise invalid("Where clause does not contain a mandatory equality on all key attributes")
    if statement.kind == "DELETE":
        return Write("Delete", table, table.key_bytes(key), key, condition)
    for action in statement.actions:
        if action.path[0] in keys.names:
            raise invalid_values(
                f"Cannot update attribute {action.path[0]}. This attribute is part of the key"
            )
    # Unlike UpdateItem, UPDATE makes no item.
    condition = exists if condition is None else ("and", exists, condition)
    key_bytes = table.key_bytes(key)
    return Write("Update", table, key_bytes, key, condition, tuple(statement.actions))


def _key(statement: Statement, keys: Keys) -> tuple[Item | None, Node | None]:
    # The whole key that the WHERE clause names, and the rest of the clause.
    conditions, rest = _split(statement.where, keys)
    if len(conditions) < len(keys.names) or any(c.operator != "=" for c in conditions):
        return None, statement.where
    return {condition.name: condition.values[0] for condition in conditions}, rest
