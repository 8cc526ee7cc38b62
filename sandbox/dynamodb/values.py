"""Attribute values: checked, brought to one form, measured, compared and put in AWS's order.

A value is the wire's own: `{"S": "text"}`, `{"N": "1.5"}`, `{"L": [...]}`. After `normal` it is
in one form, so that equal values are equal as Python objects too: numbers without exponent and
needless zeros, sets sorted.
"""

import base64
import binascii
import re
from decimal import Decimal
from typing import Any

from sandbox.dynamodb.errors import invalid, invalid_values, unreadable

Value = dict[str, Any]
Item = dict[str, Value]

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
DEEPEST = 32
MOST_DIGITS = 38
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
PLAIN_INTEGER = re.compile(r"0|-?[1-9]\d{0,37}")
SURROGATE = re.compile("[\ud800-\udfff]")

SCALARS = ("S", "N", "B")
SETS = {"SS": "S", "NS": "N", "BS": "B"}
TYPES = (*SCALARS, *SETS, "BOOL", "NULL", "L", "M")


def normal(value: Any, level: int = 1) -> Value:
    """Check a value and bring it to its one form.

    Args:
        value: as the request has it.
        level: how deep it stands; an attribute of the item is at level 1.

    Raises:
        DynamoDBError: SerializationException for a wrong JSON type, else ValidationException.
    """
    if not isinstance(value, dict):
        raise unreadable("Unexpected value type in payload")
    if len(value) == 1 and level <= DEEPEST:  # nearly all there are
        ((kind, content),) = value.items()
        if kind == "S" and type(content) is str and content.isascii():
            return value
        if kind == "N" and type(content) is str and PLAIN_INTEGER.fullmatch(content):
            return value
    present = [kind for kind in value if value[kind] is not None]
    if not all(kind in TYPES for kind in present) or not present:
        raise invalid(
            "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
        )
    if len(present) > 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    if level > DEEPEST:
        raise invalid(
            "Nesting Levels have exceeded supported limits: "
            "Attributes in the item have nested levels beyond supported limit"
        )
    kind = present[0]
    content = value[kind]
    if kind == "S":
        return {"S": _text(content)}
    if kind == "N":
        return {"N": normal_number(content)}
    if kind == "M":
        if not isinstance(content, dict):
            raise unreadable("Unexpected value type in payload")
        return {"M": {_text(name): normal(v, level + 1) for name, v in content.items()}}
    if kind == "L":
        return {"L": [normal(v, level + 1) for v in _list(content)]}
    if kind == "B":
        return {"B": _base64(content)}
    if kind in SETS:
        return {kind: _set(kind, _list(content))}
    if not isinstance(content, bool):
        raise unreadable("Unexpected value type in payload")
    if kind == "NULL" and not content:
        raise invalid_values("Null attribute value types must have the value of true")
    return {kind: content}


def normal_number(text: Any) -> str:
    """A number's one form: no exponent, no needless zeros.

    Raises:
        DynamoDBError: not a number, more than 38 digits, or beyond the range of DynamoDB.
    """
    if not isinstance(text, str):
        raise unreadable("Unexpected value type in payload")
    if PLAIN_INTEGER.fullmatch(text):
        return text
    text = text.strip()
    if not text:
        raise invalid("The parameter cannot be converted to a numeric value")
    if not NUMBER.fullmatch(text):
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}")
    mantissa, _, exponent = text.lower().partition("e")
    if len(exponent) > 9:  # Decimal would not take it, or take very long.
        exponent = ("-" if exponent.startswith("-") else "") + "99999999"
    number = Decimal(f"{mantissa}e{exponent}") if exponent else Decimal(mantissa)
    if not number:
        return "0"
    if number.adjusted() > 125:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than "
            "supported range"
        )
    if number.adjusted() < -130:
        raise invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than "
            "supported range"
        )
    sign, digits, _ = number.as_tuple()
    bare = "".join(map(str, digits)).strip("0")
    if len(bare) > MOST_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    plain = format(number, "f").lstrip("-")
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return ("-" if sign else "") + plain.lstrip("+")


