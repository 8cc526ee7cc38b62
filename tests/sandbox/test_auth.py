"""Who is let in, over the wire: what is signed well by anyone, and each way of signing badly."""

import base64
import copy
import datetime
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import quote

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.iam.models import AccessKey

from sandbox import auth, sigv4
from tests.sandbox.wire import FORM, JSON, Checked, Sent, Wire, new_key, new_role, sign

LISTS = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": JSON}
# Each way to put an error: the service, and a request of it.
FAMILIES = {
    "json": ("dynamodb", {"headers": LISTS, "body": b"{}"}),
    "cbor": (
        "monitoring",
        {
            "headers": {"smithy-protocol": "rpc-v2-cbor"},
            "target": "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        },
    ),
    "rest-json": ("lambda", {"method": "GET", "target": "/2015-03-31/functions"}),
    "query": ("rds", {"headers": {"Content-Type": FORM}, "body": b"Action=DescribeDBClusters"}),
    "rest-xml": ("route53", {"method": "GET", "target": "/2013-04-01/hostedzone"}),
    "ec2": ("ec2", {"headers": {"Content-Type": FORM}, "body": b"Action=DescribeVpcs"}),
    "s3": ("s3", {"method": "GET", "target": "/bucket/key"}),
}
NEEDLES = {"json": "__type", "rest-json": "__type", "cbor": "__type"}
MALFORMED = "The authorization header is malformed; "


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire().running() as running:
        yield running


@pytest.fixture(scope="module")
def key() -> AccessKey:
    return new_key("signer")


def signed(wire: Wire, key: AccessKey, family: str = "json", **more: object) -> Sent:
    service, request = FAMILIES[family]
    return sign(wire, key, service, **{**request, **more})  # type: ignore[arg-type]


def error_of(answer: Checked, family: str) -> tuple[str, str]:
    """The code and the message of an error, which has a request id of its own."""
    text = answer.body.decode("latin-1")
    if family in ("json", "rest-json"):
        said = json.loads(text)
        return said["__type"].rpartition("#")[2], said["message"]
    if family == "cbor":
        return cbor_texts(answer.body)[1], cbor_texts(answer.body)[3]
    assert re.search(r"<Request(Id|ID)>[0-9a-f-]{36}</Request", text)
    message = text.partition("<Message>")[2].partition("</Message>")[0]
    return text.partition("<Code>")[2].partition("</Code>")[0], message


def cbor_texts(data: bytes) -> list[str]:
    """The texts of a map of texts, in RFC 8949's encoding."""
    texts, place = [], 1
    while place < len(data):
        size = data[place] & 31
        place += 1
        if size == 25:
            size, place = int.from_bytes(data[place : place + 2]), place + 2
        texts.append(data[place : place + size].decode())
        place += size
    return texts


# -- what is signed well --------------------------------------------------------------------------

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=12)
VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
NAMES = st.from_regex(r"x-(amz-meta|own)-[a-z0-9]{1,8}", fullmatch=True)


