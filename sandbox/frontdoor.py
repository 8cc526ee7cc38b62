"""The front door: what every request passes before moto answers it, and what happens after."""

import io
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit

from sandbox import auth, operations, services
from sandbox.deferred import Deferred
from sandbox.errors import SandboxError
from sandbox.ids import ReproducibleIds
from sandbox.journal import DiskFull
from sandbox.keeper import Keeper, changes
from sandbox.pace import Pace
from sandbox.protocol import Call, error_response, read_call

log = logging.getLogger("sandbox.frontdoor")

LARGEST_BODY = 64 * 1024 * 1024

# The describe calls that show passing states, and how the id stands in their XML.
SHOWS = {
    "DescribeInstances": ("Instance", "<instanceId>{}</instanceId>"),
    "DescribeInstanceStatus": ("Instance", "<instanceId>{}</instanceId>"),
    "DescribeDBClusters": ("DBCluster", "<DBClusterIdentifier>{}</DBClusterIdentifier>"),
    "DescribeDBClusterSnapshots": (
        "DBClusterSnapshot",
        "<DBClusterSnapshotIdentifier>{}</DBClusterSnapshotIdentifier>",
    ),
    "DescribeDBInstances": ("DBInstance", "<DBInstanceIdentifier>{}</DBInstanceIdentifier>"),
}

Answer = tuple[str, list[tuple[str, str]], bytes]


class Desk(Protocol):
    """Answers what is asked of the sandbox itself, under `/_sandbox/`."""

    def answer(self, method: str, path: str, token: str) -> Answer:
        """The status line, headers and body for one request."""


