"""The target, who and where you are, and what is said when the sandbox is away."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

import helpers
from helpers import explain, session
from helpers.session import NoSandbox, connect, my_address, ssh_address, target
from tests.conftest import PROJECT, RunningSandbox


def test_connect_says_who_and_where(sandbox: RunningSandbox) -> None:
    row = connect().iloc[0].to_dict()
    assert row == {
        "target": "sandbox",
        "region": "us-east-1",
        "account": "123456789012",
        "identity": "user/student",
    }


def test_plain_boto3_and_the_plain_aws_cli_work_afterwards(sandbox: RunningSandbox) -> None:
    assert boto3.client("rds").describe_db_clusters()["DBClusters"] == []
    aws = subprocess.run(
        [sys.executable, "-m", "awscli", "dynamodb", "list-tables", "--output", "json"],
        capture_output=True,
        text=True,
    )
    assert '"TableNames": []' in aws.stdout, aws.stderr


def test_aws_configure_never_touches_the_students_own_files(sandbox, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    before = (sandbox.home / "aws" / "config").read_text()
    subprocess.run(
        [sys.executable, "-m", "awscli", "configure", "set", "output", "table"], check=True
    )
    assert not (tmp_path / ".aws").exists()
    assert "output = table" in (sandbox.home / "aws" / "config").read_text()
    (sandbox.home / "aws" / "config").write_text(before)


def test_credentials_of_the_students_own_are_left_out(sandbox, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A" * 20)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b" * 40)
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert connect()["identity"].iloc[0] == "user/student"
    assert "AWS_PROFILE" not in os.environ


def test_connect_goes_back_to_the_first_user_when_the_configured_key_is_gone(sandbox) -> None:
    file = sandbox.home / "aws" / "credentials"
    key = boto3.client("iam").create_access_key(UserName="cloud_user")["AccessKey"]
    file.write_text(
        f"[default]\naws_access_key_id = {key['AccessKeyId']}\n"
        f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    )
    assert connect()["identity"].iloc[0] == "user/cloud_user"
    iam = boto3.client("iam")
    iam.delete_access_key(UserName="cloud_user", AccessKeyId=key["AccessKeyId"])
    assert connect()["identity"].iloc[0] == "user/student"
    assert boto3.client("iam").list_users()["Users"]


def test_a_target_that_does_not_exist(monkeypatch) -> None:
    monkeypatch.setenv("LAB_TARGET", "azure")
    with pytest.raises(helpers.CourseError, match="sandbox or to aws"):
        target()


@pytest.mark.differs(
    "Your address",
    aws="your real one",
    sandbox="`203.0.113.25`, from the block kept for documentation",
    since="2026-11",
)
def test_your_address_is_from_the_documentation_block(sandbox) -> None:
    assert my_address() == "203.0.113.25"


def test_an_instance_without_a_public_address_has_no_ssh(sandbox) -> None:
    ec2 = boto3.client("ec2")
    image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    made = ec2.run_instances(
        ImageId=image, InstanceType="t3.micro", SubnetId=subnet, MinCount=1, MaxCount=1
    )
    with pytest.raises(helpers.CourseError, match="no public address"):
        ssh_address(made["Instances"][0]["InstanceId"])


def test_a_killed_sandbox_is_said_in_a_sentence_and_comes_back(start_sandbox) -> None:
    running: RunningSandbox = start_sandbox()
    client = boto3.client("ec2")
    pid = running.status()["pid"]
    psutil.Process(pid).kill()
    with pytest.raises(EndpointConnectionError) as gone:
        client.describe_vpcs()
    assert "connect, catch_up" in explain.in_plain_words(gone.value)
    with pytest.raises(NoSandbox, match="connect"):
        my_address()
    connect()
    # The client that the notebook has had works again: same port, same key.
    assert client.describe_vpcs()["Vpcs"]


def test_a_home_that_cannot_be_made(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(NoSandbox, match="--home"):
        connect()


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("DBClusterAlreadyExistsFault", "another DBClusterIdentifier"),
        ("InvalidKeyPair.Duplicate", "delete_key_pair"),
        ("ExpiredToken", "aws sso login"),
    ],
)
def test_aws_errors_come_with_the_next_thing_to_do(code: str, advice: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "as AWS says"}}, "Operation")
    words = explain.in_plain_words(error)
    assert "as AWS says" in words
    assert advice in words


def test_in_a_notebook_an_error_is_a_sentence_without_a_traceback(tmp_path: Path) -> None:
    script = tmp_path / "cell.ipy"
    script.write_text(
        "import helpers.explain\nhelpers.explain.install()\n"
        "from helpers import CourseError\nraise CourseError('Do this.')\n"
    )
    shown = subprocess.run(
        [sys.executable, "-m", "IPython", "--colors=NoColor", str(script)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert "Do this." in shown.stdout + shown.stderr
    assert "Traceback" not in shown.stdout + shown.stderr


def test_connecting_again_keeps_the_session_and_what_it_has_read(sandbox) -> None:
    connect()
    before = boto3.DEFAULT_SESSION
    connect()
    assert boto3.DEFAULT_SESSION is before
    credentials = sandbox.home / "aws" / "credentials"
    credentials.write_text(credentials.read_text() + "\n")  # as `aws configure` may
    connect()
    assert boto3.DEFAULT_SESSION is not before


def test_a_sandbox_that_runs_is_found_without_a_start(sandbox, monkeypatch) -> None:
    started: list[object] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *words, **_: started.append(words))
    connect()
    assert started == []


def test_another_homes_sandbox_is_not_taken_for_ones_own(sandbox, tmp_path, monkeypatch) -> None:
    (tmp_path / "home").mkdir()
    there = (sandbox.home / "running.json").read_text()
    (tmp_path / "home" / "running.json").write_text(there)
    assert session._running_at() == json.loads(there)["endpoint_url"]
    monkeypatch.setenv("SANDBOX_HOME", str(tmp_path / "home"))
    assert session._running_at() is None
    (tmp_path / "home" / "running.json").write_text("{")
    assert session._running_at() is None


def test_pandas_is_not_loaded_before_the_sandbox_is_started() -> None:
    """It is loaded meanwhile: a page's first cell imports all of these."""
    imports = (
        "from helpers import COURSE, bar_chart, catch_up, check, connect, table, verdict, find"
    )
    script = f"{imports}\nimport sys; print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True
    )
    assert done.stdout == "False\n", done.stderr
