"""The AWS protocols as far as the front door needs them: who calls what, and how errors look.

https://smithy.io/2.0/aws/protocols/index.html
"""

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

# Authorization: AWS4-HMAC-SHA256 Credential=KEY/DAY/REGION/SERVICE/aws4_request, SignedHeaders=…
CREDENTIAL = re.compile(
    r"^AWS4-HMAC-SHA256\s+Credential=(?P<key>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/"
    r"(?P<service>[^/,\s]+)/aws4_request,\s*SignedHeaders=(?P<headers>[^,\s]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})$"
)

# The REST services that speak XML; all others speak JSON.
XML = {"s3", "s3express", "cloudfront", "route53"}

REQUEST_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Call:
    """What a request asks for, as far as its head and body tell.

    Attributes:
        service: the signing name, such as "rds"; "" for an unsigned request.
        operation: such as "DescribeDBClusters"; "" where only the path would tell (REST).
        protocol: "json", "query", "ec2", "cbor", "rest-json" or "rest-xml".
        authorization: the parts of a Signature Version 4 header; None for an unsigned request.
    """

    service: str
    operation: str
    protocol: str
    authorization: dict[str, str] | None


def read_call(environ: dict, body: bytes) -> Call:
    """Read the service and the operation off a WSGI request."""
    match = CREDENTIAL.match(environ.get("HTTP_AUTHORIZATION", ""))
    authorization = match.groupdict() if match else None
    service = authorization["service"].lower() if authorization else ""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        return Call(service, target.rpartition(".")[2], "json", authorization)
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        # POST /service/NAME/operation/OPERATION
        operation = environ.get("PATH_INFO", "").rpartition("/")[2]
        return Call(service, operation, "cbor", authorization)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        action = parse_qs(body.decode("latin-1")).get("Action", [""])[0]
        return Call(service, action, "ec2" if service == "ec2" else "query", authorization)
    return Call(service, "", "rest-xml" if service in XML else "rest-json", authorization)


def error_response(
    call: Call, code: str, message: str, status: int
) -> tuple[str, list[tuple[str, str]], bytes]:
    """An error as the service itself would send it.

    Returns:
        The HTTP status line, the headers and the body.
    """
    if call.protocol in ("json", "rest-json"):
        prefix = "com.amazonaws.dynamodb.v20120810#" if call.service == "dynamodb" else ""
        text = json.dumps({"__type": prefix + code, "message": message})
        kind = "application/x-amz-json-1.0" if call.protocol == "json" else "application/json"
    elif call.service in ("s3", "s3express"):
        text = (
            f"<Error><Code>{code}</Code><Message>{escape(message)}</Message>"
            f"<RequestId>{REQUEST_ID}</RequestId></Error>"
        )
        kind = "application/xml"
    elif call.protocol == "ec2":
        text = (
            f"<Response><Errors><Error><Code>{code}</Code><Message>{escape(message)}</Message>"
            f"</Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>"
        )
        kind = "text/xml"
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message)}</Message></Error>"
            f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
        )
        kind = "text/xml"
    payload = text.encode()
    if call.protocol == "cbor":
        payload = _cbor({"__type": code, "message": message})
        kind = "application/cbor"
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(payload))),
        ("x-amzn-RequestId", REQUEST_ID),
        ("x-amzn-ErrorType", code),
    ]
    if call.protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    reason = {400: "Bad Request", 403: "Forbidden", 501: "Not Implemented"}.get(status, "Error")
    return f"{status} {reason}", headers, payload


def _cbor(fields: dict[str, str]) -> bytes:
    # RFC 8949, of which an error needs a map (major type 5) of texts (3).
    def head(kind: int, size: int) -> bytes:
        short = size < 24
        return bytes([kind << 5 | (size if short else 25)]) + (b"" if short else size.to_bytes(2))

    texts = [text.encode() for field in fields.items() for text in field]
    return head(5, len(fields)) + b"".join(head(3, len(text)) + text for text in texts)
