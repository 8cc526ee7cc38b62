"""The HTTP server: cheroot's, which refuses as an AWS endpoint does what is not quite HTTP."""

from typing import Any

from cheroot.server import HTTPConnection, HTTPRequest
from cheroot.wsgi import Server

LARGEST_HEADERS = 64 * 1024


class Request(HTTPRequest):
    """One request, whose head is read here."""

    def read_request_headers(self) -> bool:
        """Refuse bodies in chunks: AWS's clients send them for S3 alone, and cheroot allocates
        whatever size the first chunk claims to have."""
        readable = super().read_request_headers()
        if readable and self.chunked_read:
            self.simple_response("411 Length Required")
            return False
        return readable

    def simple_response(self, status: Any, msg: str = "") -> None:
        """A request that is wrong is the client's fault, where cheroot says 501 or 505."""
        wrong = str(status).startswith(("501", "505"))
        super().simple_response("400 Bad Request" if wrong else status, msg)


class Connection(HTTPConnection):
    """A connection whose requests are read by `Request`."""

    RequestHandlerClass = Request


class HttpServer(Server):
    """A WSGI server for `FrontDoor`; its arguments are cheroot's."""

    ConnectionClass = Connection
    max_request_header_size = LARGEST_HEADERS
