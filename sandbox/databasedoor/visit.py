"""One connection through the door: the login, and then whatever the two have to say.

An ordinary user's login is passed on as it is: the server's greeting holds the number that the
proof is reckoned with, so the server can check it, and the door knows no password. With TLS the
door is the server that the client verifies; it speaks TLS to the real server then, and else not,
so that the server knows which it is, and can insist.

A user of IAM's is asked for the token in clear text, inside TLS, as on AWS; if it is good, the
door logs in for them.
"""

import asyncio
import contextlib
import logging
import ssl
from typing import Protocol

from sandbox.databasedoor import packets
from sandbox.databasedoor.iam_users import Rules
from sandbox.databasedoor.line import Line
from sandbox.databasedoor.packets import BadPacket, Greeting, Login, Packet
from sandbox.databasedoor.rds_statements import SERVICE_USERS
from sandbox.databasedoor.statements import Statements
from sandbox.databasedoor.tokens import TokenRefused

CLEAR_TEXT = "mysql_clear_password"
FULL_LOGIN = bytes([packets.MORE, 4])  # caching_sha2_password: send the password itself
TOO_OLD = packets.error(
    1251,
    "08004",
    "Client does not support authentication protocol requested by server; "
    "consider upgrading MySQL client",
)
# MySQL's words; MariaDB itself speaks of a wrong password.
TLS_REQUIRED = packets.error(
    3159,
    "HY000",
    "Connections using insecure transport are prohibited while --require_secure_transport=ON.",
)

log = logging.getLogger("sandbox.databasedoor")


class Host(Protocol):
    """What a visit asks of the door it comes through."""

    @property
    def name(self) -> str:
        """Whom the log is to name."""

    async def server_line(self) -> Line:
        """A new connection to the real server."""

    def client_tls(self) -> ssl.SSLContext:
        """With the certificate that clients verify."""

    def server_tls(self) -> ssl.SSLContext:
        """By which the real server's certificate is verified."""

    async def rules_for(self, user: str) -> Rules:
        """What goes for this user's login."""

    async def check_token(self, token: str, user: str) -> None:
        """Raise TokenRefused if the token is not good."""

    def iam_password(self) -> str:
        """With which the door logs in for IAM's users."""

    def statements(self, user: str) -> Statements:
        """What the statements of a client go through who has logged in as this user."""


async def visit(host: Host, client: Line, login_seconds: float) -> None:
    """Serve one client from its first byte to its last.

    Raises:
        OSError, EOFError, BadPacket, TimeoutError: the connection ended before its time.
    """
    try:
        server = await host.server_line()
    except OSError:
        client.abort()
        raise
    try:
        async with asyncio.timeout(login_seconds):
            user = await _log_in(host, client, server)
        if user is not None:
            await _carry(client, server, host.statements(user))
        # What has been written to the client is still sent.
        client.close()
    except BaseException:
        client.abort()
        raise
    finally:
        server.abort()


async def _log_in(host: Host, client: Line, server: Line) -> str | None:
    """Bring the login to where only bytes are to be carried.

    Returns:
        The user; None where the login ended before.
    """
    hello = await server.read_packet()
    if hello.kind == packets.ERROR:  # too many connections, for one
        await client.write(bytes(hello))
        return None
    greeting = packets.read_greeting(hello.payload)
    await client.write(bytes(Packet(hello.number, packets.without_compression(hello.payload))))
    said = await client.read_packet()
    if packets.asks_for_tls(said.payload):
        await client.begin_tls(host.client_tls(), server=True)
        await server.write(bytes(said))
        await server.begin_tls(host.server_tls(), server=False)
        said = await client.read_packet()
    try:
        login = packets.read_login(said.payload)
    except BadPacket:
        await client.write(bytes(Packet(said.number + 1, TOO_OLD)))
        raise
    user = login.user.decode(errors="replace")
    if login.user in SERVICE_USERS:
        await client.write(bytes(Packet(said.number + 1, _denied(user))))
        return None
    rules = await host.rules_for(user)
    if rules.tls and not client.encrypted:
        await client.write(bytes(Packet(said.number + 1, TLS_REQUIRED)))
        return None
    if rules.token:
        let_in = await _log_in_by_token(host, client, server, greeting, login, said.number)
        return user if let_in else None
    await server.write(bytes(said))
    return user


def _denied(user: str) -> bytes:
    """What MySQL says of a wrong password; AWS says no more than that either."""
    message = f"Access denied for user '{user}'@'127.0.0.1' (using password: YES)"
    return packets.error(1045, "28000", message)


async def _log_in_by_token(
    host: Host, client: Line, server: Line, greeting: Greeting, login: Login, number: int
) -> bool:
    user = login.user.decode(errors="replace")
    try:
        if not client.encrypted:
            raise TokenRefused("a token is taken inside TLS only")
        await client.write(bytes(Packet(number + 1, packets.switch_to(CLEAR_TEXT))))
        given = await client.read_packet()
        number = given.number
        token = given.payload.removesuffix(b"\0").decode(errors="replace")
        await host.check_token(token, user)
    except TokenRefused as refused:
        log.info("%s: %r is not let in: %s", host.name, user, refused)
        await client.write(bytes(Packet(number + 1, _denied(user))))
        return False
    answer = await _prove(server, greeting, login, host.iam_password())
    await client.write(bytes(Packet(number + 1, answer.payload)))
    log.info("%s: %r logged in with a token", host.name, user)
    return answer.kind == packets.OK


async def _prove(server: Line, greeting: Greeting, login: Login, password: str) -> Packet:
    """Log in to the real server; returns its last word, yes or no."""
    number = 2  # after the greeting and the wish for TLS
    proven = login.with_proof(
        greeting.plugin, packets.proof(greeting.plugin, password, greeting.salt)
    )
    await server.write(bytes(Packet(number, bytes(proven))))
    while True:
        answer = await server.read_packet()
        reply = b""
        if answer.kind == packets.SWITCH:
            wanted = packets.read_switch(answer.payload)
            reply = packets.proof(wanted.plugin, password, wanted.salt)
        elif answer.payload == FULL_LOGIN:
            reply = password.encode() + b"\0"
        elif answer.kind != packets.MORE:
            return answer
        if reply:
            await server.write(bytes(Packet(answer.number + 1, reply)))


async def _carry(client: Line, server: Line, statements: Statements) -> None:
    async def there() -> None:
        with contextlib.suppress(OSError):
            while data := await client.read():
                await server.write(statements.feed(data))
        server.close()

    async def back() -> None:
        with contextlib.suppress(OSError):
            while data := await server.read():
                await client.write(data)
        client.close()

    # The end of either ends the other: a MySQL connection is never open on one side only.
    async with asyncio.TaskGroup() as both:
        both.create_task(there())
        both.create_task(back())
