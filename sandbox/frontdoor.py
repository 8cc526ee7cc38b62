"""The front door: what every request passes before moto answers it, and what happens after."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol
from urllib.parse import urlsplit

from sandbox import answers, auth, http, operations, services
from sandbox.deferred import Deferred
from sandbox.errors import SandboxError
from sandbox.ids import ReproducibleIds
from sandbox.journal import DiskFull
from sandbox.keeper import Keeper, changes
from sandbox.pace import DATABASES, Pace
from sandbox.protocol import (
    Answer,
    Call,
    error_response,
    head_of,
    new_request_id,
    read_call,
    with_request_id,
)

log = logging.getLogger("sandbox.frontdoor")

FORM = "application/x-www-form-urlencoded"
DESK = "/_sandbox/"  # What is asked of the sandbox itself.

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


# What a call of a service waits for at pace `instant`, before it takes the lock.
WAITS_FOR = {"rds": DATABASES, "secretsmanager": DATABASES}


class Desk(Protocol):
    """Answers what is asked of the sandbox itself, under `/_sandbox/`."""

    def answer(self, method: str, path: str, token: str) -> Answer:
        """The status line, headers and body for one request."""


class FrontDoor:
    """A WSGI application around moto's.

    One request at a time goes in: moto's backends are not made for threads. The lock is never held
    while something slow happens: waiting for servers comes before it, and bringing the bastions in
    line with what the request changed comes after it, before the answer.
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
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, environ: dict[str, Any]) -> Answer:
        """Answer one request. This is the one error boundary: no exception leaves it."""
        path = environ.get("PATH_INFO", "/")
        call = None
        try:
            if not _from_this_machine(environ):
                return answers.plain(
                    "403 Forbidden", "The sandbox answers to programs on this machine only."
                )
            if path.startswith(DESK):
                token = environ.get("HTTP_X_SANDBOX_TOKEN", "")
                return self._desk.answer(environ["REQUEST_METHOD"], path, token)
            body = http.read_body(environ)
            call = read_call(environ, body)
            return with_request_id(call, self._answer_call(environ, call, body))
        except http.BadBody as bad:
            return error_response(read_call(environ, b""), bad.code, str(bad), bad.status)
        except auth.Refused as no:
            return error_response(
                call or head_of(environ), no.code, no.message, no.status, no.details
            )
        except DiskFull as full:
            log.error("%s: %s", _name_of(call), full)
            # 507, since boto3 would repeat what 500 or 503 refuses.
            return error_response(call or head_of(environ), "InsufficientStorage", str(full), 507)
        except SandboxError as error:
            log.error("%s: %s", _name_of(call), error)
            return error_response(call or head_of(environ), "InternalFailure", str(error), 500)
        except Exception:
            request_id = new_request_id()
            log.exception("%s failed, request %s", _name_of(call) or path, request_id)
            if path.startswith(DESK):
                return answers.desk_failed(request_id)
            return answers.failed(call or head_of(environ), request_id)

    def _answer_call(self, environ: dict[str, Any], call: Call, body: bytes) -> Answer:
        body = auth.check(call, environ, body)
        http.replace_body(environ, body)
        if answers.is_unknown(call):
            return answers.unknown(call)
        self._prepare(call)
        self._pace.wait(WAITS_FOR.get(call.service, ()))
        with self.lock:
            self._keeper.check_room(call)
            with self.deferred as deferred:
                counted = self._ids.before(call.service, call.operation or environ["PATH_INFO"])
                self._pace.settle()
                deferred.keep()
                answer = self._ask_moto(environ, call, body)
                if answer[0][0] not in "23":
                    deferred.give_up()
                self._note_what_was_shown(call, answer)
                self._keeper.remember(call, counted)
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
            return answers.not_offered(call, environ)
        try:
            if call.service == "dynamodb":
                from sandbox.dynamodb.service import answer_directly  # when it is first asked for

                direct = answer_directly(call, body)
                if direct is not None:
                    return direct
            if call.service == "s3" and environ.get("CONTENT_TYPE", "").startswith(FORM):
                environ["CONTENT_TYPE"] = (
                    "binary/octet-stream"  # moto would read the data as a form
                )
            chunks = self._moto(environ, start_response)
            content = b"".join(chunks)
        except NotImplementedError:
            return answers.not_offered(call, environ)
        except Exception:
            known = operations.exists(call.service, call.operation)
            if known is None:
                return answers.not_offered(call, environ)
            wrong = (
                known
                and call.protocol in ("query", "ec2")
                and operations.fault(call.service, call.operation, body)
            )
            if wrong:
                return error_response(call, "InvalidParameterValue", answers.printable(wrong), 400)
            request_id = new_request_id()
            log.exception("%s failed, request %s", _name_of(call), request_id)
            return answers.failed(call, request_id)
        status, headers = answered
        kind = next((v for k, v in headers if k.lower() == "content-type"), "")
        if call.service != "s3" and kind.startswith("text/html") and not status.startswith("2"):
            return answers.not_offered(call, environ)
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


def _name_of(call: Call | None) -> str:
    return answers.printable(f"{call.service} {call.operation}") if call else ""
