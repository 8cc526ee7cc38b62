"""Shows the errors that a student can put right as a sentence or two, not as a traceback."""

from types import TracebackType
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
)
from IPython.core.getipython import get_ipython

from helpers.errors import CourseError

SANDBOX_GONE = (
    "The sandbox does not answer: it was stopped, or it was killed. "
    "Run this page's first cells again (connect, catch_up), then this cell."
)

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
    "UnrecognizedClientException": "The access key is not valid (any more). Run connect() again.",
    "InvalidClientTokenId": "The access key is not valid (any more). Run connect() again.",
    "AuthFailure": "The access key is not valid (any more). Run connect() again.",
    "ExpiredToken": "Your AWS session has run out. Log in again (aws sso login), then connect().",
    "ExpiredTokenException": (
        "Your AWS session has run out. Log in again (aws sso login), then connect()."
    ),
}


def install() -> None:
    """Have this notebook show the errors below in plain words; does nothing outside IPython."""
    shell = get_ipython()
    if shell is None:
        return
    shell.set_custom_exc(
        (
            CourseError,
            ClientError,
            ConnectionClosedError,
            EndpointConnectionError,
            NoCredentialsError,
        ),
        _show,
    )


def in_plain_words(error: BaseException) -> str:
    """What happened and what to type next.

    Args:
        error: one of the kinds that `install` registers.
    """
    if isinstance(error, EndpointConnectionError | ConnectionClosedError):
        local = "127.0.0.1" in str(error) or "localhost" in str(error)
        return SANDBOX_GONE if local else str(error)
    if isinstance(error, NoCredentialsError):
        return "No AWS credentials are set. Run the cell with connect() first."
    if isinstance(error, ClientError):
        code = error.response.get("Error", {}).get("Code", "")
        said = error.response.get("Error", {}).get("Message", "")
        return f"AWS says {code}: {said}" + (f"\n{NEXT[code]}" if code in NEXT else "")
    return str(error)


def _show(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> list[str]:
    lines = in_plain_words(error).splitlines()
    shell._showtraceback(kind, error, lines)
    return lines
