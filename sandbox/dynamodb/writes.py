"""PutItem, UpdateItem, DeleteItem and BatchWriteItem: one write read, tried and done."""

from dataclasses import dataclass
from typing import Any

from sandbox.dynamodb import legacy
from sandbox.dynamodb.capacity import Consumed, index_units, write_units
from sandbox.dynamodb.conditions import holds, read_condition
from sandbox.dynamodb.errors import DynamoDBError, condition_failed, invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Placeholders
from sandbox.dynamodb.paths import cut
from sandbox.dynamodb.table import LARGEST_ITEM, SandboxTable
from sandbox.dynamodb.throttle import is_throttled
from sandbox.dynamodb.updates import Action, apply, read_update
from sandbox.dynamodb.values import Item, item_size

MOST_BATCH = 25


@dataclass
class Write:
    """One write, read from a request but not done.

    Attributes:
        kind: "Put", "Update", "Delete" or "ConditionCheck".
        table: the table.
        key: the item's key, as bytes.
        attributes: the item to put, or the key.
        condition: the tree of its condition; None for none.
        actions: what an update does.
        shows_item: whether a failed condition answers with the item.
    """

    kind: str
    table: SandboxTable
    key: bytes
    attributes: Item
    condition: Node | None = None
    actions: tuple[Action, ...] = ()
    shows_item: bool = False

    def now(self) -> Item | None:
        """The item that is there."""
        record = self.table.store.get(self.key)
        return record.item() if record else None

    def result(self, before: Item | None) -> Item | None:
        """The item that is to be there; None for no item.

        Raises:
            DynamoDBError: ConditionalCheckFailedException, or ValidationException for an update
                that the item does not allow.
        """
        if self.condition is not None and not holds(self.condition, before or {}):
            raise condition_failed(before if self.shows_item else None)
        if self.kind == "Put":
            return self.attributes
        if self.kind == "Delete":
            return None
        if self.kind == "ConditionCheck":
            return before
        item = apply(list(self.actions), before or dict(self.attributes))
        self.table.check_index_keys(item)
        if item_size(item) > LARGEST_ITEM:
            raise invalid("Item size to update has exceeded the maximum allowed size")
        return item

    def check_room(self, before: Item | None, after: Item | None) -> None:
        """Refuse what the capacity of the table, or of an index that it writes to, is too low for.

        Raises:
            DynamoDBError: ProvisionedThroughputExceededException; nothing is stored.
        """
        throttle = self.table.throttle
        if not throttle.is_on:
            return
        throttle.check("Write")
        for index in self.table.global_indexes:
            held = self.table.store.indexes[index.name]
            if any(held.key_of(item, self.key) for item in (before, after) if item is not None):
                throttle.check("Write", index.name)

    def do(
        self, before: Item | None, after: Item | None, consumed: Consumed, factor: int = 1
    ) -> None:
        """Store, and note what it consumes; `factor` is 2 in a transaction."""
        self.check_room(before, after)
        sizes = [item_size(item) for item in (before, after) if item is not None]
        units = write_units(*sizes, 0)
        consumed.add(self.table, "Write", factor * units)
        if self.kind == "ConditionCheck":
            return
        for name, change in self.table.store_item(self.key, before, after).items():
            if (extra := index_units(change)) > 0:
                local = self.table.is_local(name)
                consumed.add(self.table, "Write", factor * extra, name, local)


