"""An HTTP server that only checks signatures, and requests that are signed and sent as bytes."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock
from urllib.parse import parse_qsl

from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.iam.models import AccessKey, iam_backends
from moto.sts.models import AssumedRole, sts_backends

from sandbox import auth, http
from sandbox.protocol import error_response, read_call

ACCOUNT = "123456789012"
JSON, FORM = "application/x-amz-json-1.0", "application/x-www-form-urlencoded"


def new_key(user: str) -> AccessKey:
    """An active access key of a user of the account in this process."""
    iam = iam_backends[ACCOUNT]["aws"]
    if user not in iam.users:
        iam.create_user("us-east-1", user)
    return iam.create_access_key(user)


def new_role(seconds: int) -> AssumedRole:
    """A session of a role that is good for so long."""
    return sts_backends[ACCOUNT]["aws"].assume_role(
        region_name="us-east-1",
        role_session_name="session",
        role_arn=f"arn:aws:iam::{ACCOUNT}:role/reader",
        policy="",
        duration=seconds,
        external_id="",
    )


@dataclass(frozen=True)
class Sent:
    """A request, as it goes over the wire.

    Attributes:
        method: such as "POST".
        target: path and query, percent-encoded.
        headers: in order; names may be repeated.
        body: its bytes.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    def wire(self) -> bytes:
        """The bytes."""
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not any(
            name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers
        ):
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + self.body

    def header(self, name: str) -> str:
        """The value of a header."""
        return next(value for given, value in self.headers if given.lower() == name.lower())

    def with_headers(self, **changes: str | None) -> "Sent":
        """The same with headers set, or, for None, without them."""
        named = {name.replace("_", "-").lower(): value for name, value in changes.items()}
        kept = [pair for pair in self.headers if pair[0].lower() not in named]
        return replace(self, headers=(*kept, *((n, v) for n, v in named.items() if v is not None)))


@dataclass
class Checked:
    """What the server said.

    Attributes:
        status: of HTTP; 0 where the connection was closed without an answer.
        body: the request's data where the signature holds, otherwise the error.
        environ: what the server would hand to the service.
    """

    status: int
    body: bytes
    environ: dict[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the signature holds."""
        return self.status == 200


class Wire:
    """The server.

    Attributes:
        host: as the Host header has it.
        skew: seconds by which the server's clock is ahead.
    """

    def __init__(self) -> None:
        self.skew = 0.0
        self._environ: dict[str, Any] = {}
        self._server = http.HttpServer(("127.0.0.1", 0), self._check, numthreads=2)
        self._server.expiration_interval = 0.1
        self._server.shutdown_timeout = 1
        self._server.prepare()
        self.host = f"127.0.0.1:{self._server.bind_addr[1]}"

    @contextmanager
    def running(self) -> Iterator["Wire"]:
        """Serve while the context lasts."""
        thread = threading.Thread(target=self._server.serve, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.stop()
            thread.join()

    def _check(self, environ: dict[str, Any], start_response: Callable) -> Iterable[bytes]:
        now = datetime.now(UTC).timestamp() + self.skew
        self._environ = environ
        try:
            body = http.read_body(environ)
            body = auth.check(read_call(environ, body), environ, body, now)
            answer = "200 OK", [("Content-Length", str(len(body)))], body
        except http.BadBody as bad:
            answer = error_response(read_call(environ, b""), bad.code, str(bad), bad.status)
        except auth.Refused as no:
            call = read_call(environ, b"")
            answer = error_response(call, no.code, no.message, no.status, no.details)
        start_response(answer[0], answer[1])
        return [answer[2]]

    def send(self, request: Sent | bytes) -> Checked:
        """Send a request and read the answer to the end."""
        data = request if isinstance(request, bytes) else request.wire()
        with socket.create_connection(("127.0.0.1", self._server.bind_addr[1]), 30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            try:
                while chunk := connection.recv(65536):
                    answer += chunk
            except ConnectionError:
                pass
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split()[1]) if head else 0
        return Checked(status, body, self._environ)


def sign(
    wire: Wire,
    key: AccessKey | AssumedRole,
    service: str,
    method: str = "POST",
    target: str = "/",
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    region: str = "us-east-1",
    ago: float = 0,
    expires: int | None = None,
) -> Sent:
    """A request that botocore has signed.

    Args:
        wire: where it is to be sent.
        key: an access key, or the session of a role.
        service: the signing name.
        method: such as "POST".
        target: path and query, percent-encoded.
        headers: beside those that botocore adds.
        body: its bytes.
        region: of the credential scope.
        ago: how many seconds ago it was signed.
        expires: seconds that a presigned URL is good for; None for a header.
    """
    credentials = Credentials(
        key.access_key_id, key.secret_access_key, getattr(key, "session_token", None)
    )
    s3 = service == "s3"
    data: Any = body
    if expires is not None and (headers or {}).get("Content-Type") == FORM:
        data = dict(parse_qsl(body.decode()))
    request = AWSRequest(method, f"http://{wire.host}{target}", headers=headers or {}, data=data)
    if expires is None:
        signer: Any = (S3SigV4Auth if s3 else SigV4Auth)(credentials, service, region)
    else:
        kind = S3SigV4QueryAuth if s3 else SigV4QueryAuth
        signer = kind(credentials, service, region, expires)
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    with _clock(moment):
        signer.add_auth(request)
    sent = [("Host", wire.host), *request.headers.items()]
    pairs = [(n, v.decode("latin-1") if isinstance(v, bytes) else v) for n, v in sent]
    # A presigned URL takes the fields of a form with it.
    left = body if isinstance(request.data, bytes) else b""
    return Sent(method, request.url.removeprefix(f"http://{wire.host}"), tuple(pairs), left)


@contextmanager
def _clock(moment: datetime) -> Iterator[None]:
    """botocore's clock, set to a moment."""
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: moment):
        yield
