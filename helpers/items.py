"""DynamoDB items as a table, and as a drawing of the partitions that they fall into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from boto3.dynamodb.types import Binary, TypeDeserializer

from helpers import _svg
from helpers.drawing import Drawing
from helpers.errors import CourseError
from helpers.tables import Table

ABSENT = "·"
LONGEST = 90  # characters of one value; the page shows what there is, not all of a 400 KB item
TYPES = {"S", "N", "B", "BOOL", "NULL", "L", "M", "SS", "NS", "BS"}
HASHES = 0x10000
WIDTH, LINE = 860, 19  # pixels of the drawing, and of one item in it
MARK = "#fde68a"


def items_table(items: Iterable[Mapping[str, Any]], *first: str) -> Table:
    """Make a table of DynamoDB items: one row for each, one column for each attribute.

    `items_table(response["Items"], "Artist", "SongTitle")` begins with these two columns.

    Args:
        items: from boto3's table (Python values) or client (typed values, such as {"N": "7"}).
        first: the attributes to begin with, such as the key. The others follow in the order in
            which they first appear; DynamoDB itself promises no order of attributes.

    Returns:
        A table of text. "·" stands where an item has no such attribute; maps and sets are in
        alphabetical order, since DynamoDB keeps none; long values are cut, with their length.

    Raises:
        CourseError: `items` is one item or a whole response.
    """
    if isinstance(items, Mapping):
        inside = "response['Items']" if "Items" in items else "[item]"
        raise CourseError(f"items_table() takes a list of items: items_table({inside}).")
    rows = [_untyped(item) for item in items]
    columns = list(dict.fromkeys([*first, *(name for row in rows for name in row)]))
    return Table(
        {
            name: [_cut(show(row[name])) if name in row else ABSENT for row in rows]
            for name in columns
        },
        columns=columns,
    )


def show(value: Any) -> str:
    """An attribute's value in one line, always the same: numbers plainly, maps in order."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, Binary):
        value = value.value
    if isinstance(value, bytes | bytearray):
        return f"0x{bytes(value).hex()}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {show(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(show, value)) + "]"
    if isinstance(value, set | frozenset):
        return "{" + ", ".join(show(each) for each in sorted(value, key=_order)) + "}"
    return str(value)


def partitions_chart(
    items: Iterable[Mapping[str, Any]],
    partition_key: str,
    sort_key: str | None = None,
    *,
    also: str | None = None,
    partitions: int = 3,
    marked: Iterable[Mapping[str, Any]] = (),
) -> Drawing:
    """Draw in which partition each item of a table (or of an index) lies, and in which order.

    DynamoDB hashes the value of the partition key; each partition holds a range of hashes, and in
    it the items with one partition key lie together, in the order of the sort key. AWS keeps its
    hash function and the number of partitions to itself: this drawing uses BLAKE2s and three.
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.Partitions.html

    Args:
        items: the items, with Python values or typed ones.
        partition_key: an attribute's name.
        sort_key: an attribute's name; None where the key is the partition key alone.
        also: an attribute to write beside the sort key, where that alone does not tell which item.
        partitions: how many to draw.
        marked: items to mark, such as those that a query returned, with their keys at least.

    Returns:
        A Drawing; the last line of a cell shows it. Items without one of the keys are counted
        below it: an index does not hold them.
    """
    keys = [partition_key] if sort_key is None else [partition_key, sort_key]
    rows = [_untyped(item) for item in items]
    held = [row for row in rows if all(key in row for key in keys)]
    found = [_untyped(item) for item in marked]
    # What all have in common tells them apart: the keys are in it, whatever a query returned.
    names = set.intersection(*(set(row) for row in [*rows, *found])) if found else set()
    chosen = {show({name: row[name] for name in names}) for row in found}
    collections: dict[str, list[_Row]] = {}
    # In an index, keys may be the same: then any order will do, if it is always the same.
    for row in sorted(held, key=lambda row: [*(_order(row[key]) for key in keys), show(row)]):
        label = " · ".join(show(row[name]) for name in (sort_key, also) if name in row)
        is_marked = show({name: row[name] for name in names}) in chosen
        collections.setdefault(show(row[partition_key]), []).append(_Row(label, is_marked))
    size = HASHES / partitions
    shelves: list[list[_Collection]] = [[] for _ in range(partitions)]
    for value, lines in sorted(collections.items(), key=lambda each: _hash(each[0])):
        number = _hash(value)
        shelves[int(number / size)].append(_Collection(value, number, lines))
    title = f"partition key {partition_key}" + (f", sort key {sort_key}" if sort_key else "")
    left_out = len(rows) - len(held)
    note = f"{left_out} without {' or '.join(keys)}: not in here" if left_out else ""
    text = _words(title, shelves, note, partition_key)
    return Drawing(_draw(title, shelves, note, partition_key, text), text)


@dataclass(frozen=True)
class _Row:
    """An item: its sort key's value, and whether it is marked."""

    label: str
    marked: bool


