"""One side of a connection through the door: bytes, packets, and TLS once a side asks for it.

TLS goes through memory (`ssl.MemoryBIO`) and not through asyncio's `start_tls`: a client may send
the beginning of TLS in one piece with the packet that asks for it, and what has been read already
could not be given to `start_tls`.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, Self, TypeVar

from sandbox.databasedoor.packets import BadPacket, Packet

CHUNK = 1 << 18
LONGEST_LOGIN = 1 << 16  # bytes; a token has some 1,500, and connection attributes at most 64 KB
T = TypeVar("T")


class Line:
    """A TCP connection, to the client or to the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self._reader, self._writer = reader, writer
        self._ahead = b""  # read, and not yet given to anybody
        self._tls: ssl.SSLObject | None = None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()

    @classmethod
    async def to(cls, host: str, port: int) -> Self:
        """Connect to a server.

        Raises:
            OSError: nothing listens there.
        """
        return cls(*await asyncio.open_connection(host, port, limit=CHUNK))

    @property
    def encrypted(self) -> bool:
        """Whether TLS has begun."""
        return self._tls is not None

    async def begin_tls(self, context: ssl.SSLContext, *, server: bool) -> None:
        """Shake hands; from here on everything is encrypted.

        Args:
            context: with the certificate, or with what the other side's is verified by.
            server: whether this program is the server on this line.

        Raises:
            ssl.SSLError: the two do not agree, or the other side does not like a certificate.
            EOFError: the other side has gone.
        """
        self._incoming.write(self._ahead)
        self._ahead = b""
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=server)
        await self._when_fed(self._tls.do_handshake)

    async def read(self) -> bytes:
        """What has come, as much as is there; b"" at the end."""
        if self._ahead:
            data, self._ahead = self._ahead, b""
            return data
        if self._tls is None:
            return await self._reader.read(CHUNK)
        try:
            pieces = [await self._when_fed(self._tls.read, CHUNK)]
            with contextlib.suppress(ssl.SSLWantReadError):
                while pieces[-1]:  # a record has 16 KB at most, and more of them may be here
                    pieces.append(self._tls.read(CHUNK))
        except (EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return b""
        return b"".join(pieces)

    async def write(self, data: bytes) -> None:
        """Send, and wait as long as the other side takes in less than it is sent."""
        if self._tls is not None:
            rest = memoryview(data)
            while rest:
                rest = rest[self._tls.write(rest) :]
            data = self._outgoing.read()
        self._writer.write(data)
        await self._writer.drain()

    async def read_packet(self) -> Packet:
        """The next packet of a login.

        Raises:
            BadPacket: it is longer than any packet of a login.
            EOFError: the other side has gone.
        """
        head = await self._read_exactly(4)
        length = int.from_bytes(head[:3], "little")
        if length > LONGEST_LOGIN:
            raise BadPacket(f"a packet of {length} bytes before the login")
        return Packet(head[3], await self._read_exactly(length))

    def close(self) -> None:
        """Close, after what has been written is sent."""
        self._writer.close()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()

    async def _read_exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = await self.read()
            if not more:
                raise EOFError("the other side has gone")
            data += more
        self._ahead = data[count:] + self._ahead
        return data[:count]

    async def _when_fed(self, step: Callable[..., T], *arguments: Any) -> T:
        """Do a step of TLS, which may want to read or to send something first."""
        while True:
            try:
                result = step(*arguments)
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._reader.read(CHUNK)
                if not data:
                    raise EOFError("the other side has gone") from None
                self._incoming.write(data)
            except ssl.SSLError:
                with contextlib.suppress(ConnectionError):
                    await self._flush()  # the alert that says why
                raise
            else:
                await self._flush()
                return result

    async def _flush(self) -> None:
        if self._outgoing.pending:
            self._writer.write(self._outgoing.read())
            await self._writer.drain()