def size_of(value: Value) -> int:
    """Bytes of a value, by the published rules.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    ((kind, content),) = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return _number_size(content)
    if kind == "M":
        return 3 + sum(len(n.encode()) + size_of(v) + 1 for n, v in content.items())
    if kind == "L":
        return 3 + sum(size_of(v) + 1 for v in content)
    if kind == "B":
        return _decoded_length(content)
    if kind in SETS:
        return sum(size_of({SETS[kind]: member}) for member in content)
    return 1


def item_size(item: Item) -> int:
    """Bytes of an item: its names and its values."""
    total = 0
    for name, value in item.items():
        total += len(name) if name.isascii() else len(name.encode())
        content = value.get("S")
        if content is not None:
            total += len(content) if content.isascii() else len(content.encode())
        else:
            total += size_of(value)
    return total


def ordered(value: Value) -> bytes:
    """Bytes that sort as the key value does: numbers by value, strings by UTF-8, binary by byte."""
    ((kind, content),) = value.items()
    if kind == "S":
        return content.encode()
    if kind == "B":
        return base64.b64decode(content)
    return _ordered_number(content)


def comparable(value: Value) -> Any:
    """What Python can compare with `<`, for S, N and B; the order of the types' own."""
    ((kind, content),) = value.items()
    if kind == "N":
        return Decimal(content)
    if kind == "B":
        return base64.b64decode(content)
    return content  # Python compares strings by code point: the order of their UTF-8 bytes.


def type_of(value: Value) -> str:
    """The type's name, such as "S"."""
    return next(iter(value))


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise unreadable("Unexpected value type in payload")
    if SURROGATE.search(content):
        raise unreadable("Invalid UTF-8 in a string")
    return content


def _list(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise unreadable("Unexpected value type in payload")
    return content


def _base64(content: Any) -> str:
    if not isinstance(content, str):
        raise unreadable("Unexpected value type in payload")
    try:
        return base64.b64encode(base64.b64decode(content, validate=True)).decode()
    except (binascii.Error, ValueError) as error:
        raise unreadable("Invalid Base64 in a binary value") from error


def _set(kind: str, members: list[Any]) -> list[str]:
    if not members:
        words = {"SS": "An string set  may not be empty", "NS": "An number set  may not be empty"}
        raise invalid_values(words.get(kind, "Binary sets should not be empty"))
    if kind == "NS":
        result = [normal_number(m) for m in members]
    else:
        result = [_text(m) if kind == "SS" else _base64(m) for m in members]
    if kind == "SS" and "" in result:
        raise invalid_values("An string set may not have a empty string as a member")
    if kind == "BS" and "" in result:
        raise invalid_values("Binary sets may not contain null or empty values")
    if len(set(result)) != len(result):
        if kind == "NS":
            raise invalid("Input collection contains duplicates")
        shown = ", ".join(map(str, members))
        of_type = " of type BS" if kind == "BS" else ""
        raise invalid_values(f"Input collection [{shown}]{of_type} contains duplicates.")
    return sorted_set(kind, result)


def sorted_set(kind: str, members: list[str]) -> list[str]:
    """A set's members in one order, whatever order they came in."""
    return sorted(members, key=Decimal) if kind == "NS" else sorted(members)


def _number_size(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1


def _decoded_length(text: str) -> int:
    return len(text) * 3 // 4 - text.count("=")


def _ordered_number(text: str) -> bytes:
    # Sign, exponent, digits; for a negative number the last two reversed in their order.
    number = Decimal(text)
    if not number:
        return b"\x80"
    exponent = number.adjusted() + 130
    digits = "".join(map(str, number.as_tuple().digits)).strip("0")
    if number > 0:
        return b"\x81" + bytes([exponent]) + digits.encode()
    turned = "".join(str(9 - int(d)) for d in digits)
    return b"\x7f" + bytes([255 - exponent]) + turned.encode() + b"\xff"
