"""CREATE USER ... IDENTIFIED WITH AWSAuthenticationPlugin, which no server but Amazon's knows.

The door puts a password in place of the plugin's name, on the way to the server: one that only
the sandbox knows. By it the door recognises later on who logs in with a token.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.DBAccounts.html
"""

import re
from collections.abc import Callable

QUERY, PREPARE = 0x03, 0x16
LONGEST = 1 << 14  # bytes of a statement that is looked at; the one in question has some hundred
PLUGIN = b"awsauthenticationplugin"
STATEMENT = re.compile(rb"\b(CREATE|ALTER)\s+USER\b", re.IGNORECASE)
IDENTIFIED = re.compile(
    rb"\bIDENTIFIED\s+WITH\s+(?P<q>['\"`]?)AWSAuthenticationPlugin(?P=q)"
    rb"\s+AS\s+(?P<r>['\"])RDS(?P=r)",
    re.IGNORECASE,
)


class Statements:
    """The stream of what one client says, with one kind of statement said in other words.

    Args:
        words: what takes the place of `IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'`.
    """

    def __init__(self, words: Callable[[], str]):
        self._words = words
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
            begins = packet[3] == 0 and length > 0 and packet[4] in (QUERY, PREPARE)
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
        if PLUGIN not in packet.lower() or not STATEMENT.search(packet):
            return packet
        text = IDENTIFIED.sub(lambda _: self._words().encode(), packet[4:])
        return len(text).to_bytes(3, "little") + packet[3:4] + text
