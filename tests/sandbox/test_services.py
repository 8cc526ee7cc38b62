"""Whatever is asked of the sandbox, the answer is one that AWS's own libraries can read."""

from typing import Any

import boto3
import botocore.session
import pytest
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import Shape
from botocore.parsers import create_parser

from sandbox.protocol import Call, error_response

# What the course touches; what else there is differs only in being offered less.
SERVICES = [
    "budgets",
    "dynamodb",
    "dynamodbstreams",
    "ec2",
    "iam",
    "pricing",
    "rds",
    "resourcegroupstaggingapi",
    "secretsmanager",
    "ssm",
    "sts",
]
# One in so many operations of EC2, which has more than all others together.
STEP = {"ec2": 8}
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=False)


def _least(shape: Shape, depth: int = 0) -> Any:
    """The smallest argument that the model allows."""
    match shape.type_name:
        case "structure":
            members = shape.required_members if depth < 5 else []
            return {name: _least(shape.members[name], depth + 1) for name in members}
        case "list":
            return [_least(shape.member, depth + 1)]
        case "map":
            return {}
        case "string":
            return shape.enum[0] if shape.enum else "x" * max(shape.metadata.get("min", 1), 1)
        case "integer" | "long":
            return max(shape.metadata.get("min", 1), 1)
        case "float" | "double":
            return 1.0
        case "boolean":
            return True
        case "blob":
            return b"x"
    return "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_an_answer_that_can_be_read(sandbox, service) -> None:
    client = boto3.client(service, config=ONCE)
    model = client.meta.service_model
    strange = []
    for name in model.operation_names[:: STEP.get(service, 1)]:
        shape = model.operation_model(name).input_shape
        try:
            getattr(client, xform_name(name))(**(_least(shape) if shape else {}))
        except ClientError as error:
            said = error.response["Error"]
            # Where botocore could not read the answer, the code is the HTTP status.
            if not said["Code"][:1].isalpha():
                strange.append((name, said))
            if said["Code"] == "NotImplemented":
                signed_as = model.signing_name
                assert f"{signed_as}:{name}" in said["Message"]
    assert strange == []


@pytest.mark.differs(
    "Operations that are missing",
    aws="none",
    sandbox="an AWS error `NotImplemented` that names them, in the service's own protocol",
    since="2026-11",
)
@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("cloudfront", "list_vpc_origins", {}),
        ("cloudfront", "get_vpc_origin", {"Id": "one"}),
        ("lambda", "list_layer_versions", {"LayerName": "mine"}),
        ("lambda", "get_account_settings", {}),
        ("route53", "list_cidr_blocks", {"CollectionId": "c" * 36}),
        ("pricing", "describe_services", {}),
        ("ec2", "describe_verified_access_groups", {}),
        ("rds", "describe_source_regions", {}),
    ],
)
def test_what_is_not_offered_is_named_in_every_protocol(
    sandbox, service, operation, arguments
) -> None:
    client = boto3.client(service, config=ONCE)
    try:
        getattr(client, operation)(**arguments)
    except ClientError as error:
        said = error.response["Error"]
        assert said["Code"] == "NotImplemented"
        assert f"{service}:{error.operation_name}" in said["Message"]
    else:
        pytest.skip("moto has it by now")


@pytest.mark.parametrize(
    ("service", "protocol"),
    [
        ("ec2", "ec2"),
        ("iam", "query"),
        ("dynamodb", "json"),
        ("lambda", "rest-json"),
        ("s3", "rest-xml"),
        ("cloudfront", "rest-xml"),
        ("resourcegroupstaggingapi", "cbor"),
    ],
)
@pytest.mark.parametrize("message", ["short", "a <longer> one & more, " * 4, "x" * 1000])
def test_botocore_reads_an_error_in_every_protocol(service, protocol, message) -> None:
    call = Call(service, "Anything", protocol, None)
    status, headers, body = error_response(call, "SomeCode", message, 400)
    parser = create_parser("smithy-rpc-v2-cbor" if protocol == "cbor" else protocol)
    model = botocore.session.get_session().get_service_model(service)
    answer = {
        "status_code": int(status.split()[0]),
        "headers": {name.lower(): value for name, value in headers},
        "body": body,
    }
    operation = model.operation_model(model.operation_names[0])
    parsed = parser.parse(answer, operation.output_shape)
    assert parsed["Error"]["Code"].rpartition("#")[2] == "SomeCode"
    assert parsed["Error"]["Message"] == message