@st.composite
def shapes(draw: st.DrawFn) -> dict[str, object]:
    """Requests of any shape."""
    service = draw(st.sampled_from(["dynamodb", "rds", "lambda", "s3", "execute-api"]))
    segments = draw(st.lists(WORDS | st.sampled_from([".", "..", "", "a b", "%", "+"]), max_size=4))
    pairs = draw(st.lists(st.tuples(WORDS, WORDS), max_size=4))
    query = "&".join(f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in pairs if n)
    # The HTTP server reads a path that begins with two slashes as a host, as RFC 3986 has it.
    path = "/" + "/".join(quote(s, safe="~") for s in segments).lstrip("/")
    expires = draw(st.sampled_from([None, None, 60]))
    return {
        "service": service,
        "method": draw(st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH"])),
        "target": path + (f"?{query}" if query else ""),
        "headers": draw(st.dictionaries(NAMES, VALUES, max_size=4)),
        "body": b"" if expires else draw(st.binary(max_size=40)),
        "region": draw(st.sampled_from(["us-east-1", "eu-west-3", "cn-north-1"])),
        "expires": expires,
    }


ANYTHING = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@ANYTHING
@given(shape=shapes())
def test_whatever_botocore_signs_is_accepted(wire, key, shape) -> None:
    request = sign(wire, key, **shape)
    answer = wire.send(request)
    assert answer.accepted, answer.body
    assert answer.body == shape["body"]


@ANYTHING
@given(shape=shapes(), data=st.data())
def test_any_changed_bit_is_refused(wire, key, shape, data) -> None:
    request = sign(wire, key, **shape)
    changed = data.draw(one_bit_changed(request))
    assert not wire.send(changed).accepted


@st.composite
def one_bit_changed(draw: st.DrawFn, request: Sent) -> Sent:
    """A request of which one bit is not as it was signed, within what HTTP can carry."""
    where = draw(st.sampled_from(["method", "target", "header", "body"]))
    unsigned_body = request.target.find("X-Amz-") > 0 and "%2Fs3%2F" in request.target
    if where == "body" and not unsigned_body:
        return replace(request, body=_flip(draw, request.body, range(8)) or b"x")
    if where == "method":
        return replace(request, method={"GET": "PUT"}.get(request.method, "GET"))
    if where == "target":
        path, mark, query = request.target.partition("?")
        if query:  # Names and values; a letter stays a letter, so that the encoding stays whole.
            fields = query.split("&")
            place = draw(st.integers(0, len(fields) - 1))
            fields[place] += draw(st.sampled_from(["x", "0"]))
            return replace(request, target=f"{path}{mark}{'&'.join(fields)}")
        return replace(request, target=path + "x")
    names = ["host", "x-amz-date", "authorization", *(n for n, _ in request.headers)]
    there = [n for n, _ in request.headers if n.lower() in {x.lower() for x in names}]
    name = draw(st.sampled_from(sorted(set(there))))
    value = request.header(name)
    if name.lower() == "authorization":
        place = len(value) - 1 - draw(st.integers(0, 63))
        other = "0" if value[place] != "0" else "1"
        changed = value[:place] + other + value[place + 1 :]
    else:
        changed = value.strip() + "x"
    return request.with_headers(**{name: changed})


def _flip(draw: st.DrawFn, body: bytes, bits: range) -> bytes:
    if not body:
        return b""
    place, bit = draw(st.integers(0, len(body) - 1)), draw(st.sampled_from(list(bits)))
    return body[:place] + bytes([body[place] ^ (1 << bit)]) + body[place + 1 :]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_session_of_a_role_is_accepted_with_its_token(wire, family) -> None:
    role = new_role(3600)
    assert wire.send(signed(wire, role, family)).accepted  # type: ignore[arg-type]
    assert wire.send(signed(wire, role, family, expires=60)).accepted  # type: ignore[arg-type]
    mine = signed(wire, role, family)  # type: ignore[arg-type]
    for wrong in ("guessed", None):
        answer = wire.send(mine.with_headers(x_amz_security_token=wrong))
        assert error_of(answer, family)[0] in KEY_CODES


KEY_CODES = {
    *("UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId")
}


def test_a_key_that_needs_no_token_is_refused_with_one(wire, key) -> None:
    request = signed(wire, key, headers={**LISTS, "X-Amz-Security-Token": "made up"})
    assert error_of(wire.send(request), "json")[0] == "UnrecognizedClientException"


@pytest.mark.parametrize("form", ["rfc", "iso"])
def test_a_date_header_will_do_where_it_is_signed(wire, key, form) -> None:
    """Old clients sign Date; botocore itself does so where the caller has set one."""
    body, now = b"{}", datetime.datetime.now(datetime.UTC)
    moment = f"{now:%Y%m%dT%H%M%SZ}"
    date = format_datetime(now, usegmt=True) if form == "rfc" else moment
    headers = {"date": date, "host": wire.host, "x-amz-target": LISTS["X-Amz-Target"]}
    for names in (("date", "host", "x-amz-target"), ("host", "x-amz-target")):
        given = sigv4.Authorization(
            key.access_key_id, moment[:8], "us-east-1", "dynamodb", names, "0" * 64
        )
        canonical = sigv4.canonical_request(
            "POST", "/", "", headers, given, hashlib.sha256(body).hexdigest(), False
        )
        signature = sigv4.signature(key.secret_access_key, given, moment, canonical)
        header = sigv4.header_of(given._replace(signature=signature))
        request = Sent("POST", "/", (*headers.items(), ("authorization", header)), body)
        answer = wire.send(request)
        if "date" in names:
            assert answer.accepted, answer.body
        else:
            assert error_of(answer, "json") == (
                "InvalidSignatureException",
                "'X-Amz-Date' or 'Date' must be a 'SignedHeader' in the AWS Authorization.",
            )


# -- what arrives is what was signed --------------------------------------------------------------


def test_repeated_headers_are_signed_and_arrive_together(wire, key) -> None:
    request = signed(wire, key, headers={**LISTS, "X-Amz-Meta-A": "2,1,2"})
    apart = [p for p in request.headers if p[0] != "X-Amz-Meta-A"]
    apart += [("x-amz-meta-a", "2"), ("X-AMZ-META-A", " 1 "), ("X-Amz-Meta-A", "2")]
    answer = wire.send(replace(request, headers=tuple(apart)))
    assert answer.accepted, answer.body
    assert answer.environ["HTTP_X_AMZ_META_A"] == "2,1,2"
    fewer = wire.send(replace(request, headers=tuple(apart[:-1])))
    assert not fewer.accepted
    more = wire.send(replace(request, headers=(*apart, ("X-Amz-Meta-A", "3"))))
    assert not more.accepted


def test_a_folded_line_is_one_value(wire, key) -> None:
    request = signed(wire, key, headers={**LISTS, "X-Own": "a b   c"})
    data = request.wire().replace(b"X-Own: a b   c", b"X-Own: a b\r\n\t c")
    assert wire.send(data).accepted


def test_white_space_is_folded_and_not_lost(wire, key) -> None:
    request = signed(wire, key, headers={**LISTS, "X-Own": "  a    b  "})
    assert wire.send(request).accepted
    assert wire.send(request.with_headers(x_own="a b")).accepted
    assert not wire.send(request.with_headers(x_own="ab")).accepted


@pytest.mark.parametrize("name", ["X_Amz_Date", "X-Amz_Date", "HOST_", "X_Amz_Security_Token"])
def test_a_header_with_an_underscore_does_not_pass_for_another(wire, key, name) -> None:
    request = signed(wire, key)
    answer = wire.send(replace(request, headers=(*request.headers, (name, "20000101T000000Z"))))
    assert answer.accepted
    assert "20000101T000000Z" not in answer.environ.values()


def test_metadata_with_an_underscore_keeps_its_name(wire, key) -> None:
    request = signed(wire, key, "s3", headers={"x-amz-meta-a_b": "1"})
    answer = wire.send(request)
    assert answer.accepted
    assert answer.environ["moto.preserved_header_names"] == {
        "HTTP_X_AMZ_META_A_B": "x-amz-meta-a_b"
    }
    unsigned = signed(wire, key, "s3")
    unsigned = replace(unsigned, headers=(*unsigned.headers, ("x-amz-meta-a_b", "1")))
    assert error_of(wire.send(unsigned), "s3")[0] == "AccessDenied"


@pytest.mark.parametrize("line", [b"Host : x", b" : x", b"no colon", b": no name"])
def test_a_header_that_two_servers_would_read_differently_is_refused(wire, key, line) -> None:
    data = signed(wire, key).wire().replace(b"Host: ", line + b"\r\nHost: ", 1)
    assert wire.send(data).status == 400


def test_a_path_is_verified_as_it_was_sent(wire, key) -> None:
    request = signed(wire, key, "s3", target="/bucket/a%2Fb%20c%2Bd")
    assert wire.send(request).accepted
    assert not wire.send(replace(request, target="/bucket/a%2Fb%20c%20d")).accepted
    assert not wire.send(replace(request, target="/bucket/a/b%20c%2Bd")).accepted
    # S3 encodes once: what stands for the same key is the same path.
    assert wire.send(replace(request, target="/bucket/a%2fb%20c+d")).accepted


def test_a_signature_in_the_address_leads_to_the_service_as_well(wire, key) -> None:
    answer = wire.send(signed(wire, key, "s3", expires=60))
    assert answer.environ["HTTP_AUTHORIZATION"].startswith(
        f"AWS4-HMAC-SHA256 Credential={key.access_key_id}/"
    )


# -- refusals -------------------------------------------------------------------------------------

SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. "
    "Consult the service documentation for details."
)
S3_SIGNATURE = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)
NOT_VALIDATED = "AWS was not able to validate the provided access credentials"


