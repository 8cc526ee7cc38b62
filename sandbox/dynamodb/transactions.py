"""TransactWriteItems: all writes or none, once per client request token.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis.html
"""

import json
import time
from collections.abc import Iterable
from typing import Any

from sandbox.dynamodb.capacity import Consumed, read_units
from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.table import SandboxTable
from sandbox.dynamodb.throttle import Admission, Charge
from sandbox.dynamodb.writes import Prepared, Write, collection_metrics, read_write

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
            old = write.old()
            consumed.add(write.table, "Read", 2 * read_units(old.size if old else 0, strong=True))
        return consumed.many(body, split=True)
    if len({(write.table.name, write.key) for write in writes}) < len(writes):
        raise invalid("Transaction request cannot include multiple operations on one item")
    outcomes = [_outcome(write) for write in writes]
    prepared = [outcome for outcome in outcomes if isinstance(outcome, Prepared)]
    if sum(each.new.size for each in prepared if each.new) > LARGEST:
        raise invalid("The aggregate size of the items in the transaction cannot exceed 4 MB")
    admit(o.charges if isinstance(o, Prepared) else o for o in outcomes)
    # All is checked: from here on nothing fails.
    for each in prepared:
        each.do(consumed)
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


def admit(parts: Iterable[list[Charge] | DynamoDBError]) -> None:
    """Let a whole transaction in, or cancel it.

    Args:
        parts: of each read or write in order, what it consumes, or why it cannot be done.

    Raises:
        DynamoDBError: TransactionCanceledException, with a reason for each part.
    """
    admission = Admission()
    reasons: list[dict[str, Any]] = []
    for part in parts:
        reason: dict[str, Any] = {"Code": "None"}
        try:
            if isinstance(part, DynamoDBError):
                raise part
            admission.admit(part)
        except DynamoDBError as error:
            reason = _reason(error)
        reasons.append(reason)
    if any(reason["Code"] != "None" for reason in reasons):
        raise cancelled(reasons)


def _outcome(write: Write) -> Prepared | DynamoDBError:
    try:
        return write.prepare(factor=2)
    except DynamoDBError as error:
        return error


def _reason(error: DynamoDBError) -> dict[str, Any]:
    code = error.code.removesuffix("Exception")
    if code not in ("ConditionalCheckFailed", "ProvisionedThroughputExceeded"):
        code = "ValidationError"
    more = {word: error.more[word] for word in ("Item",) if word in error.more}
    return {"Code": code, "Message": error.message, **more}


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
