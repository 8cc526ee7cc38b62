"""Checks the token with which a user logs in to a database as IAM lets them.

A token is an address that was signed in advance, without its https://. It says which database,
which user and until when, and only who has an access key of the account can have signed it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
"""

import datetime
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.databasedoor.endpoint import Endpoint
from sandbox.digits import whole_number

SERVICE = "rds-db"
LIFETIME = datetime.timedelta(minutes=15)
SecretOf = Callable[[str, str | None], str | None]
CLOCKS_DIFFER = datetime.timedelta(minutes=5)  # by as much AWS lets a signature be early


class TokenRefused(Exception):
    """Why a token does not open the door; for the sandbox's log, the client is not told."""


def check(
    token: str, user: str, endpoint: Endpoint, secret_of: SecretOf, now: datetime.datetime
) -> None:
    """Let a token pass that an active access key of the account signed for this login.

    Args:
        token: what the client gave in place of a password.
        user: the database user who logs in.
        endpoint: the database.
        secret_of: tells the secret of an active access key, given its id and a session token.
        now: the time, with its zone.

    Raises:
        TokenRefused: with the reason, in which nothing is secret.
    """
    if not endpoint.iam:
        raise TokenRefused(f"IAM database authentication is off for {endpoint.cluster}")
    address, said = _take_apart(token)
    if said.get("Action") != "connect" or said.get("DBUser") != user:
        raise TokenRefused("the token is for another user")
    if address.lower() not in {f"{name.lower()}:{endpoint.port}" for name in endpoint.names}:
        raise TokenRefused("the token is for another database")
    key, _, scope = said.get("X-Amz-Credential", "").partition("/")
    signed_at = said.get("X-Amz-Date", "")
    if scope != f"{signed_at[:8]}/{endpoint.region}/{SERVICE}/aws4_request":
        raise TokenRefused("the token is for another region, service or day")
    _check_time(signed_at, said.get("X-Amz-Expires", ""), now)
    session = said.get("X-Amz-Security-Token")
    secret = secret_of(key, session)
    if secret is None:
        raise TokenRefused("the token's access key is not active in this account")
    expected = _signature(token, signed_at, Credentials(key, secret, session), endpoint.region)
    if not hmac.compare_digest(expected, said.get("X-Amz-Signature", "")):
        raise TokenRefused("the token's signature is wrong: it was changed, or signed by another")


def _take_apart(token: str) -> tuple[str, dict[str, str]]:
    try:
        parts = urlsplit(f"https://{token}")
        said = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=True))
    except ValueError:
        raise TokenRefused("what was given is no token") from None
    if not said or parts.path != "/" or parts.fragment:
        raise TokenRefused("what was given is no token")
    return parts.netloc, said


def _check_time(signed_at: str, expires: str, now: datetime.datetime) -> None:
    try:
        begin = datetime.datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
        end = begin + min(datetime.timedelta(seconds=whole_number(expires)), LIFETIME)
    except (ValueError, OverflowError):
        raise TokenRefused("the token does not say how long it is good for") from None
    if begin > now + CLOCKS_DIFFER:
        raise TokenRefused(f"the token is of a time that is still to come, {signed_at}")
    if now >= end:
        raise TokenRefused(f"the token has expired, {end:%Y%m%dT%H%M%SZ}")


def _signature(token: str, signed_at: str, credentials: Credentials, region: str) -> str:
    address, _, query = token.partition("?")
    pairs = [pair for pair in query.split("&") if not pair.startswith("X-Amz-Signature=")]
    request = AWSRequest("GET", f"https://{address}?{'&'.join(pairs)}")
    request.context["timestamp"] = signed_at
    signer = SigV4Auth(credentials, SERVICE, region)
    return signer.signature(
        signer.string_to_sign(request, signer.canonical_request(request)), request
    )
