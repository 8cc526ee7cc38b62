"""Connections to the MySQL server at the other end of a tunnel."""

from __future__ import annotations

import socket
import ssl
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pymysql
import sqlalchemy
from pymysql.constants import CR, ER
from sqlalchemy.pool import NullPool

from helpers.errors import CourseError

CHARSET = "utf8mb4"  # MySQL's name for all of Unicode
CONNECT_SECONDS = 10


class DatabaseRefusedLogin(CourseError):
    """MySQL knows no such user with this password (its error 1045)."""


class UnknownDatabase(CourseError):
    """The server has no database of that name, or the user may not use it (1049, 1044)."""


class DatabaseNotAnswering(CourseError):
    """The connection could not be made: the tunnel is closed or the server went away."""


class DatabaseNotVerified(CourseError):
    """What answers cannot prove that it is the database: its certificate is no good."""


class Address(Protocol):
    """What of an open tunnel is needed here; `helpers.ssh_tunnel.Tunnel` has it."""

    host: str
    port: int
    mysql_host: str


def engine(
    tunnel: Address,
    user: str,
    password: str,
    database: str | None = None,
    certificates: Path | None = None,
) -> sqlalchemy.Engine:
    """Make an SQLAlchemy engine, after trying one connection.

    The engine keeps no connection between uses (NullPool): a finished query leaves nothing open,
    so the tunnel can be closed at any time after it, and the next query after a failover finds
    the new writer. Each use pays for a new login, some tens of milliseconds here.

    Args:
        tunnel: an open tunnel.
        user: the master user name, or one made with CREATE USER.
        password: its password; any characters.
        database: the database to use; None selects none.
        certificates: verify the server with these (see `connect`).

    Raises:
        DatabaseRefusedLogin, UnknownDatabase, DatabaseNotAnswering, DatabaseNotVerified.

    See https://docs.sqlalchemy.org/en/latest/core/engines.html and
    https://docs.sqlalchemy.org/en/latest/core/pooling.html.
    """
    connect(tunnel, user, password, database, certificates).close()
    verified: dict[str, Any] = {}
    if certificates is not None:
        verified["creator"] = partial(connect, tunnel, user, password, database, certificates)
    return sqlalchemy.create_engine(
        sqlalchemy.URL.create(
            "mysql+pymysql",
            username=user,
            password=password,
            host=tunnel.host,
            port=tunnel.port,
            database=database,
            query={"charset": CHARSET},
        ),
        poolclass=NullPool,
        connect_args={"connect_timeout": CONNECT_SECONDS, "password": password.encode()},
        **verified,
    )


def connect(
    tunnel: Address,
    user: str,
    password: str,
    database: str | None = None,
    certificates: Path | None = None,
) -> pymysql.Connection:
    """Open one PyMySQL connection through the tunnel; close it before the tunnel.

    Args:
        tunnel: an open tunnel.
        user: the user name.
        password: its password.
        database: the database to use; None selects none.
        certificates: a file of certificate authorities, as `rds_certificates()` returns it. The
            server must show a certificate that one of them signed for the endpoint's name.
            None: encrypted if the server can, and nothing verified, as PyMySQL does by itself.

    Raises:
        DatabaseRefusedLogin, UnknownDatabase, DatabaseNotAnswering, DatabaseNotVerified.

    See https://pymysql.readthedocs.io/en/latest/modules/connections.html.
    """
    options: dict[str, Any] = {
        "user": user,
        "password": password.encode(),  # PyMySQL would send text as latin-1
        "database": database,
        "charset": CHARSET,
        "connect_timeout": CONNECT_SECONDS,
    }
    try:
        if certificates is None:
            return pymysql.connect(host=tunnel.host, port=tunnel.port, **options)
        # PyMySQL verifies the name that it is told to connect to. That is the endpoint, while the
        # way to it is the tunnel.
        verified = pymysql.connect(
            host=tunnel.mysql_host, ssl={"ca": str(certificates)}, defer_connect=True, **options
        )
        verified.connect(_way(tunnel))
        return verified
    except pymysql.OperationalError as error:
        explained = _explain(error, tunnel, user, database)
        if explained is None:
            raise
        raise explained from None


def _way(tunnel: Address) -> socket.socket:
    try:
        way = socket.create_connection((tunnel.host, tunnel.port), CONNECT_SECONDS)
    except OSError as error:
        raise pymysql.OperationalError(CR.CR_CONN_HOST_ERROR, str(error)) from error
    way.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as PyMySQL has its own
    return way


def _explain(
    error: pymysql.OperationalError, tunnel: Address, user: str, database: str | None
) -> CourseError | None:
    code = error.args[0]
    unverified = getattr(error, "original_exception", None)
    if isinstance(unverified, ssl.SSLCertVerificationError):
        return DatabaseNotVerified(
            f"What answers does not prove that it is {tunnel.mysql_host}: "
            f"{unverified.verify_message.rstrip('.')}. Give the certificates of RDS: "
            "certificates=rds_certificates(). With them it must not happen: then do not log in, "
            "and find out who answers."
        )
    if code == ER.ACCESS_DENIED_ERROR:
        return DatabaseRefusedLogin(
            f'The database refused user "{user}" with this password. Try again with the '
            "MasterUsername and MasterUserPassword the cluster was made with, or set a new "
            f'password: rds.modify_db_cluster(DBClusterIdentifier="{_cluster(tunnel)}", '
            'MasterUserPassword="...", ApplyImmediately=True)'
        )
    if code in (ER.BAD_DB_ERROR, ER.DBACCESS_DENIED_ERROR):
        return UnknownDatabase(
            f'The server has no database "{database}" that user "{user}" may use. Connect without '
            "a database name and look: SHOW DATABASES; or make it: CREATE DATABASE "
            f"`{database}`"
        )
    if code in (CR.CR_CONN_HOST_ERROR, CR.CR_SERVER_LOST, CR.CR_SERVER_GONE_ERROR):
        return DatabaseNotAnswering(
            f"{tunnel.mysql_host} does not answer through the tunnel: the tunnel is closed, or "
            "the database is stopped or starting. Open the tunnel again, which says what is "
            "wrong: tunnel(...)"
        )
    return None


def _cluster(tunnel: Address) -> str:
    """The cluster's identifier, which begins a writer or reader endpoint; "..." for another."""
    name, _, rest = tunnel.mysql_host.partition(".")
    return name if rest.startswith("cluster-") else "..."
