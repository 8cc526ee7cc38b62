"""A proxy that lets nothing through and notes what it was asked for."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.server.asked.append(self.rfile.readline(1000).decode(errors="replace").strip())
        self.wfile.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")


class Trap(socketserver.ThreadingTCPServer):
    """The proxy.

    Attributes:
        asked: the first line of each request.
        environment: the variables that lead programs to it.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []
        address = f"http://127.0.0.1:{self.server_address[1]}"
        self.environment = dict.fromkeys(VARIABLES, address)


@contextmanager
def proxy_trap() -> Iterator[Trap]:
    """Run a proxy for the time of a `with` block."""
    with Trap() as trap:
        thread = threading.Thread(target=trap.serve_forever, args=[0.05], daemon=True)
        thread.start()
        yield trap
        trap.shutdown()
        thread.join()
