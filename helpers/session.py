"""Chooses the target, the sandbox or AWS, and says who and where you are."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError

from helpers import aws_account, explain
from helpers.choice import project, target
from helpers.errors import CourseError
from helpers.student import SANDBOX_STUDENT, mark_with
from helpers.working import Working

if TYPE_CHECKING:
    from helpers.frame import Table

# What would lead boto3 and the AWS CLI to an account of the student's own.
PERSONAL = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
)


# What AWS answers to a key that was deleted or deactivated, or to a wrong secret.
KEY_REFUSED = ("InvalidClientTokenId", "SignatureDoesNotMatch")


NOT_CONNECTED = "This notebook is not connected yet. Run the cell with connect() first."

# The variables as they were before connect() led to the sandbox, for the way out of it.
_outside: dict[str, str | None] = {}
# The default session that connect() made, and what it was made from.
_session: tuple[Any, tuple[str, ...]] | None = None


class NoSandbox(CourseError):
    """The sandbox does not start or does not answer."""


def connect(confirm: str | None = None) -> Table:
    """Make plain `boto3.client(...)` and `aws ...` work in this notebook, and say as whom.

    In the sandbox: starts it if need be, and sets the standard variables (`AWS_ENDPOINT_URL`,
    `AWS_CONFIG_FILE`, `AWS_SHARED_CREDENTIALS_FILE`) for this kernel and what it starts, so that
    neither reads or changes `~/.aws`. On AWS it sets nothing: boto3's usual chain of credentials
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
    _put_aws_cli_on_path()
    if target() == "aws":
        _leave_sandbox()
        return aws_account.enter(confirm)
    _enter_sandbox()
    try:
        identity = boto3.client("sts").get_caller_identity()
    except ClientError as error:
        if error.response["Error"]["Code"] not in KEY_REFUSED:
            raise
        _restore_first_credentials()
        identity = boto3.client("sts").get_caller_identity()
    from helpers.frame import Table

    session = aws_account.default_session()
    mark_with(SANDBOX_STUDENT, session.events)
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


def _put_aws_cli_on_path() -> None:
    """Make `!aws` the course's own AWS CLI, also where its environment is not activated."""
    scripts = sysconfig.get_path("scripts")
    path = os.environ.get("PATH", "").split(os.pathsep)
    if path[0] != scripts:
        os.environ["PATH"] = os.pathsep.join([scripts, *path])


def _enter_sandbox() -> None:
    where = _running_at() or _start_sandbox()
    ours = {
        "AWS_ENDPOINT_URL": where,
        "AWS_CONFIG_FILE": str(sandbox_home() / "aws" / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(sandbox_home() / "aws" / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }
    for name in (*PERSONAL, *ours):
        _outside.setdefault(name, os.environ.get(name))
    for name in PERSONAL:
        os.environ.pop(name, None)
    os.environ.update(ours)
    _renew_session(where)


def _running_at() -> str | None:
    """Where the sandbox of this home answers; None while it does not run."""
    try:
        where = json.loads((sandbox_home() / "running.json").read_text())["endpoint_url"]
        with urllib.request.urlopen(f"{where}/_sandbox/health", timeout=5) as answer:
            said = json.load(answer)
    except (OSError, ValueError, KeyError):
        return None
    # Another program may have the port now, or another home's sandbox.
    return where if said.get("home") == str(sandbox_home()) else None


def _start_sandbox() -> str:
    with Working("Starting the sandbox"):
        starting = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "start", "--home", str(sandbox_home())],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            cwd=project(),
        )
        import helpers.frame  # noqa: F401  pandas loads while the sandbox starts

        _, fault = starting.communicate()
    if starting.returncode:
        raise NoSandbox(fault.strip().removeprefix("Error: "))
    return json.loads((sandbox_home() / "running.json").read_text())["endpoint_url"]


def _renew_session(where: str) -> None:
    """Give boto3 another default session, unless nothing that one is made from has changed.

    boto3.client() keeps the session that it made first, with the credentials of then. A new one
    reads the models of all services again, which takes longer than most cells.
    """
    global _session
    folder = sandbox_home() / "aws"
    made_from = (where, *((folder / name).read_text() for name in ("config", "credentials")))
    if _session is None or _session != (boto3.DEFAULT_SESSION, made_from):
        boto3.setup_default_session()
        _session = (boto3.DEFAULT_SESSION, made_from)


def _leave_sandbox() -> None:
    """Put the variables back as they were, where this kernel has worked in the sandbox."""
    global _session
    _session = None
    for name, value in _outside.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
    _outside.clear()


def _restore_first_credentials() -> None:
    """Go back to the sandbox's own user, where `aws configure` was given a key that is gone."""
    folder = sandbox_home() / "aws"
    kept = folder / "first-credentials"
    (folder / "credentials").write_text(kept.read_text())
    boto3.setup_default_session()


@contextmanager
def hurried() -> Iterator[Callable[[], None]]:
    """Let the sandbox's passing states pass at once while this lasts: nobody watches them.

    On AWS it does nothing: there they take the time that they take.

    Yields:
        A function to be called now and then, since the sandbox takes its time again if it has not
        heard from us for half a minute.
    """
    if target() == "aws":
        yield lambda: None
        return
    _command_sandbox("hurry")
    try:
        yield lambda: _command_sandbox("hurry")
    finally:
        with contextlib.suppress(NoSandbox):  # it is gone: then there is nothing to slow down
            _command_sandbox("take-time")


def _command_sandbox(what: str) -> None:
    where = os.environ.get("AWS_ENDPOINT_URL")
    if where is None:
        raise NoSandbox(NOT_CONNECTED)
    token = (sandbox_home() / "token").read_text()
    headers = {"X-Sandbox-Token": token}
    request = urllib.request.Request(f"{where}/_sandbox/{what}", method="POST", headers=headers)
    try:
        urllib.request.urlopen(request, timeout=10).close()
    except urllib.error.URLError as error:
        raise NoSandbox(explain.SANDBOX_GONE) from error


def ask_sandbox(what: str) -> dict:
    """Ask the sandbox itself for what no AWS call tells."""
    where = os.environ.get("AWS_ENDPOINT_URL")
    if where is None:
        raise NoSandbox(NOT_CONNECTED)
    try:
        with urllib.request.urlopen(f"{where}/_sandbox/{what}", timeout=10) as answer:
            return json.load(answer)
    except urllib.error.URLError as error:
        raise NoSandbox(explain.SANDBOX_GONE) from error
