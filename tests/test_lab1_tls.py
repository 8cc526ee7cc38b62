"""Lab 1's cluster over TLS and with tokens, through the bastion, in a sandbox of its own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
import certifi
import pandas as pd
import pymysql
import pytest

import helpers
from helpers.certificates import rds_certificates
from helpers.database import DatabaseNotVerified, DatabaseRefusedLogin, connect, engine
from helpers.ssh_tunnel import Tunnel, tunnel
from tests.conftest import PROJECT, Lab1, sandbox_command

pytestmark = pytest.mark.database

WAITED = {"WaiterConfig": {"Delay": 1}}


@pytest.fixture(scope="module")
def with_jane(lab1: Lab1) -> Lab1:
    """The cluster allows tokens, and has the user jane."""
    boto3.client("rds").modify_db_cluster(
        DBClusterIdentifier="bookstore", EnableIAMDatabaseAuthentication=True
    )
    with way_to(lab1) as way, closing(admin(lab1, way)) as connection:
        run(
            connection,
            "CREATE USER jane IDENTIFIED WITH AWSAuthenticationPlugin AS 'RDS'",
            "GRANT SELECT ON bookstore.* TO jane",
        )
    return lab1


def way_to(lab1: Lab1, endpoint: str | None = None) -> Tunnel:
    return tunnel(lab1.bastion, lab1.key, endpoint or lab1.writer)


def admin(lab1: Lab1, way: Tunnel) -> "pymysql.Connection":
    return connect(way, "admin", lab1.password, certificates=rds_certificates())


def run(connection: "pymysql.Connection", *statements: str) -> Any:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchone()


def token(lab1: Lab1, endpoint: str | None = None, rds: Any = None) -> str:
    return (rds or boto3.client("rds")).generate_db_auth_token(
        DBHostname=endpoint or lab1.writer, Port=3306, DBUsername="jane"
    )


def as_jane(way: Tunnel, secret: str) -> str:
    with closing(connect(way, "jane", secret, certificates=rds_certificates())) as connection:
        return run(connection, "SELECT CURRENT_USER()")[0]


def test_every_endpoint_proves_its_name(with_jane: Lab1) -> None:
    instances = boto3.client("rds").describe_db_instances()["DBInstances"]
    own = [instance["Endpoint"]["Address"] for instance in instances]
    for endpoint in (with_jane.writer, with_jane.reader, *own):
        with way_to(with_jane, endpoint) as way:
            aurora = engine(way, "admin", with_jane.password, certificates=rds_certificates())
            assert pd.read_sql("SHOW STATUS LIKE 'Ssl_cipher'", aurora)["Value"][0]


def test_whoever_cannot_prove_it_gets_no_login(with_jane: Lab1) -> None:
    with way_to(with_jane) as way:
        with pytest.raises(DatabaseNotVerified, match="unable to get local issuer certificate"):
            connect(way, "admin", with_jane.password, certificates=Path(certifi.where()))
        way.mysql_host = "elsewhere.cluster-c0.us-east-1.rds.amazonaws.com"
        with pytest.raises(DatabaseNotVerified, match="not valid for 'elsewhere"):
            connect(way, "admin", with_jane.password, certificates=rds_certificates())


def test_a_key_of_the_account_opens_the_database_until_it_is_switched_off(
    with_jane: Lab1,
) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="jane")
    key = iam.create_access_key(UserName="jane")["AccessKey"]
    rds = boto3.client(
        "rds",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with way_to(with_jane) as way:
        assert as_jane(way, token(with_jane, rds=rds)) == "jane@%"
        iam.update_access_key(UserName="jane", AccessKeyId=key["AccessKeyId"], Status="Inactive")
        with pytest.raises(DatabaseRefusedLogin):
            as_jane(way, token(with_jane, rds=rds))


def test_a_role_opens_it_with_its_session_token(with_jane: Lab1) -> None:
    answer = boto3.client("sts").assume_role(
        RoleArn="arn:aws:iam::123456789012:role/reports", RoleSessionName="reports"
    )["Credentials"]
    rds = boto3.client(
        "rds",
        aws_access_key_id=answer["AccessKeyId"],
        aws_secret_access_key=answer["SecretAccessKey"],
        aws_session_token=answer["SessionToken"],
    )
    with way_to(with_jane) as way:
        assert as_jane(way, token(with_jane, rds=rds)) == "jane@%"


def test_the_readers_know_jane_too(with_jane: Lab1) -> None:
    with way_to(with_jane, with_jane.reader) as way:
        assert as_jane(way, token(with_jane, with_jane.reader)) == "jane@%"


@pytest.fixture
def insisting(with_jane: Lab1) -> Iterator[None]:
    """The cluster takes no login without TLS."""
    rds = boto3.client("rds")
    rds.create_db_cluster_parameter_group(
        DBClusterParameterGroupName="tls",
        DBParameterGroupFamily="aurora-mysql8.0",
        Description="TLS or nothing",
    )
    insist = {"ParameterName": "require_secure_transport", "ParameterValue": "ON"}
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="tls", Parameters=[insist | {"ApplyMethod": "immediate"}]
    )
    _use(rds, "tls")
    yield
    _use(rds, "default.aurora-mysql8.0")
    rds.delete_db_cluster_parameter_group(DBClusterParameterGroupName="tls")


def _use(rds: Any, group: str) -> None:
    rds.modify_db_cluster(DBClusterIdentifier="bookstore", DBClusterParameterGroupName=group)
    for instance in ("bookstore-1", "bookstore-2"):
        rds.reboot_db_instance(DBInstanceIdentifier=instance)
        rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=instance, **WAITED)


def test_a_cluster_that_insists_on_tls_replicates_and_fails_over(
    with_jane: Lab1, insisting: None
) -> None:
    rds = boto3.client("rds")
    with way_to(with_jane) as way:
        with pytest.raises(pymysql.OperationalError) as refused:
            pymysql.connect(
                host=way.host,
                port=way.port,
                user="admin",
                password=with_jane.password,
                ssl_disabled=True,
            )
        assert refused.value.args[0] == 3159
        before = admin(with_jane, way)
        run(before, "CREATE TABLE IF NOT EXISTS bookstore.kept AS SELECT 1 AS one")
        rds.failover_db_cluster(DBClusterIdentifier="bookstore")
        rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier="bookstore", **WAITED)
        with pytest.raises(pymysql.OperationalError):
            run(before, "SELECT 1")
        with closing(admin(with_jane, way)) as after:
            assert run(after, "SELECT @@read_only, one FROM bookstore.kept") == (0, 1)
        assert as_jane(way, token(with_jane)) == "jane@%"


def test_a_restart_of_the_sandbox_keeps_authority_and_users(with_jane: Lab1) -> None:
    bundle = rds_certificates().read_text()
    assert sandbox_command(with_jane.sandbox.home, "stop").returncode == 0
    helpers.connect()
    assert rds_certificates().read_text() == bundle
    boto3.client("rds").get_waiter("db_cluster_available").wait(
        DBClusterIdentifier="bookstore", **WAITED
    )
    with way_to(with_jane) as way:
        assert as_jane(way, token(with_jane)) == "jane@%"


def test_nothing_secret_is_in_the_log(with_jane: Lab1) -> None:
    with way_to(with_jane) as way:
        secret = token(with_jane)
        as_jane(way, secret)
        with pytest.raises(DatabaseRefusedLogin):
            as_jane(way, secret + "0")
    text = (with_jane.sandbox.home / "log").read_text()
    assert "the token's signature is wrong" in text
    assert secret.rpartition("=")[2] not in text
    assert with_jane.password not in text


def test_the_clients_side_knows_nothing_of_the_sandbox() -> None:
    code = "import sys, helpers.certificates, helpers.database; print('sandbox' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT, check=True
    )
    assert done.stdout.strip() == "False"
