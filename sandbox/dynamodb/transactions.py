"""TransactWriteItems: all writes or none, once per client request token.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

import json
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sandbox.dynamodb.capacity import Consumed, read_units
from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.table import SandboxTable
from sandbox.dynamodb.values import Item, item_size
from sandbox.dynamodb.writes import Write, collection_metrics, read_write

# For so long a token stands for its request.
TOKEN_SECONDS = 600
LARGEST = 4 * 1024 * 1024


def transact_write_items(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    consumed = Consumed(request.get("ReturnConsumedCapacity"))
    writes = []
    for part in request["TransactItems"]:
        if len(part) != 1:
            raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        ((kind, content),) = part.items()
        writes.append(read_write(db, kind, content))
    return run(db, writes, consumed, request)


def run(
    db: Any, writes: list[Write], consumed: Consumed, request: dict[str, Any]
) -> dict[str, Any]:
    """Do all writes, or none.

    Raises:
        DynamoDBError: TransactionCanceledException with a reason per write;
            IdempotentParameterMismatchException for a token that stands for another request.
    """
    body: dict[str, Any] = {}
    if _done_before(db, request):
        for write in writes:
            size = item_size(write.now() or {})
            consumed.add(write.table, "Read", 2 * read_units(size, strong=True))
        return consumed.many(body, split=True)
    if len({(write.table.name, write.key) for write in writes}) < len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    results = _try(writes)
    check_rooms(
        partial(write.check_room, before, after)
        for write, (before, after) in zip(writes, results, strict=True)
    )
    for write, (before, after) in zip(writes, results, strict=True):
        write.do(before, after, consumed, factor=2)
    _remember(db, request)
    if request.get("ReturnItemCollectionMetrics") == "SIZE":
        body["ItemCollectionMetrics"] = collection_metrics(writes)
    return consumed.many(body, split=True)


def cancelled(reasons: list[dict[str, Any]]) -> DynamoDBError:
    """A TransactionCanceledException, which names the reason of each write in order."""
    codes = ", ".join(reason["Code"] for reason in reasons)
    return DynamoDBError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        CancellationReasons=reasons,
    )


def _try(writes: list[Write]) -> list[tuple[Item | None, Item | None]]:
    results: list[tuple[Item | None, Item | None]] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        before = write.now()
        reason: dict[str, Any] = {"Code": "None"}
        try:
            results.append((before, write.result(before)))
        except DynamoDBError as error:
            code = error.code.removesuffix("Exception")
            code = {"ConditionalCheckFailed": code}.get(code, "ValidationError")
            reason = {"Code": code, "Message": error.message, **error.more}
        reasons.append(reason)
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)
    if sum(item_size(after or {}) for _, after in results) > LARGEST:
        raise invalid("The aggregate size of the items in the transaction cannot exceed 4 MB")
    return results


def check_rooms(checks: Iterable[Callable[[], None]]) -> None:
    """Cancel a transaction that the capacity of a table or an index is too low for.

    Args:
        checks: of each read or write in order, raising where there is no room.

    Raises:
        DynamoDBError: TransactionCanceledException.
    """
    reasons: list[dict[str, Any]] = []
    for check in checks:
        reason: dict[str, Any] = {"Code": "None"}
        try:
            check()
        except DynamoDBError as error:
            code = error.code.removesuffix("Exception")
            reason = {"Code": code, "Message": error.message}
        reasons.append(reason)
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)


def _content(request: dict[str, Any]) -> str:
    said = {k: v for k, v in request.items() if k not in ("ClientRequestToken",)}
    said.pop("ReturnConsumedCapacity", None)
    said.pop("ReturnItemCollectionMetrics", None)
    return json.dumps(said, sort_keys=True)


def _done_before(db: Any, request: dict[str, Any]) -> bool:
    token = request.get("ClientRequestToken")
    known = db.tokens.get(token) if token else None
    if known is None or time.time() - known[1] > TOKEN_SECONDS:
        return False
    if known[0] != _content(request):
        raise DynamoDBError(
            "IdempotentParameterMismatchException",
            "DynamoDB rejected the request because you retried a request with a different "
            "payload but with an idempotent token that was already used.",
        )
    return True


def _remember(db: Any, request: dict[str, Any]) -> None:
    if token := request.get("ClientRequestToken"):
        now, content = time.time(), _content(request)
        for old in [t for t, (_, since) in db.tokens.items() if now - since > TOKEN_SECONDS]:
            del db.tokens[old]
        db.tokens[token] = (content, now)
        SandboxTable.journal.add_token(
            f"{db.region_name}:{token}", content, now, now - TOKEN_SECONDS
        )
