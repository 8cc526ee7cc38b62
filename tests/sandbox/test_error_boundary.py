"""Whatever fails while a request is answered, the caller gets AWS's kind of error, and no more.

A gateway of its own is driven as WSGI has it, in this process, and fails where a test wants it.
"""

import io
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from sandbox import answers, auth, frontdoor, http
from sandbox.deferred import CallFailed, Deferred
from sandbox.frontdoor import FrontDoor
from sandbox.http import HEADERS
from sandbox.ids import ReproducibleIds
from sandbox.journal import DiskFull, Journal
from sandbox.keeper import Keeper
from sandbox.pace import Pace
from sandbox.protocol import Answer
from tests.sandbox.wire import FORM, JSON, Sent, Wire, new_key, sign

REQUEST_ID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# A request of each protocol, and how it says that the service has failed.
REQUESTS = {
    "json": ("ssm", JSON, b"{}", {"X-Amz-Target": "AmazonSSM.DescribeParameters"}),
    "dynamodb": ("dynamodb", JSON, b"{}", {"X-Amz-Target": "DynamoDB_20120810.DescribeLimits"}),
    "query": ("iam", FORM, b"Action=ListUsers&Version=2010-05-08", {}),
    "ec2": ("ec2", FORM, b"Action=DescribeVpcs&Version=2016-11-15", {}),
    "s3": ("s3", "", b"", {}),
    "lambda": ("lambda", "", b"", {}),
    "route53": ("route53", "", b"", {}),
}
TARGETS = {"s3": "/", "lambda": "/2015-03-31/functions/", "route53": "/2013-04-01/hostedzone"}
CODES = {"dynamodb": "InternalServerError", "ec2": "InternalError", "s3": "InternalError"}


class Broken(Exception):
    """What a test makes go wrong."""


def broken(*_: object, **__: object) -> Any:
    raise Broken("as the test wants it")


class Desk:
    """What is asked of the sandbox itself."""

    def answer(self, method: str, path: str, token: str) -> Answer:
        """Nothing much."""
        return "200 OK", [("Content-Length", "2")], b"{}"


class Gateway:
    """A gateway, and the parts of it that a test breaks."""

    def __init__(self) -> None:
        self.pace = Pace("instant")
        self.ids = ReproducibleIds()
        self.deferred = Deferred()
        self.keeper = Keeper(Journal(None), self.pace, self.ids, None)
        self.desk = Desk()
        self.changed = 0
        self.after_change: Callable[[], None] = self._count
        self.prepare: Callable[[Any], None] = lambda call: None
        moto = DomainDispatcherApplication(create_backend_app)
        self.moto: Callable = moto
        self.door = FrontDoor(
            lambda *arguments: self.moto(*arguments),
            self.pace,
            self.ids,
            self.desk,
            self.keeper,
            lambda: self.after_change(),
            lambda call: self.prepare(call),
        )
        self.door.deferred = self.deferred

    def _count(self) -> None:
        self.changed += 1

    def ask(self, request: Sent) -> tuple[int, dict[str, str], bytes]:
        """Have a request answered: the status, the headers by name in lower case, the body."""
        path, _, query = request.target.partition("?")
        named = {name.lower(): value for name, value in request.headers}
        environ: dict[str, Any] = {
            "REQUEST_METHOD": request.method,
            "REQUEST_URI": request.target,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "sandbox",
            "SERVER_PORT": "80",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(request.body),
            "CONTENT_LENGTH": str(len(request.body)),
            HEADERS: named,
        }
        for name, value in named.items():
            key = name.upper().replace("-", "_")
            environ[key if key.startswith("CONTENT_") else f"HTTP_{key}"] = value
        said: list[Any] = []
        body = b"".join(self.door(environ, lambda *answer: said.extend(answer)))
        headers = {name.lower(): value for name, value in said[1]}
        return int(said[0].split()[0]), headers, body


class Here:
    """Where the requests of these tests are sent."""

    host = "127.0.0.1:8000"


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture(scope="module")
def requests() -> dict[str, Sent]:
    key = new_key("boundary")
    return {name: request_of(name, key) for name in REQUESTS}


