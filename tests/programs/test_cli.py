"""The AWS CLI, versions 1 and 2: calls of the course, in each of AWS's protocols."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tools
from tests.conftest import RunningSandbox

pytestmark = pytest.mark.clients

TABLE = [
    *("--attribute-definitions", "AttributeName=id,AttributeType=S"),
    *("--key-schema", "AttributeName=id,KeyType=HASH", "--billing-mode", "PAY_PER_REQUEST"),
]
Aws = Callable[..., Any]


def program(version: int) -> Path:
    """The program of a version. Where it cannot be had, the test is skipped; on CI, it fails."""
    if version == 2:
        return tools.require("awscli")
    beside = shutil.which("aws", path=str(Path(sys.executable).parent))
    assert beside is not None, "the course installs CLI 1"
    return Path(beside)


@pytest.fixture(params=[1, 2], ids=["CLI 1", "CLI 2"])
def aws(request: pytest.FixtureRequest, sandbox: RunningSandbox, tmp_path: Path) -> Aws:
    """Run the CLI and return what it prints, read as JSON; or the error that it ends in."""
    path, version = program(request.param), request.param
    endpoint = sandbox.environment["AWS_ENDPOINT_URL"]
    mine = {**os.environ, **sandbox.environment, "AWS_DEFAULT_OUTPUT": "json", "AWS_PAGER": ""}

    def run(*words: str, fails: bool = False) -> Any:
        # CLI 1 has an address of its own for RDS, which only this option overrules.
        named = ["--endpoint-url", endpoint] if version == 1 else []
        done = subprocess.run(
            [str(path), *named, *words],
            env=mine,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        if fails:
            assert done.returncode != 0
            return done.stderr
        assert done.returncode == 0, done.stderr
        try:
            return json.loads(done.stdout or "{}")
        except json.JSONDecodeError:
            return done.stdout

    run.version = version  # type: ignore[attr-defined]
    return run


def test_dynamodb(aws: Aws) -> None:
    name = f"cli-{aws.version}"  # type: ignore[attr-defined]
    where = ["--table-name", name]
    aws("dynamodb", "create-table", *where, *TABLE)
    aws("dynamodb", "wait", "table-exists", *where)
    item = {"id": {"S": "é ☕"}, "n": {"N": "1.50"}}
    aws("dynamodb", "put-item", *where, "--item", json.dumps(item))
    key = json.dumps({"id": item["id"]})
    assert aws("dynamodb", "get-item", *where, "--key", key)["Item"]["n"] == {"N": "1.5"}
    values = json.dumps({":i": item["id"]})
    found = aws(
        *("dynamodb", "query", *where, "--key-condition-expression", "id = :i"),
        *("--expression-attribute-values", values),
    )
    assert found["Count"] == 1
    again = ["--condition-expression", "attribute_not_exists(id)"]
    said = aws("dynamodb", "put-item", *where, "--item", json.dumps(item), *again, fails=True)
    assert "(ConditionalCheckFailedException)" in said
    assert name in aws("dynamodb", "list-tables")["TableNames"]
    aws("dynamodb", "delete-table", *where)


def test_rds(aws: Aws) -> None:
    assert aws("rds", "describe-db-clusters") == {"DBClusters": []}
    said = aws("rds", "describe-db-clusters", "--db-cluster-identifier", "no-such-one", fails=True)
    assert "(DBClusterNotFoundFault)" in said
    versions = aws("rds", "describe-db-engine-versions", "--engine", "aurora-mysql")
    assert versions["DBEngineVersions"]
    token = aws(
        *("rds", "generate-db-auth-token", "--hostname", "books.example", "--port", "3306"),
        *("--username", "jane"),
    )
    assert "X-Amz-Signature=" in token


def test_ec2(aws: Aws) -> None:
    assert aws("ec2", "describe-vpcs")["Vpcs"]
    name = f"cli-{aws.version}"  # type: ignore[attr-defined]
    made = aws(
        *("ec2", "create-security-group", "--group-name", name, "--description", "for a test")
    )
    aws("ec2", "delete-security-group", "--group-id", made["GroupId"])
    said = aws("ec2", "describe-instances", "--instance-ids", "i-00000000000000000", fails=True)
    assert "(InvalidInstanceID.NotFound)" in said


def test_iam_and_sts(aws: Aws) -> None:
    name = f"cli-{aws.version}"  # type: ignore[attr-defined]
    assert ":user/" in aws("sts", "get-caller-identity")["Arn"]
    aws("iam", "create-user", "--user-name", name)
    assert name in [user["UserName"] for user in aws("iam", "list-users")["Users"]]
    aws("iam", "delete-user", "--user-name", name)
    assert "(NoSuchEntity)" in aws("iam", "get-user", "--user-name", name, fails=True)


def test_secrets_manager(aws: Aws) -> None:
    name = f"cli-{aws.version}"  # type: ignore[attr-defined]
    aws("secretsmanager", "create-secret", "--name", name, "--secret-string", "a b")
    found = aws("secretsmanager", "get-secret-value", "--secret-id", name)
    assert found["SecretString"] == "a b"
    gone = ["--secret-id", name, "--force-delete-without-recovery"]
    aws("secretsmanager", "delete-secret", *gone)
    said = aws("secretsmanager", "get-secret-value", "--secret-id", name, fails=True)
    assert "(ResourceNotFoundException)" in said


def test_s3(aws: Aws, tmp_path: Path) -> None:
    bucket = f"cli-{aws.version}"  # type: ignore[attr-defined]
    aws("s3", "mb", f"s3://{bucket}")
    file = tmp_path / "data é.bin"
    file.write_bytes(bytes(range(256)) * 40_000)  # more than one part
    aws("s3", "cp", file.name, f"s3://{bucket}/in/{file.name}")
    assert file.name in aws("s3", "ls", f"s3://{bucket}/in/")
    aws("s3", "cp", f"s3://{bucket}/in/{file.name}", "back.bin")
    assert (tmp_path / "back.bin").read_bytes() == file.read_bytes()
    listed = aws("s3api", "list-objects-v2", "--bucket", bucket)
    assert [found["Size"] for found in listed["Contents"]] == [file.stat().st_size]
    aws("s3", "rb", "--force", f"s3://{bucket}")
