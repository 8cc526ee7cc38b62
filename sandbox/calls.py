"""Keeps a list of the calls that come in, for tests that look at what the pages ask of AWS.

Switched on by the variable `SANDBOX_CALLS`, which names the file: one JSON object on a line, with

- service, operation: such as "dynamodb", "CreateTable",
- error: the code of the error that was answered, or "",
- given: those of its parameters that are in `KEPT`, name -> values,
- passing: the resources that it names and that were not (or no longer) ready for use.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from sandbox import http
from sandbox.pace import Pace
from sandbox.protocol import read_call

# No other parameter is kept: some are secrets.
KEPT = {
    "AvailabilityZone",
    "CidrIp",
    "CidrIpv6",
    "DBClusterIdentifier",
    "DBInstanceClass",
    "DBInstanceIdentifier",
    "Engine",
    "EngineVersion",
    "FromPort",
    "InstanceType",
    "PubliclyAccessible",
    "TableName",
    "TargetTableName",
    "UserName",
}
TAG = re.compile(r"\bTags?(\.\w+)*\.(Key|Value)$")
ERROR_CODE = re.compile(rb'<Code>([\w.]+)</Code>|"__type": ?"(?:[\w.]+#)?(\w+)"')


def recorded(app: Callable, pace: Pace) -> Callable:
    """The WSGI application with every signed call of it noted, where `SANDBOX_CALLS` is set.

    Args:
        app: the front door.
        pace: knows what is on its way.
    """
    named = os.environ.get("SANDBOX_CALLS")
    return _Recorder(app, pace, Path(named)) if named else app


class _Recorder:
    def __init__(self, app: Callable, pace: Pace, file: Path):
        self._app, self._pace, self._file = app, pace, file
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        try:
            body = http.read_body(environ)
        except http.BadBody:
            return self._app(environ, start_response)
        http.replace_body(environ, body)
        call = read_call(environ, body)
        text = body.decode("utf-8", "replace")
        on_their_way = [p.name for p in self._pace.passages()[1] if p.passing]
        said: list[str] = []

        def start(status: str, *rest: Any) -> Any:
            said.append(status)
            return start_response(status, *rest)

        chunks = list(self._app(environ, start))
        if call.service:
            refused = None if said[0].startswith("2") else ERROR_CODE.search(b"".join(chunks))
            line = {
                "service": call.service,
                "operation": call.operation,
                "error": next(g.decode() for g in refused.groups() if g) if refused else "",
                "given": _given(text, call.protocol == "json"),
                "passing": [name for name in on_their_way if _names(text, name)],
            }
            with self._lock, self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        return chunks


def _names(text: str, resource: str) -> bool:
    """Whether a request names a resource; a table and an index are known here by their ARNs."""
    name = re.escape(re.split("[/:]", resource)[-1])
    return re.search(rf"(?<![\w-]){name}(?![\w-])", text) is not None


def _given(text: str, is_json: bool) -> dict[str, list[str]]:
    given: dict[str, list[str]] = {}
    for path, value in _flat(json.loads(text or "{}")) if is_json else parse_qsl(text):
        name = path.rpartition(".")[2]
        if TAG.search(path):
            given.setdefault("tags", []).append(value)
        elif name in KEPT:
            given.setdefault(name, []).append(value)
    return given


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value, 1):
            yield from _flat(each, f"{path}.{number}")
    else:
        yield path, str(value)
