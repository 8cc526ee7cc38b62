"""The gateway's own error answers: what is not offered, does not exist, or has failed."""

import json
from typing import Any

from sandbox import operations, refusals, services
from sandbox.protocol import Answer, Call, error_response


def not_offered(call: Call, environ: dict[str, Any]) -> Answer:
    """For a call that AWS has and the sandbox does not offer."""
    found = call.operation or services.rest_operation(
        call.service,
        environ["REQUEST_METHOD"],
        environ.get("PATH_INFO", "/"),
        environ.get("QUERY_STRING", ""),
    )
    service, operation = printable(call.service), printable(found)
    what = f"{service}:{operation}" if operation else f"this {service} call"
    if operations.is_rest(call.service) is None:
        message = f"The sandbox does not offer {what}, and knows of no such service."
        return error_response(call, "UnknownOperationException", message, 400)
    return error_response(
        call,
        "NotImplemented",
        f"The sandbox does not offer {what}. It works on AWS: see docs/differences.md.",
        501 if operation else 400,  # Where only the path would tell, it may be none of AWS's.
    )


def is_unknown(call: Call) -> bool:
    """Whether AWS has no such operation."""
    if call.protocol.startswith("rest"):
        return operations.is_rest(call.service) is False
    return operations.exists(call.service, call.operation) is False


def unknown(call: Call) -> Answer:
    """For a call that AWS does not have; each protocol puts it in its own words."""
    name = printable(call.operation)
    if call.protocol in ("json", "rest-json", "cbor"):
        code, message = "UnknownOperationException", f"Unknown operation: {name}"
    elif call.protocol == "ec2":
        code, message = "InvalidAction", f"The action {name} is not valid for this web service."
    else:
        code, message = "InvalidAction", f"Could not find operation {name}"
    return error_response(call, code, message, 400)


def failed(call: Call, request_id: str) -> Answer:
    """For a call at which the sandbox itself has failed. The log says why."""
    code = {"ec2": "InternalError", "s3": "InternalError"}.get(
        refusals.family_of(call), "InternalFailure"
    )
    if call.service == "dynamodb":
        code = "InternalServerError"
    what = printable(f"{call.service}:{call.operation}") if call.operation else "this request"
    message = f"The sandbox failed at {what}. `python -m sandbox logs` shows why."
    return error_response(call, code, message, 500, request_id=request_id)


def desk_failed(request_id: str) -> Answer:
    """For a request to the sandbox itself, under `/_sandbox/`, at which it has failed."""
    said = {
        "error": "The sandbox failed at this request. `python -m sandbox logs` shows why.",
        "request_id": request_id,
    }
    body = json.dumps(said).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return "500 Internal Server Error", headers, body


def printable(name: str) -> str:
    """What the request says, fit for XML and a log."""
    return "".join(c if c.isprintable() else "?" for c in name[:128])


def plain(status: str, text: str) -> Answer:
    """An answer for a person."""
    body = text.encode() + b"\n"
    return status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))], body
