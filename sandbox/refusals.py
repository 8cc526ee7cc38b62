"""How each protocol words the refusal of a request whose signature does not hold.

https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from sandbox.protocol import Call

S3 = ("s3", "s3express")
SKEW = 15 * 60  # Seconds by which a client's clock may differ.

# Code and status by kind of service. The message is the same for all but EC2 and S3.
_CODES = {
    "missing": {
        "json": ("MissingAuthenticationTokenException", 400),
        "query": ("MissingAuthenticationToken", 403),
        "ec2": ("MissingAuthenticationToken", 403),
        "s3": ("AccessDenied", 403),
    },
    "incomplete": {
        "json": ("IncompleteSignatureException", 400),
        "query": ("IncompleteSignature", 400),
        "ec2": ("IncompleteSignature", 400),
        "s3": ("AuthorizationHeaderMalformed", 400),
    },
    "key": {
        "json": ("UnrecognizedClientException", 400),
        "query": ("InvalidClientTokenId", 403),
        "ec2": ("AuthFailure", 401),
        "s3": ("InvalidAccessKeyId", 403),
    },
    "token": {
        "json": ("ExpiredTokenException", 400),
        "query": ("ExpiredToken", 403),
        "ec2": ("RequestExpired", 400),
        "s3": ("ExpiredToken", 400),
    },
    "scope": {
        "json": ("InvalidSignatureException", 400),
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
        "s3": ("AuthorizationHeaderMalformed", 400),
    },
    "unsigned": {
        "json": ("InvalidSignatureException", 400),
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
        "s3": ("AccessDenied", 403),
    },
    "time": {
        "json": ("InvalidSignatureException", 400),
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("RequestExpired", 400),
        "s3": ("RequestTimeTooSkewed", 403),
    },
    "signature": {
        "json": ("InvalidSignatureException", 400),
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
        "s3": ("SignatureDoesNotMatch", 403),
    },
}
_EC2 = {
    "key": "AWS was not able to validate the provided access credentials",
    "signature": "AWS was not able to validate the provided access credentials",
    "token": "Request has expired.",
    "time": "Request has expired.",
}
_S3 = {
    "missing": "Access Denied",
    "key": "The AWS Access Key Id you provided does not exist in our records.",
    "token": "The provided token has expired.",
    "unsigned": "There were headers present in the request which were not signed",
    "time": "The difference between the request time and the current time is too large.",
    "signature": "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method.",
}
_OTHERS = {
    "missing": "Request is missing Authentication Token",
    "key": "The security token included in the request is invalid.",
    "token": "The security token included in the request is expired",
    "signature": "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details.",
}


class Refused(Exception):
    """A request whose signature does not hold, as the service would answer it.

    Attributes:
        code: AWS's error code.
        message: AWS's message.
        status: the HTTP status.
        details: further elements of an S3 error.
    """

    def __init__(
        self, code: str, message: str, status: int, details: Mapping[str, str] | None = None
    ):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status
        self.details = dict(details or {})


def refusal(
    call: Call, kind: str, message: str = "", details: Mapping[str, str] | None = None
) -> Refused:
    """The refusal of a call.

    Args:
        call: what was asked for.
        kind: what is wrong: a key of `_CODES`.
        message: AWS's description, where it depends on the request.
        details: further elements of an S3 error.
    """
    family = family_of(call)
    code, status = _CODES[kind][family]
    fixed = {"ec2": _EC2, "s3": _S3}.get(family, _OTHERS)
    if call.protocol == "rest-json":
        status = 403
    said = fixed.get(kind) or message or _OTHERS.get(kind, "")
    if kind in ("incomplete", "scope") and family == "s3":
        said = f"The authorization header is malformed; {message}"
    return Refused(code, said, status, details)


def wrong_time(call: Call, moment: str, seconds: float, now: float) -> Refused:
    """The refusal of a call that was signed too long ago, or by a clock that is fast.

    Args:
        call: what was asked for.
        moment: when it was signed, such as `20261125T213000Z`.
        seconds: the same, in seconds since 1970.
        now: the time now, in seconds since 1970.
    """
    minutes = SKEW // 60
    if seconds < now:
        message = (
            f"Signature expired: {moment} is now earlier than {_basic(now - SKEW)} "
            f"({_basic(now)} - {minutes} min.)"
        )
    else:
        message = (
            f"Signature not yet current: {moment} is still later than {_basic(now + SKEW)} "
            f"({_basic(now)} + {minutes} min.)"
        )
    details = {
        "RequestTime": moment,
        "ServerTime": extended(now),
        "MaxAllowedSkewMilliseconds": str(SKEW * 1000),
    }
    return refusal(call, "time", message, details)


def family_of(call: Call) -> str:
    """Which of the four ways of putting an error a service has: json, query, ec2 or s3."""
    if call.service in S3:
        return "s3"
    if call.protocol in ("json", "rest-json", "cbor"):
        return "json"
    return "ec2" if call.protocol == "ec2" else "query"


def extended(seconds: float) -> str:
    """A time as S3 puts it in an error: `2026-11-25T21:30:00Z`."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _basic(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"
