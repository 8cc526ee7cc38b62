"""Chooses the target, the sandbox or AWS, and says who and where you are."""

import http.client
import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from helpers import aws_account, aws_cli, explain, variables
from helpers.choice import project, target
from helpers.errors import CourseError
from helpers.private_files import write_private
from helpers.student import SANDBOX_STUDENT, mark_with
from helpers.tables import Table

# What AWS answers to a key that was deleted or deactivated, or to a wrong secret.
KEY_REFUSED = ("InvalidClientTokenId", "SignatureDoesNotMatch")


# The sandbox is on this machine: no proxy has a part in it.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# Two threads that connect at the same moment take turns.
_connecting = threading.Lock()


class NoSandbox(CourseError):
    """The sandbox does not start or does not answer."""


def connect(confirm: str | None = None) -> Table:
    """Make plain `boto3.client(...)` and `aws ...` work in this notebook, and say as whom.

    In the sandbox: starts it if need be, and sets the standard variables (`AWS_ENDPOINT_URL`,
    `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`) for this kernel and what it starts, so that
    neither reads or changes `~/.aws`. Your own `AWS_...` variables are kept aside, and calls to
    this machine bypass a proxy. On AWS it sets nothing: boto3's usual chain of credentials
    applies (variables, profile, SSO), and what of the course is running there is listed below.

    On both, what is created with the course's tag from now on gets the tag `student` as well.

    Args:
        confirm: on AWS, the number of the account that you mean. Asked for once for each account:
            it is remembered.

    Returns:
        A table of one row: target, region, account, (on AWS) alias, identity.

    Raises:
        NoSandbox: if the sandbox does not start; the message says why.
        CourseError: if `LAB_TARGET` names no target; on AWS, if there are no credentials that are
            valid, or they are those of root, if the region is not the course's, or if the account
            has not been confirmed.
    """
    explain.install()
    with _connecting:
        aws_cli.put_on_path()
        if target() == "aws":
            variables.lead_back()
            return aws_account.enter(confirm)
        return _enter_sandbox()


def _enter_sandbox() -> Table:
    _start_sandbox()
    session = boto3.Session()
    try:
        identity = session.client("sts").get_caller_identity()
    except ClientError as error:
        if error.response["Error"]["Code"] not in KEY_REFUSED:
            raise
        session = _restore_first_credentials()
        identity = session.client("sts").get_caller_identity()
    mark_with(SANDBOX_STUDENT, aws_account.default_session().events)
    row = {
        "target": "sandbox",
        "region": session.region_name,
        "account": identity["Account"],
        "identity": identity["Arn"].split(":", 5)[5],
    }
    return Table([row])


def my_address() -> str:
    """The IPv4 address that the bastion sees you come from.

    On AWS it is asked of https://checkip.amazonaws.com. In the sandbox it is one from the block
    that RFC 5737 keeps for documentation. It is never an IPv6 address: the bastion of the course
    has none, so that a rule for one would let nobody in.

    Raises:
        CourseError: if the address cannot be found out, or there is no IPv4 here.
    """
    if target() == "sandbox":
        return ask_sandbox("address")["address"]
    return aws_account.address_seen_from_outside()


def ssh_address(instance_id: str) -> tuple[str, int]:
    """Where the SSH server of an EC2 instance answers.

    On AWS: its public address, port 22. In the sandbox: this machine, and a port of its own.

    Args:
        instance_id: such as "i-0123456789abcdef0".

    Returns:
        Host and port.

    Raises:
        CourseError: if the instance has no public address, for instance because it is stopped.
    """
    reservations = boto3.client("ec2").describe_instances(InstanceIds=[instance_id])["Reservations"]
    instance = reservations[0]["Instances"][0]
    state = instance["State"]["Name"]
    if not instance.get("PublicIpAddress"):
        advice = (
            f'Start it: ec2.start_instances(InstanceIds=["{instance_id}"])'
            if state in ("stopped", "stopping")
            else "Launch one in the public subnet, as on page 1.2"
        )
        raise CourseError(
            f"{instance_id} is {state} and has no public address, so SSH has nowhere to go. "
            f"{advice}."
        )
    if target() == "aws":
        return instance["PublicIpAddress"], 22
    for bastion in ask_sandbox("status")["bastions"]:
        if bastion["instance_id"] == instance_id:
            return bastion["host"], bastion["port"]
    raise CourseError(
        f"{instance_id} is {state}, and no SSH server runs behind it. "
        "Wait until it is running: wait_for(ec2.describe_instances, "
        f'"Reservations.0.Instances.0.State.Name", "running", InstanceIds=["{instance_id}"])'
    )


def sandbox_home() -> Path:
    """The sandbox's folder: `$SANDBOX_HOME`, else `.sandbox` beside the notebooks folder."""
    named = os.environ.get("SANDBOX_HOME")
    return Path(named).expanduser().resolve() if named else project() / ".sandbox"


def _start_sandbox() -> None:
    """Start the sandbox, or find it running, and lead this process to it."""
    started = subprocess.run(
        [sys.executable, "-m", "sandbox", "start", "--home", str(sandbox_home())],
        capture_output=True,
        text=True,
        cwd=project(),
    )
    if started.returncode:
        raise NoSandbox(started.stderr.strip().removeprefix("Error: "))
    try:
        running = json.loads((sandbox_home() / "running.json").read_text())
    except (FileNotFoundError, ValueError) as error:  # stopped again at the same moment
        raise NoSandbox(explain.SANDBOX_GONE) from error
    variables.lead_to_sandbox(running["endpoint_url"], sandbox_home() / "aws")
    # boto3.client() keeps the session that it made first, with the credentials of then.
    boto3.setup_default_session()


def _restore_first_credentials() -> boto3.Session:
    """Go back to the sandbox's own user, where `aws configure` was given a key that is gone."""
    folder = sandbox_home() / "aws"
    kept = folder / "first-credentials"
    write_private(folder / "credentials", kept.read_text())
    boto3.setup_default_session()
    return boto3.Session()


def ask_sandbox(what: str) -> dict:
    """Ask the sandbox itself for what no AWS call tells."""
    where = os.environ.get("AWS_ENDPOINT_URL")
    if where is None:
        raise NoSandbox("This notebook is not connected yet. Run the cell with connect() first.")
    try:
        with _direct.open(f"{where}/_sandbox/{what}", timeout=10) as answer:
            return json.load(answer)
    except (OSError, http.client.HTTPException, ValueError) as error:
        # It is away, hangs up in the middle, or something else listens there now.
        raise NoSandbox(explain.SANDBOX_GONE) from error
