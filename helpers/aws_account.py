"""On a real AWS account: who and where you are, and whether it is the account that you mean."""

from __future__ import annotations

import ipaddress
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from helpers import explain
from helpers.choice import remember, remembered
from helpers.errors import CourseError
from helpers.student import mark_with, name_of

if TYPE_CHECKING:
    from helpers.frame import Table

# Page 1.1 names its availability zones, the prices are its, and what is all in one place is found.
REGION = "us-east-1"
NOTHING = "connect() has created nothing."
AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")
CHECK_ADDRESS = "https://checkip.amazonaws.com"
# Whoever is not connected is to hear of it soon.
PATIENCE = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 2})


class NotConnected(CourseError):
    """There is no way into the account: credentials, region or network are not as they must be."""


class RootRefused(CourseError):
    """The credentials are those of the account's root user."""


class NotConfirmed(CourseError):
    """Nobody has said yet that the course may work in this account."""


def enter(confirm: str | None) -> Table:
    """Look at the account, refuse what is dangerous, and say what of the course is running.

    Args:
        confirm: the number of the account that the student means; None if there was no need to
            say it.

    Returns:
        A table of one row: target, region, account, alias, identity.

    Raises:
        NotConnected: AWS was not reached or did not let you in, or the region is another one.
        RootRefused: as its name says.
        NotConfirmed: the account was not confirmed, or it is not the one that `confirm` names.
    """
    identity, alias = _ask_who()
    account, arn = identity["Account"], identity["Arn"]
    who = arn.split(":", 5)[5]
    called = f"{account} ({alias})" if alias else account
    if who == "root":
        raise RootRefused(
            f"These are the credentials of the root user of the account {called}, who may do "
            "everything, and whom nothing can stop. The course does not work as root, and AWS "
            "advises nobody to. Make a user or a role for it, with the rights in "
            "docs/iam-policy.json (docs/instructors.md says how), log in as that, and delete the "
            f"access key of root. {NOTHING}"
        )
    _confirm(account, confirm, f"{called}, as {who}, in {REGION}")
    # Not before: both load pandas.
    from helpers import running
    from helpers.frame import Table

    mark_with(name_of(who), default_session().events)
    running.remind()
    row = {"target": "aws", "region": REGION, "account": account, "alias": alias, "identity": who}
    return Table([row])


def default_session() -> boto3.Session:
    """The session behind plain `boto3.client(...)`."""
    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    assert boto3.DEFAULT_SESSION is not None
    return boto3.DEFAULT_SESSION


def address_seen_from_outside() -> str:
    """Ask Amazon for the IPv4 address that this computer has on the internet.

    Raises:
        CourseError: if it does not answer, or if what it sees is no IPv4 address.
    """
    try:
        with urllib.request.urlopen(CHECK_ADDRESS, timeout=10) as answer:
            said = answer.read(100).decode("ascii", "replace").strip()
    except (urllib.error.URLError, TimeoutError) as error:
        reason = getattr(error, "reason", error)
        raise CourseError(
            f"{CHECK_ADDRESS}, which tells your address on the internet, does not answer "
            f"({reason}). Is this computer online? It must reach the internet by IPv4, as the "
            "bastion has no IPv6 address: where there is IPv6 only, use another network, such as "
            "a phone's. Then run this cell again."
        ) from error
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        raise CourseError(
            f"{CHECK_ADDRESS} did not answer with an address: something between you and Amazon, "
            "such as the login page of a Wi-Fi, answers in its place. Open a web page in your "
            "browser to see what it wants, then run this cell again."
        ) from None
    if address.version != 4:
        raise CourseError(
            f"Amazon sees you come from {address}, an IPv6 address, and the bastion of the course "
            "has an IPv4 address only: a rule for yours would let nobody in. Use a network with "
            "IPv4, or turn the proxy off that leads there, and run this cell again."
        )
    return str(address)


def _ask_who() -> tuple[dict[str, Any], str]:
    """The caller's identity as STS tells it, and the account's alias ("" without one)."""
    try:
        # The default session would go on with credentials that were read before a new login.
        boto3.setup_default_session()
        session = default_session()
        _check_region(session)
        sts = session.client("sts", config=PATIENCE)
        identity = sts.get_caller_identity()
        try:
            names = session.client("iam", config=PATIENCE).list_account_aliases()["AccountAliases"]
        except ClientError:
            names = []  # not everybody may ask; the number is enough
    except (BotoCoreError, ClientError) as error:
        raise NotConnected(f"{explain.in_plain_words(error)} {NOTHING}") from error
    host = urlsplit(sts.meta.endpoint_url).hostname or ""
    if not host.endswith(AMAZON):
        print(f"AWS_ENDPOINT_URL is set: the calls go to {host} and not to AWS.")  # noqa: T201
    return identity, next(iter(names), "")


def _check_region(session: boto3.Session) -> None:
    region = session.region_name
    if region == REGION:
        return
    wrong = "No AWS region is set" if region is None else f"Your AWS region is {region}"
    raise NotConnected(
        f"{wrong}, and the course works in {REGION}: its pages name the zones of that region. Set "
        f"it for this page in a cell (%env AWS_DEFAULT_REGION={REGION}) or for good in a terminal "
        f"(aws configure set region {REGION}), and run connect() again. {NOTHING}"
    )


def _confirm(account: str, confirm: str | None, where: str) -> None:
    confirmed = remembered().get("accounts", [])
    if confirm is not None and confirm.replace("-", "").strip() != account:
        raise NotConfirmed(
            f"You meant the account {confirm}, and your credentials lead to {where}. Log in to the "
            f"one that you mean (AWS_PROFILE=... chooses a profile). {NOTHING}"
        )
    if account in confirmed:
        return
    if confirm is None:
        raise NotConfirmed(
            f"This is the AWS account {where}. The course has not worked in it from this folder, "
            "and what it creates there costs money. If it is the one that you mean, say so once, "
            f'in a cell: connect(confirm="{account}") If not, log in to another one, or go back '
            'to the sandbox: choose_target("sandbox") ' + NOTHING
        )
    remember(accounts=[*confirmed, account])
