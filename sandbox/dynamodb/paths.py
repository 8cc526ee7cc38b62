"""Document paths: what stands at one, and an item cut down to some of them."""

from collections.abc import Iterable
from typing import Any

from sandbox.dynamodb.values import Item, Value

Path = tuple[str | int, ...]


def look_up(path: Path, item: Item) -> Value | None:
    """The value at a path; None where the item has none."""
    value: Value | None = item.get(path[0])  # type: ignore[arg-type]
    for element in path[1:]:
        if value is None:
            return None
        if isinstance(element, str):
            value = value["M"].get(element) if "M" in value else None
        else:
            members = value.get("L", ())
            value = members[element] if element < len(members) else None
    return value


def cut(item: Item, paths: Iterable[Path]) -> Item:
    """The item with these paths only; a list keeps the chosen members, moved together."""
    tree: dict[Any, Any] = {}
    for path in paths:
        branch = tree
        for element in path:
            branch = branch.setdefault(element, {})
    result = {}
    for name, value in item.items():
        if name in tree and (part := _cut_value(value, tree[name])) is not None:
            result[name] = part
    return result


def _cut_value(value: Value, tree: dict[Any, Any]) -> Value | None:
    if not tree:
        return value
    if "M" in value:
        parts = {
            name: part
            for name, inner in value["M"].items()
            if name in tree and (part := _cut_value(inner, tree[name])) is not None
        }
        return {"M": parts} if parts else None
    if "L" in value:
        members = [
            part
            for position, inner in enumerate(value["L"])
            if position in tree and (part := _cut_value(inner, tree[position])) is not None
        ]
        return {"L": members} if members else None
    return None
