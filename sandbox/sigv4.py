"""Signature Version 4: what a request says about its signature, and what the signature must be.

One implementation for AWS requests, presigned URLs and database tokens. It follows
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import functools
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
UNSIGNED = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = sha256(b"").hexdigest()
# What stays as it is in a canonical path or query; everything else is percent-encoded.
UNRESERVED = "-_.~"

_CREDENTIAL = re.compile(r"([^/,\s]+)/(\d{8})/([^/,\s]+)/([^/,\s]+)/aws4_request")
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
_MOMENT = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_WHITE_SPACE = re.compile(r"[ \t]+")


class Authorization(NamedTuple):
    """What a request says about its signature.

    Attributes:
        key: the id of the access key.
        day: of the credential scope, such as "20261125".
        region: of the credential scope.
        service: of the credential scope: a signing name, such as "rds".
        headers: the names of the signed headers, in lower case and in order.
        signature: 64 hexadecimal digits.
        in_query: whether all this was in the query of a presigned URL.
    """

    key: str
    day: str
    region: str
    service: str
    headers: tuple[str, ...]
    signature: str
    in_query: bool = False

    @property
    def scope(self) -> str:
        """The credential scope: day, region, service and terminator."""
        return f"{self.day}/{self.region}/{self.service}/{TERMINATOR}"


class BadAuthorization(ValueError):
    """An Authorization header, or a presigned URL, that lacks a part or has a malformed one."""


def read_header(text: str) -> Authorization:
    """Read the value of an `Authorization` header.

    Raises:
        BadAuthorization: with AWS's description of what is missing or malformed.
    """
    # The signature comes last, and what is before it is the same for many requests.
    if text[-74:-64] == "Signature=":
        return Authorization(*_read_head(text[:-64])[:5], _checked(text[-64:]))
    return _read_fields(text)


@functools.lru_cache(maxsize=1024)
def _read_head(text: str) -> Authorization:
    return _read_fields(text + "0" * 64)


def _read_fields(text: str) -> Authorization:
    fields: dict[str, str] = {}
    for field in text.removeprefix(ALGORITHM).split(","):
        name, equals, value = field.strip().partition("=")
        if not equals:
            raise BadAuthorization(
                f"{field.strip()!r} not a valid key=value pair (missing equal-sign) in "
                f"Authorization header: {text!r}."
            )
        if name in fields:
            raise BadAuthorization(f"Authorization header has {name!r} more than once.")
        fields[name] = value
    wanted = ("Credential", "Signature", "SignedHeaders")
    if missing := [name for name in wanted if not fields.get(name)]:
        raise BadAuthorization(
            " ".join(f"Authorization header requires {name!r} parameter." for name in missing)
            + f" Authorization={text}"
        )
    return _read(fields["Credential"], fields["Signature"], fields["SignedHeaders"], in_query=False)


def header_of(given: Authorization) -> str:
    """The `Authorization` header that says the same."""
    return (
        f"{ALGORITHM} Credential={given.key}/{given.scope}, "
        f"SignedHeaders={';'.join(given.headers)}, Signature={given.signature}"
    )


def read_query(query: str) -> Authorization | None:
    """Read a presigned URL's query; None where it is not presigned.

    Raises:
        BadAuthorization: it lacks a part, or has a malformed one.
    """
    if "X-Amz-" not in query:
        return None
    fields = dict(parse_qsl(query, keep_blank_values=True))
    wanted = ("X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders")
    if "X-Amz-Algorithm" not in fields and not fields.get("X-Amz-Signature"):
        return None
    if missing := [name for name in ("X-Amz-Date", *wanted) if not fields.get(name)]:
        raise BadAuthorization(
            " ".join(f"AWS query-string parameters must include {name!r}." for name in missing)
        )
    if fields.get("X-Amz-Algorithm") != ALGORITHM:
        raise BadAuthorization(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    credential, signature, signed = (fields[name] for name in wanted)
    return _read(credential, signature, signed, in_query=True)


def _read(credential: str, signature: str, signed: str, in_query: bool) -> Authorization:
    match = _CREDENTIAL.fullmatch(credential)
    if match is None:
        raise BadAuthorization(
            "Credential must have exactly 5 slash-delimited elements, "
            f"e.g. keyid/date/region/service/term, got {credential[:200]!r}"
        )
    names = tuple(sorted(signed.lower().split(";")))
    key, day, region, service = match.groups()
    return Authorization(key, day, region, service, names, _checked(signature), in_query)


def _checked(signature: str) -> str:
    if not _SIGNATURE.fullmatch(signature):
        # What was sent is not repeated: it may be a good one with a character too many, in a log.
        raise BadAuthorization("Signature must be 64 hexadecimal digits")
    return signature


def moment_of(headers: Mapping[str, str]) -> str:
    """The time of a request as `20261125T213000Z`: of its x-amz-date or, without one, its date.

    Raises:
        BadAuthorization: neither is there, or neither can be read.
    """
    text = headers.get("x-amz-date")
    if text is None:
        text = headers.get("date")
        if text is None:
            raise BadAuthorization(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                "header."
            )
        if not _MOMENT.fullmatch(text):
            try:
                return f"{parsedate_to_datetime(text):%Y%m%dT%H%M%SZ}"
            except ValueError:
                pass  # Said below.
    seconds_of(text)
    return text


@functools.lru_cache(maxsize=256)
def seconds_of(moment: str) -> float:
    """Seconds since 1970 of a time such as `20261125T213000Z`.

    Raises:
        BadAuthorization: it is not such a time.
    """
    if _MOMENT.fullmatch(moment):
        try:
            return datetime.fromisoformat(moment).timestamp()
        except ValueError:
            pass  # Such as month 13.
    raise BadAuthorization(
        "Date must be in ISO-8601 'basic format'. "
        f"Got '{moment[:80]}'. See http://en.wikipedia.org/wiki/ISO_8601"
    )


def canonical_request(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    given: Authorization,
    payload_hash: str,
    encode_once: bool,
) -> str:
    """The canonical request.

    Args:
        method: such as "POST".
        path: as the request line has it, still percent-encoded; each character is one byte.
        query: likewise.
        headers: by name in lower case, without white space around the values; repeated ones are
            joined with commas.
        given: what the request says about its signature.
        payload_hash: of the body, as 64 hexadecimal digits, or a word such as UNSIGNED-PAYLOAD.
        encode_once: whether the path is encoded once and kept as it is, as S3 has it; for all
            other services it is normalized and encoded twice.
    """
    lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in given.headers])
    if "  " in lines or "\t" in lines:
        lines = "".join([f"{name}:{_folded(headers.get(name, ''))}\n" for name in given.headers])
    return (
        f"{method}\n{canonical_path(path, encode_once)}\n"
        f"{canonical_query(query, given.in_query) if query else ''}\n"
        f"{lines}\n{';'.join(given.headers)}\n{payload_hash}"
    )


def canonical_path(path: str, encode_once: bool) -> str:
    """The canonical path; for the arguments see `canonical_request`."""
    if path in ("", "/"):
        return "/"
    if encode_once:
        # A slash that is part of a name stays encoded.
        return "/".join([_encoded(part) for part in path.split("/")])
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in ("", "."):
            parts.append(part)
    last = "/" if path.endswith("/") and parts else ""
    return quote(f"/{'/'.join(parts)}{last}".encode("latin-1"), safe="/" + UNRESERVED)


def canonical_query(query: str, in_query: bool) -> str:
    """The canonical query: encoded again and sorted, without the signature of a presigned URL."""
    pairs = []
    for field in query.split("&"):
        name, _, value = field.partition("=")
        if field and not (in_query and name == "X-Amz-Signature"):
            # A plus sign is a space here, as the services read it.
            pairs.append((_encoded(name.replace("+", " ")), _encoded(value.replace("+", " "))))
    return "&".join([f"{name}={value}" for name, value in sorted(pairs)])


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(text.encode("latin-1")), safe=UNRESERVED)


def _folded(value: str) -> str:
    return _WHITE_SPACE.sub(" ", value).strip(" ")


def signature(secret: str, given: Authorization, moment: str, canonical: str) -> str:
    """The signature of a canonical request, as 64 hexadecimal digits.

    Args:
        secret: of the access key.
        given: what the request says about its signature.
        moment: its time, such as `20261125T213000Z`.
        canonical: from `canonical_request`; each character is one byte.
    """
    digest = sha256(canonical.encode("latin-1")).hexdigest()
    return sign(secret, given, f"{ALGORITHM}\n{moment}\n{given.scope}\n{digest}")


def sign(secret: str, given: Authorization, text: str) -> str:
    """Sign a text with the key of the credential scope; 64 hexadecimal digits."""
    key = signing_key(secret, given.day, given.region, given.service)
    return hmac.digest(key, text.encode("latin-1"), "sha256").hex()


@functools.lru_cache(maxsize=256)
def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key that is good for one day, region and service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, TERMINATOR):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return key


def unsigned_headers(headers: Iterable[str], given: Authorization) -> list[str]:
    """The headers of a request that must be signed and are not: host and every x-amz-*."""
    return [
        name
        for name in headers
        if (name == "host" or name[:6] == "x-amz-") and name not in given.headers
    ]
