"""Signature Version 4 by the vectors and examples that AWS has published."""

import io
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from sandbox import aws_chunked, sigv4
from sandbox.http import Headers

VECTORS = json.loads(Path(__file__).with_name("sigv4_vectors.json").read_text("utf-8"))
# The keys of AWS's documentation, in pieces, so that no scanner takes them for real ones.
SUITE_KEY, SUITE_SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI" + "/K7MDENG+bPxRfiCYEXAMPLEKEY"
S3_KEY, S3_SECRET = "AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI" + "/K7MDENG/bPxRfiCYEXAMPLEKEY"
SUITE_MOMENT, S3_MOMENT = "20150830T123600Z", "20130524T000000Z"
DATA = [b"a" * 65536, b"a" * 1024, b""]


def headers_of(lines: list[str], moment: str | None) -> dict[str, str]:
    """The headers of a request as the HTTP server hands them on."""
    if not any(line.lower().startswith("host:") for line in lines):
        lines = ["Host:example.amazonaws.com", *lines]
    lines = [*lines, f"X-Amz-Date:{moment}"] if moment else lines
    head = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    sent = Headers()(io.BytesIO(head.encode()))
    return {name.decode().lower(): value.decode("latin-1") for name, value in sent.items()}


def parts_of(request: str) -> tuple[str, str, str]:
    """The method, the path and the query of a request line, as they come over the wire."""
    method, _, target = request.encode().decode("latin-1").partition(" ")
    path, _, query = target.partition("?")
    return method, path, query


def header_signature(vector: dict[str, Any], key: str, secret: str, service: str) -> str:
    moment = SUITE_MOMENT if service == "service" else S3_MOMENT
    given = sigv4.read_header(
        f"AWS4-HMAC-SHA256 Credential={key}/{moment[:8]}/us-east-1/{service}/aws4_request, "
        f"SignedHeaders={vector['signed']}, Signature={vector['signature']}"
    )
    method, path, query = parts_of(vector["request"])
    headers = headers_of(vector["headers"], moment)
    payload = vector.get("payload") or sha256(vector.get("body", "").encode()).hexdigest()
    once = vector.get("once", service == "s3")
    canonical = sigv4.canonical_request(method, path, query, headers, given, payload, once)
    assert sigv4.moment_of(headers) == moment
    return sigv4.signature(secret, given, moment, canonical)


def query_signature(
    vector: dict[str, Any], secret: str, payload: str, once: bool
) -> tuple[str, str]:
    method, path, query = parts_of(vector["request"])
    given = sigv4.read_query(query)
    assert given is not None and given.in_query
    headers = headers_of(vector["headers"], None)
    canonical = sigv4.canonical_request(method, path, query, headers, given, payload, once)
    moment = SUITE_MOMENT if given.service == "service" else S3_MOMENT
    return sigv4.signature(secret, given, moment, canonical), given.signature


@pytest.mark.parametrize("vector", VECTORS["header"], ids=lambda vector: vector["name"])
def test_a_header_vector_of_the_suite(vector: dict[str, Any]) -> None:
    assert header_signature(vector, SUITE_KEY, SUITE_SECRET, "service") == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["s3_header"], ids=lambda vector: vector["name"])
def test_an_example_of_s3s_documentation(vector: dict[str, Any]) -> None:
    assert header_signature(vector, S3_KEY, S3_SECRET, "s3") == vector["signature"]


@pytest.mark.parametrize("vector", VECTORS["query"], ids=lambda vector: vector["name"])
def test_a_query_vector_of_the_suite(vector: dict[str, Any]) -> None:
    ours, theirs = query_signature(vector, SUITE_SECRET, sigv4.EMPTY_SHA256, once=False)
    assert ours == theirs


def test_the_presigned_url_of_s3s_documentation() -> None:
    vector = VECTORS["s3_query"]
    vector = {**vector, "request": vector["request"].format(key=S3_KEY)}
    ours, theirs = query_signature(vector, S3_SECRET, sigv4.UNSIGNED, once=True)
    assert ours == theirs


@pytest.mark.parametrize("vector", VECTORS["header"], ids=lambda vector: vector["name"])
def test_no_other_request_has_the_same_signature(vector: dict[str, Any]) -> None:
    """A vector that would pass whatever is signed would prove nothing."""
    changes = [{"request": vector["request"] + "x"}, {"body": vector.get("body", "") + "x"}]
    changes.append({"signed": "host", "headers": ["Host:example.org"]})
    for change in changes:
        other = header_signature({**vector, **change}, SUITE_KEY, SUITE_SECRET, "service")
        assert other != vector["signature"]


