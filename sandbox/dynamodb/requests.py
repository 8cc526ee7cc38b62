"""Reads a request: its JSON, its types and the limits that AWS's own service model states.

What the model (botocore's copy of it) says of lengths, patterns and enumerations is checked here
for every operation, with AWS's "validation error detected" messages. Attribute values are brought
to their one form on the way.
"""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import botocore.session
from botocore.model import Shape

from sandbox.dynamodb.errors import DynamoDBError, invalid, unreadable
from sandbox.dynamodb.values import normal

MOST_ERRORS = 10  # AWS tells no more in one message.

# (value, where it stands, constraint errors so far, value errors so far) -> the value, checked
Check = Callable[[Any, str, list[str], list[DynamoDBError]], Any]


def read(operation: str, body: bytes) -> dict[str, Any]:
    """The parameters of a request.

    Raises:
        DynamoDBError: SerializationException for what is no JSON of this operation;
            ValidationException for what breaks a limit of the service model.
    """
    try:
        data = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise unreadable("The request body is no valid JSON") from error
    return check(operation, data)


def check(operation: str, data: Any) -> dict[str, Any]:
    """The parameters, checked against the service model; see `read`."""
    constraints: list[str] = []
    values: list[DynamoDBError] = []
    result = _check_of_operation(operation)(data, "", constraints, values)
    if constraints:
        count = len(constraints)
        raise invalid(
            f"{count} validation error{'s' if count > 1 else ''} detected: "
            + "; ".join(constraints[:MOST_ERRORS])
        )
    if values:
        raise values[0]
    return result


@cache
def _check_of_operation(operation: str) -> Check:
    session = botocore.session.get_session()
    for name in ("dynamodb", "dynamodbstreams"):
        model = session.get_service_model(name)
        if operation in model.operation_names:
            return _make(model.operation_model(operation).input_shape)
    raise KeyError(operation)


def _make(shape: Shape | None) -> Check:
    makers = {"structure": _structure, "list": _list, "map": _map, "string": _string}
    return makers.get(shape.type_name, _plain)(shape) if shape else _nothing


def _nothing(value: Any, *_: Any) -> Any:
    return value


def _structure(shape: Any) -> Check:
    if shape.name == "AttributeValue":
        return _attribute_value
    members = {name: _make(member) for name, member in shape.members.items()}
    required = list(shape.required_members)

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if not isinstance(value, dict):
            raise unreadable(_unexpected(value, "Structure"))
        for name in required:
            if value.get(name) is None:
                constraints.append(_failed(None, _below(path, _lower(name)), "not be null"))
        # What the model does not know is left out, as AWS does.
        return {
            name: members[name](content, _below(path, _lower(name)), constraints, values)
            for name, content in value.items()
            if name in members and content is not None
        }

    return check


def _list(shape: Any) -> Check:
    member = _make(shape.member)
    lengths = _lengths(shape)

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if not isinstance(value, list):
            raise unreadable(_unexpected(value, "List"))
        for sentence in lengths(len(value)):
            constraints.append(_failed(value, path, sentence))
        if any(content is None for content in value):
            raise unreadable("Unexpected null in a list")
        return [
            member(content, f"{path}.{number}.member", constraints, values)
            for number, content in enumerate(value, 1)
        ]

    return check


def _map(shape: Any) -> Check:
    if shape.value.name == "AttributeValue":
        return _attribute_values(shape.name)
    member = _make(shape.value)
    lengths = _lengths(shape)
    member_lengths = _lengths(shape.value) if shape.value.type_name == "list" else None

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if not isinstance(value, dict):
            raise unreadable(_unexpected(value, "Map"))
        for sentence in lengths(len(value)):
            constraints.append(_failed(value, path, sentence))
        result = {}
        for name, content in value.items():
            if content is None:
                raise unreadable("Unexpected null in a map")
            inner: list[str] = []
            result[name] = member(content, f"{path}.{name}.member", inner, values)
            # Of a list in a map that is too long, AWS speaks at the map.
            if member_lengths and isinstance(content, list) and list(member_lengths(len(content))):
                both = ", ".join(f"Member must {s}" for s in _sentences(shape.value))
                constraints.append(
                    f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: "
                    f"Map value must satisfy constraint: [{both}]"
                )
            else:
                constraints.extend(inner)
        return result

    return check


