"""The stream of what a client sends, with some commands and statements put differently.

`CREATE USER ... IDENTIFIED WITH AWSAuthenticationPlugin` is known to no server but Amazon's. The
proxy puts a password in place of the plugin's name, one that only the sandbox knows. By it the
proxy recognises later on who logs in with a token.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html

`rds_statements` has the other statements. Of the protocol's commands, those that read the binary
log are refused, and nobody becomes one of the service's users.
"""

import re
from collections.abc import Callable
from typing import Protocol

from sandbox.databasedoor.rds_statements import SERVICE_USERS, signal

QUERY, PREPARE, CHANGE_USER = 0x03, 0x16, 0x11
BINLOG_DUMPS = (0x12, 0x1E)
# What MySQL says where the binary log is off, Aurora's default.
NO_BINLOG = signal(1236, "HY000", "Binary log is not open")
# Before the text, when a client may send attributes with a query and sends none.
NO_ATTRIBUTES = b"\0\x01"
LONGEST = 1 << 14  # bytes of a statement that is looked at; the one in question has some hundred
PLUGIN = b"awsauthenticationplugin"
STATEMENT = re.compile(rb"\b(CREATE|ALTER)\s+USER\b", re.IGNORECASE)
IDENTIFIED = re.compile(
    rb"\bIDENTIFIED\s+WITH\s+(?P<q>['\"`]?)AWSAuthenticationPlugin(?P=q)"
    rb"\s+AS\s+(?P<r>['\"])RDS(?P=r)",
    re.IGNORECASE,
)


LOOKED_AT = (QUERY, PREPARE, CHANGE_USER, *BINLOG_DUMPS)


class Rewriter(Protocol):
    """Puts statements differently."""

    def rewrite(self, text: bytes, *, prepared: bool = False) -> bytes:
        """The text to send to the server."""


class Statements:
    """The stream of what one client sends.

    Args:
        words: what takes the place of `IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'`.
        rewriter: of all other statements; without one they pass as they are.
    """

    def __init__(self, words: Callable[[], str], rewriter: Rewriter | None = None):
        self._words = words
        self._rewriter = rewriter
        self._held = b""  # the beginning of a packet that cannot be judged yet
        self._passing = 0  # bytes still to come of a packet that is not looked at

    def feed(self, data: bytes) -> bytes:
        """Take what came from the client; give what goes to the server now."""
        if len(data) <= self._passing:
            self._passing -= len(data)
            return data
        data, self._held = self._held + data, b""
        out = [data[: self._passing]]
        at, self._passing = self._passing, 0
        while at < len(data):
            length = int.from_bytes(data[at : at + 3], "little")
            packet = data[at : at + 4 + length]
            # Too little to know what it is, or the beginning of a statement to look at.
            if len(packet) < 5 <= 4 + length or len(packet) < 4:
                self._held = packet
                break
            begins = packet[3] == 0 and length > 0 and packet[4] in LOOKED_AT
            complete = len(packet) == 4 + length
            if begins and length <= LONGEST:
                if not complete:
                    self._held = packet
                    break
                packet = self._reworded(packet)
            elif not complete:
                self._passing = 4 + length - len(packet)
            out.append(packet)
            at += 4 + length
        return b"".join(out)

    def _reworded(self, packet: bytes) -> bytes:
        command, text = packet[4], packet[5:]
        if command in BINLOG_DUMPS:
            command, text = QUERY, NO_BINLOG
        elif command == CHANGE_USER:
            user, end, rest = text.partition(b"\0")
            if user in SERVICE_USERS:
                text = user + b" " + end + rest  # an account that does not exist
        else:
            text = self._reworded_text(text, prepared=command == PREPARE)
        payload = bytes([command]) + text
        return len(payload).to_bytes(3, "little") + packet[3:4] + payload

    def _reworded_text(self, text: bytes, prepared: bool) -> bytes:
        if PLUGIN in text.lower() and STATEMENT.search(text):
            text = IDENTIFIED.sub(lambda _: self._words().encode(), text)
        if self._rewriter is None:
            return text
        head = NO_ATTRIBUTES if text.startswith(NO_ATTRIBUTES) else b""
        return head + self._rewriter.rewrite(text.removeprefix(head), prepared=prepared)
