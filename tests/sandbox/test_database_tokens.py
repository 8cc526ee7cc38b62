"""What a token is refused for: each reason, with a signature that is right."""

import datetime
import secrets
from dataclasses import replace
from urllib.parse import quote

import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.databasedoor import Endpoint, tokens
from sandbox.databasedoor.tokens import TokenRefused

KEY, SECRET = "A" + secrets.token_hex(9).upper(), secrets.token_hex(20)
ENDPOINT = Endpoint(
    "books", "books-1", ("books-1.example", "books.example"), 3306, "eu-west-1", True
)


def signed(
    query: str = "Action=connect&DBUser=jane",
    address: str = "books.example:3306",
    path: str = "/",
    service: str = "rds-db",
    region: str = "eu-west-1",
    expires: object = 900,
) -> str:
    """A token with these parts, signed as AWS signs."""
    request = AWSRequest("GET", f"https://{address}{path}?{query}")
    signer = SigV4QueryAuth(Credentials(KEY, SECRET), service, region, expires)
    signer.add_auth(request)
    return request.url.removeprefix("https://")


def check(token: str, later: float = 1, endpoint: Endpoint = ENDPOINT, user: str = "jane") -> None:
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=later)
    tokens.check(token, user, endpoint, lambda key, _: SECRET if key == KEY else None, now)


def test_the_right_token_is_good_for_fifteen_minutes() -> None:
    token = signed()
    check(token)
    check(token, later=890)
    with pytest.raises(TokenRefused, match="has expired"):
        check(token, later=1000)


def test_nor_is_one_that_claims_more_good_for_longer() -> None:
    token = signed(expires=90_000)
    check(token, later=890)
    with pytest.raises(TokenRefused, match="has expired"):
        check(token, later=1000)


def test_names_are_compared_as_names() -> None:
    check(signed(address="BOOKS.example:3306"))
    check(signed(address="books-1.example:3306"))


def test_any_user_name_can_be_signed_for() -> None:
    check(signed(f"Action=connect&DBUser={quote('jane doe/é+&', safe='')}"), user="jane doe/é+&")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"query": "Action=connect&DBUser=joan"}, "another user"),
        ({"query": "Action=delete&DBUser=jane"}, "another user"),
        ({"query": "DBUser=jane"}, "another user"),
        ({"path": "/x"}, "no token"),
        ({"address": "books.example:3307"}, "another database"),
        ({"address": "books.example"}, "another database"),
        ({"address": "papers.example:3306"}, "another database"),
        ({"service": "rds"}, "another region, service or day"),
        ({"region": "us-east-1"}, "another region, service or day"),
        ({"expires": "soon"}, "how long"),
        ({"expires": "-1"}, "has expired"),
        ({"expires": "9" * 40}, "how long"),
    ],
    ids=str,
)
def test_a_token_signed_for_something_else(changed: dict[str, object], why: str) -> None:
    with pytest.raises(TokenRefused, match=why):
        check(signed(**changed))  # type: ignore[arg-type]


def test_a_token_from_the_future() -> None:
    check(signed(), later=-200)
    with pytest.raises(TokenRefused, match="still to come"):
        check(signed(), later=-400)


def test_a_key_that_is_not_active() -> None:
    with pytest.raises(TokenRefused, match="not active"):
        check(signed().replace(KEY, "A" + secrets.token_hex(9).upper()))


def test_a_changed_letter() -> None:
    token = signed()
    with pytest.raises(TokenRefused, match="signature is wrong"):
        check(token[:-1] + ("0" if token[-1] != "0" else "1"))


def test_a_cluster_that_takes_none() -> None:
    with pytest.raises(TokenRefused, match="is off for books"):
        check(signed(), endpoint=replace(ENDPOINT, iam=False))


@pytest.mark.parametrize(
    "text", ["", "guessed", "//[", "a:b/?x", "books.example:3306/?", "\0", "%"]
)
def test_what_is_no_token_at_all(text: str) -> None:
    with pytest.raises(TokenRefused, match="no token"):
        check(text)
