"""What a call consumes, by AWS's published arithmetic.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html

A read unit is 4 KB read strongly consistent, a write unit is 1 KB written; an eventually consistent
read costs half, a transaction twice. Sizes are rounded up: per item for get and for each write, per
call for query and scan.
"""

from collections import defaultdict
from typing import Any

from sandbox.dynamodb.storage import Change

READ_BYTES = 4096
WRITE_BYTES = 1024


def read_units(size: int, strong: bool) -> float:
    """Units for reading so many bytes; nothing read costs as much as the least."""
    return max(1, -(-size // READ_BYTES)) * (1.0 if strong else 0.5)


def write_units(*sizes: int | None) -> float:
    """Units for a write: the larger of the item before and after."""
    largest = max((size or 0) for size in sizes)
    return float(max(1, -(-largest // WRITE_BYTES)))


def index_units(change: Change) -> float:
    """Units for what a write did to an index: an entry that moves is one removed and one put."""
    if change.same:
        return 0.0
    if change.moved:
        return write_units(change.before) + write_units(change.after)
    return write_units(change.before, change.after)


class Consumed:
    """Units by table and index, summed over a call.

    Args:
        mode: the request's ReturnConsumedCapacity.
    """

    def __init__(self, mode: str | None):
        self.mode = mode or "NONE"
        self._tables: dict[str, dict[str, Any]] = {}

    def add(
        self, table: Any, kind: str, units: float, index: str | None = None, local: bool = False
    ) -> None:
        """Note units, and take them from what the table has left.

        Args:
            table: the SandboxTable.
            kind: "Read" or "Write".
            units: how many.
            index: the index they are for; None for the table itself.
            local: whether it is a local secondary index.
        """
        table.throttle.take(kind, units, None if local else index)
        if self.mode == "NONE":
            return
        entry = self._tables.setdefault(
            table.name, {"kinds": defaultdict(float), "table": None, "local": {}, "global": {}}
        )
        entry["kinds"][kind] += units
        if index is None:
            entry["table"] = (entry["table"] or 0.0) + units
        else:
            part = entry["local" if local else "global"]
            part[index] = part.get(index, 0.0) + units

    def answer(self, split: bool = False) -> list[dict[str, Any]]:
        """The ConsumedCapacity of each table.

        Args:
            split: name read and write units too, as transactions do.
        """
        return [self._describe(name, entry, split) for name, entry in self._tables.items()]

    def one(self, body: dict[str, Any]) -> dict[str, Any]:
        """An answer about one table, with what it consumed."""
        if self.mode != "NONE" and self._tables:
            body["ConsumedCapacity"] = self.answer()[0]
        return body

    def many(self, body: dict[str, Any], split: bool = False) -> dict[str, Any]:
        """An answer about several tables, with what it consumed."""
        if self.mode != "NONE":
            body["ConsumedCapacity"] = self.answer(split)
        return body

    def _describe(self, name: str, entry: dict[str, Any], split: bool) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "TableName": name,
            "CapacityUnits": sum(entry["kinds"].values()),
        }
        if split:
            for kind, units in entry["kinds"].items():
                answer[f"{kind}CapacityUnits"] = units
        if self.mode == "INDEXES":
            answer["Table"] = {"CapacityUnits": entry["table"] or 0.0}
            if split:
                for kind in entry["kinds"]:
                    answer["Table"][f"{kind}CapacityUnits"] = entry["table"] or 0.0
            for word, part in (
                ("LocalSecondaryIndexes", entry["local"]),
                ("GlobalSecondaryIndexes", entry["global"]),
            ):
                if part:
                    answer[word] = {
                        index: {"CapacityUnits": units} for index, units in part.items()
                    }
        return answer