def assert_refused(answer: Checked, family: str, wanted: tuple[int, str, str]) -> None:
    code, message = error_of(answer, family)
    assert (answer.status, code) == wanted[:2]
    assert wanted[2] in message


def by_family(json_like, query, ec2, s3) -> list[tuple[str, tuple[int, str, str]]]:
    rest = (403, *json_like[1:])
    kinds = {"json": json_like, "cbor": json_like, "rest-json": rest, "query": query}
    return list({**kinds, "rest-xml": query, "ec2": ec2, "s3": s3}.items())


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "InvalidSignatureException", SIGNATURE),
        (403, "SignatureDoesNotMatch", SIGNATURE),
        (401, "AuthFailure", NOT_VALIDATED),
        (403, "SignatureDoesNotMatch", S3_SIGNATURE),
    ),
)
def test_a_wrong_secret(wire, key, family, wanted) -> None:
    other = copy.copy(key)
    other.secret_access_key = key.secret_access_key[::-1]
    assert_refused(wire.send(signed(wire, other, family)), family, wanted)


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "UnrecognizedClientException", "The security token included in the request is inva"),
        (403, "InvalidClientTokenId", "The security token included in the request is invalid."),
        (401, "AuthFailure", NOT_VALIDATED),
        (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our"),
    ),
)
@pytest.mark.parametrize("status", ["Inactive", "deleted"])
def test_a_key_that_is_not_active(wire, family, wanted, status) -> None:
    user = f"user-of-{status}-{family}"
    key = new_key(user)
    request = signed(wire, key, family)
    assert wire.send(request).accepted
    key.status = "Inactive"
    if status == "deleted":
        from moto.iam.models import iam_backends

        iam_backends["123456789012"]["aws"].users[user].access_keys.remove(key)
    assert_refused(wire.send(request), family, wanted)


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "ExpiredTokenException", "The security token included in the request is expired"),
        (403, "ExpiredToken", "The security token included in the request is expired"),
        (400, "RequestExpired", "Request has expired."),
        (400, "ExpiredToken", "The provided token has expired."),
    ),
)
def test_a_session_that_is_over(wire, family, wanted) -> None:
    role = new_role(3600)
    request = signed(wire, role, family)  # type: ignore[arg-type]
    assert wire.send(request).accepted
    role.expiration -= datetime.timedelta(hours=2)
    assert_refused(wire.send(request), family, wanted)
    assert auth.secret_of(role.access_key_id, role.session_token) is None


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "InvalidSignatureException", "Signature {is}"),
        (403, "SignatureDoesNotMatch", "Signature {is}"),
        (400, "RequestExpired", "Request has expired."),
        (403, "RequestTimeTooSkewed", "The difference between the request time and the current"),
    ),
)
@pytest.mark.parametrize("ago", [-1000, 1000])
def test_a_clock_that_is_more_than_fifteen_minutes_off(wire, key, family, wanted, ago) -> None:
    for fine in (-800, 800):
        assert wire.send(signed(wire, key, family, ago=fine)).accepted
    request = signed(wire, key, family, ago=ago)
    said = "expired: " if ago > 0 else "not yet current: "
    code = (*wanted[:2], wanted[2].replace("{is}", said))
    answer = wire.send(request)
    assert_refused(answer, family, code)
    message = error_of(answer, family)[1]
    if "Signature" in message:
        moment = request.header("X-Amz-Date")
        stamp = r"\d{8}T\d{6}Z"
        pattern = (
            rf"Signature expired: {moment} is now earlier than {stamp} \({stamp} - 15 min\.\)"
            if ago > 0
            else rf"Signature not yet current: {moment} is still later than {stamp} "
            rf"\({stamp} \+ 15 min\.\)"
        )
        assert re.fullmatch(pattern, message)
    if family == "s3":
        assert b"<MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>" in answer.body