@dataclass(frozen=True)
class _Collection:
    """The items of one value of the partition key."""

    value: str
    hash: int
    rows: list[_Row]

    @property
    def marked(self) -> bool:
        return any(row.marked for row in self.rows)


def _untyped(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item with Python values. A key is never a map, so no Python item looks typed."""
    typed = item and all(
        isinstance(value, Mapping) and len(value) == 1 and set(value) <= TYPES
        for value in item.values()
    )
    if not typed:
        return dict(item)
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def _order(value: Any) -> tuple[int, Any]:
    """DynamoDB's order of keys: numbers by value, strings and bytes byte by byte."""
    if isinstance(value, int | float | Decimal):
        return (0, value)
    if isinstance(value, str):
        return (1, value.encode())
    return (1, bytes(value.value if isinstance(value, Binary) else value))


def _hash(value: str) -> int:
    return int.from_bytes(hashlib.blake2s(value.encode()).digest()[:2], "big")


def _cut(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[: LONGEST - 30]}… ({len(text):,} characters)"


def _range(number: int, of: int) -> str:
    first, last = -(-HASHES * number // of), -(-HASHES * (number + 1) // of) - 1
    return f"{first:04x} to {last:04x}"


def _words(title: str, shelves: list[list[_Collection]], note: str, key: str) -> str:
    """The drawing in words; marked items have a star."""
    lines = [title]
    for number, shelf in enumerate(shelves):
        empty = "" if shelf else ": empty"
        lines.append(f"partition {number + 1}, hashes {_range(number, len(shelves))}{empty}")
        for each in shelf:
            rows = "; ".join("*" * row.marked + row.label for row in each.rows).strip()
            lines.append(f"  {each.hash:04x} {key} = {each.value}" + (f": {rows}" if rows else ""))
    return "\n".join([*lines, note] if note else lines)


def _draw(
    title: str, shelves: list[list[_Collection]], note: str, key: str, description: str
) -> str:
    """The drawing: partitions side by side, in each the collections in the order of hashes."""
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img"})
    SubElement(svg, "title").text = "Where the items lie"
    SubElement(svg, "desc").text = description
    paper = SubElement(svg, "rect", {"width": "100%", "height": "100%", "rx": "10"})
    paper.set("fill", _svg.PAPER)
    _svg._text(svg, (_svg.PAD, 28), title, bold=True, size=15)
    width = (WIDTH - _svg.PAD * (len(shelves) + 1)) / len(shelves)
    bottoms, frames = [], SubElement(svg, "g")
    for number, shelf in enumerate(shelves):
        x = _svg.PAD + number * (width + _svg.PAD)
        _svg._text(svg, (x + 12, 68), f"partition {number + 1}", bold=True, size=14)
        hashes = _range(number, len(shelves))
        if width > 250:
            hashes = f"hashes {hashes}"
        _svg._text(svg, (x + width - 12, 68), hashes, fill=_svg.FAINT, anchor="end")
        y = 82.0
        for collection in shelf:
            y = _draw_collection(svg, collection, key, (x + 10, y), width - 20) + 10
        if not shelf:
            _svg._text(svg, (x + 12, y + 14), "empty", fill=_svg.FAINT)
            y += 30
        bottoms.append(y)
    bottom = max(bottoms)
    fill, stroke, _ = _svg.GROUND["private"]
    for number in range(len(shelves)):
        corner = (_svg.PAD + number * (width + _svg.PAD), 46)
        _svg._box(frames, corner, (width, bottom - 46), fill, stroke)
    words = "the hashes here are BLAKE2s, cut short: AWS does not tell its own"
    for line in [note, words] if note else [words]:
        bottom += 22
        _svg._text(svg, (_svg.PAD, bottom), line, fill=_svg.FAINT)
    svg.attrib |= {"viewBox": f"0 0 {WIDTH} {bottom + 14:g}", "width": str(WIDTH)}
    svg.attrib |= {"font-family": _svg.FONT, "style": "max-width: 100%; height: auto"}
    return tostring(svg, encoding="unicode")


def _draw_collection(
    svg: Element, collection: _Collection, key: str, corner: _svg.Point, width: float
) -> float:
    """Draw the items of one partition key's value, and return their bottom."""
    labels = [row for row in collection.rows if row.label]
    height = 32 + LINE * len(labels)
    frame = MARK if collection.marked and not labels else _svg.WHITE
    _svg._box(svg, corner, (width, height), frame, "#94a3b8", radius=6)
    x, y = corner[0] + 12, corner[1] + 21
    name = _svg._fit(f"{key} = {collection.value}", width - 62, 12)
    _svg._text(svg, (x, y), name, bold=True)
    right = corner[0] + width - 10
    _svg._text(svg, (right, y), f"{collection.hash:04x}", fill=_svg.ORANGE, anchor="end")
    for row in labels:
        y += LINE
        if row.marked:
            _svg._box(svg, (x - 4, y - 14), (width - 16, LINE), MARK, "none", radius=3)
        _svg._text(svg, (x + 4, y), _svg._fit(row.label, width - 24, 10))
    return corner[1] + height
