"""Query and Scan: a page of a table or an index."""

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple

from sandbox.dynamodb import legacy
from sandbox.dynamodb.capacity import Consumed, read_units
from sandbox.dynamodb.conditions import holds, read_condition
from sandbox.dynamodb.errors import invalid
from sandbox.dynamodb.expressions import Node, Path, Placeholders
from sandbox.dynamodb.keyconditions import (
    KeyCondition,
    Range,
    meets,
    range_of,
    read_key_conditions,
)
from sandbox.dynamodb.sources import Source, names_in, source_of
from sandbox.dynamodb.storage import HASH_BYTES, Record, cut_raw
from sandbox.dynamodb.values import Item, type_of

# What one call examines at most.
LARGEST_PAGE = 1024 * 1024


class Page(NamedTuple):
    """What one call found."""

    records: list[Record]
    examined: int
    size: int
    fetched: float
    last: Record | None


def query(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html"""
    legacy.check_not_mixed(request)
    placeholders = Placeholders(
        request, ["KeyConditionExpression", "FilterExpression", "ProjectionExpression"]
    )
    if "KeyConditionExpression" in request:
        conditions = read_key_conditions(request["KeyConditionExpression"], placeholders)
    elif "KeyConditions" in request:
        conditions = legacy.key_conditions(request["KeyConditions"])
    else:
        raise invalid(
            "Either the KeyConditions or KeyConditionExpression parameter must be specified "
            "in the request."
        )
    chosen, paths = _choice(request, placeholders, "QueryFilter")
    source = source_of(db, request, paths, chosen)
    keys = source.keys
    where = range_of(conditions, keys)
    for name in names_in(chosen):
        if name in keys.names:
            raise invalid(
                "Filter Expression can only contain non-primary key attributes: "
                f"Primary key attribute: {name}"
            )
    backward = not request.get("ScanIndexForward", True)
    return _answer(source, request, [_part(source, request, where, backward)], chosen, paths)


def run(
    db: Any,
    request: dict[str, Any],
    searches: list[list[KeyCondition]],
    chosen: Node | None,
    paths: list[Path] | None,
    backward: bool,
) -> dict[str, Any]:
    """Queries one after the other or, without key conditions, a scan, of what PartiQL has read.

    Args:
        db: the backend.
        request: TableName, and perhaps IndexName, Limit, ExclusiveStartKey, ConsistentRead and
            ReturnConsumedCapacity.
        searches: the conditions on the key, for each query.
        chosen: the filter's tree.
        paths: the attributes wanted; None for all.
        backward: from the largest sort key down.
    """
    source = source_of(db, request, paths, chosen)
    start = request.get("ExclusiveStartKey")
    if not searches:
        whole = (_start(source, start) + b"\x00" if start else b"", None, False)
        return _answer(source, request, [whole], chosen, paths)
    ranges = [range_of(conditions, source.keys) for conditions in searches]
    while start and len(ranges) > 1 and start.get(source.keys.partition) != ranges[0].partition:
        ranges.pop(0)  # The pages before this one have read it.
    parts = [_part(source, request, ranges[0], backward)]
    parts += [(where.low, where.high, backward) for where in ranges[1:]]
    return _answer(source, request, parts, chosen, paths)


def scan(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html"""
    legacy.check_not_mixed(request)
    placeholders = Placeholders(request, ["FilterExpression", "ProjectionExpression"])
    chosen, paths = _choice(request, placeholders, "ScanFilter")
    low, high = _segment(request)
    source = source_of(db, request, paths, chosen)
    if start := request.get("ExclusiveStartKey"):
        position = _start(source, start)
        if not low <= position or (high is not None and position >= high):
            raise invalid(
                "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
                "ExclusiveStartKey with correct Segment. "
                f"TotalSegments: {request['TotalSegments']} Segment: {request['Segment']}"
            )
        low = position + b"\x00"
    return _answer(source, request, [(low, high, False)], chosen, paths)


def _choice(
    request: dict[str, Any], placeholders: Placeholders, old: str
) -> tuple[Node | None, list[Path] | None]:
    chosen: Node | None = None
    if "FilterExpression" in request:
        chosen = read_condition("FilterExpression", request["FilterExpression"], placeholders)
    elif old in request:
        chosen = legacy.condition(request[old], request.get("ConditionalOperator"))
    paths = legacy.paths_asked_for(request, placeholders)
    placeholders.check_all_used()
    _check_select(request)
    return chosen, paths


def _check_select(request: dict[str, Any]) -> None:
    select = request.get("Select")
    given = next(
        (word for word in ("ProjectionExpression", "AttributesToGet") if word in request), None
    )
    if select == "SPECIFIC_ATTRIBUTES" and given is None:
        raise invalid(
            "Must specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES"
        )
    if select not in (None, "SPECIFIC_ATTRIBUTES") and given is not None:
        what = "only the Count" if select == "COUNT" else select
        raise invalid(f"Cannot specify the {given} when choosing to get {what}")
    if select == "ALL_PROJECTED_ATTRIBUTES" and "IndexName" not in request:
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")


def _segment(request: dict[str, Any]) -> tuple[bytes, bytes | None]:
    # A worker's part of the space of hashes: an item is always in the same segment.
    segment, total = request.get("Segment"), request.get("TotalSegments")
    if segment is None and total is None:
        return b"", None
    if total is None:
        raise invalid(
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present"
        )
    if segment is None:
        raise invalid(
            "The Segment parameter is required but was not present in the request when "
            "parameter TotalSegments is present"
        )
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    space = 1 << (8 * HASH_BYTES)
    low, high = (space * n // total for n in (segment, segment + 1))
    return low.to_bytes(HASH_BYTES), None if high == space else high.to_bytes(HASH_BYTES)


def _part(
    source: Source, request: dict[str, Any], where: Range, backward: bool
) -> tuple[bytes, bytes | None, bool]:
    low, high = where.low, where.high
    if start := request.get("ExclusiveStartKey"):
        position = _start(source, start)
        _check_start(source, start, where)
        low, high = (low, position) if backward else (position + b"\x00", high)
    return low, high, backward


def _start(source: Source, key: Item) -> bytes:
    keys = source.table.store.keys
    types = {**keys.types, **source.keys.types}
    if set(key) != set(types) or any(
        type_of(value) != types[name] or not value[types[name]] for name, value in key.items()
    ):
        raise invalid(
            "The provided starting key is invalid: "
            "The provided key element does not match the schema"
        )
    return source.index.start_of(key) if source.index is not None else keys.bytes_of(key)


def _check_start(source: Source, key: Item, where: Range) -> None:
    keys = source.keys
    if key[keys.partition] != where.partition:
        raise invalid(
            "The provided starting key is outside query boundaries based on provided conditions"
        )
    if where.sort and not meets(key[where.sort.name], where.sort):
        raise invalid("The provided starting key does not match the range key predicate")


def _answer(
    source: Source,
    request: dict[str, Any],
    parts: list[tuple[bytes, bytes | None, bool]],
    chosen: Node | None,
    paths: list[Path] | None,
) -> dict[str, Any]:
    strong = request.get("ConsistentRead", False)
    source.table.throttle.check("Read", None if source.local else source.name)
    items = source.index if source.index is not None else source.table.store
    records = chain.from_iterable(items.range(*part) for part in parts)
    page = _read(source, records, request.get("Limit"), chosen, strong)
    body: dict[str, Any] = {}
    if request.get("Select") != "COUNT":
        body["Items"] = [
            record.raw if paths is None else cut_raw(record, paths) for record in page.records
        ]
    body |= {"Count": len(page.records), "ScannedCount": page.examined}
    if page.last is not None:
        item = page.last.item()
        key = source.table.store.keys.of(item)
        body["LastEvaluatedKey"] = {**source.keys.of(item), **key}
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    units = read_units(page.size, strong)
    consumed.add(source.table, "Read", units, source.name, source.local)
    if page.fetched:
        consumed.add(source.table, "Read", page.fetched)
    return consumed.one(body)


def _read(
    source: Source,
    records: Iterable[tuple[bytes, Record]],
    limit: int | None,
    chosen: Node | None,
    strong: bool,
) -> Page:
    found: list[Record] = []
    examined, size, fetched = 0, 0, 0.0
    last: Record | None = None
    for _, record in records:
        if examined and size + record.size > LARGEST_PAGE:
            return Page(found, examined, size, fetched, last)
        examined += 1
        size += record.size
        last = record
        whole = record
        if source.fetches:
            whole = source.table.store.get(source.table.store.keys.bytes_of(record.item())) or whole
            fetched += read_units(whole.size, strong)
        if chosen is None or holds(chosen, whole.item()):
            found.append(whole)
        if examined == limit:
            return Page(found, examined, size, fetched, last)
    return Page(found, examined, size, fetched, None)