@pytest.mark.parametrize("family", FAMILIES)
def test_a_request_cannot_be_sent_again_later(wire, key, family) -> None:
    request = signed(wire, key, family)
    presigned = signed(wire, key, family, expires=60)
    assert wire.send(request).accepted and wire.send(presigned).accepted
    try:
        wire.skew = 2000
        assert not wire.send(request).accepted
        assert not wire.send(presigned).accepted
        # Nor with another date: that is signed too.
        later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2000)
        fresh = request.with_headers(x_amz_date=f"{later:%Y%m%dT%H%M%SZ}")
        assert not wire.send(fresh).accepted
    finally:
        wire.skew = 0


SCOPE_DATE = "does not match YYYYMMDD from ISO-8601 version of date from HTTP"


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "InvalidSignatureException", ""),
        (403, "SignatureDoesNotMatch", ""),
        (401, "AuthFailure", ""),
        (400, "AuthorizationHeaderMalformed", MALFORMED),
    ),
)
def test_a_credential_scope_that_does_not_fit(wire, key, family, wanted) -> None:
    request = signed(wire, key, family)
    header = request.header("Authorization")
    today = request.header("X-Amz-Date")[:8]
    yesterday = request.with_headers(authorization=header.replace(f"/{today}/", "/20150830/"))
    assert_refused(wire.send(yesterday), family, wanted)
    assert SCOPE_DATE in error_of(wire.send(yesterday), family)[1]
    nowhere = signed(wire, key, family, region="mars-1")
    assert_refused(wire.send(nowhere), family, wanted)
    assert "'mars-1'" in error_of(wire.send(nowhere), family)[1]