def _string(shape: Any) -> Check:
    choices = shape.metadata.get("enum")
    pattern = shape.metadata.get("pattern")
    lengths = _lengths(shape)

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if not isinstance(value, str):
            raise unreadable(_unexpected(value, "String"))
        if choices and value not in choices:
            listed = ", ".join(choices)
            constraints.append(_failed(value, path, f"satisfy enum value set: [{listed}]"))
        if pattern and not re.fullmatch(pattern, value, re.ASCII):
            sentence = f"satisfy regular expression pattern: {pattern}"
            constraints.append(_failed(value, path, sentence))
        for sentence in lengths(len(value)):
            constraints.append(_failed(value, path, sentence))
        return value

    return check


def _plain(shape: Any) -> Check:
    numbers = {"integer": "Integer", "long": "Long", "float": "Float", "double": "Double"}
    least = shape.metadata.get("min")
    most = shape.metadata.get("max")

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if shape.type_name == "boolean":
            if not isinstance(value, bool):
                raise unreadable(_unexpected(value, "Boolean"))
            return value
        if shape.type_name not in numbers:  # Timestamps and blobs.
            if isinstance(value, dict | list | bool):
                raise unreadable(_unexpected(value, shape.type_name.title()))
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise unreadable(_unexpected(value, numbers[shape.type_name]))
        if shape.type_name in ("integer", "long"):
            if value != value or abs(value) >= 2**63:
                raise unreadable(_unexpected(value, numbers[shape.type_name]))
            value = int(value)
        if least is not None and value < least:
            sentence = f"have value greater than or equal to {least}"
            constraints.append(_failed(value, path, sentence))
        if most is not None and value > most:
            constraints.append(_failed(value, path, f"have value less than or equal to {most}"))
        return value

    return check


def _attribute_value(
    value: Any, path: str, constraints: list[str], values: list[DynamoDBError]
) -> Any:
    try:
        return normal(value)
    except DynamoDBError as error:
        if error.code == "SerializationException":
            raise
        values.append(error)
        return value


def _attribute_values(name: str) -> Check:
    of_expression = name == "ExpressionAttributeValueMap"

    def check(value: Any, path: str, constraints: list[str], values: list[DynamoDBError]) -> Any:
        if not isinstance(value, dict):
            raise unreadable(_unexpected(value, "Map"))
        result = {}
        for key, content in value.items():
            try:
                result[key] = normal(content)
            except DynamoDBError as error:
                if error.code == "SerializationException":
                    raise
                if of_expression:
                    error = invalid(
                        "ExpressionAttributeValues contains invalid value: "
                        f"{error.message} for key {key}"
                    )
                elif path == "exclusiveStartKey":
                    error = invalid(f"The provided starting key is invalid: {error.message}")
                values.append(error)
        return result

    return check


def _sentences(shape: Any) -> list[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    sentences = []
    if most is not None:
        sentences.append(f"have length less than or equal to {most}")
    if least is not None:
        sentences.append(f"have length greater than or equal to {least}")
    return sentences


def _lengths(shape: Any) -> Callable[[int], list[str]]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")

    def broken(length: int) -> list[str]:
        if most is not None and length > most:
            return [f"have length less than or equal to {most}"]
        if least is not None and length < least:
            return [f"have length greater than or equal to {least}"]
        return []

    return broken


def _failed(value: Any, path: str, sentence: str) -> str:
    shown = "null" if value is None else f"'{_shown(value)}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {sentence}"


def _shown(value: Any, depth: int = 0) -> str:
    # AWS writes Java's words for lists and maps, with memory addresses in them; here, briefly.
    if isinstance(value, list):
        return "[]" if not value else f"[{len(value)} members]"
    if isinstance(value, dict):
        if depth > 3:
            return f"{{{len(value)} members}}"
        inner = ", ".join(f"{name}={_shown(content, depth + 1)}" for name, content in value.items())
        return "{" + inner + "}"
    text = str(value)
    return text if len(text) <= 255 else text[:255] + "..."


def _unexpected(value: Any, wanted: str) -> str:
    if isinstance(value, list):
        return "Start of list found where not expected"
    if isinstance(value, dict):
        return "Start of structure or map found where not expected"
    if isinstance(value, bool):
        kind = "TRUE_VALUE" if value else "FALSE_VALUE"
    elif isinstance(value, str):
        kind = "STRING_VALUE"
    else:
        kind = "NUMBER_VALUE" if isinstance(value, int) else "DECIMAL_VALUE"
    return f"{kind} cannot be converted to {wanted}"


def _lower(name: str) -> str:
    return name[0].lower() + name[1:]


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
