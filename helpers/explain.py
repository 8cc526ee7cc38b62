"""Shows the errors that a student can put right as a sentence or two, not as a traceback."""

import re
from types import TracebackType
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectionError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
from IPython.core.getipython import get_ipython

from helpers.choice import target
from helpers.errors import CourseError

SANDBOX_GONE = (
    "The sandbox does not answer: it was stopped, or it was killed. "
    "Run this page's first cells again (connect, catch_up), then this cell."
)
RUN_OUT = (
    "Your AWS session has run out. Log in again (aws sso login, or new keys), run connect(), then "
    "this cell. What earlier cells have created is still there, and connect() lists what runs."
)
NOT_VALID = "The access key is not valid (any more). Run connect() again."
NOT_VALID_ON_AWS = (
    "AWS does not know this access key: it was deleted, it belongs to another partition, or the "
    "region is one that the account has not switched on. Log in again, then run connect()."
)
NOT_REACHED = (
    "AWS was not reached. Is this computer online, and does a proxy or a firewall let it out? What "
    "AWS has begun, it goes on with: run connect() and this cell again, they keep what is there."
)
POLICY = "docs/iam-policy.json"
QUOTAS = "https://console.aws.amazon.com/servicequotas/home"

# What to do next, for AWS's own error codes.
NEXT = {
    "DBClusterAlreadyExistsFault": (
        "A DB cluster of this name exists in the account and region. "
        "Go on with it, or choose another DBClusterIdentifier."
    ),
    "DBInstanceAlreadyExists": (
        "A DB instance of this name exists in the account and region. "
        "Go on with it, or choose another DBInstanceIdentifier."
    ),
    "DBSubnetGroupAlreadyExists": "Go on with the one that exists, or choose another name.",
    "InvalidKeyPair.Duplicate": (
        "AWS hands out a private key once only. If you have lost the file, delete the key pair: "
        'ec2.delete_key_pair(KeyName="...")'
    ),
    "LimitExceeded": (
        "An IAM user has two access keys at most. Delete one that you no longer need: "
        'iam.delete_access_key(UserName="cloud_user", AccessKeyId="...")'
    ),
    "InvalidPermission.Duplicate": "The rule is there already: nothing to do.",
    "DBClusterNotFoundFault": "Create it on page 1.3, or let catch_up() do it.",
    "OptInRequired": "The account has not switched on this service or region. Use us-east-1.",
    "SignatureDoesNotMatch": (
        "The secret does not belong to the access key, or the clock of this computer is wrong. "
        "Log in again, then run connect()."
    ),
    **dict.fromkeys(
        ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        RUN_OUT,
    ),
}
KEY_UNKNOWN = ("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure")
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AccessDeniedFault")
# What AWS says to whoever asks too fast; botocore has tried again by then.
THROTTLED = ("RequestLimitExceeded", "ThrottlingException", "Throttling")

NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, ProfileNotFound)
NO_LOGIN = (SSOError, TokenRetrievalError, CredentialRetrievalError, LoginError)
NO_NETWORK = (ConnectionError, HTTPClientError)
GONE = (EndpointConnectionError, ConnectionClosedError)


def install() -> None:
    """Have this notebook show the errors below in plain words; does nothing outside IPython."""
    shell = get_ipython()
    if shell is None:
        return
    shell.set_custom_exc(
        (CourseError, ClientError, NoRegionError, *NO_CREDENTIALS, *NO_LOGIN, *NO_NETWORK), _show
    )


def in_plain_words(error: BaseException) -> str:
    """What happened and what to type next.

    Args:
        error: one of the kinds that `install` registers.
    """
    if isinstance(error, ClientError):
        return _of_aws(error)
    if isinstance(error, NO_NETWORK):
        if _on_aws():
            return f"{error}\n{NOT_REACHED}"
        return SANDBOX_GONE if isinstance(error, GONE) else str(error)
    if isinstance(error, NO_LOGIN):
        return f"{error}\nYou are not logged in to AWS (any more). Log in: aws sso login"
    if isinstance(error, NO_CREDENTIALS):
        if not _on_aws():
            return "No AWS credentials are set. Run the cell with connect() first."
        return (
            f"{error}\nThere are no AWS credentials. Set them up in a terminal (aws configure, or "
            "aws configure sso), or name the profile that has them: %env AWS_PROFILE=... "
            "Then run connect() again."
        )
    return str(error)


def is_denied(error: BaseException) -> bool:
    """Whether AWS refused a call for want of a permission."""
    return _code(error) in DENIED


def is_quota(error: BaseException) -> bool:
    """Whether AWS refused a call because the account has as many of something as it may have."""
    code = _code(error)
    full = "LimitExceeded" in code or "QuotaExceeded" in code
    # "Only 1 online index can be created or deleted simultaneously": that is a matter of waiting.
    return full and code not in (*THROTTLED, *NEXT) and "simultaneously" not in str(error)


def _of_aws(error: ClientError) -> str:
    said = error.response.get("Error", {}).get("Message", "")
    return "\n".join([f"AWS says {_code(error)}: {said}", *_next(error, said)])


def _next(error: ClientError, said: str) -> list[str]:
    code = _code(error)
    if code in NEXT:
        return [NEXT[code]]
    if code in KEY_UNKNOWN:
        return [NOT_VALID_ON_AWS if _on_aws() else NOT_VALID]
    if code in DENIED:
        named = re.search(r"perform: ([\w-]+:\w+)", said)
        action = named[1] if named else f"the call {error.operation_name}"
        return [
            f"You lack the permission for {action}. Whoever gave you the account can add it: "
            f"{POLICY} has all that the course needs, and docs/instructors.md how to attach it."
        ]
    if is_quota(error):
        return [
            "A quota of this account and region is reached. Delete what you no longer need, or ask "
            f"for more at {QUOTAS}; docs/instructors.md lists what the course needs."
        ]
    return []


def _code(error: BaseException) -> str:
    return error.response.get("Error", {}).get("Code", "") if isinstance(error, ClientError) else ""


def _on_aws() -> bool:
    try:
        return target() == "aws"
    except CourseError:
        return False


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    lines = in_plain_words(error).splitlines()
    if _on_aws() and (is_denied(error) or is_quota(error)):
        # Imported late: it is for this moment only, and itself explains errors.
        from helpers import running

        lines += running.created()
    shell._showtraceback(kind, error, lines)
    return lines