def upload(vector: dict[str, Any]) -> tuple[bytes, sigv4.Authorization]:
    """The body of one of the examples of uploads in chunks, whose seed is checked."""
    seed = {
        "request": "PUT /examplebucket/chunkObject.txt",
        "headers": vector["headers"],
        "signed": vector["signed"],
        "signature": vector["seed"],
        "payload": vector["kind"],
    }
    assert header_signature(seed, S3_KEY, S3_SECRET, "s3") == vector["seed"]
    body = b""
    for data, signature in zip(DATA, vector["chunks"], strict=True):
        body += f"{len(data):x};chunk-signature={signature}\r\n".encode() + data
        body += b"\r\n" if data else b""
    given = sigv4.Authorization(S3_KEY, "20130524", "us-east-1", "s3", ("host",), vector["seed"])
    return body + vector["trailer"].encode() + b"\r\n", given


@pytest.mark.parametrize("vector", VECTORS["chunks"], ids=lambda vector: vector["kind"])
def test_an_upload_in_chunks_of_s3s_documentation(vector: dict[str, Any]) -> None:
    body, given = upload(vector)
    content, trailers = aws_chunked.decode(body, vector["kind"], given, S3_MOMENT, S3_SECRET)
    assert content == b"".join(DATA)
    assert trailers == ({"x-amz-checksum-crc32c": "sOO8/Q=="} if vector["trailer"] else {})


@pytest.mark.parametrize("vector", VECTORS["chunks"], ids=lambda vector: vector["kind"])
def test_a_changed_chunk_or_trailer_is_found(vector: dict[str, Any]) -> None:
    body, given = upload(vector)
    places = [100, 66_000, body.rindex(b"0;chunk-signature=") + 20]
    places += [body.index(b"sOO8")] if vector["trailer"] else []
    for place in places:
        changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        with pytest.raises(aws_chunked.BadChunkSignature):
            aws_chunked.decode(changed, vector["kind"], given, S3_MOMENT, S3_SECRET)
    swapped = {**vector, "chunks": [*vector["chunks"][1::-1], vector["chunks"][2]]}
    with pytest.raises(aws_chunked.BadChunkSignature):
        aws_chunked.decode(upload(swapped)[0], vector["kind"], given, S3_MOMENT, S3_SECRET)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "IncompleteBody"),
        (b"5\r\nabc", "IncompleteBody"),
        (b"3\r\nabc\r\n", "IncompleteBody"),
        (b"3\r\nabcd\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"-3\r\nabc\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"zz\r\nabc\r\n0\r\n\r\n", "InvalidChunkSizeError"),
        (b"\r\n\r\n", "InvalidChunkSizeError"),
        (b"f" * 10_000, "InvalidChunkSizeError"),
        (b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n", "IncompleteBody"),
        (b"3\r\nabc\r\n0\r\nnonsense\r\n\r\n", "InvalidChunkSizeError"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", "BadDigest"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-sha1:AAAAAA==\r\n\r\n", "BadDigest"),
        (b"3\r\nabc\r\n0\r\nx-amz-checksum-sha256:AAAAAA==\r\n\r\n", "BadDigest"),
    ],
)
def test_chunks_that_do_not_fit_are_refused(body: bytes, code: str) -> None:
    given = sigv4.Authorization(S3_KEY, "20130524", "us-east-1", "s3", ("host",), "0" * 64)
    with pytest.raises(aws_chunked.BadChunks) as wrong:
        aws_chunked.decode(body, aws_chunked.UNSIGNED_TRAILER, given, S3_MOMENT, S3_SECRET)
    assert wrong.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a",
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/x, SignedHeaders=host, Signature=" + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/2015/r/s/aws4_request, SignedHeaders=h, Signature="
        + "0" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=h, Signature="
        + "é" * 64,
        "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=h, Signature=0",
        "AWS4-HMAC-SHA256 Signature=a, Credential=a, Credential=b, SignedHeaders=host, Signature="
        + "0" * 64,
    ],
)
def test_a_malformed_header_is_refused(text: str) -> None:
    with pytest.raises(sigv4.BadAuthorization):
        sigv4.read_header(text)


def test_the_parts_of_the_header_may_come_in_any_order() -> None:
    parts = [
        "Credential=a/20150830/r/s/aws4_request",
        "SignedHeaders=host",
        f"Signature={'0' * 64}",
    ]
    read = {
        sigv4.read_header(f"AWS4-HMAC-SHA256 {separator.join(order)}")
        for order in (parts, parts[::-1], [parts[1], parts[2], parts[0]])
        for separator in (",", ", ", " , ")
    }
    assert len(read) == 1
    assert sigv4.read_header(sigv4.header_of(read.copy().pop())) in read