def request_of(name: str, key: Any, body: bytes | None = None) -> Sent:
    service, kind, usual, more = REQUESTS[name]
    headers = {**more, **({"Content-Type": kind} if kind else {})}
    where: Wire = Here()  # type: ignore[assignment]
    method, target = ("GET", TARGETS[name]) if name in TARGETS else ("POST", "/")
    return sign(where, key, service, method, target, headers, body or usual)


def assert_failed(name: str, answer: tuple[int, dict[str, str], bytes]) -> str:
    """An error of AWS's, of this protocol, with a request id; return that."""
    status, headers, body = answer
    assert status == 500
    code = CODES.get(name, "InternalFailure").encode()
    assert b"Traceback" not in body and b"Broken" not in body
    assert b"python -m sandbox logs" in body
    request_id = headers["x-amz-request-id" if name == "s3" else "x-amzn-requestid"]
    assert re.fullmatch(REQUEST_ID, request_id)
    if name in ("json", "dynamodb", "lambda"):
        assert code + b'"' in body and b'"__type"' in body
    else:
        assert b"<Code>" + code + b"</Code>" in body
        assert request_id.encode() in body
        tags = {"s3": b"<Error>", "ec2": b"<Response><Errors><Error>"}
        assert body.startswith(tags.get(name, b"<ErrorResponse><Error><Type>Receiver</Type>"))
    return request_id


