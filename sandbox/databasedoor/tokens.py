"""Checks the token with which a user logs in to a database as IAM lets them.

A token is an address that was signed in advance, without its https://. It says which database,
which user and until when, and only who has an access key of the account can have signed it.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.IAMDBAuth.html
"""

import datetime
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

from sandbox import sigv4
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
    query = token.partition("?")[2]
    try:
        given = sigv4.read_query(query)
    except sigv4.BadAuthorization as bad:
        raise TokenRefused(f"the token's signature is wrong: {bad}") from None
    if given is None:
        raise TokenRefused("the token is not signed")
    signed_at = said["X-Amz-Date"]
    if given.scope != f"{signed_at[:8]}/{endpoint.region}/{SERVICE}/{sigv4.TERMINATOR}":
        raise TokenRefused("the token is for another region, service or day")
    if "host" not in given.headers:
        raise TokenRefused("the token does not sign its host")
    _check_time(signed_at, said.get("X-Amz-Expires", ""), now)
    secret = secret_of(given.key, said.get("X-Amz-Security-Token"))
    if secret is None:
        raise TokenRefused("the token's access key is not active in this account")
    canonical = sigv4.canonical_request(
        "GET", "/", query, {"host": address.lower()}, given, sigv4.EMPTY_SHA256, encode_once=False
    )
    expected = sigv4.signature(secret, given, signed_at, canonical)
    if not hmac.compare_digest(expected, given.signature):
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
