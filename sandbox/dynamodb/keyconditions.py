"""Key conditions: what part of a table or an index a query reads.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from typing import NamedTuple

from sandbox.dynamodb.conditions import read_condition
from sandbox.dynamodb.errors import invalid, invalid_values
from sandbox.dynamodb.expressions import Node, Placeholders
from sandbox.dynamodb.storage import END, Keys, after, hash_of, sort_bytes
from sandbox.dynamodb.values import Value, comparable, type_of

MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class KeyCondition(NamedTuple):
    """A condition on one key attribute.

    Attributes:
        name: the attribute.
        operator: "=", "<", "<=", ">", ">=", "between" or "begins_with".
        values: one value; two for "between".
    """

    name: str
    operator: str
    values: tuple[Value, ...]


class Range(NamedTuple):
    """What to read: the keys from `low` to before `high`, as bytes, and the conditions it meets."""

    low: bytes
    high: bytes | None
    partition: Value
    sort: KeyCondition | None


def read_key_conditions(text: str, placeholders: Placeholders) -> list[KeyCondition]:
    """The conditions of a KeyConditionExpression.

    Raises:
        DynamoDBError: ValidationException, with AWS's message.
    """
    found = _flat(read_condition("KeyConditionExpression", text, placeholders))
    return [_condition(node) for node in found]


def range_of(conditions: list[KeyCondition], keys: Keys) -> Range:
    """What part of a table or index the conditions choose.

    Raises:
        DynamoDBError: ValidationException, where they do not fit the keys.
    """
    by_name = {condition.name: condition for condition in conditions}
    if len(by_name) < len(conditions):
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    if not 1 <= len(conditions) <= 2:
        raise invalid("Conditions can be of length 1 or 2 only")
    if keys.partition not in by_name:
        raise invalid(f"Query condition missed key schema element: {keys.partition}")
    if len(conditions) == 2 and keys.sort not in by_name:
        if keys.sort is None:
            raise invalid("Query key condition not supported")
        raise invalid(f"Query condition missed key schema element: {keys.sort}")
    partition = by_name[keys.partition]
    if partition.operator != "=":
        raise invalid("Query key condition not supported")
    sort = by_name.get(keys.sort) if keys.sort else None
    for condition in conditions:
        _check_types(condition, keys)
    low, high = _bounds(partition.values[0], sort)
    return Range(low, high, partition.values[0], sort)


def meets(value: Value, condition: KeyCondition) -> bool:
    """Whether a sort key's value meets a condition."""
    key = comparable(value)
    bounds = [comparable(bound) for bound in condition.values]
    if condition.operator == "begins_with":
        return key.startswith(bounds[0])
    if condition.operator == "between":
        return bounds[0] <= key <= bounds[1]
    return {
        "=": key == bounds[0],
        "<": key < bounds[0],
        "<=": key <= bounds[0],
        ">": key > bounds[0],
        ">=": key >= bounds[0],
    }[condition.operator]


def _bounds(partition: Value, sort: KeyCondition | None) -> tuple[bytes, bytes | None]:
    start = hash_of(partition)
    if sort is None:
        return start, after(start)
    low = start + sort_bytes(sort.values[0])
    high = start + sort_bytes(sort.values[-1])
    if sort.operator == "begins_with":
        return low, after(low)
    if sort.operator == "<":
        return start, high
    if sort.operator == "<=":
        return start, after(high + END)
    if sort.operator == ">":
        return after(low + END) or low, after(start)
    if sort.operator == ">=":
        return low, after(start)
    return low, after(high + END)  # "=" and "between"


def _flat(node: Node) -> list[Node]:
    if node[0] == "and":
        return _flat(node[1]) + _flat(node[2])
    if node[0] in ("or", "not", "in"):
        raise _not_for_keys(node[0].upper())
    return [node]


def _condition(node: Node) -> KeyCondition:
    if node[0] == "call":
        operator, operands = node[1], node[2]
        if operator != "begins_with":
            raise _not_for_keys(operator)
    elif node[0] == "between":
        operator, operands = "between", node[1:]
    else:
        operator, operands = node[1], node[2:]
        if operator == "<>":
            raise _not_for_keys(operator)
        if operands[0][0] == "value":
            operator, operands = MIRRORED[operator], (operands[1], operands[0])
    first, rest = operands[0], operands[1:]
    if first[0] != "path" or any(operand[0] != "value" for operand in rest):
        raise invalid(
            "Invalid KeyConditionExpression: Invalid operand used in KeyConditionExpression: "
            "a condition compares one key attribute with a value"
        )
    if len(first[1]) != 1:
        raise invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return KeyCondition(first[1][0], operator, tuple(operand[1] for operand in rest))


def _not_for_keys(operator: str) -> Exception:
    return invalid(f"Invalid operator used in KeyConditionExpression: {operator}")


def _check_types(condition: KeyCondition, keys: Keys) -> None:
    for value in condition.values:
        if type_of(value) != keys.types[condition.name]:
            raise invalid_values("Condition parameter type does not match schema type")
        if condition.operator == "begins_with" and type_of(value) == "N":
            raise invalid_values("Unsupported operator on an attribute of type N: begins_with")
        if not value[type_of(value)]:
            word = "binary" if type_of(value) == "B" else "string"
            raise invalid(
                "One or more parameter values are not valid. The AttributeValue for a key "
                f"attribute cannot contain an empty {word} value. Key: {condition.name}"
            )
    if condition.operator == "between":
        low, high = (comparable(value) for value in condition.values)
        if low > high:
            raise invalid_values(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower "
                "bound"
            )