def break_reading(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(http, "read_body", broken)


def break_decoding(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(frontdoor, "read_call", broken)


def break_signature(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(auth, "secret_of", broken)


def break_models(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(answers, "is_unknown", broken)


def break_room(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gateway.keeper, "check_room", broken)


def break_ids(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gateway.ids, "before", broken)


def break_settling(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gateway.pace, "settle", broken)


def break_moto(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    gateway.moto = broken


def break_answer(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    """It begins well, and fails in the middle of the body."""

    def moto(environ: dict[str, Any], start_response: Callable) -> Iterator[bytes]:
        start_response("200 OK", [("Content-Type", "text/xml")])
        yield b"<half"
        broken()

    gateway.moto = moto


def break_keeping(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gateway.keeper, "remember", broken)


def break_handing_over(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(gateway.deferred, "release", broken)


def break_what_follows(gateway: Gateway, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(frontdoor, "changes", lambda call: True)
    gateway.after_change = broken


STAGES = [
    *(break_reading, break_decoding, break_signature, break_models, break_room, break_ids),
    *(break_settling, break_moto, break_answer, break_keeping, break_handing_over),
    break_what_follows,
]


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.__name__)
def test_a_failure_at_any_stage_is_an_error_of_the_protocol(
    gateway, requests, monkeypatch, caplog, stage, name
) -> None:
    if name == "dynamodb" and stage is break_what_follows:
        pytest.skip("nothing follows a change of DynamoDB's")
    with monkeypatch.context() as patch:
        stage(gateway, patch)
        ids = {assert_failed(name, gateway.ask(requests[name])) for _ in range(2)}
    assert len(ids) == 2
    records = [record for record in caplog.records if record.exc_info]
    assert len(records) == 2
    assert all("as the test wants it" in str(record.exc_info[1]) for record in records)
    assert all(any(i in record.getMessage() for record in records) for i in ids)
    # The next request is answered, and nothing is held.
    gateway.moto = DomainDispatcherApplication(create_backend_app)
    gateway.after_change = lambda: None
    status, headers, _ = gateway.ask(requests[name])
    assert status == 200
    assert headers["x-amz-request-id" if name == "s3" else "x-amzn-requestid"] not in ids
    assert gateway.door.lock.acquire(blocking=False)
    gateway.door.lock.release()


def test_a_failure_of_the_sandboxs_own_answers(gateway, monkeypatch, caplog) -> None:
    monkeypatch.setattr(gateway.desk, "answer", broken)
    request = Sent("GET", "/_sandbox/status", (("Host", Here.host),))
    status, headers, body = gateway.ask(request)
    assert status == 500 and headers["content-type"] == "application/json"
    found = re.search(REQUEST_ID, body.decode())
    assert found and found[0] in caplog.text
    assert b"python -m sandbox logs" in body


@pytest.mark.parametrize(
    "stage",
    [break_answer, break_keeping, break_moto, break_settling],
    ids=lambda stage: stage.__name__,
)
def test_what_a_failed_call_asked_for_is_not_done(gateway, requests, monkeypatch, stage) -> None:
    done: list[str] = []
    futures = []
    good = gateway.moto
    with ThreadPoolExecutor(1) as worker:

        def submit(what: str) -> None:
            futures.append(gateway.deferred.submit(worker, lambda: done.append(what)))

        with monkeypatch.context() as patch:
            stage(gateway, patch)
            bad = gateway.moto

            def moto(environ: dict[str, Any], start_response: Callable) -> Any:
                submit("failed")
                return bad(environ, start_response)

            gateway.moto = moto
            if stage is break_settling:

                def settle() -> None:
                    submit("failed")
                    broken()

                patch.setattr(gateway.pace, "settle", settle)
            assert gateway.ask(requests["query"])[0] == 500
        gateway.moto = good
        submit("by another")
        futures[1].result(timeout=10)
        assert gateway.ask(requests["query"])[0] == 200
        worker.submit(lambda: None).result(timeout=10)
        with pytest.raises(CallFailed):
            futures[0].result(timeout=10)
    assert done == ["by another"]


def test_what_a_refused_call_asked_for_is_not_done_and_what_was_due_is(gateway, requests) -> None:
    done: list[str] = []
    with ThreadPoolExecutor(1) as worker:

        def moto(environ: dict[str, Any], start_response: Callable) -> list[bytes]:
            refused = gateway.deferred.submit(worker, lambda: done.append("refused"))
            futures.append(refused)
            start_response("400 Bad Request", [("Content-Type", "text/xml")])
            return [b"<ErrorResponse/>"]

        futures: list[Any] = []
        gateway.moto = moto
        settle = gateway.pace.settle

        def settle_and_submit() -> None:
            settle()
            futures.append(gateway.deferred.submit(worker, lambda: done.append("due")))

        gateway.pace.settle = settle_and_submit
        assert gateway.ask(requests["query"])[0] == 400
        futures[0].result(timeout=10)
        with pytest.raises(CallFailed):
            futures[1].result(timeout=10)
    assert done == ["due"]


def test_a_full_disk_is_said_in_the_protocol_and_nothing_is_begun(
    gateway, requests, monkeypatch
) -> None:
    def full(*_: object) -> None:
        raise DiskFull("The disk is full.")

    with ThreadPoolExecutor(1) as worker, monkeypatch.context() as patch:
        patch.setattr(gateway.keeper, "remember", full)
        good, futures = gateway.moto, []

        def moto(*arguments: Any) -> Any:
            futures.append(gateway.deferred.submit(worker, lambda: None))
            return good(*arguments)

        gateway.moto = moto
        for name in REQUESTS:
            status, _, body = gateway.ask(requests[name])
            assert status == 507
            assert b"InsufficientStorage" in body and b"The disk is full." in body
        assert futures
        for future in futures:
            with pytest.raises(CallFailed):
                future.result(timeout=10)


def test_every_successful_answer_has_a_request_id_of_its_own(gateway, requests) -> None:
    for name, request in requests.items():
        found = set()
        for _ in range(2):
            status, headers, _ = gateway.ask(request)
            assert status == 200
            found.add(headers["x-amz-request-id" if name == "s3" else "x-amzn-requestid"])
        assert len(found) == 2


def test_an_answer_to_head_has_no_body(gateway) -> None:
    where: Wire = Here()  # type: ignore[assignment]
    request = sign(where, new_key("head"), "s3", "HEAD", "/no-such-bucket/key")
    status, headers, body = gateway.ask(request)
    assert (status, body) == (404, b"")
    stranger = request.with_headers(authorization=None)
    status, headers, body = gateway.ask(stranger)
    assert (status, body) == (403, b"")
    assert int(headers["content-length"]) > 0


def test_nothing_is_logged_for_what_the_caller_did_wrong(gateway, requests, caplog) -> None:
    caplog.set_level(logging.ERROR)
    assert gateway.ask(requests["json"].with_headers(authorization=None))[0] == 400
    assert gateway.ask(requests["json"].with_headers(x_amz_target="AmazonSSM.No"))[0] == 400
    assert not caplog.records