def test_a_request_that_is_signed_for_another_service(wire, key) -> None:
    answer = wire.send(sign(wire, key, "ssm", headers=LISTS, body=b"{}"))
    assert error_of(answer, "json") == (
        "InvalidSignatureException",
        "Credential should be scoped to correct service: 'dynamodb'. ",
    )


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "InvalidSignatureException", "must be a 'SignedHeader' in the AWS Authorization."),
        (403, "SignatureDoesNotMatch", "must be a 'SignedHeader' in the AWS Authorization."),
        (401, "AuthFailure", "must be a 'SignedHeader' in the AWS Authorization."),
        (403, "AccessDenied", "There were headers present in the request which were not signed"),
    ),
)
@pytest.mark.parametrize("name", ["X-Amz-Acl", "X-Amz-Meta-A", "x-amz-content-sha256"])
@pytest.mark.parametrize("expires", [None, 60])
def test_a_header_that_must_be_signed(wire, key, family, wanted, name, expires) -> None:
    request = signed(wire, key, family, expires=expires)
    if any(name.lower() == sent.lower() for sent, _ in request.headers):
        pytest.skip("signed anyway")
    more = replace(request, headers=(*request.headers, (name, "private")))
    answer = wire.send(more)
    assert_refused(answer, family, wanted)
    if family == "s3":
        assert f"<HeadersNotSigned>{name.lower()}</HeadersNotSigned>".encode() in answer.body
    # What is no x-amz-* header may be there.
    trace = (("X-Amzn-Trace-Id", "Root=1"), ("X-Forwarded-For", "1"), ("Accept", "*/*"))
    assert wire.send(replace(request, headers=(*request.headers, *trace))).accepted


def test_the_host_must_be_signed(wire, key) -> None:
    request = signed(wire, key)
    names = re.search("SignedHeaders=([^,]+)", request.header("Authorization"))
    assert names
    fewer = ";".join(name for name in names[1].split(";") if name != "host")
    header = request.header("Authorization").replace(names[1], fewer)
    answer = wire.send(request.with_headers(authorization=header))
    assert error_of(answer, "json") == (
        "InvalidSignatureException",
        "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    )
    assert not wire.send(request.with_headers(host="localhost:1")).accepted


@pytest.mark.parametrize(
    ("family", "wanted"),
    by_family(
        (400, "IncompleteSignatureException", ""),
        (400, "IncompleteSignature", ""),
        (400, "IncompleteSignature", ""),
        (400, "AuthorizationHeaderMalformed", MALFORMED),
    ),
)
def test_an_incomplete_signature(wire, key, family, wanted) -> None:
    request = signed(wire, key, family)
    no_date = request.with_headers(x_amz_date=None)
    assert_refused(wire.send(no_date), family, wanted)
    assert "'X-Amz-Date' or a 'Date' header" in error_of(wire.send(no_date), family)[1]
    bad_date = request.with_headers(x_amz_date="20261399T000000Z")
    assert_refused(wire.send(bad_date), family, wanted)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("Signature=", "Sign="), "Authorization header requires 'Signature' parameter."),
        (("SignedHeaders=", ""), "not a valid key=value pair (missing equal-sign)"),
        (("/aws4_request", ""), "Credential must have exactly 5 slash-delimited elements"),
        (("/aws4_request", "/aws5_request"), "Credential must have exactly 5"),
    ],
)
def test_a_malformed_authorization_says_what_is_wrong(wire, key, change, message) -> None:
    request = signed(wire, key)
    header = request.header("Authorization").replace(*change)
    answer = wire.send(request.with_headers(authorization=header))
    code, said = error_of(answer, "json")
    assert code == "IncompleteSignatureException"
    assert message in said


