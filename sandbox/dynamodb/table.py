"""One table: moto's, with its items in sorted storage and AWS's rules for keys and sizes."""

import base64
import time
from bisect import bisect_left
from operator import itemgetter
from typing import Any, ClassVar

from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.dynamo_type import Item as MotoItem
from moto.dynamodb.models.table import GlobalSecondaryIndex, Table
from moto.moto_api._internal import mock_random

from sandbox.dynamodb import schema
from sandbox.dynamodb.errors import DynamoDBError, invalid, invalid_values
from sandbox.dynamodb.expiry import Expiry
from sandbox.dynamodb.storage import Record, Step, TableItems
from sandbox.dynamodb.streams import SandboxShard
from sandbox.dynamodb.throttle import Throttle
from sandbox.dynamodb.values import Item, Value, type_of
from sandbox.journal import Journal
from sandbox.pace import Pace, picklable

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LARGEST_ITEM = 400 * 1024
LARGEST_PARTITION_KEY = 2048
LARGEST_SORT_KEY = 1024
# Point-in-time recovery reaches back so far, in seconds: 35 days.
LONGEST_HISTORY = 35 * 24 * 3600

# When, the item's key, and the record that was there; None where there was none.
Replaced = tuple[float, bytes, Record | None]


class SandboxTable(Table):
    """moto's table; `store` holds the items.

    Its description is pickled with the account, its items are rows of the journal: they are read
    when somebody asks for them first.

    Attributes:
        status: AWS's table status.
        place: under which number the journal keeps its items and its history.
        throttle: what provisioned capacity is left.
    """

    journal: ClassVar[Journal] = Journal(None)
    pace: ClassVar[Pace] = Pace("instant")

    def __init__(self, *args: Any, **kwargs: Any):
        self.place = self.journal.new_owner()
        super().__init__(*args, **kwargs)
        self.status = "ACTIVE"
        self.table_id = str(mock_random.uuid4())
        self.restored: dict[str, Any] | None = None
        self._store: TableItems | None = TableItems(schema.keys_of(self.schema, self.attr))
        self._history: list[Replaced] | None = []
        self.recovers_since = 0.0
        self.throttle = Throttle(self)
        self.expiry: Expiry | None = None
        for index in [*self.indexes, *self.global_indexes]:
            self._open(index)

    def __getstate__(self) -> dict[str, Any]:
        """Without what the journal keeps row by row."""
        return {**vars(self), "_store": None, "_history": None}

    # -- what the journal keeps -------------------------------------------------------------

    @property
    def store(self) -> TableItems:
        """The items and their indexes."""
        if self._store is None:
            self._store = TableItems(schema.keys_of(self.schema, self.attr))
            self._store.fill(self.journal.items(self.place))
            for index in [*self.indexes, *self.global_indexes]:
                self._open(index)
            if self.expiry is not None:
                self.expiry.fill(self._store)
        return self._store

    @property
    def history(self) -> list[Replaced]:
        """What writes replaced, for point-in-time recovery, the oldest first."""
        if self._history is None:
            self._history = [
                (when, key, None if raw is None else Record(raw, size))
                for when, key, raw, size in self.journal.history(self.place)
            ]
        return self._history

    def forget_history(self, until: float) -> None:
        """Forget what was replaced before a moment."""
        kept = bisect_left(self.history, until, key=itemgetter(0))
        if kept:
            del self.history[:kept]
            self.journal.forget_history(self.place, until)

    def fill(self, items: TableItems) -> None:
        """Take all the items of another table; this one is empty."""
        for key, record in items.range(b"", None):
            self.store.write(key, None, record.item(), record)
        self.journal.put_items(self.place, items.rows())

    def forget(self) -> None:
        """Have the journal forget what the table held."""
        self.journal.forget(self.place)
        if isinstance(self.stream_shard, SandboxShard):
            self.journal.forget(self.stream_shard.place)

    # -- indexes ----------------------------------------------------------------------------

    def open_index(self, index: GlobalSecondaryIndex) -> None:
        """Add a global secondary index, which holds the items that are there."""
        self.global_indexes.append(index)
        self._open(index)

    @picklable
    def close_index(self, name: str) -> None:
        """Remove a global secondary index, and the attribute definitions that only it used."""
        self.global_indexes = [index for index in self.global_indexes if index.name != name]
        self.store.indexes.pop(name, None)
        used = {e["AttributeName"] for e in self.schema}
        for index in [*self.indexes, *self.global_indexes]:
            used |= {e["AttributeName"] for e in index.schema}
        self.attr = [d for d in self.attr if d["AttributeName"] in used]

    def _open(self, index: Any) -> None:
        keys = schema.keys_of(index.schema, self.attr)
        self.store.add_index(index.name, keys, schema.projected(index.projection))

    def index_named(self, name: str) -> Any:
        """moto's record of an index; None where there is none."""
        every = [*self.indexes, *self.global_indexes]
        return next((index for index in every if index.name == name), None)

    def is_local(self, name: str) -> bool:
        """Whether an index is a local secondary index."""
        return any(index.name == name for index in self.indexes)

    # -- items ------------------------------------------------------------------------------

    def key_bytes(self, key: Item) -> bytes:
        """Where a key leads, for get, update and delete.

        Raises:
            DynamoDBError: ValidationException, where it is not exactly the table's key.
        """
        keys = self.store.keys
        if set(key) != set(keys.names) or any(
            type_of(value) != keys.types[name] for name, value in key.items()
        ):
            raise invalid("The provided key element does not match the schema")
        self._check_key_values(key)
        return keys.bytes_of(key)

    def check_item(self, item: Item, size: int) -> bytes:
        """Return where a new item goes; `size` is its `item_size`.

        Raises:
            DynamoDBError: ValidationException, for its keys, index keys or size.
        """
        keys = self.store.keys
        for name in keys.names:
            if name not in item:
                raise invalid_values(f"Missing the key {name} in the item")
            if type_of(item[name]) != keys.types[name]:
                raise invalid_values(
                    f"Type mismatch for key {name} expected: {keys.types[name]} "
                    f"actual: {type_of(item[name])}"
                )
        self._check_key_values(item)
        self.check_index_keys(item)
        if size > LARGEST_ITEM:
            raise invalid("Item size has exceeded the maximum allowed size")
        return keys.bytes_of(item)

    def check_index_keys(self, item: Item) -> None:
        """Refuse an item whose attribute cannot be the key of an index that it is the key of."""
        for name, index in self.store.indexes.items():
            for attribute in index.keys.names:
                if attribute not in item or attribute in self.store.keys.types:
                    continue
                wanted, value = index.keys.types[attribute], item[attribute]
                if type_of(value) != wanted:
                    raise invalid_values(
                        f"Type mismatch for Index Key {attribute} Expected: {wanted} "
                        f"Actual: {type_of(value)} IndexName: {name}"
                    )
                if not value[wanted]:
                    raise invalid(
                        "One or more parameter values are not valid. A value specified for a "
                        "secondary index key is not supported. The AttributeValue for a key "
                        f"attribute cannot contain an empty {_word(wanted)} value. "
                        f"IndexName: {name}, IndexKey: {attribute}"
                    )
                _check_size(value, attribute == index.keys.partition)

    def store_item(
        self,
        key: bytes,
        before: Item | None,
        now: Item | None,
        new: Record | None,
        steps: list[Step],
        expired: bool = False,
    ) -> None:
        """Put an item, or remove it; everything that follows a write follows.

        Args:
            key: of the item.
            before: the item that is there.
            now: the item to be there; None removes.
            new: the same, as it is stored.
            steps: what `store.plan` says of it.
            expired: whether time to live removes it.
        """
        old = self.store.get(key)
        if old is None and new is None:
            return
        self._read_what_follows()
        self.store.apply(key, new, steps)
        if new is None:
            self.journal.remove_item(self.place, key)
        else:
            self.journal.put_items(self.place, [(key, *new)])
        if self.recovers:
            self._remember(key, old)
        if self.expiry is not None:
            self.expiry.note(key, before, now)
        changed = old is None or new is None or old.raw != new.raw
        if self.stream_shard is not None and self.streams and changed:
            assert isinstance(self.stream_shard, SandboxShard)
            sizes = (old.size if old else 0, new.size if new else 0)
            self.stream_shard.note(before, now, sizes, expired)

    def _read_what_follows(self) -> None:
        # Read now, nothing of this write has to be taken into account.
        if self.recovers:
            _ = self.history
        if self.streams and isinstance(self.stream_shard, SandboxShard):
            _ = self.stream_shard.items

    def _remember(self, key: bytes, old: Record | None) -> None:
        # A clock that was set back must not disturb the order.
        now = max(time.time(), self.history[-1][0] if self.history else 0.0)
        if self.history and self.history[0][0] < now - 2 * LONGEST_HISTORY:
            self.forget_history(now - LONGEST_HISTORY)
        self.history.append((now, key, old))
        self.journal.add_history(self.place, (now, key, *(old or (None, 0))))

    @property
    def recovers(self) -> bool:
        """Whether point-in-time recovery is on."""
        description = self.continuous_backups["PointInTimeRecoveryDescription"]
        return description["PointInTimeRecoveryStatus"] == "ENABLED"

    @property
    def streams(self) -> bool:
        """Whether a stream is on."""
        return bool(self.stream_specification and self.stream_specification["StreamEnabled"])

    def _check_key_values(self, item: Item) -> None:
        keys = self.store.keys
        for name in keys.names:
            value, kind = item[name], keys.types[name]
            if not value[kind]:
                raise invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key "
                    f"attribute cannot contain an empty {_word(kind)} value. Key: {name}"
                )
            _check_size(value, name == keys.partition)

    def pace_name(self) -> str:
        """How fast time passes here: "instant", "lesson" or "aws"."""
        return self.pace.name

    # -- what moto asks ---------------------------------------------------------------------

    def set_stream_specification(self, streams: dict[str, Any] | None) -> None:
        """A shard whose records come from our storage; a stream that is off can still be read."""
        super().set_stream_specification(dict(streams) if streams else None)
        if self.streams:
            if isinstance(self.stream_shard, SandboxShard):
                self.journal.forget(self.stream_shard.place)
            self.stream_shard = SandboxShard(self.account_id, self)
            self.stream_view = self.stream_specification["StreamViewType"]  # type: ignore[index]

    @property
    def stream_arn(self) -> str:
        """The latest stream's."""
        return f"{self.table_arn}/stream/{self.latest_stream_label}"

    def __len__(self) -> int:
        return len(self.store)

    def all_items(self) -> list[MotoItem]:
        """Every item as moto's own, for its export."""
        keys = self.store.keys
        found = []
        for _, record in self.store.range(b"", None):
            item = record.item()
            sort = DynamoType(item[keys.sort]) if keys.sort else None
            found.append(MotoItem(DynamoType(item[keys.partition]), sort, item))
        return found

    def describe(self, base_key: str = "TableDescription") -> dict[str, Any]:
        """As DescribeTable has it; sizes and counts are live, where AWS counts every six hours."""
        answer = super().describe(base_key)
        table = answer[base_key]
        table |= {
            "TableStatus": self.status,
            "TableId": self.table_id,
            "ItemCount": len(self.store),
            "TableSizeBytes": self.store.bytes,
        }
        if self.billing_mode != "PAY_PER_REQUEST":
            del table["BillingModeSummary"]
        if self.restored:
            table["RestoreSummary"] = self.restored
        local = [self._describe_index(i) for i in self.indexes]
        every = [self._describe_index(i) for i in self.global_indexes]
        for word, described in (
            ("LocalSecondaryIndexes", local),
            ("GlobalSecondaryIndexes", every),
        ):
            table.pop(word)
            if described:
                table[word] = described
        return answer

    def _describe_index(self, index: Any) -> dict[str, Any]:
        held = self.store.indexes[index.name]
        answer = {
            **index.describe(),
            "IndexArn": f"{self.table_arn}/index/{index.name}",
            "ItemCount": len(held),
            "IndexSizeBytes": held.bytes,
        }
        if isinstance(index, GlobalSecondaryIndex):
            if self.status == "CREATING":
                answer["IndexStatus"] = "CREATING"
            elif index.status == "CREATING":
                # What it holds is not to be seen before it is complete.
                answer |= {"Backfilling": True, "ItemCount": 0, "IndexSizeBytes": 0}
        return answer


def _word(kind: str) -> str:
    return "binary" if kind == "B" else "string"


def _check_size(value: Value, partition: bool) -> None:
    ((kind, content),) = value.items()
    if kind == "N":
        return
    size = len(base64.b64decode(content)) if kind == "B" else len(content.encode())
    if partition and size > LARGEST_PARTITION_KEY:
        raise _too_large(
            f"Size of hashkey has exceeded the maximum size limit of{LARGEST_PARTITION_KEY} bytes"
        )
    if not partition and size > LARGEST_SORT_KEY:
        raise _too_large(
            "Aggregated size of all range keys has exceeded the size limit of "
            f"{LARGEST_SORT_KEY} bytes"
        )


def _too_large(message: str) -> DynamoDBError:
    return invalid_values(message)
