"""What a query or a scan reads: a table or an index, and whether it may be read now."""

from dataclasses import dataclass
from typing import Any

from sandbox.dynamodb.errors import invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Path
from sandbox.dynamodb.storage import IndexItems, Keys
from sandbox.dynamodb.table import SandboxTable


@dataclass(frozen=True)
class Source:
    """What a query or scan reads.

    Attributes:
        table: the table.
        index: the secondary index; None for the table itself.
        name: the index's name.
        local: whether it is a local secondary index.
        fetches: whether each item is to be had from the table too.
    """

    table: SandboxTable
    index: IndexItems | None
    name: str | None
    local: bool
    fetches: bool

    @property
    def keys(self) -> Keys:
        """The key schema of what is read."""
        return self.index.keys if self.index is not None else self.table.store.keys


def source_of(
    db: Any, request: dict[str, Any], paths: list[Path] | None, chosen: Node | None
) -> Source:
    """What a request reads.

    Args:
        db: the backend.
        request: with TableName, and perhaps IndexName, Select and ConsistentRead.
        paths: the attributes that it asks for; None for all.
        chosen: its filter's tree.

    Raises:
        DynamoDBError: ValidationException for an index that is not there, is not complete yet, or
            does not have what is asked for.
    """
    table = db.table_for_traffic(request["TableName"])
    name = request.get("IndexName")
    if name is None:
        return Source(table, None, None, False, False)
    record = table.index_named(name)
    if record is None or getattr(record, "status", "") == "DELETING":
        raise invalid(f"The table does not have the specified index: {name}")
    local, index = table.is_local(name), table.store.indexes[name]
    every = request.get("Select") == "ALL_ATTRIBUTES"
    asked = [path[0] for path in paths or []]
    missing = [n for n in asked if isinstance(n, str) and not index.projects(n)]
    if local:
        missing += [n for n in names_in(chosen) if not index.projects(n)]
        whole = record.projection["ProjectionType"] == "ALL"
        return Source(table, index, name, True, bool(missing) or (every and not whole))
    if request.get("ConsistentRead"):
        raise invalid("Consistent reads are not supported on global secondary indexes")
    if record.status != "ACTIVE":
        raise invalid(f"Cannot read from backfilling global secondary index: {name}")
    if every and record.projection["ProjectionType"] != "ALL":
        raise invalid_values(
            "Select type ALL_ATTRIBUTES is not supported for global secondary index "
            f"{name} because its projection type is not ALL"
        )
    if missing:
        raise invalid_values(
            f"Global secondary index {name} does not project [{', '.join(missing)}]"
        )
    return Source(table, index, name, False, False)


def names_in(node: Any) -> set[str]:
    """The top-level attributes that a condition looks at."""
    if not isinstance(node, tuple):
        return set()
    if len(node) == 2 and node[0] == "path":
        return {node[1][0]}
    if len(node) == 2 and node[0] == "value":
        return set()
    return set().union(*(names_in(inner) for inner in node)) if node else set()