def read_write(db: Any, kind: str, request: dict[str, Any]) -> Write:
    """Read one write of any kind, and check it against its table.

    Raises:
        DynamoDBError: ValidationException or ResourceNotFoundException.
    """
    legacy.check_not_mixed(request)
    placeholders = Placeholders(request, ["UpdateExpression", "ConditionExpression"])
    actions: list[Action] = []
    if "UpdateExpression" in request:
        actions = read_update(request["UpdateExpression"], placeholders)
    elif "AttributeUpdates" in request:
        actions = legacy.actions(request["AttributeUpdates"])
    condition = None
    if "ConditionExpression" in request:
        condition = read_condition(
            "ConditionExpression", request["ConditionExpression"], placeholders
        )
    elif "Expected" in request:
        condition = legacy.condition(request["Expected"], request.get("ConditionalOperator"))
    placeholders.check_all_used()
    table = db.table_for_traffic(request["TableName"])
    if kind == "Put":
        attributes = request["Item"]
        key = table.check_item(attributes)
    else:
        attributes = request["Key"]
        key = table.key_bytes(attributes)
    for action in actions:
        if action.path[0] in table.store.keys.names:
            raise invalid_values(
                f"Cannot update attribute {action.path[0]}. This attribute is part of the key"
            )
    shows = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return Write(kind, table, key, attributes, condition, tuple(actions), shows)


def put_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_PutItem.html"""
    _check_return_values(request)
    return _single(db, "Put", request)


def delete_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteItem.html"""
    _check_return_values(request)
    return _single(db, "Delete", request)


def update_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateItem.html"""
    return _single(db, "Update", request)


def batch_write_item(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
    wanted = request["RequestItems"]
    if sum(len(parts) for parts in wanted.values()) > MOST_BATCH:
        raise invalid("Too many items requested for the BatchWriteItem call")
    writes, asked = [], []
    for name, parts in wanted.items():
        for part in parts:
            if len(part) != 1:
                raise invalid(
                    "Supplied AttributeValue has more than one datatypes set, must contain "
                    "exactly one of the supported datatypes"
                )
            ((word, content),) = part.items()
            kind = word.removesuffix("Request")
            writes.append(read_write(db, kind, {"TableName": name, **content}))
            asked.append((name, part))
    if len({(write.table.name, write.key) for write in writes}) < len(writes):
        raise invalid("Provided list of item keys contains duplicates")
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    left: dict[str, list[Any]] = {}
    done = []
    for write, (name, part) in zip(writes, asked, strict=True):
        before = write.now()
        try:
            write.do(before, write.result(before), consumed)
            done.append(write)
        except DynamoDBError as error:
            if not is_throttled(error) or (write is writes[-1] and not done):
                raise
            left.setdefault(name, []).append(part)
    body: dict[str, Any] = {"UnprocessedItems": left}
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        body["ItemCollectionMetrics"] = collection_metrics(done)
    return consumed.many(body)


def collection_metrics(writes: list[Write]) -> dict[str, list[dict[str, Any]]]:
    """ItemCollectionMetrics by table, for the tables that have local secondary indexes."""
    metrics: dict[str, list[dict[str, Any]]] = {}
    for write in writes:
        if write.table.indexes:
            metrics.setdefault(write.table.name, []).append(_metrics(write))
    return metrics


def _metrics(write: Write) -> dict[str, Any]:
    partition = write.table.store.keys.partition
    return {
        "ItemCollectionKey": {partition: write.attributes[partition]},
        "SizeEstimateRangeGB": [0.0, 1.0],
    }


def _check_return_values(request: dict[str, Any]) -> None:
    if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise invalid("ReturnValues can only be ALL_OLD or NONE")


def _single(db: Any, kind: str, request: dict[str, Any]) -> dict[str, Any]:
    write = read_write(db, kind, request)
    before = write.now()
    after = write.result(before)
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    write.do(before, after, consumed)
    body: dict[str, Any] = {}
    if attributes := _returned(request.get("ReturnValues"), write, before, after):
        body["Attributes"] = attributes
    if request.get("ReturnItemCollectionMetrics") == "SIZE" and write.table.indexes:
        body["ItemCollectionMetrics"] = _metrics(write)
    return consumed.one(body)


def _returned(
    wanted: str | None, write: Write, before: Item | None, after: Item | None
) -> Item | None:
    if wanted == "ALL_OLD":
        return before
    if wanted == "ALL_NEW":
        return after
    if wanted in ("UPDATED_OLD", "UPDATED_NEW"):
        item = (before if wanted == "UPDATED_OLD" else after) or {}
        return cut(item, [action.path for action in write.actions]) if write.actions else None
    return None
