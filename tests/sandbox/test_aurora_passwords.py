"""RDS: a master password that RDS makes opens the real database, and rotates there."""

import json
import secrets
from typing import Any

import boto3
import pymysql
import pytest
from botocore.exceptions import ClientError

from sandbox.aurora.master_secret import new_password
from tests.conftest import running_sandbox

pytestmark = pytest.mark.database

PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module")
def rds(sandbox) -> Any:
    return boto3.client("rds")


@pytest.fixture(scope="module")
def vault(sandbox) -> Any:
    return boto3.client("secretsmanager")


@pytest.fixture
def cluster(rds, request) -> str:
    """A cluster with a managed password and one instance."""
    name = "m" + request.node.name.replace("_", "").lower()[4:40]
    _make(rds, name, ManageMasterUserPassword=True)
    return name


def _make(rds, name: str, **password: Any) -> dict[str, Any]:
    made = rds.create_db_cluster(
        DBClusterIdentifier=name, Engine="aurora-mysql", MasterUsername="boss", **password
    )
    rds.create_db_instance(
        DBInstanceIdentifier=f"{name}-1",
        DBClusterIdentifier=name,
        Engine="aurora-mysql",
        DBInstanceClass="db.t3.medium",
    )
    _settle(rds)
    return made["DBCluster"]


def _settle(rds) -> None:
    for _ in range(3):
        rds.describe_db_clusters()
        rds.describe_db_instances()


def _secret_of(rds, cluster: str) -> dict[str, str]:
    found = rds.describe_db_clusters(DBClusterIdentifier=cluster)["DBClusters"][0]
    return found["MasterUserSecret"]


def _read(rds, vault, cluster: str, stage: str = "AWSCURRENT") -> dict[str, str]:
    arn = _secret_of(rds, cluster)["SecretArn"]
    value = vault.get_secret_value(SecretId=arn, VersionStage=stage)
    return json.loads(value["SecretString"])


def _opens(sandbox, instance: str, password: str, user: str = "boss") -> bool:
    port = next(d["port"] for d in sandbox.status()["databases"] if d["instance"] == instance)
    try:
        pymysql.connect(host="127.0.0.1", port=port, user=user, password=password).close()
    except pymysql.err.OperationalError as error:
        assert error.args[0] == 1045
        return False
    return True


def _refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


def test_the_secret_opens_the_database(rds, vault, sandbox, cluster) -> None:
    secret = _read(rds, vault, cluster)
    assert set(secret) == {"username", "password"} and secret["username"] == "boss"
    assert _opens(sandbox, f"{cluster}-1", secret["password"])
    assert not _opens(sandbox, f"{cluster}-1", secret["password"][:-1])


def test_the_secret_is_rdss(rds, vault, cluster) -> None:
    found = _secret_of(rds, cluster)
    assert found["SecretStatus"] == "active" and found["KmsKeyId"].startswith("arn:aws:kms:")
    described = vault.describe_secret(SecretId=found["SecretArn"])
    assert described["Name"].startswith("rds!cluster-")
    assert described["OwningService"] == "rds"
    assert described["RotationEnabled"] and described["RotationRules"] == {
        "AutomaticallyAfterDays": 7
    }
    tags = {tag["Key"] for tag in described["Tags"]}
    assert tags == {"aws:rds:primaryDBClusterArn", "aws:secretsmanager:owningService"}


def test_the_states_of_the_secret(rds) -> None:
    made = rds.create_db_cluster(
        DBClusterIdentifier="stages",
        Engine="aurora-mysql",
        MasterUsername="boss",
        ManageMasterUserPassword=True,
    )["DBCluster"]
    seen = [made["MasterUserSecret"]["SecretStatus"]]
    seen += [_secret_of(rds, "stages")["SecretStatus"] for _ in range(2)]
    assert seen == ["creating", "creating", "active"]
    rds.modify_db_cluster(
        DBClusterIdentifier="stages", RotateMasterUserPassword=True, ApplyImmediately=True
    )
    assert [_secret_of(rds, "stages")["SecretStatus"] for _ in range(2)] == ["rotating", "active"]


@pytest.mark.differs(
    "RDS: managed master password",
    aws="rotates by itself every seven days",
    sandbox="rotates when asked",
    since="2026-11",
)
@pytest.mark.parametrize("by", ["rds", "secretsmanager"])
def test_a_rotation_changes_the_password_of_the_server(rds, vault, sandbox, by) -> None:
    cluster = f"rotated-by-{by}"
    _make(rds, cluster, ManageMasterUserPassword=True)
    old = _read(rds, vault, cluster)["password"]
    arn = _secret_of(rds, cluster)["SecretArn"]
    if by == "rds":
        rds.modify_db_cluster(
            DBClusterIdentifier=cluster, RotateMasterUserPassword=True, ApplyImmediately=True
        )
    else:
        vault.rotate_secret(SecretId=arn)
    _settle(rds)
    new = _read(rds, vault, cluster)["password"]
    assert new != old == _read(rds, vault, cluster, "AWSPREVIOUS")["password"]
    assert _secret_of(rds, cluster)["SecretArn"] == arn
    assert _opens(sandbox, f"{cluster}-1", new)
    assert not _opens(sandbox, f"{cluster}-1", old)


