"""PutItem, UpdateItem, DeleteItem and BatchWriteItem: one write read, prepared and done."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sandbox.dynamodb import legacy
from sandbox.dynamodb.capacity import Consumed, index_units, write_units
from sandbox.dynamodb.conditions import holds, read_condition
from sandbox.dynamodb.errors import DynamoDBError, condition_failed, invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Placeholders
from sandbox.dynamodb.paths import cut
from sandbox.dynamodb.storage import Record, Step, record_of
from sandbox.dynamodb.table import LARGEST_ITEM, SandboxTable
from sandbox.dynamodb.throttle import Admission, Charge
from sandbox.dynamodb.updates import Action, apply, read_update
from sandbox.dynamodb.values import Item

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
        record: the item to put, as it is stored.
    """

    kind: str
    table: SandboxTable
    key: bytes
    attributes: Item
    condition: Node | None = None
    actions: tuple[Action, ...] = ()
    shows_item: bool = False
    record: Record | None = None

    def old(self) -> Record | None:
        """The item that is there, as it is stored."""
        return self.table.store.get(self.key)

    def prepare(self, factor: int = 1) -> "Prepared":
        """Check the write against the item that is there, and change nothing.

        Args:
            factor: 2 in a transaction, which consumes twice as much.

        Raises:
            DynamoDBError: ConditionalCheckFailedException, or ValidationException for an update
                that the item does not allow.
        """
        old = self.old()
        before = old.item() if old else None
        if self.condition is not None and not holds(self.condition, before or {}):
            raise condition_failed(before if self.shows_item else None)
        after, new = self._result(before, old)
        steps: list[Step] = []
        if self.kind != "ConditionCheck":
            steps = self.table.store.plan(self.key, before, after, new)
        units = write_units(old.size if old else 0, new.size if new else 0)
        charges = [Charged(factor * units)]
        for step in steps:
            if (extra := index_units(step.change)) > 0:
                local = self.table.is_local(step.name)
                charges.append(Charged(factor * extra, step.name, local))
        return Prepared(self, before, after, new, steps, charges)

    def _result(self, before: Item | None, old: Record | None) -> tuple[Item | None, Record | None]:
        if self.kind == "Put":
            return self.attributes, self.record or record_of(self.attributes)
        if self.kind == "Delete":
            return None, None
        if self.kind == "ConditionCheck":
            return before, old
        item = apply(list(self.actions), before or dict(self.attributes))
        self.table.check_index_keys(item)
        record = record_of(item)
        if record.size > LARGEST_ITEM:
            raise invalid("Item size to update has exceeded the maximum allowed size")
        return item, record


class Charged(NamedTuple):
    """Write units of a table or, by its name, of an index."""

    units: float
    index_name: str | None = None
    local: bool = False


@dataclass
class Prepared:
    """A write that nothing but capacity can stop any more.

    Attributes:
        write: the write.
        before: the item that is there.
        after: the item to be there; None for no item.
        new: the same, as it is stored.
        steps: what it does to the indexes.
        charged: what it consumes.
    """

    write: Write
    before: Item | None
    after: Item | None
    new: Record | None
    steps: list[Step]
    charged: list[Charged]

    @property
    def charges(self) -> list[Charge]:
        """What `Admission` asks for. A local secondary index takes from the table."""
        table = self.write.table
        return [
            Charge(table, "Write", c.units, None if c.local else c.index_name) for c in self.charged
        ]

    def do(self, consumed: Consumed) -> None:
        """Store, and note what it consumes. It cannot fail."""
        write = self.write
        for units, index, local in self.charged:
            consumed.add(write.table, "Write", units, index, local)
        if write.kind != "ConditionCheck":
            write.table.store_item(write.key, self.before, self.after, self.new, self.steps)


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
    record = None
    if kind == "Put":
        attributes = request["Item"]
        record = record_of(attributes)
        key = table.check_item(attributes, record.size)
    else:
        attributes = request["Key"]
        key = table.key_bytes(attributes)
    for action in actions:
        if action.path[0] in table.store.keys.names:
            raise invalid_values(
                f"Cannot update attribute {action.path[0]}. This attribute is part of the key"
            )
    shows = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return Write(kind, table, key, attributes, condition, tuple(actions), shows, record)


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
    done: list[Write] = []
    throttled: DynamoDBError | None = None
    for write, (name, part) in zip(writes, asked, strict=True):
        prepared = write.prepare()
        try:
            Admission().admit(prepared.charges)
        except DynamoDBError as error:
            throttled = error
            left.setdefault(name, []).append(part)
        else:
            prepared.do(consumed)
            done.append(write)
    if throttled is not None and not done:
        raise throttled
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
    prepared = write.prepare()
    Admission().admit(prepared.charges)
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    prepared.do(consumed)
    body: dict[str, Any] = {}
    if attributes := _returned(request.get("ReturnValues"), write, prepared.before, prepared.after):
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
