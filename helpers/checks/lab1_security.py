"""What is checked on page 1.7: TLS and the logins, and that the cluster is as it was."""

from collections.abc import Iterator
from typing import Any

import boto3
import pymysql

from helpers.certificates import rds_certificates
from helpers.checks import Item, checks_of
from helpers.checks.lab1_database import bastion_and_cluster
from helpers.database import connect
from helpers.errors import CourseError
from helpers.keys import key_file, password
from helpers.shared_calls import shared
from helpers.ssh_tunnel import Tunnel, tunnel

USER = "jane"


@checks_of("1.7")
def encryption_and_tokens() -> Iterator[Item]:
    """Logins of admin and of jane over verified TLS; nothing left that later pages stumble on."""
    try:
        bastion, cluster = bastion_and_cluster()
        with shared(tunnel, bastion, key_file("bookstore"), cluster["Endpoint"]) as way:
            yield from _logins(way, cluster)
    except CourseError as error:
        yield Item("The writer endpoint answers through the bastion", False, str(error))
        return
    yield Item(
        "The cluster has a default parameter group again",
        cluster["DBClusterParameterGroup"].startswith("default."),
        "Run the last cell of page 1.7, step 5.",
    )


def _logins(way: Tunnel, cluster: dict[str, Any]) -> Iterator[Item]:
    refused = _refusal(way, cluster["MasterUsername"], password("bookstore"))
    yield Item(
        "The database proves its name, and takes the master password of page 1.3",
        not refused,
        refused + " If RDS manages the password, run the last cell of page 1.7, step 9.",
    )
    yield Item(
        "The cluster has IAM database authentication switched on",
        cluster.get("IAMDatabaseAuthenticationEnabled", False),
        "Switch it on: page 1.7, step 6.",
    )
    token = boto3.client("rds").generate_db_auth_token(
        DBHostname=cluster["Endpoint"], Port=cluster["Port"], DBUsername=USER
    )
    refused = _refusal(way, USER, token)
    yield Item(
        f"A token opens the database to {USER}",
        not refused,
        f"Make the user {USER}, and wait until the cluster is available: page 1.7, step 6.",
    )
    yield Item(
        f"Without TLS it does not, and {USER} has no password",
        not refused and _is_kept_out_without_tls(way, token),
        f"DROP USER {USER}, and make it as on page 1.7, step 6.",
    )


def _refusal(way: Tunnel, user: str, secret: str) -> str:
    """Why a login over verified TLS fails; "" for one that succeeds."""
    try:
        connect(way, user, secret, certificates=rds_certificates()).close()
    except CourseError as error:
        return str(error)
    return ""


def _is_kept_out_without_tls(way: Tunnel, token: str) -> bool:
    try:
        pymysql.connect(
            host=way.host, port=way.port, user=USER, password=token, ssl_disabled=True
        ).close()
    except pymysql.OperationalError:
        return True
    return False
