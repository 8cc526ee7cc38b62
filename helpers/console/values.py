"""Attribute values in DynamoDB's own JSON, and what a person reads and types for them."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from typing import Any

from helpers.console.calls import to_json
from helpers.console.requests import Item
from helpers.errors import CourseError
from helpers.items import ABSENT

# The types in the AWS console's words.
TYPES = {
    "String": "S",
    "Number": "N",
    "Boolean": "BOOL",
    "Null": "NULL",
    "List": "L",
    "Map": "M",
    "String set": "SS",
    "Number set": "NS",
    "Binary": "B",
    "Binary set": "BS",
}
LONGEST = 160  # characters of one value in the grid
DEEPEST = 200  # far deeper than DynamoDB's 32 levels: those are for AWS to refuse


class BadInput(CourseError):
    """What was typed cannot be made into a request at all."""


def from_text(kind: str, text: str) -> dict[str, Any]:
    """A value as typed into the form.

    Args:
        kind: "S", "N", "BOOL", …
        text: the text or number itself; "true" or "false"; base64 for binary; a line for each
            member of a set; the DynamoDB JSON inside "L" and "M".

    Returns:
        Such as {"N": "1981"}. Whether "1981" is a number is for AWS to say.

    Raises:
        BadInput: no JSON, or no base64.
    """
    if kind == "S":
        return {"S": text}
    if kind == "N":
        return {"N": text.strip()}
    if kind == "BOOL":
        return {"BOOL": text == "true"}
    if kind == "NULL":
        return {"NULL": True}
    if kind in ("L", "M"):
        empty = "[]" if kind == "L" else "{}"
        return _decoded({kind: _json(text.strip() or empty)})
    if kind == "B":
        return {"B": _bytes(text)}
    members = [line for line in text.splitlines() if line.strip()]
    return {kind: [_bytes(each) if kind == "BS" else each for each in members]}


def to_text(value: Mapping[str, Any]) -> str:
    """The opposite of `from_text`."""
    kind, inside = next(iter(value.items()))
    if kind in ("L", "M"):
        return to_json(inside, indent=2)
    if kind == "BOOL":
        return "true" if inside else "false"
    if kind == "NULL":
        return ""
    if isinstance(inside, list):
        return "\n".join(map(_plain, inside))
    return _plain(inside)


def parse_item(text: str) -> Item:
    """An item from its DynamoDB JSON, such as {"Artist": {"S": "…"}}.

    Raises:
        BadInput: it is no JSON, or no JSON object, or has a name twice. What the JSON means is
            for AWS to judge.
    """
    item = _json(text)
    if not isinstance(item, dict):
        raise BadInput("An item is a JSON object: it begins with { and ends with }.")
    return {name: _decoded(value) for name, value in item.items()}


def shown(value: Mapping[str, Any] | None) -> str:
    """A value as the grid shows it: plainly, nested ones as JSON without the types."""
    if value is None:
        return ABSENT
    plain = _untyped(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def columns_of(items: Sequence[Item], first: Sequence[str]) -> list[str]:
    """The names of all attributes: the keys first, the others in order of the alphabet."""
    others = {name for item in items for name in item} - set(first)
    return [*first, *sorted(others)]


def _untyped(value: Mapping[str, Any]) -> Any:
    kind, inside = next(iter(value.items()))
    if kind == "M":
        return {name: _untyped(each) for name, each in inside.items()}
    if kind == "L":
        return [_untyped(each) for each in inside]
    if kind == "NULL":
        return None
    if isinstance(inside, list):
        return [_plain(each) for each in inside]
    return inside if isinstance(inside, bool) else _plain(inside)


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _json(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"Invalid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except BadInput:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise BadInput(f"Invalid JSON: {error}.") from None
    except RecursionError:
        raise BadInput("Nested too deeply to be read; DynamoDB allows 32 levels.") from None
    if _depth(value) > DEEPEST:
        raise BadInput("Nested too deeply to be sent; DynamoDB allows 32 levels.")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise BadInput("Invalid JSON: \\u followed by half a character.") from None
    return value


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"Invalid JSON: the name {name!r} is there twice.")
    return dict(pairs)


def _depth(value: Any) -> int:
    level, depth = [value] if isinstance(value, dict | list) else [], 0
    while level:
        depth += 1
        below: list[Any] = []
        for each in level:
            below += each.values() if isinstance(each, dict) else each
        level = [each for each in below if isinstance(each, dict | list)]
    return depth


def _decoded(value: Any) -> Any:
    """With the bytes that base64 stands for; what is not as it should be stays for AWS to see."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inside = next(iter(value.items()))
    if kind == "M" and isinstance(inside, dict):
        return {"M": {name: _decoded(each) for name, each in inside.items()}}
    if kind == "L" and isinstance(inside, list):
        return {"L": [_decoded(each) for each in inside]}
    if kind == "B" and isinstance(inside, str):
        return {"B": _bytes(inside)}
    if kind == "BS" and isinstance(inside, list):
        return {"BS": [_bytes(each) if isinstance(each, str) else each for each in inside]}
    return value


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text.strip(), validate=True)
    except binascii.Error as error:
        raise BadInput(f"A binary value is typed in base64: {error}.") from None
