"""Repair the service's accounts on a server whose master user can change them.

MySQL protects `rdsadmin` and `rdsrepladmin` by their privilege SYSTEM_USER. On MariaDB an
account with CREATE USER may drop or change any other. The proxy refuses that in plain
statements (`sandbox.databasedoor`); what a routine puts together it cannot see. So a MariaDB
server makes the accounts at each start, from its init file, and while it runs they are repaired
over a connection that was opened at the start: a connection keeps its rights when its account
changes, and nobody else may end it.
"""

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

import pymysql

from sandbox import datafolder
from sandbox.datafolder import LOOPBACK, SUPERUSER

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

# Why `rdsadmin` may fail to log in: wrong password or no such account, no right to connect,
# limits of an account, an expired password, a locked account.
LOCKED_OUT = {1044, 1045, 1130, 1226, 1524, 1698, 1820, 1862, 4151}

_YEAR = 365 * 24 * 3600
# Rights that no account but the service's has: one that holds them was `rdsadmin` under
# another name.
_SUPERUSERS = f"""
SELECT User, Host FROM mysql.user
WHERE Super_priv = 'Y' AND is_role = 'N'
  AND NOT (User = '{SUPERUSER}' AND Host = '{LOOPBACK}') AND User <> 'mariadb.sys'
"""

log = logging.getLogger("sandbox.servers")


class ServiceAccounts:
    """The two accounts of one server, and the connection by which they are repaired.

    Does nothing on MySQL.

    Args:
        server: which has to run when a method is called.
    """

    def __init__(self, server: "DatabaseServer") -> None:
        self._server = server
        self._connection: pymysql.Connection | None = None
        self._guard = threading.Lock()

    def open(self) -> None:
        """Open the connection, just after the server has started."""
        if self._server.program.flavour == "mysql":
            return
        with self._guard:
            self._close()
            self._connection = connection = self._server.connect_as_service(self._server.port)
            with connection.cursor() as cursor:
                cursor.execute(datafolder.NOT_LOGGED)
                cursor.execute(f"SET SESSION wait_timeout = {_YEAR}")

    def repair(self) -> bool:
        """Make both accounts what they were at first; False where that cannot be done.

        Nothing of it is written to the binary log: each server has passwords of its own.
        """
        with self._guard:
            if self._connection is None or not self._server.running:
                return False
            try:
                with self._connection.cursor() as cursor:
                    for statement in datafolder.account_statements(self._server.folder):
                        cursor.execute(statement)
                    cursor.execute(_SUPERUSERS)
                    for account in cursor.fetchall():
                        log.warning("%s: %s@%s loses its rights", self._server.folder, *account)
                        cursor.execute("REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s@%s", account)
            except pymysql.MySQLError:
                log.exception("the accounts of %s cannot be repaired", self._server.folder)
                self._close()
                return False
            return True

    def close(self) -> None:
        """Close the connection, when the server ends."""
        with self._guard:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(pymysql.MySQLError):
                self._connection.close()
        self._connection = None