def test_managing_it_is_switched_on_and_off(rds, vault, sandbox) -> None:
    _make(rds, "switched", MasterUserPassword=PASSWORD)
    answer = rds.modify_db_cluster(
        DBClusterIdentifier="switched", ManageMasterUserPassword=True, ApplyImmediately=True
    )["DBCluster"]
    _settle(rds)
    arn = answer["MasterUserSecret"]["SecretArn"]
    made = _read(rds, vault, "switched")["password"]
    assert _opens(sandbox, "switched-1", made) and not _opens(sandbox, "switched-1", PASSWORD)
    code, _ = _refusal(
        rds.modify_db_cluster, DBClusterIdentifier="switched", ManageMasterUserPassword=False
    )
    assert code == "InvalidParameterCombination"
    rds.modify_db_cluster(
        DBClusterIdentifier="switched",
        ManageMasterUserPassword=False,
        MasterUserPassword=PASSWORD,
        ApplyImmediately=True,
    )
    _settle(rds)
    found = rds.describe_db_clusters(DBClusterIdentifier="switched")["DBClusters"][0]
    assert "MasterUserSecret" not in found
    assert _opens(sandbox, "switched-1", PASSWORD) and not _opens(sandbox, "switched-1", made)
    with pytest.raises(vault.exceptions.ResourceNotFoundException):
        vault.describe_secret(SecretId=arn)


def test_the_secret_goes_with_the_cluster(rds, vault) -> None:
    rds.create_db_cluster(
        DBClusterIdentifier="goes",
        Engine="aurora-mysql",
        MasterUsername="boss",
        ManageMasterUserPassword=True,
    )
    _settle(rds)
    arn = _secret_of(rds, "goes")["SecretArn"]
    rds.delete_db_cluster(DBClusterIdentifier="goes", SkipFinalSnapshot=True)
    with pytest.raises(vault.exceptions.ResourceNotFoundException):
        vault.get_secret_value(SecretId=arn)
    _settle(rds)
    assert arn not in [secret["ARN"] for secret in vault.list_secrets()["SecretList"]]


def test_a_managed_secret_is_left_to_rds(rds, vault, cluster) -> None:
    arn = _secret_of(rds, cluster)["SecretArn"]
    before = _read(rds, vault, cluster)
    for call, more in (
        (vault.put_secret_value, {"SecretString": "mine"}),
        (vault.update_secret, {"SecretString": "mine"}),
        (vault.delete_secret, {"ForceDeleteWithoutRecovery": True}),
    ):
        code, _ = _refusal(call, SecretId=arn, **more)
        assert code == "InvalidRequestException"
    assert _read(rds, vault, cluster) == before


def test_secrets_of_ones_own_are_as_ever(vault) -> None:
    vault.create_secret(Name="mine", SecretString="one")
    vault.put_secret_value(SecretId="mine", SecretString="two")
    vault.update_secret(SecretId="mine", SecretString="three")
    assert vault.get_secret_value(SecretId="mine")["SecretString"] == "three"
    vault.delete_secret(SecretId="mine", ForceDeleteWithoutRecovery=True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"MasterUserPassword": PASSWORD}, "InvalidParameterValue"),
        ({"RotateMasterUserPassword": True}, "InvalidParameterCombination"),
    ],
)
def test_what_a_managed_cluster_refuses(rds, vault, sandbox, arguments, code) -> None:
    name = "refuses-" + next(iter(arguments)).lower()
    _make(rds, name, ManageMasterUserPassword=True)
    before = _read(rds, vault, name)["password"]
    refused, _ = _refusal(rds.modify_db_cluster, DBClusterIdentifier=name, **arguments)
    assert refused == code
    assert _read(rds, vault, name)["password"] == before
    assert _opens(sandbox, f"{name}-1", before)


def test_what_does_not_go_together_is_refused(rds) -> None:
    both = {"MasterUserPassword": PASSWORD, "ManageMasterUserPassword": True}
    key = {"MasterUserPassword": PASSWORD, "MasterUserSecretKmsKeyId": "alias/aws/secretsmanager"}
    for password in (both, key):
        code, _ = _refusal(
            rds.create_db_cluster,
            DBClusterIdentifier="never",
            Engine="aurora-mysql",
            MasterUsername="boss",
            **password,
        )
        assert code == "InvalidParameterCombination"
    _make(rds, "unmanaged", MasterUserPassword=PASSWORD)
    code, _ = _refusal(
        rds.modify_db_cluster,
        DBClusterIdentifier="unmanaged",
        RotateMasterUserPassword=True,
        ApplyImmediately=True,
    )
    assert code == "InvalidParameterCombination"


def test_names_are_the_same_in_every_sandbox_and_passwords_are_not(tmp_path) -> None:
    names, passwords = set(), {new_password() for _ in range(100)}
    for home in ("one", "other"):
        with running_sandbox(tmp_path / home / "home"):
            rds = boto3.client("rds")
            made = rds.create_db_cluster(
                DBClusterIdentifier="same",
                Engine="aurora-mysql",
                MasterUsername="boss",
                ManageMasterUserPassword=True,
            )["DBCluster"]
            names.add(made["MasterUserSecret"]["SecretArn"])
            passwords.add(_read(rds, boto3.client("secretsmanager"), "same")["password"])
    assert len(names) == 1 and len(passwords) == 102


def test_no_log_has_a_password(rds, vault, sandbox, cluster) -> None:
    old = _read(rds, vault, cluster)["password"]
    vault.rotate_secret(SecretId=_secret_of(rds, cluster)["SecretArn"])
    _settle(rds)
    logs = (sandbox.home / "log").read_text()
    assert old not in logs and _read(rds, vault, cluster)["password"] not in logs
