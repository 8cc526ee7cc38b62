"""The accounts and connections of customers on one database server."""

from typing import TYPE_CHECKING

import pymysql
import pymysql.cursors

from sandbox import mysqld_rights
from sandbox.datafolder import REPLICATION_USER, SUPERUSER

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

SYSTEM_USERS = {SUPERUSER, REPLICATION_USER, "system user", "event_scheduler"}
NO_SUCH_THREAD = 1094  # the connection to kill ended by itself


def create_master_user(
    server: "DatabaseServer", user: str, password: str, database: str | None
) -> None:
    """Make the customer's account, from any address, and the first database if named.

    What is there already is left as it is: this may have been cut short before.
    """
    if database is not None:
        # In the server's own character set and collation, utf8mb4.
        server.execute(f"CREATE DATABASE IF NOT EXISTS `{database.replace('`', '``')}`")
    server.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, password))
    mysqld_rights.grant_master_rights(server, user)


def drop_connections(server: "DatabaseServer") -> None:
    """End every connection but the service's own and replication's."""
    for connection, user, *_ in server.execute("SHOW PROCESSLIST"):
        if user not in SYSTEM_USERS:
            try:
                server.execute("KILL CONNECTION %s", (connection,))
            except pymysql.MySQLError as error:
                if error.args[0] != NO_SUCH_THREAD:
                    raise


def drop_replicas(cursor: pymysql.cursors.Cursor) -> None:
    """End the connections of a server's replicas, which try again after a second."""
    cursor.execute("SHOW PROCESSLIST")
    for connection, user, *_ in cursor.fetchall():
        if user == REPLICATION_USER:
            cursor.execute("KILL CONNECTION %s", (connection,))
