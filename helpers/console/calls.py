"""One call of DynamoDB as data: it can be sent, and written as boto3 code or as an AWS CLI line."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
from dataclasses import dataclass, field
from typing import Any

from botocore import xform_name

WIDE = 88  # characters of a line of code
BEFORE = 'import boto3\n\ndynamodb = boto3.client("dynamodb")\n'


@dataclass(frozen=True)
class Call:
    """What the console shows is what it sends: all three come from these two.

    Attributes:
        operation: the boto3 client's method, such as "put_item".
        arguments: its arguments.
    """

    operation: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def send(self, client: Any) -> dict[str, Any]:
        """Do it with a boto3 DynamoDB client; raises what boto3 raises."""
        if self._in_pages:
            return client.get_paginator(self.operation).paginate().build_full_result()
        return getattr(client, self.operation)(**self.arguments)

    @property
    def python(self) -> str:
        """The statement, for a `dynamodb` client; it leaves the answer in `response`."""
        if self._in_pages:
            method = f'get_paginator("{self.operation}").paginate()'
            return f"response = dynamodb.{method}.build_full_result()\n"
        lines = [f"    {name}={literal(value, 1)},\n" for name, value in self.arguments.items()]
        return f"response = dynamodb.{self.operation}(\n{''.join(lines)})\n"

    @property
    def cli(self) -> str:
        """The line for a terminal: of a POSIX shell, or on Windows of cmd."""
        words = ["aws", "dynamodb", self.operation.replace("_", "-")]
        for name, value in self.arguments.items():
            words += _option(xform_name(name, "-"), value)
        line = subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
        # Version 1 has no way to write bytes that are not text.
        binary = _has_bytes(self.arguments)
        return f"# binary values, in base64: AWS CLI version 2\n{line}" if binary else line

    @property
    def _in_pages(self) -> bool:
        return self.operation == "list_tables"


def python(*calls: Call) -> str:
    """A program that makes the calls, complete with its imports."""
    return "\n".join([BEFORE, *(call.python for call in calls)]).strip() + "\n"


def cli(*calls: Call) -> str:
    """The same for a terminal, a line for each call."""
    return "".join(f"{call.cli}\n" for call in calls)


def literal(value: Any, depth: int = 0) -> str:
    """A value as Python code, over several lines where it is long.

    Args:
        value: of dicts, lists, texts, numbers, booleans, None and bytes.
        depth: how deep it stands in the code; 4 spaces for each.
    """
    inner, end = "    " * (depth + 1), "    " * depth
    if isinstance(value, str):
        # JSON's escapes are Python's as well.
        return json.dumps(value, ensure_ascii=False)
    if not isinstance(value, dict | list) or not value:
        return repr(value)
    if isinstance(value, dict):
        parts = [f"{literal(name)}: {literal(each, depth + 1)}" for name, each in value.items()]
        left, right = "{}"
    else:
        parts = [literal(each, depth + 1) for each in value]
        left, right = "[]"
    line = f"{left}{', '.join(parts)}{right}"
    if len(line) + len(end) + 24 <= WIDE and "\n" not in line:
        return line
    return f"{left}\n{''.join(f'{inner}{part},{chr(10)}' for part in parts)}{end}{right}"


def to_json(value: Any, indent: int | None = None) -> str:
    """As JSON, with bytes in base64 as DynamoDB's own JSON has them."""
    return json.dumps(value, ensure_ascii=False, indent=indent, default=_base64)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _option(name: str, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [f"--{name}" if value else f"--no-{name}"]
    return [f"--{name}", to_json(value) if isinstance(value, dict | list) else str(value)]


def _has_bytes(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_bytes, value.values() if isinstance(value, dict) else value))
    return isinstance(value, bytes)
