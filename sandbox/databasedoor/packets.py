"""The packets with which a MySQL client logs in, taken apart and put together.

https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase.html, and for
MariaDB https://mariadb.com/kb/en/connection/.
"""

import hashlib
import struct
from dataclasses import dataclass, replace

# Capabilities: what client and server can do, as bits.
CONNECT_WITH_DB = 1 << 3
COMPRESS = 1 << 5
PROTOCOL_41 = 1 << 9
SSL = 1 << 11
SECURE_CONNECTION = 1 << 15
PLUGIN_AUTH = 1 << 19
LENGTH_ENCODED_ANSWER = 1 << 21
ZSTD = 1 << 26

OK, MORE, SWITCH, ERROR = 0x00, 0x01, 0xFE, 0xFF  # the first byte of a server's answer
HEAD = struct.Struct("<IIB23x")  # of a client's first packet: capabilities, packet size, charset


class BadPacket(Exception):
    """What came is not MySQL's protocol, or more of it than a login has."""


@dataclass(frozen=True)
class Packet:
    """One packet: its number within the exchange, and what it says."""

    number: int
    payload: bytes

    def __bytes__(self) -> bytes:
        return len(self.payload).to_bytes(3, "little") + bytes([self.number % 256]) + self.payload

    @property
    def kind(self) -> int:
        """The first byte; -1 where there is none."""
        return self.payload[0] if self.payload else -1


@dataclass(frozen=True)
class Greeting:
    """What of a server's first packet matters here."""

    plugin: str
    salt: bytes


def read_greeting(payload: bytes) -> Greeting:
    """Take a server's first packet apart.

    Raises:
        BadPacket: it is none of version 10, which all servers since 1998 speak.
    """
    end = payload.find(b"\0", 1)
    if payload[:1] != b"\x0a" or len(payload) < end + 45:
        raise BadPacket("the server does not greet as a MySQL server does")
    salt = payload[end + 5 : end + 13]
    length = payload[end + 21]
    rest = payload[end + 32 :]
    tail = max(13, length - 8)
    plugin = rest[tail:].partition(b"\0")[0].decode("latin-1")
    return Greeting(plugin, salt + rest[: tail - 1])


def without_compression(payload: bytes) -> bytes:
    """A server's first packet that offers no compression: the door is to see statements."""
    low, high = payload.find(b"\0", 1) + 14, payload.find(b"\0", 1) + 19
    changed = bytearray(payload)
    for at, unwanted in ((low, COMPRESS), (high, ZSTD >> 16)):
        (offered,) = struct.unpack_from("<H", changed, at)
        struct.pack_into("<H", changed, at, offered & ~unwanted)
    return bytes(changed)


def asks_for_tls(payload: bytes) -> bool:
    """Whether a client's first packet is the short one after which TLS begins."""
    return len(payload) == HEAD.size and bool(HEAD.unpack(payload)[0] & SSL)


@dataclass(frozen=True)
class Login:
    """A client's login: who, the proof, and what else it wants of the session."""

    head: bytes
    user: bytes
    answer: bytes
    database: bytes
    plugin: bytes
    attributes: bytes

    def with_proof(self, plugin: str, answer: bytes) -> "Login":
        """The same login with another proof."""
        return replace(self, plugin=plugin.encode(), answer=answer)

    def __bytes__(self) -> bytes:
        capabilities = HEAD.unpack(self.head)[0]
        text = self.head + self.user + b"\0"
        # Proofs of up to 250 bytes are written alike in both ways of writing lengths.
        text += bytes([len(self.answer)]) + self.answer
        if capabilities & CONNECT_WITH_DB:
            text += self.database + b"\0"
        if capabilities & PLUGIN_AUTH:
            text += self.plugin + b"\0"
        return text + self.attributes


def read_login(payload: bytes) -> Login:
    """Take a client's login apart.

    Raises:
        BadPacket: it is cut short, or in the form that MySQL gave up with version 4.1.
    """
    if len(payload) < HEAD.size:
        raise BadPacket("the client's login is cut short")
    capabilities = HEAD.unpack(payload[: HEAD.size])[0]
    modern = PROTOCOL_41 | SECURE_CONNECTION
    if capabilities & modern != modern:
        raise BadPacket("the client logs in as those before MySQL 4.1 did")
    user, rest = _text(payload[HEAD.size :])
    answer, rest = _counted(rest, bool(capabilities & LENGTH_ENCODED_ANSWER))
    database = plugin = b""
    if capabilities & CONNECT_WITH_DB:
        database, rest = _text(rest)
    if capabilities & PLUGIN_AUTH:
        plugin, rest = _text(rest)
    return Login(payload[: HEAD.size], user, answer, database, plugin, rest)


def switch_to(plugin: str) -> bytes:
    """The server's wish that the client prove itself in another way."""
    return bytes([SWITCH]) + plugin.encode() + b"\0"


def read_switch(payload: bytes) -> Greeting:
    """The way and the salt that a server switches to."""
    plugin, salt = _text(payload[1:])
    return Greeting(plugin.decode("latin-1"), salt.removesuffix(b"\0"))


def error(code: int, state: str, message: str) -> bytes:
    """A server's refusal."""
    return bytes([ERROR]) + struct.pack("<H", code) + b"#" + state.encode() + message.encode()


def proof(plugin: str, password: str, salt: bytes) -> bytes:
    """Prove that one knows the password, in the plugin's way.

    Raises:
        BadPacket: for a way that the door does not know.
    """
    secret = password.encode()
    if plugin == "mysql_native_password":
        once = hashlib.sha1(secret).digest()
        twice = hashlib.sha1(salt + hashlib.sha1(once).digest()).digest()
    elif plugin == "caching_sha2_password":
        once = hashlib.sha256(secret).digest()
        twice = hashlib.sha256(hashlib.sha256(once).digest() + salt).digest()
    else:
        raise BadPacket(f"the server asks for a login by {plugin}")
    return bytes(a ^ b for a, b in zip(once, twice, strict=True))


def _text(data: bytes) -> tuple[bytes, bytes]:
    text, ended, rest = data.partition(b"\0")
    if not ended:
        raise BadPacket("a text in the login does not end")
    return text, rest


def _counted(data: bytes, length_encoded: bool) -> tuple[bytes, bytes]:
    if not data:
        raise BadPacket("the client's login is cut short")
    length, begin = data[0], 1
    if length_encoded and length == 0xFC:
        length, begin = int.from_bytes(data[1:3], "little"), 3
    elif length_encoded and length > 0xFC:
        raise BadPacket("the client's proof is longer than any")
    if len(data) < begin + length:
        raise BadPacket("the client's login is cut short")
    return data[begin : begin + length], data[begin + length :]
