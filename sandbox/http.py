"""The HTTP server: cheroot's, which refuses as an AWS endpoint does what is not quite HTTP."""

import functools
import io
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cheroot.server import HeaderReader, HTTPConnection, HTTPRequest
from cheroot.wsgi import Gateway_10, Server

LARGEST_HEADERS = 64 * 1024
LARGEST_BODY = 64 * 1024 * 1024
LONGEST_LINE = 1024  # Of a chunk's size and its extensions.
# Where the headers are found as they were signed: names in lower case, values with each
# character one byte.
HEADERS = "sandbox.headers"
# Where moto looks for the spelling of headers with underscores. It is not imported from moto,
# which takes a second and reads settings that are not there yet.
SPELLINGS = "moto.preserved_header_names"


class BadBody(Exception):
    """A body that cannot be read.

    Attributes:
        code: the error code to answer.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400):
        super().__init__(message)
        self.code, self.status = code, status


def _too_large() -> BadBody:
    return BadBody("RequestEntityTooLarge", "The request is larger than AWS takes.", 413)


def headers_of(environ: dict[str, Any]) -> Mapping[str, str]:
    """The headers of a WSGI request by name in lower case, as the client sent them."""
    return environ[HEADERS]


def raw_path(environ: dict[str, Any]) -> str:
    """The path of a WSGI request, still percent-encoded."""
    uri = environ["REQUEST_URI"]
    return uri.partition("?")[0] if uri.startswith("/") else urlsplit(uri).path


def read_body(environ: dict[str, Any]) -> bytes:
    """Read the body of a WSGI request.

    Raises:
        BadBody: its length is not said or not true, or it is larger than AWS takes.
    """
    stream = environ["wsgi.input"]
    try:
        if environ.get("wsgi.input_terminated"):
            return _read_chunks(stream)
        return _read_known(stream, environ)
    except OSError as error:
        raise BadBody("RequestTimeout", f"The request was not received: {error}", 400) from error


def replace_body(environ: dict[str, Any], body: bytes) -> None:
    """Give a WSGI request a body that has been read."""
    environ["wsgi.input"] = io.BytesIO(body)
    if environ.get("wsgi.input_terminated"):
        environ["wsgi.input_terminated"] = False
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)


def _read_known(stream: Any, environ: dict[str, Any]) -> bytes:
    said = environ.get("CONTENT_LENGTH") or "0"
    if not (said.isascii() and said.isdigit()):
        raise BadBody("InvalidRequest", "The Content-Length is not a number.")
    length = int(said[:20])  # Python takes no more than some thousand digits.
    if length > LARGEST_BODY:
        raise _too_large()
    return stream.read(length) if length else b""


def _read_chunks(stream: Any) -> bytes:
    parts, total = [], 0
    while True:
        digits = stream.readline(LONGEST_LINE).partition(b";")[0].strip()
        if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise BadBody("InvalidRequest", "The size of a chunk is not a hexadecimal number.")
        size = int(digits, 16)
        total += size
        if total > LARGEST_BODY:
            raise _too_large()
        if not size:
            break
        data = stream.read(size)
        if len(data) < size or stream.readline(LONGEST_LINE).strip():
            raise BadBody("InvalidRequest", "A chunk does not have the size that it claims.")
        parts.append(data)
    while stream.readline(LONGEST_LINE).strip():  # Trailing headers of HTTP: AWS uses none.
        pass
    return b"".join(parts)


class Headers(HeaderReader):
    """Keeps every value of a repeated header, where cheroot keeps the last of most."""

    def __call__(self, rfile: Any, hdict: dict[bytes, bytes] | None = None) -> dict[bytes, bytes]:
        """Read headers, joined as Signature Version 4 joins them.

        Args:
            rfile: the stream.
            hdict: receives them, by name in title case.

        Raises:
            ValueError: they are not what HTTP has.
        """
        headers = {} if hdict is None else hdict
        name = b""
        while (line := rfile.readline()) != b"\r\n":
            if not line.endswith(b"\r\n"):
                raise ValueError("HTTP requires CRLF terminators")
            if line[:1] in (b" ", b"\t"):
                if not name:
                    raise ValueError("Illegal header line.")
                headers[name] += b" " + line.strip()
                continue
            label, colon, value = line.partition(b":")
            name = label.title()
            # White space before the colon lets two readers see two different headers.
            if not colon or not label or label.strip() != label:
                raise ValueError("Illegal header line.")
            value = value.strip(b" \t\r\n")
            headers[name] = headers[name] + b"," + value if name in headers else value
        return headers


class Request(HTTPRequest):
    """One request, whose head is read here."""

    header_reader = Headers()

    def read_request_headers(self) -> bool:
        """Refuse bodies in chunks but for S3, the one service whose clients send them."""
        readable = super().read_request_headers()
        if readable and self.chunked_read:
            if b"/s3/aws4_request" not in self.inheaders.get(b"Authorization", b""):
                self.simple_response("411 Length Required")
                return False
            if b"Content-Length" in self.inheaders:
                self.simple_response("400 Bad Request")
                return False
        return readable

    def respond(self) -> None:
        """Leave chunks to `read_body`: cheroot allocates whatever size a chunk claims to have."""
        if not self.chunked_read:
            super().respond()
            return
        self.rfile = self.conn.rfile
        self.close_connection = True  # What was not read would pass for the next request.
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def simple_response(self, status: Any, msg: str = "") -> None:
        """A request that is wrong is the client's fault, where cheroot says 501 or 505."""
        wrong = str(status).startswith(("501", "505"))
        super().simple_response("400 Bad Request" if wrong else status, msg)


class Connection(HTTPConnection):
    """A connection whose requests are read by `Request`."""

    RequestHandlerClass = Request


@functools.lru_cache(maxsize=1024)
def _names_of(header: bytes) -> tuple[str, str]:
    """The name of a header in lower case, and what WSGI calls it."""
    name = header.decode("latin-1").lower()
    key = name.upper().replace("-", "_")
    return name, key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


class Gateway(Gateway_10):
    """Gives the application the headers as they were signed, too."""

    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        """Add the headers under `HEADERS`, and keep names with an underscore apart.

        WSGI has one name for X-A and X_A. Only S3's metadata may have underscores, whose spelling
        moto wants to know; any other such header is not heard.
        """
        # Without them at first: cheroot takes longer over their names than all the rest takes.
        received, self.req.inheaders = self.req.inheaders, {}
        environ = super().get_environ()
        self.req.inheaders = received
        sent: dict[str, str] = {}
        odd = []
        for raw, value in received.items():
            name, key = _names_of(raw)
            sent[name] = value.decode("latin-1")
            if "_" in name:
                odd.append(name)
            else:
                environ[key] = sent[name]
        for name in odd:
            if name.startswith("x-amz-meta-") and name.replace("_", "-") not in sent:
                key = _names_of(name.encode("latin-1"))[1]
                environ[key] = sent[name]
                environ.setdefault(SPELLINGS, {})[key] = name
            else:
                del sent[name]
        environ[HEADERS] = sent
        environ["RAW_URI"] = environ["REQUEST_URI"]  # as moto calls it
        return environ


class HttpServer(Server):
    """A WSGI server for `FrontDoor`; its arguments are cheroot's."""

    ConnectionClass = Connection
    max_request_header_size = LARGEST_HEADERS

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.gateway = Gateway
