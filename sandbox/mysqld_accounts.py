"""The accounts and connections of customers on one database server."""

from typing import TYPE_CHECKING

import pymysql
import pymysql.cursors

from sandbox.datafolder import REPLICATION_USER, SUPERUSER

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

# What RDS grants to the master user of Aurora MySQL 3:
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.MasterAccounts.html
PRIVILEGES = (
    "ALTER, ALTER ROUTINE, CREATE, CREATE ROUTINE, CREATE TEMPORARY TABLES, CREATE USER, "
    "CREATE VIEW, DELETE, DROP, EVENT, EXECUTE, INDEX, INSERT, LOCK TABLES, PROCESS, REFERENCES, "
    "RELOAD, REPLICATION CLIENT, REPLICATION SLAVE, SELECT, SHOW DATABASES, SHOW VIEW, TRIGGER, "
    "UPDATE"
)
# Of these, MySQL grants those that its version knows; MariaDB has none of them.
MYSQL_PRIVILEGES = {
    "APPLICATION_PASSWORD_ADMIN",
    "CONNECTION_ADMIN",
    "CREATE ROLE",
    "DROP ROLE",
    "ROLE_ADMIN",
    "SET_ANY_DEFINER",  # SET_USER_ID until 8.2
    "SET_USER_ID",
    "SHOW_ROUTINE",
    "XA_RECOVER_ADMIN",
}

SYSTEM_USERS = {SUPERUSER, REPLICATION_USER, "system user", "event_scheduler"}
NO_SUCH_THREAD = 1094  # the connection to kill ended by itself


def create_master_user(
    server: "DatabaseServer", user: str, password: str, database: str | None
) -> None:
    """Make the customer's account, from any address, and the first database if named.

    What is there already is left as it is: this may have been cut short before.
    """
    privileges = PRIVILEGES
    if server.program.flavour == "mysql":
        known = {name.upper() for name, *_ in server.execute("SHOW PRIVILEGES")}
        privileges = ", ".join([PRIVILEGES, *sorted(MYSQL_PRIVILEGES & known)])
    if database is not None:
        # In the server's own character set and collation, utf8mb4.
        server.execute(f"CREATE DATABASE IF NOT EXISTS `{database.replace('`', '``')}`")
    server.execute("CREATE USER IF NOT EXISTS %s@'%%' IDENTIFIED BY %s", (user, password))
    server.execute(f"GRANT {privileges} ON *.* TO %s@'%%' WITH GRANT OPTION", (user,))


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
