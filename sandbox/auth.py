"""Checks who signed a request: keys that IAM did not issue, and wrong secrets, are refused.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import functools
import hmac
from hashlib import sha256
from urllib.parse import quote

from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from sandbox.protocol import Call


class Refused(Exception):
    """A request whose signature is not good, as the service would put it."""

    def __init__(self, code: str, message: str, status: int):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def check(call: Call, environ: dict, body: bytes) -> None:
    """Let a request pass that an active access key of this account has signed.

    Raises:
        Refused: with the code and message that AWS answers for this service's protocol.
    """
    if call.authorization is None:
        raise _refusal(call, "missing")
    token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN")
    secret = secret_of(call.authorization["key"], token)
    if secret is None:
        raise _refusal(call, "unknown key")
    if _is_plain(call, environ):
        expected = _signature_of_plain(call.authorization, environ, body, secret)
    else:
        expected = _signature(call, environ, body, Credentials(call.authorization["key"], secret))
    if not hmac.compare_digest(expected, call.authorization["signature"]):
        raise _refusal(call, "wrong secret")


def secret_of(key_id: str, session_token: str | None) -> str | None:
    """The secret of an active access key of the account; None for any other key."""
    for user in list(iam_backends[DEFAULT_ACCOUNT_ID]["aws"].users.values()):
        for key in user.access_keys:
            if key.access_key_id == key_id:
                return key.secret_access_key if key.status == "Active" else None
    for role in list(sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles):
        if role.access_key_id == key_id and role.session_token == session_token:
            return role.secret_access_key
    return None


def _is_plain(call: Call, environ: dict) -> bool:
    # As nearly all requests are: everything is in the head and the body.
    return (
        environ["REQUEST_METHOD"] == "POST"
        and environ.get("PATH_INFO") == "/"
        and not environ.get("QUERY_STRING")
        and "HTTP_X_AMZ_CONTENT_SHA256" not in environ
        and call.service != "s3"
    )


def _signature_of_plain(given: dict[str, str], environ: dict, body: bytes, secret: str) -> str:
    """The signature of a POST to "/": botocore's would take as long as a write of an item."""
    lines = []
    for name in given["headers"].split(";"):
        key = name.upper().replace("-", "_")
        value = environ.get(key if key.startswith("CONTENT_") else f"HTTP_{key}", "")
        lines.append(f"{name}:{' '.join(value.split())}\n")
    payload = sha256(body).hexdigest()
    canonical = f"POST\n/\n\n{''.join(lines)}\n{given['headers']}\n{payload}"
    moment = environ.get("HTTP_X_AMZ_DATE", "")
    day, region, service = moment[:8], given["region"], given["service"]
    digest = sha256(canonical.encode("latin-1", "replace")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{day}/{region}/{service}/aws4_request\n{digest}"
    return _hmac(_signing_key(secret, day, region, service), text).hex()


@functools.lru_cache(maxsize=256)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _signature(call: Call, environ: dict, body: bytes, credentials: Credentials) -> str:
    given = call.authorization
    assert given is not None
    path = quote(environ.get("PATH_INFO", "/").encode("latin-1"), safe="/~-_.")
    url = f"http://{environ.get('HTTP_HOST', '')}{path}"
    if environ.get("QUERY_STRING"):
        url += "?" + environ["QUERY_STRING"]
    request = AWSRequest(environ["REQUEST_METHOD"], url, data=body)
    for name in given["headers"].split(";"):
        key = name.upper().replace("-", "_")
        value = environ.get(key if key.startswith("CONTENT_") else f"HTTP_{key}", "")
        request.headers[name] = value
    if payload_hash := environ.get("HTTP_X_AMZ_CONTENT_SHA256"):
        request.headers["X-Amz-Content-SHA256"] = payload_hash
    request.context["timestamp"] = environ.get("HTTP_X_AMZ_DATE", "")
    kind = S3SigV4Auth if given["service"] == "s3" else SigV4Auth
    signer = kind(credentials, given["service"], given["region"])
    # Only what the caller says it signed: botocore would add the headers that it signs by default.
    signed = set(given["headers"].split(";"))
    for name in set(request.headers.keys()):
        if name.lower() not in signed:
            del request.headers[name]
    return signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )


def _refusal(call: Call, why: str) -> Refused:
    json_like = call.protocol in ("json", "rest-json", "cbor")
    if why == "missing":
        if json_like:
            return Refused(
                "MissingAuthenticationTokenException",
                "Request is missing Authentication Token",
                400,
            )
        return Refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
    if call.protocol == "ec2":
        return Refused(
            "AuthFailure",
            "AWS was not able to validate the provided access credentials",
            401,
        )
    if why == "unknown key":
        message = "The security token included in the request is invalid."
        code = "UnrecognizedClientException" if json_like else "InvalidClientTokenId"
        return Refused(code, message, 400 if json_like else 403)
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details."
    )
    code = "InvalidSignatureException" if json_like else "SignatureDoesNotMatch"
    return Refused(code, message, 400 if json_like else 403)
