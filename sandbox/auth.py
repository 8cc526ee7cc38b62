"""Check who signed a request: only an active access key of the account opens the gateway.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hmac
import time
from collections.abc import Mapping
from urllib.parse import parse_qsl

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import AssumedRole, sts_backends

from sandbox import payloads, services, sigv2, sigv4
from sandbox.http import headers_of, raw_path
from sandbox.protocol import Call
from sandbox.refusals import S3, SKEW, Refused, extended, refusal, wrong_time

__all__ = ["Refused", "check", "secret_of"]

LONGEST_EXPIRY = 7 * 24 * 3600  # Seconds that a presigned URL may be good for.


def check(call: Call, environ: dict, body: bytes, now: float | None = None) -> bytes:
    """Let a request pass that an active access key of this account has signed.

    Args:
        call: what the request asks for.
        environ: of WSGI. After an upload in chunks it describes the decoded body.
        body: as it was sent.
        now: seconds since 1970; None for the time now.

    Returns:
        The body; of an upload in chunks, the object's data.

    Raises:
        Refused: with the code and message that AWS answers for this service's protocol.
    """
    given = call.authorization
    now = time.time() if now is None else now
    if given is None:
        presigned = sigv2.read_query(environ.get("QUERY_STRING", ""))
        if presigned is None or call.service != "s3":
            raise _without_authorization(call, environ)
        _check_version_2(call, environ, presigned, now)
        return body
    headers, query = headers_of(environ), environ.get("QUERY_STRING", "")
    s3 = call.service in S3
    fields = dict(parse_qsl(query, keep_blank_values=True)) if given.in_query else headers
    token = fields.get("X-Amz-Security-Token" if given.in_query else "x-amz-security-token")
    secret = _secret(call, given.key, token)
    moment, seconds = _moment(call, given, fields)
    _check_scope(call, given, moment)
    _check_signed_headers(call, given, headers)
    if given.in_query:
        _check_expiry(call, fields.get("X-Amz-Expires"), moment, seconds, now)
    elif abs(now - seconds) > SKEW:
        raise wrong_time(call, moment, seconds, now)
    payload = payloads.hash_of(call, fields, headers, body)
    path = raw_path(environ)
    method = environ["REQUEST_METHOD"]
    canonical = sigv4.canonical_request(method, path, query, headers, given, payload, s3)
    expected = sigv4.signature(secret, given, moment, canonical)
    if not hmac.compare_digest(expected, given.signature):
        raise refusal(call, "signature")
    if given.in_query:
        # moto finds the service in this header alone.
        environ["HTTP_AUTHORIZATION"] = sigv4.header_of(given)
    return payloads.received(call, environ, body, payload, moment, secret) if s3 else body


def secret_of(key_id: str, session_token: str | None) -> str | None:
    """The secret of an active access key of the account; None for any other key."""
    for user in list(iam_backends[DEFAULT_ACCOUNT_ID]["aws"].users.values()):
        for key in user.access_keys:
            if key.access_key_id == key_id:
                usable = key.status == "Active" and not session_token
                return key.secret_access_key if usable else None
    role = _role(key_id, session_token)
    if role is None or role.expiration.timestamp() <= time.time():
        return None
    return role.secret_access_key


def _role(key_id: str, session_token: str | None) -> AssumedRole | None:
    for role in list(sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles):
        if role.access_key_id == key_id and role.session_token == session_token:
            return role
    return None


def _without_authorization(call: Call, environ: dict) -> Refused:
    text = environ.get("HTTP_AUTHORIZATION", "")
    try:
        if text.startswith(sigv4.ALGORITHM):
            sigv4.read_header(text)
        else:
            sigv4.read_query(environ.get("QUERY_STRING", ""))
    except sigv4.BadAuthorization as bad:
        return refusal(call, "incomplete", str(bad))
    return refusal(call, "missing")


def _check_version_2(call: Call, environ: dict, presigned: sigv2.Presigned, now: float) -> None:
    secret = _secret(call, presigned.key, presigned.token)
    expires = presigned.expires
    if not (expires.isascii() and expires.isdigit() and len(expires) < 12):
        raise Refused("AccessDenied", "Invalid date (should be seconds since epoch)", 403)
    if now > int(expires):
        details = {"Expires": extended(int(expires)), "ServerTime": extended(now)}
        raise Refused("AccessDenied", "Request has expired", 403, details)
    method, query = environ["REQUEST_METHOD"], environ["QUERY_STRING"]
    expected = sigv2.signature(secret, method, raw_path(environ), query, headers_of(environ))
    if not hmac.compare_digest(expected.encode(), presigned.signature.encode()):
        raise refusal(call, "signature")


def _secret(call: Call, key: str, token: str | None) -> str:
    secret = secret_of(key, token)
    if secret is None:
        expired = _role(key, token) is not None
        details = {} if expired else {"AWSAccessKeyId": key}
        raise refusal(call, "token" if expired else "key", details=details)
    return secret


def _moment(call: Call, given: sigv4.Authorization, fields: Mapping[str, str]) -> tuple[str, float]:
    try:
        moment = fields["X-Amz-Date"] if given.in_query else sigv4.moment_of(fields)
        seconds = sigv4.seconds_of(moment)
    except sigv4.BadAuthorization as bad:
        raise refusal(call, "incomplete", str(bad)) from None
    if not given.in_query and "x-amz-date" not in fields and "date" not in given.headers:
        raise _must_be_signed(call, ["date"], "'X-Amz-Date' or 'Date'")
    return moment, seconds


def _check_scope(call: Call, given: sigv4.Authorization, moment: str) -> None:
    if given.day != moment[:8]:
        raise refusal(
            call,
            "scope",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{given.day}' != '{moment[:8]}', from '{moment}'.",
        )
    if not services.is_region(given.region):
        message = f"Credential should be scoped to a valid region, not '{given.region}'. "
        if call.service in S3:
            message = f"the region '{given.region}' is wrong; expecting 'us-east-1'"
        raise refusal(call, "scope", message, {"Region": "us-east-1"})
    wanted = services.signing_name_of(call.target)
    if wanted is not None and wanted != call.service:
        message = f"Credential should be scoped to correct service: '{wanted}'. "
        raise refusal(call, "scope", message)


def _check_signed_headers(
    call: Call, given: sigv4.Authorization, headers: Mapping[str, str]
) -> None:
    missing = sigv4.unsigned_headers(headers, given)
    if missing:
        name = "'Host' or ':authority'" if "host" in missing else repr(missing[0].title())
        raise _must_be_signed(call, missing, name)


def _must_be_signed(call: Call, missing: list[str], name: str) -> Refused:
    message = f"{name} must be a 'SignedHeader' in the AWS Authorization."
    return refusal(call, "unsigned", message, {"HeadersNotSigned": ", ".join(missing)})


def _check_expiry(call: Call, expires: str | None, moment: str, seconds: float, now: float) -> None:
    s3 = call.service in S3
    if expires is None and not s3:
        expires = str(SKEW)
    wrong = None
    if expires is None:
        wrong = "X-Amz-Expires is missing"
    elif not (expires.removeprefix("-").isascii() and expires.removeprefix("-").isdigit()):
        wrong = "X-Amz-Expires should be a number"
    elif expires.startswith("-"):
        wrong = "X-Amz-Expires must be non-negative"
    elif len(expires) > 9 or int(expires) > LONGEST_EXPIRY:
        wrong = (
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be less than {LONGEST_EXPIRY} seconds"
        )
    if wrong is not None:
        raise (
            Refused("AuthorizationQueryParametersError", wrong, 400)
            if s3
            else refusal(call, "incomplete", wrong)
        )
    assert expires is not None
    end = seconds + int(expires)
    if seconds - SKEW <= now <= end:
        return
    if not s3:
        raise wrong_time(call, moment, seconds, now)
    early = now < seconds
    details = {
        **({"X-Amz-Date": moment} if early else {"X-Amz-Expires": expires}),
        "Expires": extended(end),
        "ServerTime": extended(now),
    }
    said = "Request is not yet valid" if early else "Request has expired"
    raise Refused("AccessDenied", said, 403, details)
