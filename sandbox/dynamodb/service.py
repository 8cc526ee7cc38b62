"""One request to DynamoDB, from its JSON to the JSON of its answer."""

import functools
import json
import zlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from sandbox.dynamodb import (
    backups,
    control,
    expiry,
    partiql,
    queries,
    reads,
    requests,
    streams,
    transactions,
    writes,
)
from sandbox.dynamodb.errors import DynamoDBError
from sandbox.dynamodb.storage import encode
from sandbox.protocol import Call

OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "BatchExecuteStatement": partiql.batch_execute_statement,
    "BatchGetItem": reads.batch_get_item,
    "BatchWriteItem": writes.batch_write_item,
    "CreateBackup": backups.create_backup,
    "CreateTable": control.create_table,
    "DeleteBackup": backups.delete_backup,
    "DeleteItem": writes.delete_item,
    "DeleteTable": control.delete_table,
    "DescribeBackup": backups.describe_backup,
    "DescribeContinuousBackups": backups.describe_continuous_backups,
    "DescribeStream": streams.describe_stream,
    "DescribeTable": control.describe_table,
    "DescribeTimeToLive": expiry.describe_time_to_live,
    "ExecuteStatement": partiql.execute_statement,
    "ExecuteTransaction": partiql.execute_transaction,
    "GetItem": reads.get_item,
    "GetRecords": streams.get_records,
    "GetShardIterator": streams.get_shard_iterator,
    "ListBackups": backups.list_backups,
    "ListStreams": streams.list_streams,
    "ListTables": control.list_tables,
    "PutItem": writes.put_item,
    "Query": queries.query,
    "RestoreTableFromBackup": backups.restore_table_from_backup,
    "RestoreTableToPointInTime": backups.restore_table_to_point_in_time,
    "Scan": queries.scan,
    "TransactGetItems": reads.transact_get_items,
    "TransactWriteItems": transactions.transact_write_items,
    "UpdateContinuousBackups": backups.update_continuous_backups,
    "UpdateItem": writes.update_item,
    "UpdateTable": control.update_table,
    "UpdateTimeToLive": expiry.update_time_to_live,
}


def answer(operation: str, body: bytes, region: str) -> tuple[int, dict[str, str], bytes]:
    """Answer a request for one of the OPERATIONS.

    Args:
        operation: such as "GetItem".
        body: the request's JSON.
        region: such as "us-east-1".

    Returns:
        The HTTP status, the headers and the body.
    """
    try:
        request = requests.read(operation, body)
        db: Any = dynamodb_backends[DEFAULT_ACCOUNT_ID][region]
        db.settle()
        status, payload = 200, to_json(OPERATIONS[operation](db, request))
    except DynamoDBError as error:
        status, payload = 400, to_json(error.body())
    return status, headers_of(payload), payload


def answer_directly(call: Call, body: bytes) -> tuple[str, list[tuple[str, str]], bytes] | None:
    """Answer for the front door, past moto's web framework, which takes longer than the work.

    Args:
        call: a request of any service.
        body: its body.

    Returns:
        A WSGI status line, headers and body; None for what is not ours to answer.
    """
    if call.service != "dynamodb" or call.protocol != "json" or call.operation not in OPERATIONS:
        return None
    assert call.authorization is not None
    status, headers, payload = answer(call.operation, body, call.authorization.region)
    return "200 OK" if status == 200 else "400 Bad Request", list(headers.items()), payload


def refuse(operation: str, body: bytes) -> bytes | None:
    """The error for a request that breaks the service model; None for one that does not.

    It stands before the operations that moto answers: moto takes whatever comes.
    """
    try:
        requests.read(operation, body)
    except DynamoDBError as error:
        return to_json(error.body())
    return None


def headers_of(payload: bytes) -> dict[str, str]:
    """What DynamoDB sends with an answer."""
    return {
        "Content-Type": "application/x-amz-json-1.0",
        "Content-Length": str(len(payload)),
        "x-amz-crc32": str(zlib.crc32(payload)),
    }


def to_json(value: Any) -> bytes:
    """JSON in UTF-8; bytes within are JSON already, and go in as they are."""
    parts: list[bytes] = []
    _write(value, parts.append)
    return b"".join(parts)


def _write(value: Any, put: Callable[[bytes], None]) -> None:
    if isinstance(value, bytes):
        put(value)
    elif isinstance(value, dict):
        put(b"{")
        for number, (name, content) in enumerate(value.items()):
            put((b"," if number else b"") + _name(name))
            _write(content, put)
        put(b"}")
    elif isinstance(value, list):
        put(b"[")
        for number, content in enumerate(value):
            if number:
                put(b",")
            _write(content, put)
        put(b"]")
    elif isinstance(value, datetime):
        put(repr(value.timestamp()).encode())
    else:
        put(encode(value).encode(errors="replace"))  # Half a surrogate pair may be cited.


@functools.lru_cache(maxsize=4096)
def _name(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False).encode() + b":"
