"""moto's front for DynamoDB, with our operations in place of its own."""

from typing import Any

import botocore.session
from moto.core.common_types import TYPE_RESPONSE
from moto.dynamodb.responses import DynamoHandler

from sandbox.dynamodb import service
from sandbox.dynamodb.errors import DynamoDBError

KNOWN = {
    name
    for service_name in ("dynamodb", "dynamodbstreams")
    for name in botocore.session.get_session().get_service_model(service_name).operation_names
}


class SandboxDynamoHandler(DynamoHandler):
    """Answers what we have ourselves; moto answers the rest (tags, limits, policies)."""

    def _dispatch(self, request: Any, full_url: str | None = None, headers: Any = None) -> Any:
        operation = (request.headers.get("X-Amz-Target") or "").rpartition(".")[2]
        if operation == "ImportTable":
            raise NotImplementedError  # moto would make a table without our storage
        body = request.data or b""
        if operation in service.OPERATIONS:
            url = request.raw_url if full_url is None else full_url
            region = self.get_region_from_url(request, url)
            return service.answer(operation, body, region)
        payload = _unknown(operation) if operation not in KNOWN else service.refuse(operation, body)
        if payload is not None:
            return 400, service.headers_of(payload), payload
        return super()._dispatch(request, full_url, headers)

    def call_action(self) -> TYPE_RESPONSE:
        """As moto has it; our own errors, from a table that is not there, too."""
        try:
            return super().call_action()
        except DynamoDBError as error:
            payload = service.to_json(error.body())
            return 400, service.headers_of(payload), payload


def _unknown(operation: str) -> bytes:
    error = DynamoDBError("UnknownOperationException", f"Unknown operation: {operation}")
    return service.to_json(error.body())
