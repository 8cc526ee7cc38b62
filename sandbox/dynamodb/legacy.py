"""The parameters from before expressions, turned into what expressions become.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
"""

from typing import Any

from sandbox.dynamodb.errors import invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Path, Placeholders, projection
from sandbox.dynamodb.keyconditions import KeyCondition
from sandbox.dynamodb.updates import Action
from sandbox.dynamodb.values import type_of

OPERATORS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
COUNTS = {"NULL": (0, 0), "NOT_NULL": (0, 0), "BETWEEN": (2, 2), "IN": (1, 100)}
EXPRESSIONS = (
    "ProjectionExpression",
    "FilterExpression",
    "UpdateExpression",
    "ConditionExpression",
    "KeyConditionExpression",
)
OLD = (
    "AttributesToGet",
    "Expected",
    "AttributeUpdates",
    "KeyConditions",
    "QueryFilter",
    "ScanFilter",
    "ConditionalOperator",
)


def paths_asked_for(request: dict[str, Any], placeholders: Placeholders) -> list[Path] | None:
    """The paths that a read is to return, from whichever parameter names them; None for all."""
    if "ProjectionExpression" in request:
        return projection(request["ProjectionExpression"], placeholders)
    if "AttributesToGet" in request:
        return [(name,) for name in request["AttributesToGet"]]
    return None


def check_not_mixed(request: dict[str, Any]) -> None:
    """Refuse a request that has both sorts of parameters."""
    old = [word for word in OLD if word in request]
    new = [word for word in EXPRESSIONS if word in request]
    if old and new:
        raise invalid(
            "Can not use both expression and non-expression parameters in the same request: "
            f"Non-expression parameters: {{{', '.join(old)}}} "
            f"Expression parameters: {{{', '.join(new)}}}"
        )


def condition(parts: dict[str, Any] | None, operator: str | None) -> Node | None:
    """The tree of an `Expected`, a `QueryFilter` or a `ScanFilter`."""
    node: Node | None = None
    for name, part in (parts or {}).items():
        one = _expected(name, part) if "ComparisonOperator" not in part else _compare(name, part)
        word = "or" if operator == "OR" else "and"
        node = one if node is None else (word, node, one)
    return node


def key_conditions(parts: dict[str, Any]) -> list[KeyCondition]:
    """The conditions of a `KeyConditions`."""
    found = []
    for name, part in parts.items():
        word, values = part["ComparisonOperator"], _values(part)
        operator = {**OPERATORS, "BETWEEN": "between", "BEGINS_WITH": "begins_with"}.get(word)
        if operator is None or word == "NE":
            raise invalid("Attempted conditional constraint is not an indexable operation")
        found.append(KeyCondition(name, operator, tuple(values)))
    return found


def actions(parts: dict[str, Any] | None) -> list[Action]:
    """The actions of an `AttributeUpdates`."""
    found = []
    for name, part in (parts or {}).items():
        word, value = part.get("Action", "PUT"), part.get("Value")
        if value is None and word != "DELETE":
            raise invalid_values(f"Only DELETE action is allowed when no attribute value is "
                                 f"specified for attribute {name}")  # fmt: skip
        if value is None:
            found.append(Action("REMOVE", (name,)))
        elif word == "PUT":
            found.append(Action("SET", (name,), ("value", value)))
        elif type_of(value) == "L" and word == "ADD":
            empty: Node = ("if_not_exists", ("path", (name,)), ("value", {"L": []}))
            found.append(Action("SET", (name,), ("list_append", empty, ("value", value))))
        else:
            if type_of(value) not in ("N", "SS", "NS", "BS"):
                raise invalid_values(f"Type {type_of(value)} is not supported by {word}")
            found.append(Action(word, (name,), ("value", value)))
    return found


def _expected(name: str, part: dict[str, Any]) -> Node:
    path = ("path", (name,))
    if part.get("Exists") is False:
        return ("call", "attribute_not_exists", (path,))
    if "Value" not in part:
        raise invalid_values(
            f"Value must be provided when Exists is {str(part.get('Exists', 'null')).lower()} "
            f"for Attribute: {name}"
        )
    return ("compare", "=", path, ("value", part["Value"]))


def _compare(name: str, part: dict[str, Any]) -> Node:
    path, word = ("path", (name,)), part["ComparisonOperator"]
    values = [("value", value) for value in _values(part)]
    if word in OPERATORS:
        return ("compare", OPERATORS[word], path, values[0])
    if word == "NULL":
        return ("call", "attribute_not_exists", (path,))
    if word == "NOT_NULL":
        return ("call", "attribute_exists", (path,))
    if word == "BETWEEN":
        return ("between", path, *values)
    if word == "IN":
        return ("in", path, tuple(values))
    if word == "NOT_CONTAINS":
        return ("not", ("call", "contains", (path, values[0])))
    return ("call", word.lower(), (path, values[0]))


def _values(part: dict[str, Any]) -> list[Any]:
    values = part.get("AttributeValueList")
    if values is None:
        values = [part["Value"]] if "Value" in part else []
    least, most = COUNTS.get(part["ComparisonOperator"], (1, 1))
    if not least <= len(values) <= most:
        raise invalid_values(
            f"Invalid number of argument(s) for the {part['ComparisonOperator']} ComparisonOperator"
        )
    return values
