"""RDS: parameters and managed passwords are still there after the sandbox was stopped or killed."""

import json
import os
import signal
import time

import boto3
import psutil
import pymysql
import pytest

from tests.conftest import running_sandbox, sandbox_command

pytestmark = pytest.mark.database


def _settle(rds) -> None:
    for _ in range(3):
        rds.describe_db_clusters()
        rds.describe_db_instances()


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_what_rds_was_told_outlives_the_sandbox(tmp_path, how) -> None:
    home = tmp_path / "home"
    with running_sandbox(home) as sandbox:
        rds, vault = boto3.client("rds"), boto3.client("secretsmanager")
        rds.create_db_cluster_parameter_group(
            DBClusterParameterGroupName="kept",
            DBParameterGroupFamily="aurora-mysql8.0",
            Description="kept",
        )
        _change(rds, "innodb_ft_min_token_size", "2", "pending-reboot")
        rds.create_db_cluster(
            DBClusterIdentifier="kept",
            Engine="aurora-mysql",
            MasterUsername="boss",
            ManageMasterUserPassword=True,
            DBClusterParameterGroupName="kept",
        )
        rds.create_db_instance(
            DBInstanceIdentifier="kept-1",
            DBClusterIdentifier="kept",
            Engine="aurora-mysql",
            DBInstanceClass="db.t3.medium",
        )
        _settle(rds)
        _change(rds, "wait_timeout", "77", "immediate")
        _change(rds, "innodb_ft_max_token_size", "20", "pending-reboot")
        _end(sandbox, how)
        sandbox_command(home, "start")
        _settle(rds)
        assert _ask(sandbox, rds, vault, "wait_timeout") == "77"
        assert _ask(sandbox, rds, vault, "innodb_ft_min_token_size") == "2"
        assert _ask(sandbox, rds, vault, "innodb_ft_max_token_size") != "20"
        (cluster,) = rds.describe_db_clusters()["DBClusters"]
        status = cluster["DBClusterMembers"][0]["DBClusterParameterGroupStatus"]
        assert status == "pending-reboot"
        vault.rotate_secret(SecretId=cluster["MasterUserSecret"]["SecretArn"])
        _settle(rds)
        rds.reboot_db_instance(DBInstanceIdentifier="kept-1")
        _settle(rds)
        assert _ask(sandbox, rds, vault, "innodb_ft_max_token_size") == "20"


def _change(rds, name: str, value: str, method: str) -> None:
    rds.modify_db_cluster_parameter_group(
        DBClusterParameterGroupName="kept",
        Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}],
    )


def _end(sandbox, how: str) -> None:
    if how == "stopped":
        sandbox_command(sandbox.home, "stop")
        return
    process = psutil.Process(sandbox.status()["pid"])
    os.kill(process.pid, signal.SIGKILL)
    process.wait(10)
    # Killed between laying it down and the account's commit, it may be another than the account's.
    (laid_down,) = sandbox.home.glob("databases/kept/*.settings.json")
    laid_down.unlink()


def _ask(sandbox, rds, vault, name: str) -> str:
    """A variable of the server, as one who reads the password in the secret."""
    (cluster,) = rds.describe_db_clusters()["DBClusters"]
    secret = vault.get_secret_value(SecretId=cluster["MasterUserSecret"]["SecretArn"])
    login = json.loads(secret["SecretString"])
    while (port := sandbox.status()["databases"][0]["port"]) is None:
        time.sleep(0.1)  # the sandbox answers before its servers do
    connection = pymysql.connect(
        host="127.0.0.1", port=port, user=login["username"], password=login["password"]
    )
    with connection, connection.cursor() as cursor:
        cursor.execute("show global variables like %s", (name,))
        ((_, value),) = cursor.fetchall()
    return value
