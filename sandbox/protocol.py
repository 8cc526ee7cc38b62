"""The AWS protocols as far as the front door needs them: who calls what, and how errors look.

https://smithy.io/2.0/aws/protocols/index.html
"""

import json
import uuid
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

from sandbox import sigv2, sigv4

# The REST services that speak XML; all others speak JSON.
XML = {"s3", "s3express", "cloudfront", "route53"}

REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    411: "Length Required",
    413: "Payload Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    507: "Insufficient Storage",
}

Answer = tuple[str, list[tuple[str, str]], bytes]


class Call(NamedTuple):
    """What a request asks for, as far as its head and body tell.

    Attributes:
        service: the signing name, such as "rds"; "" for an unsigned request.
        operation: such as "DescribeDBClusters"; "" where only the path would tell (REST).
        protocol: "json", "query", "ec2", "cbor", "rest-json" or "rest-xml".
        authorization: what the request says about its signature; None for an unsigned request.
        target: the API that the request names, such as "DynamoDB_20120810"; "" where it names
            none.
    """

    service: str
    operation: str
    protocol: str
    authorization: sigv4.Authorization | None
    target: str = ""


def read_call(environ: dict, body: bytes) -> Call:
    """Read the service and the operation off a WSGI request.

    Args:
        environ: of WSGI.
        body: the request's; where it could not be read, b"" finds the service and the protocol.
    """
    authorization = _authorization(environ)
    service = authorization.service.lower() if authorization else ""
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    if target:
        api, _, operation = target.rpartition(".")
        return Call(service, operation, "json", authorization, api)
    if environ.get("HTTP_SMITHY_PROTOCOL") == "rpc-v2-cbor":
        # POST /service/NAME/operation/OPERATION
        head, _, operation = environ.get("PATH_INFO", "").rpartition("/")
        api = head.removesuffix("/operation").rpartition("/")[2]
        return Call(service, operation, "cbor", authorization, api)
    query = environ.get("QUERY_STRING", "")
    if authorization is None and sigv2.read_query(query):
        return Call("s3", "", "rest-xml", None)
    if service in XML:
        return Call(service, "", "rest-xml", authorization)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return _form_call(service, authorization, body.decode("latin-1"))
    if "Action=" in query:
        return _form_call(service, authorization, query)
    return Call(service, "", "rest-json", authorization)


def head_of(environ: dict) -> Call:
    """What a request asks for as far as its headers tell, for one that could not be read."""
    if "HTTP_X_AMZ_TARGET" in environ:
        protocol = "json"
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        protocol = "query"
    else:
        protocol = "rest-json"
    text = environ.get("HTTP_AUTHORIZATION", "") + environ.get("QUERY_STRING", "")
    parts = text.replace("%2F", "/").partition("/aws4_request")[0].split("/")
    service = parts[-1].lower() if len(parts) > 3 else ""
    if protocol == "query" and service == "ec2":
        protocol = "ec2"
    elif protocol == "rest-json" and service in XML:
        protocol = "rest-xml"
    return Call(service, "", protocol, None)


def _authorization(environ: dict) -> sigv4.Authorization | None:
    # What is malformed counts as unsigned here; `auth` says what is wrong with it.
    text = environ.get("HTTP_AUTHORIZATION")
    try:
        if text is None:
            return sigv4.read_query(environ.get("QUERY_STRING", ""))
        return sigv4.read_header(text) if text.startswith(sigv4.ALGORITHM) else None
    except sigv4.BadAuthorization:
        return None


def _form_call(service: str, authorization: sigv4.Authorization | None, form: str) -> Call:
    action = parse_qs(form).get("Action", [""])[0]
    return Call(service, action, "ec2" if service == "ec2" else "query", authorization)


def new_request_id() -> str:
    """An id that no other request has."""
    return str(uuid.uuid4())


def with_request_id(call: Call | None, answer: Answer) -> Answer:
    """Give an answer the header with its request id, unless it has one."""
    status, headers, body = answer
    s3 = call is not None and call.service in ("s3", "s3express")
    name = "x-amz-request-id" if s3 else "x-amzn-RequestId"
    if any(each.lower() == name.lower() for each, _ in headers):
        return answer
    return status, [*headers, (name, new_request_id())], body


def error_response(
    call: Call,
    code: str,
    message: str,
    status: int,
    details: Mapping[str, str] | None = None,
    request_id: str = "",
) -> Answer:
    """An error as the service itself would send it, with a request id of its own.

    Args:
        call: what was asked for.
        code: AWS's error code.
        message: AWS's message.
        status: the HTTP status.
        details: further elements of an S3 error.
        request_id: "" for a new one.

    Returns:
        The HTTP status line, the headers and the body.
    """
    request_id = request_id or new_request_id()
    said = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
    if call.protocol == "cbor":
        payload, kind = _cbor({"__type": code, "message": message}), "application/cbor"
    elif call.protocol in ("json", "rest-json"):
        text = json.dumps({"__type": _prefix(call, code) + code, "message": message})
        payload = text.encode()
        kind = "application/x-amz-json-1.0" if call.protocol == "json" else "application/json"
    elif call.service in ("s3", "s3express"):
        more = "".join(
            f"<{name}>{escape(value)}</{name}>" for name, value in (details or {}).items()
        )
        payload = (
            f"<Error>{said}{more}<RequestId>{request_id}</RequestId>"
            f"<HostId>{request_id}</HostId></Error>"
        ).encode()
        kind = "application/xml"
    elif call.protocol == "ec2":
        payload = (
            f"<Response><Errors><Error>{said}</Error></Errors>"
            f"<RequestID>{request_id}</RequestID></Response>"
        ).encode()
        kind = "text/xml"
    else:
        side = "Sender" if status < 500 else "Receiver"
        payload = (
            f"<ErrorResponse><Error><Type>{side}</Type>{said}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ).encode()
        kind = "text/xml"
    headers = [
        ("Content-Type", kind),
        ("Content-Length", str(len(payload))),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", code),
    ]
    if call.service in ("s3", "s3express"):
        headers[2:] = [("x-amz-request-id", request_id), ("x-amz-id-2", request_id)]
    if call.protocol == "cbor":
        headers.append(("smithy-protocol", "rpc-v2-cbor"))
    return f"{status} {REASONS.get(status, 'Error')}", headers, payload


def _prefix(call: Call, code: str) -> str:
    # DynamoDB names the model that an error is of: its own, or that of all services.
    if call.service != "dynamodb":
        return ""
    common = code.endswith(("SignatureException", "TokenException", "ClientException"))
    common = common or code.startswith("UnknownOperation")
    return "com.amazon.coral.service#" if common else "com.amazonaws.dynamodb.v20120810#"


def _cbor(fields: dict[str, str]) -> bytes:
    # RFC 8949, of which an error needs a map (major type 5) of texts (3).
    def head(kind: int, size: int) -> bytes:
        short = size < 24
        return bytes([kind << 5 | (size if short else 25)]) + (b"" if short else size.to_bytes(2))

    texts = [text.encode() for field in fields.items() for text in field]
    return head(5, len(fields)) + b"".join(head(3, len(text)) + text for text in texts)
