"""Decode the body of an S3 upload in chunks, and verify the signature of each chunk.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

import base64
import hmac
import zlib
from collections.abc import Callable
from hashlib import sha1, sha256

from sandbox import sigv4

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
# What x-amz-content-sha256 says of such a body.
KINDS = {SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER}

LONGEST_LINE = 8192
CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda data: sha1(data).digest(),
    "x-amz-checksum-sha256": lambda data: sha256(data).digest(),
}


class BadChunks(ValueError):
    """A body that is not what its chunks or its headers say.

    Attributes:
        code: S3's error code.
    """

    def __init__(self, code: str, message: str):
        super().__init__(message)
        self.code = code


class BadChunkSignature(ValueError):
    """The signature of a chunk, or of the trailing headers, is not what it must be."""


def decode(
    body: bytes, kind: str, given: sigv4.Authorization, moment: str, secret: str
) -> tuple[bytes, dict[str, str]]:
    """Decode a body.

    Args:
        body: as it was sent.
        kind: one of `KINDS`.
        given: what the request says about its signature, which is the first of the chain.
        moment: the request's time, such as `20261125T213000Z`.
        secret: of the access key.

    Returns:
        The object's data, and the trailing headers by name in lower case.

    Raises:
        BadChunks: the body is cut off or malformed, or does not have the checksum it claims.
        BadChunkSignature: it was changed, or signed with another secret.
    """
    previous, signed = given.signature, kind != UNSIGNED_TRAILER
    parts: list[bytes] = []
    place = 0
    while True:
        line, place = _line(body, place)
        size, claimed = _chunk_head(line)
        data = body[place : place + size]
        if len(data) < size:
            raise _incomplete()
        if signed:
            text = f"{sigv4.EMPTY_SHA256}\n{sha256(data).hexdigest()}"
            previous = _verified("PAYLOAD", given, moment, secret, previous, text, claimed)
        place += size
        if not size:
            break
        parts.append(data)
        if body[place : place + 2] != b"\r\n":
            raise _malformed()
        place += 2
    trailers = _trailers(body[place:])
    if kind == SIGNED_TRAILER:
        claimed = trailers.pop("x-amz-trailer-signature", "")
        canonical = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        digest = sha256(canonical.encode("latin-1")).hexdigest()
        _verified("TRAILER", given, moment, secret, previous, digest, claimed)
    content = b"".join(parts)
    _verify_checksums(content, trailers)
    return content, trailers


def _line(body: bytes, place: int) -> tuple[bytes, int]:
    end = body.find(b"\r\n", place, place + LONGEST_LINE)
    if end < 0:
        raise _incomplete() if len(body) - place < LONGEST_LINE else _malformed()
    return body[place:end], end + 2


def _chunk_head(line: bytes) -> tuple[int, str]:
    size, _, extension = line.partition(b";")
    digits = size.strip()
    if not digits or len(digits) > 16 or digits.strip(b"0123456789abcdefABCDEF"):
        raise _malformed()
    name, _, value = extension.decode("latin-1").strip().partition("=")
    return int(digits, 16), value if name == "chunk-signature" else ""


def _verified(
    what: str,
    given: sigv4.Authorization,
    moment: str,
    secret: str,
    previous: str,
    rest: str,
    claimed: str,
) -> str:
    text = f"{sigv4.ALGORITHM}-{what}\n{moment}\n{given.scope}\n{previous}\n{rest}"
    expected = sigv4.sign(secret, given, text)
    if not hmac.compare_digest(expected.encode(), claimed.encode("latin-1", "replace")):
        raise BadChunkSignature(f"the signature of {what.lower()} is wrong")
    return expected


def _trailers(rest: bytes) -> dict[str, str]:
    trailers = {}
    for line in rest.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            trailers[name.strip().lower()] = value.strip()
        elif line.strip():
            raise _malformed()
    return trailers


def _verify_checksums(content: bytes, trailers: dict[str, str]) -> None:
    for name, value in trailers.items():
        checksum = CHECKSUMS.get(name)
        if checksum and base64.b64encode(checksum(content)).decode() != value:
            kind = name.rpartition("-")[2].upper()
            raise BadChunks(
                "BadDigest", f"The {kind} you specified did not match the calculated checksum."
            )


def _incomplete() -> BadChunks:
    return BadChunks("IncompleteBody", "The request body terminated unexpectedly")


def _malformed() -> BadChunks:
    return BadChunks(
        "InvalidChunkSizeError",
        "Only the last chunk is allowed to have a size less than 8192 bytes",
    )