@pytest.mark.parametrize("header", [None, "", "Basic YTpi", "Bearer x", "AWS4-HMAC-SHA512 x=y"])
def test_a_request_without_a_signature(wire, key, header) -> None:
    answer = wire.send(signed(wire, key).with_headers(authorization=header))
    assert error_of(answer, "json") == (
        "MissingAuthenticationTokenException",
        "Request is missing Authentication Token",
    )


# -- bodies ---------------------------------------------------------------------------------------


def test_a_hash_that_is_signed_and_not_the_bodys(wire, key) -> None:
    """Case 01: the header is in the canonical request once."""
    good = hashlib.sha256(b"{}").hexdigest()
    headers = {**LISTS, "X-Amz-Content-SHA256": good}
    assert wire.send(signed(wire, key, headers=headers)).accepted
    other = replace(signed(wire, key, headers=headers), body=b"[]")
    assert error_of(wire.send(other), "json")[0] == "InvalidSignatureException"
    s3 = replace(signed(wire, key, "s3", method="PUT", body=b"data"), body=b"dato")
    answer = wire.send(s3)
    assert answer.status == 400
    assert error_of(answer, "s3") == (
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
    assert hashlib.sha256(b"dato").hexdigest().encode() in answer.body


def test_a_body_that_is_not_signed_is_for_s3_alone(wire, key) -> None:
    headers = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    s3 = streaming(wire, key, "UNSIGNED-PAYLOAD", b"anything", {})
    assert wire.send(s3).accepted
    assert wire.send(replace(s3, body=b"something else")).body == b"something else"
    for family in ("json", "query", "ec2"):
        more = {**FAMILIES[family][1]["headers"], **headers}
        assert not wire.send(signed(wire, key, family, headers=more)).accepted


def streaming(wire: Wire, key: AccessKey, kind: str, body: bytes, headers: dict[str, str]) -> Sent:
    """An upload to S3 whose x-amz-content-sha256 is a word."""
    moment = f"{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%SZ}"
    sent = {"host": wire.host, "x-amz-content-sha256": kind, "x-amz-date": moment, **headers}
    given = sigv4.Authorization(
        key.access_key_id, moment[:8], "us-east-1", "s3", tuple(sorted(sent)), "0" * 64
    )
    canonical = sigv4.canonical_request("PUT", "/bucket/key", "", sent, given, kind, True)
    given = given._replace(
        signature=sigv4.signature(key.secret_access_key, given, moment, canonical)
    )
    if "HMAC" in kind:
        body = in_chunks(key, given, moment, body, headers.get("x-amz-trailer"))
    return Sent(
        "PUT", "/bucket/key", (*sent.items(), ("authorization", sigv4.header_of(given))), body
    )


def in_chunks(
    key: AccessKey, given: sigv4.Authorization, moment: str, data: bytes, trailer: str | None
) -> bytes:
    """A body in signed chunks, made by the words of AWS's document."""
    previous, body, nothing = given.signature, b"", hashlib.sha256(b"").hexdigest()

    def signed_text(kind: str, rest: str) -> str:
        text = f"AWS4-HMAC-SHA256-{kind}\n{moment}\n{given.scope}\n{previous}\n{rest}"
        return sigv4.sign(key.secret_access_key, given, text)

    for chunk in [data[n : n + 8192] for n in range(0, len(data), 8192)] + [b""]:
        digest = hashlib.sha256(chunk).hexdigest()
        previous = signed_text("PAYLOAD", f"{nothing}\n{digest}")
        body += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk
        body += b"\r\n" if chunk else b""
    if trailer:
        line = f"{trailer}:{crc32(data)}"
        previous = signed_text("TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
        body += f"{line}\r\nx-amz-trailer-signature:{previous}\r\n".encode()
    return body + b"\r\n"


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


CRC = "x-amz-checksum-crc32"
DATA = bytes(range(256)) * 100


def upload(wire: Wire, key: AccessKey, kind: str, http_chunks: bool = False) -> Sent:
    headers = {"content-encoding": "gzip,aws-chunked"}
    headers["x-amz-decoded-content-length"] = str(len(DATA))
    if "TRAILER" in kind:
        headers["x-amz-trailer"] = CRC
    body = DATA
    if kind == "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
        body = (
            f"{len(DATA):x}\r\n".encode() + DATA + f"\r\n0\r\n{CRC}:{crc32(DATA)}\r\n\r\n".encode()
        )
    request = streaming(wire, key, kind, body, headers)
    if not http_chunks:
        return request
    pieces = [request.body[n : n + 5000] for n in range(0, len(request.body), 5000)]
    framed = b"".join(f"{len(p):X};a=b\r\n".encode() + p + b"\r\n" for p in pieces) + b"0\r\n\r\n"
    chunked = (*request.headers, ("Transfer-Encoding", "chunked"))
    return replace(request, headers=chunked, body=framed)


STREAMING = [
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
]


@pytest.mark.parametrize("http_chunks", [False, True])
@pytest.mark.parametrize("kind", STREAMING)
def test_an_upload_in_chunks_arrives_decoded(wire, key, kind, http_chunks) -> None:
    answer = wire.send(upload(wire, key, kind, http_chunks))
    assert answer.accepted, answer.body
    assert answer.body == DATA
    assert answer.environ["CONTENT_LENGTH"] == str(len(DATA))
    assert answer.environ["HTTP_CONTENT_ENCODING"] == "gzip"
    if "TRAILER" in kind:
        assert answer.environ["HTTP_X_AMZ_CHECKSUM_CRC32"] == crc32(DATA)


@pytest.mark.parametrize("kind", STREAMING)
def test_a_bad_upload_in_chunks_is_refused(wire, key, kind) -> None:
    request = upload(wire, key, kind)
    place = len(request.body) // 2
    changed = bytes([request.body[place] ^ 1])
    flipped = replace(request, body=request.body[:place] + changed + request.body[place + 1 :])
    code = "BadDigest" if "UNSIGNED" in kind else "SignatureDoesNotMatch"
    assert error_of(wire.send(flipped), "s3")[0] == code
    cut = replace(request, body=request.body[:place])
    assert error_of(wire.send(cut), "s3")[0] == "IncompleteBody"
    headers = {"x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked"}
    if "UNSIGNED" in kind:
        body, headers["x-amz-trailer"] = b"3\r\nabc\r\n0\r\n\r\n", CRC
    else:
        body = b"abc"
    short = streaming(wire, key, kind, body, headers)
    if "SHA256-PAYLOAD-TRAILER" not in kind:
        assert error_of(wire.send(short), "s3")[0] == "IncompleteBody"
    del headers["x-amz-decoded-content-length"]
    nameless = streaming(wire, key, kind, body, headers)
    assert error_of(wire.send(nameless), "s3")[0] == "MissingContentLength"


@pytest.mark.parametrize(
    "framed",
    [
        b"-5\r\nabcde\r\n0\r\n\r\n",
        b"zz\r\nabc\r\n0\r\n\r\n",
        b"5\r\nabc",
        b"3\r\nabcdef\r\n0\r\n\r\n",
        b"",
        b"fffffff\r\nabc",
        b"ffffffffffffffffff\r\nabc",
        b"1;" + b"x" * 5000 + b"\r\n{\r\n0\r\n\r\n",
    ],
)
def test_bad_http_chunks_are_refused(wire, key, framed) -> None:
    request = upload(wire, key, STREAMING[0], http_chunks=True)
    assert wire.send(replace(request, body=framed)).status in (400, 413)


def test_http_chunks_are_for_s3_alone(wire, key) -> None:
    chunked = {**LISTS, "Transfer-Encoding": "chunked"}
    request = signed(wire, key, headers=chunked, body=b"2\r\n{}\r\n0\r\n\r\n")
    assert wire.send(request).status == 411


def test_s3_wants_to_know_about_the_body(wire, key) -> None:
    request = signed(wire, key, "s3").with_headers(x_amz_content_sha256=None)
    assert_refused(
        wire.send(request),
        "s3",
        (400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"),
    )
    odd = streaming(wire, key, "nonsense", b"", {})
    assert error_of(wire.send(odd), "s3")[0] == "InvalidArgument"


# -- presigned URLs -------------------------------------------------------------------------------


def test_a_presigned_url_is_good_for_as_long_as_it_says(wire, key) -> None:
    for family in FAMILIES:
        assert wire.send(signed(wire, key, family, expires=100, ago=50)).accepted
        assert wire.send(signed(wire, key, family, expires=604800, ago=604000)).accepted
        assert not wire.send(signed(wire, key, family, expires=100, ago=110)).accepted
    answer = wire.send(signed(wire, key, "s3", expires=100, ago=110))
    assert_refused(answer, "s3", (403, "AccessDenied", "Request has expired"))
    assert b"<X-Amz-Expires>100</X-Amz-Expires><Expires>" in answer.body
    early = wire.send(signed(wire, key, "s3", expires=100, ago=-1000))
    assert_refused(early, "s3", (403, "AccessDenied", "Request is not yet valid"))
    late = wire.send(signed(wire, key, "query", expires=100, ago=1000))
    assert_refused(late, "query", (403, "SignatureDoesNotMatch", "Signature expired: "))


@pytest.mark.parametrize(
    ("expires", "message"),
    [
        ("604801", "X-Amz-Expires must be less than a week (in seconds); that is, the given"),
        ("9" * 40, "X-Amz-Expires must be less than a week"),
        ("-1", "X-Amz-Expires must be non-negative"),
        ("soon", "X-Amz-Expires should be a number"),
        ("١", "X-Amz-Expires should be a number"),
        (None, "X-Amz-Expires"),
    ],
)
def test_how_long_a_presigned_url_may_be_good(wire, key, expires, message) -> None:
    request = signed(wire, key, "s3", expires=60)
    field = f"X-Amz-Expires={quote(expires)}" if expires else "X=1"
    answer = wire.send(replace(request, target=request.target.replace("X-Amz-Expires=60", field)))
    assert_refused(answer, "s3", (400, "AuthorizationQueryParametersError", message))


@pytest.mark.parametrize(
    "name", ["X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Algorithm"]
)
def test_a_presigned_url_that_lacks_a_part(wire, key, name) -> None:
    request = signed(wire, key, "rest-json", expires=60)
    target = re.sub(rf"{name}=[^&]*&?", "", request.target)
    code, said = error_of(wire.send(replace(request, target=target)), "rest-json")
    assert code == "IncompleteSignatureException"
    assert "X-Amz-" in said


def version_2(wire: Wire, key: AccessKey, target: str, **more: object) -> Sent:
    """A request as boto3 presigns it for S3 by default."""
    request = AWSRequest("GET", f"http://{wire.host}{target}", headers=dict(more))
    credentials = Credentials(
        key.access_key_id, key.secret_access_key, getattr(key, "session_token", None)
    )
    HmacV1QueryAuth(credentials, expires=60).add_auth(request)
    headers = (("Host", wire.host), *((n, str(v)) for n, v in more.items()))
    return Sent("GET", request.url.removeprefix(f"http://{wire.host}"), headers)


@pytest.mark.parametrize(
    "target",
    [
        "/bucket/key",
        "/bucket/a%20b%2Bc/%EA%B0%80",
        "/bucket?location",
        "/bucket/key?versionId=3%2F4&partNumber=2",
        "/bucket/key?response-content-type=text%2Fplain",
    ],
)
def test_the_older_presigned_urls_of_s3(wire, key, target) -> None:
    request = version_2(wire, key, target)
    assert wire.send(request).accepted
    role = new_role(600)
    assert wire.send(version_2(wire, role, target)).accepted  # type: ignore[arg-type]
    changed = replace(request, target=request.target.replace("/bucket", "/bucked"))
    assert_refused(wire.send(changed), "s3", (403, "SignatureDoesNotMatch", S3_SIGNATURE))
    assert not wire.send(replace(request, method="DELETE")).accepted
    assert not wire.send(request.with_headers(x_amz_acl="public-read")).accepted
    try:
        wire.skew = 70
        assert_refused(wire.send(request), "s3", (403, "AccessDenied", "Request has expired"))
        longer = re.sub(r"Expires=(\d+)", lambda m: f"Expires={int(m[1]) + 999}", request.target)
        assert not wire.send(replace(request, target=longer)).accepted
    finally:
        wire.skew = 0
    unknown = replace(request, target=request.target.replace(key.access_key_id, "A" * 20))
    assert error_of(wire.send(unknown), "s3")[0] == "InvalidAccessKeyId"
