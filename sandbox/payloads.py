"""What a request says about its body: its hash, that it is not signed, or that it is in chunks.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html
"""

from collections.abc import Mapping
from hashlib import sha256

from sandbox import aws_chunked, sigv4
from sandbox.protocol import Call
from sandbox.refusals import S3, Refused, refusal


def hash_of(call: Call, fields: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> str:
    """What the canonical request has for the body: its hash, or a word that S3 has for it.

    Args:
        call: what was asked for.
        fields: of a presigned URL's query, otherwise the headers.
        headers: by name in lower case.
        body: as it was sent.

    Raises:
        Refused: S3 requires the header that says so.
    """
    claimed = headers.get("x-amz-content-sha256")
    if call.service in S3:
        if claimed is None and fields is not headers:
            return fields.get("X-Amz-Content-Sha256", sigv4.UNSIGNED)
        if claimed is None:
            message = "Missing required header for this request: x-amz-content-sha256"
            raise Refused("InvalidRequest", message, 400)
        return claimed
    if claimed == sigv4.UNSIGNED and call.protocol.startswith("rest"):
        return claimed
    return sha256(body).hexdigest()


def received(
    call: Call, environ: dict, body: bytes, payload: str, moment: str, secret: str
) -> bytes:
    """The data of a request to S3 whose signature holds.

    Args:
        call: what was asked for.
        environ: of WSGI. After an upload in chunks it describes the decoded body.
        body: as it was sent.
        payload: from `hash_of`.
        moment: the request's time, such as `20261125T213000Z`.
        secret: of the access key.

    Raises:
        Refused: the data is not what was signed.
    """
    if payload in aws_chunked.KINDS:
        return _decoded(call, environ, body, payload, moment, secret)
    if payload != sigv4.UNSIGNED:
        _check_hash(payload, body)
    return body


def _check_hash(payload: str, body: bytes) -> None:
    computed = sha256(body).hexdigest()
    if payload == computed:
        return
    if len(payload) != 64 or payload.strip("0123456789abcdef"):
        message = (
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, "
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, "
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        )
        raise Refused("InvalidArgument", message, 400)
    raise Refused(
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
        400,
        {"ClientComputedContentSHA256": payload, "S3ComputedContentSHA256": computed},
    )


def _decoded(call: Call, environ: dict, body: bytes, kind: str, moment: str, secret: str) -> bytes:
    said = environ.get("HTTP_X_AMZ_DECODED_CONTENT_LENGTH", "")
    if not (said.isascii() and said.isdigit()):
        message = "You must provide the Content-Length HTTP header."
        raise Refused("MissingContentLength", message, 411)
    assert call.authorization is not None
    try:
        content, trailers = aws_chunked.decode(body, kind, call.authorization, moment, secret)
    except aws_chunked.BadChunkSignature:
        raise refusal(call, "signature") from None
    except aws_chunked.BadChunks as bad:
        raise Refused(bad.code, str(bad), 400) from None
    if str(len(content)) != said.lstrip("0").rjust(1, "0"):
        message = (
            "You did not provide the number of bytes specified by the Content-Length HTTP header"
        )
        raise Refused("IncompleteBody", message, 400)
    _describe(environ, content, trailers)
    return content


def _describe(environ: dict, content: bytes, trailers: Mapping[str, str]) -> None:
    """Make a WSGI request one whose body is the object's data."""
    environ["CONTENT_LENGTH"] = str(len(content))
    environ["HTTP_X_AMZ_CONTENT_SHA256"] = sha256(content).hexdigest()
    kept = [
        coding
        for coding in environ.pop("HTTP_CONTENT_ENCODING", "").replace(" ", "").split(",")
        if coding and coding != "aws-chunked"
    ]
    if kept:
        environ["HTTP_CONTENT_ENCODING"] = ",".join(kept)
    for name in ("HTTP_TRANSFER_ENCODING", "HTTP_X_AMZ_DECODED_CONTENT_LENGTH"):
        environ.pop(name, None)
    allowed = environ.pop("HTTP_X_AMZ_TRAILER", "").lower().replace(" ", "").split(",")
    for name, value in trailers.items():
        if name in allowed:
            environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
