"""Database users who log in with a token: how the door knows them, and logs in for them.

To the real server each of them is a user with a password: one password for all, which is in the
sandbox's home and nowhere else. Who has it is such a user. So nothing has to be remembered beside
the server's own table of users, and a restart, a copy or a replica of the database carries it all.
"""

import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql

from sandbox.private_files import keep_private

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer


@dataclass(frozen=True)
class Rules:
    """What goes for one login.

    Attributes:
        token: the user proves who they are with a token.
        tls: the server takes no connection without TLS.
    """

    token: bool
    tls: bool


class IamUsers:
    """The users of all database servers of one home who log in with a token.

    Args:
        file: where their password is kept, for this user only; made at the first use.
    """

    def __init__(self, file: Path):
        self._file = file
        self._known: dict[tuple[str, str], bool] = {}  # MySQL: (user, what it stores) -> found out

    def password(self) -> str:
        """The password that stands for the plugin."""
        return keep_private(self._file, lambda: secrets.token_urlsafe(32))

    def words(self, server: "DatabaseServer") -> str:
        """What takes the place of `IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'`."""
        if server.program.flavour == "mariadb":
            return f"IDENTIFIED VIA mysql_native_password USING '{self._stored_by_mariadb()}'"
        return f"IDENTIFIED BY '{self.password()}'"

    def rules_for(self, server: "DatabaseServer", user: str) -> Rules:
        """What goes for the login of this user of that server.

        Raises:
            pymysql.MySQLError, SandboxError: the server does not say.
        """
        rows = server.execute(
            "SELECT @@GLOBAL.require_secure_transport, authentication_string"
            " FROM (SELECT 1 AS one) AS always LEFT JOIN mysql.user ON User = %s",
            (user,),
        )
        stored = [_text(value) for _, value in rows]
        if server.program.flavour == "mariadb":
            token = self._stored_by_mariadb() in stored
        else:
            token = any(self._opens(server, user, value) for value in stored if value)
        return Rules(token, tls=bool(rows[0][0]))

    def _opens(self, server: "DatabaseServer", user: str, stored: str) -> bool:
        # MySQL salts what it stores, so trying is the only way to find out; once for each.
        if (user, stored) not in self._known:
            try:
                pymysql.connect(
                    host="127.0.0.1", port=server.port, user=user, password=self.password()
                ).close()
                self._known[user, stored] = True
            except pymysql.OperationalError:
                self._known[user, stored] = False
        return self._known[user, stored]

    def _stored_by_mariadb(self) -> str:
        twice = hashlib.sha1(hashlib.sha1(self.password().encode()).digest())
        return "*" + twice.hexdigest().upper()


def _text(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