class FrontDoor:
    """A WSGI application around moto's.

    One request at a time goes in: moto's backends are not made for threads, and what a request
    changes is in force (bastions, servers) before it is answered.
    """

    def __init__(
        self,
        moto: Callable,
        pace: Pace,
        ids: ReproducibleIds,
        desk: Desk,
        keeper: Keeper,
        after_change: Callable[[], None],
        prepare: Callable[[Call], None],
    ):
        self.lock = threading.RLock()
        self._moto = moto
        self._pace = pace
        self._ids = ids
        self._desk = desk
        self._keeper = keeper
        self.deferred = Deferred()  # or that of the database servers, once they are in use
        self._after_change = after_change
        self._prepare = prepare

    def __call__(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        """Answer one request, as WSGI has it."""
        status, headers, body = self._answer(environ)
        start_response(status, headers)
        return [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        if not _from_this_machine(environ):
            return _plain("403 Forbidden", "The sandbox answers to programs on this machine only.")
        path = environ.get("PATH_INFO", "/")
        if path.startswith("/_sandbox/"):
            token = environ.get("HTTP_X_SANDBOX_TOKEN", "")
            return self._desk.answer(environ["REQUEST_METHOD"], path, token)
        said = environ.get("CONTENT_LENGTH") or "0"
        if not (said.isascii() and said.isdigit()):
            return _plain("400 Bad Request", "The Content-Length is no number.")
        length = int(said[:20])  # Python takes no more than some thousand digits.
        if length > LARGEST_BODY:
            return _plain("413 Payload Too Large", "The request is larger than AWS takes.")
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        call = read_call(environ, body)
        try:
            self._prepare(call)
        except SandboxError as error:
            return error_response(call, "InternalFailure", str(error), 500)
        with self.lock:
            try:
                auth.check(call, environ, body)
            except auth.Refused as refused:
                return error_response(call, refused.code, refused.message, refused.status)
            if _is_unknown(call):
                return _unknown(call)
            try:
                self._keeper.check_room(call)
                self.deferred.hold()
                counted = self._ids.before(call.service, call.operation or path)
                self._pace.settle()
                answer = self._ask_moto(environ, call, body)
                self._note_what_was_shown(call, answer)
                self._keeper.remember(call, counted)
                self.deferred.release()
            except DiskFull as full:
                log.error("%s %s: %s", call.service, call.operation, full)
                # 507, since boto3 would repeat what 500 or 503 refuses.
                return error_response(call, "InsufficientStorage", str(full), 507)
            # What is on disk is done for real: servers and bastions follow the account.
            # Items change none of them.
            if changes(call) and call.service != "dynamodb":
                self._after_change()
            return answer

    def _ask_moto(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        answered: list[Any] = []

        def start_response(status: str, headers: list, exc_info: Any = None) -> None:
            answered[:] = [status, headers]

        if not services.is_known(call.service):
            return _not_offered(call, environ)
        try:
            if call.service == "dynamodb":
                from sandbox.dynamodb.service import answer_directly  # when it is first asked for

                direct = answer_directly(call, body)
                if direct is not None:
                    return direct
            chunks = self._moto(environ, start_response)
            content = b"".join(chunks)
        except NotImplementedError:
            return _not_offered(call, environ)
        except Exception:
            known = operations.exists(call.service, call.operation)
            if known is None:
                return _not_offered(call, environ)
            wrong = (
                known
                and call.protocol in ("query", "ec2")
                and operations.fault(call.service, call.operation, body)
            )
            if wrong:
                return error_response(call, "InvalidParameterValue", _printable(wrong), 400)
            log.exception("%s %s failed", call.service, call.operation)
            return error_response(
                call,
                "InternalFailure",
                f"The sandbox failed at {call.service}:{call.operation}. "
                "`python -m sandbox logs` shows why.",
                500,
            )
        status, headers = answered
        kind = next((v for k, v in headers if k.lower() == "content-type"), "")
        if call.service != "s3" and kind.startswith("text/html") and not status.startswith("2"):
            return _not_offered(call, environ)
        return status, headers, content

    def _note_what_was_shown(self, call: Call, answer: Answer) -> None:
        if call.operation not in SHOWS:
            return
        kind, pattern = SHOWS[call.operation]
        text = answer[2].decode()
        self._pace.mark_seen(kind, lambda name: pattern.format(name) in text)


def _from_this_machine(environ: dict[str, Any]) -> bool:
    # A web page in the student's browser can send requests here too: it gives itself away by its
    # Origin, or, where it has made its own name point to 127.0.0.1, by the Host.
    try:
        host = urlsplit("//" + environ.get("HTTP_HOST", "")).hostname
    except ValueError:  # Such as "[::1".
        return False
    return host in ("127.0.0.1", "localhost", "::1") and "HTTP_ORIGIN" not in environ


def _not_offered(call: Call, environ: dict[str, Any]) -> Answer:
    found = call.operation or services.rest_operation(
        call.service,
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "/"),
        environ.get("QUERY_STRING", ""),
    )
    service, operation = _printable(call.service), _printable(found)
    what = f"{service}:{operation}" if operation else f"this {service} call"
    if operations.is_rest(call.service) is None:
        message = f"The sandbox does not offer {what}, and knows of no such service."
        return error_response(call, "UnknownOperationException", message, 400)
    return error_response(
        call,
        "NotImplemented",
        f"The sandbox does not offer {what}. It works on AWS: see docs/differences.md.",
        501 if operation else 400,  # Where only the path would tell, it may be none of AWS's.
    )


def _is_unknown(call: Call) -> bool:
    if call.protocol.startswith("rest"):
        return operations.is_rest(call.service) is False
    return operations.exists(call.service, call.operation) is False


def _unknown(call: Call) -> Answer:
    # AWS has no such operation; each protocol puts it in its own words.
    name = _printable(call.operation)
    if call.protocol in ("json", "rest-json", "cbor"):
        code, message = "UnknownOperationException", f"Unknown operation: {name}"
    elif call.protocol == "ec2":
        code, message = "InvalidAction", f"The action {name} is not valid for this web service."
    else:
        code, message = "InvalidAction", f"Could not find operation {name}"
    return error_response(call, code, message, 400)


def _printable(name: str) -> str:
    # What the request says, fit for XML and a log.
    return "".join(c if c.isprintable() else "?" for c in name[:128])


def _plain(status: str, text: str) -> Answer:
    body = text.encode() + b"\n"
    return status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))], body
