"""Who is let in, and how errors look: access keys, hosts, origins, what is not offered."""

import http.client
import json
import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import RunningSandbox, running_sandbox

# One operation of each protocol, and what AWS answers to an unknown key and to a wrong secret.
REFUSALS = [
    ("ec2", "describe_vpcs", "AuthFailure", "AuthFailure"),
    ("rds", "describe_db_clusters", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ("sts", "get_caller_identity", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ("iam", "list_users", "InvalidClientTokenId", "SignatureDoesNotMatch"),
    ("dynamodb", "list_tables", "UnrecognizedClientException", "InvalidSignatureException"),
    ("ssm", "describe_parameters", "UnrecognizedClientException", "InvalidSignatureException"),
]


@pytest.fixture
def request_raw(sandbox: RunningSandbox) -> Iterator:
    """Send a request as it is, and return the status and the body."""
    where = urlsplit(sandbox.environment["AWS_ENDPOINT_URL"])
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)

    def send(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        return answer.status, answer.read()

    yield send
    connection.close()


@pytest.mark.parametrize(("service", "operation", "code", "_"), REFUSALS)
def test_a_key_that_iam_did_not_issue_is_refused(sandbox, service, operation, code, _) -> None:
    client = boto3.Session(
        aws_access_key_id="A" * 20, aws_secret_access_key="b" * 40, region_name="us-east-1"
    ).client(service)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize(("service", "operation", "_", "code"), REFUSALS)
def test_a_wrong_secret_is_refused(sandbox, service, operation, _, code) -> None:
    good = boto3.Session().get_credentials()
    client = boto3.Session(
        aws_access_key_id=good.access_key,
        aws_secret_access_key="b" * 40,
        region_name="us-east-1",
    ).client(service)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    assert refused.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("service", [row[0] for row in REFUSALS])
def test_the_sandboxs_own_key_is_accepted(sandbox, service) -> None:
    operation = next(row[1] for row in REFUSALS if row[0] == service)
    assert getattr(boto3.client(service), operation)()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_a_deactivated_key_is_refused_and_a_reactivated_one_accepted(sandbox) -> None:
    iam = boto3.client("iam")
    key = iam.create_access_key(UserName="cloud_user")["AccessKey"]
    user = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name="us-east-1",
    ).client("sts")
    assert user.get_caller_identity()["Arn"].endswith("user/cloud_user")
    iam.update_access_key(UserName="cloud_user", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        user.get_caller_identity()
    iam.update_access_key(UserName="cloud_user", AccessKeyId=key["AccessKeyId"], Status="Active")
    assert user.get_caller_identity()


@pytest.mark.differs(
    "Permissions",
    aws="IAM policies decide what each key may do",
    sandbox="an active key of the account may do everything",
    since="2026-11",
)
def test_a_user_without_a_policy_may_do_everything(sandbox) -> None:
    iam = boto3.client("iam")
    iam.create_user(UserName="nobody_in_particular")
    key = iam.create_access_key(UserName="nobody_in_particular")["AccessKey"]
    assert (
        iam.list_attached_user_policies(UserName="nobody_in_particular")["AttachedPolicies"] == []
    )
    theirs = boto3.Session(
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        region_name="us-east-1",
    )
    assert theirs.client("iam").list_users()["Users"]
    assert "TableNames" in theirs.client("dynamodb").list_tables()


def test_secrets_differ_from_sandbox_to_sandbox(sandbox, tmp_path) -> None:
    """Ids are the same everywhere; what lets somebody in must not be."""
    made = []
    with running_sandbox(tmp_path / "other"):
        made.append(boto3.client("iam").create_access_key(UserName="cloud_user")["AccessKey"])
        made.append({"SecretAccessKey": boto3.Session().get_credentials().secret_key})
    here = boto3.Session().get_credentials().secret_key
    made.append(boto3.client("iam").create_access_key(UserName="cloud_user")["AccessKey"])
    secrets = [key["SecretAccessKey"] for key in made]
    assert len({here, *secrets}) == 4


def test_an_unsigned_request_is_refused(request_raw) -> None:
    status, body = request_raw(
        "POST",
        "/",
        b"Action=DescribeVpcs&Version=2016-11-15",
        Content_Type="application/x-www-form-urlencoded",
    )
    assert status == 403
    assert b"MissingAuthenticationToken" in body


@pytest.mark.parametrize("path", ["/moto-api/reset", "/moto-api/data.json", "/moto-api/seed?a=1"])
def test_motos_back_door_is_shut(request_raw, path) -> None:
    status, _ = request_raw("POST", path)
    assert status in (400, 403)
    assert boto3.client("iam").list_users()["Users"]  # nothing was reset


def test_a_web_page_gets_nothing(request_raw) -> None:
    """A page that the student's browser shows may neither read nor change the sandbox."""
    assert request_raw("GET", "/_sandbox/status", Origin="http://evil.example")[0] == 403
    assert request_raw("GET", "/_sandbox/status", Host="evil.example")[0] == 403
    assert request_raw("GET", "/_sandbox/status")[0] == 200


def test_only_the_owner_stops_it(request_raw) -> None:
    assert request_raw("POST", "/_sandbox/stop")[0] == 403
    assert request_raw("POST", "/_sandbox/stop", X_Sandbox_Token="guessed")[0] == 403
    assert request_raw("GET", "/_sandbox/status")[0] == 200


@pytest.mark.differs(
    "Requests without a Content-Length",
    aws="some services take a body in chunks",
    sandbox="411; S3 takes them",
    since="2026-11",
)
def test_a_body_of_unknown_length_is_refused(request_raw) -> None:
    # The head alone: the answer does not wait for the body, and nobody reads that.
    status, _ = request_raw("POST", "/", Transfer_Encoding="chunked")
    assert status == 411


@pytest.mark.differs(
    "DynamoDB: imports",
    aws="offered",
    sandbox="refused as not offered",
    since="2026-11",
)
@pytest.mark.parametrize(
    ("service", "operation", "arguments"),
    [
        ("rds", "describe_source_regions", {}),
        ("ec2", "describe_verified_access_groups", {}),
        ("dynamodb", "describe_contributor_insights", {"TableName": "books"}),
        (
            "dynamodb",
            "import_table",
            {
                "S3BucketSource": {"S3Bucket": "bucket"},
                "InputFormat": "CSV",
                "TableCreationParameters": {
                    "TableName": "books",
                    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                },
            },
        ),
    ],
)
def test_what_is_not_offered_is_said_by_name(sandbox, service, operation, arguments) -> None:
    with pytest.raises(ClientError) as missing:
        getattr(boto3.client(service), operation)(**arguments)
    error = missing.value.response["Error"]
    assert error["Code"] == "NotImplemented"
    assert f"{service}:{missing.value.operation_name}" in error["Message"]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=200),
    authorization=st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=80),
    target=st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=40),
)
def test_no_nonsense_request_gets_in_or_breaks_it(request_raw, body, authorization, target) -> None:
    status, answer = request_raw(
        "POST",
        "/",
        body,
        Authorization=authorization,
        X_Amz_Target=target,
        Content_Type="application/x-www-form-urlencoded",
    )
    assert 400 <= status < 500
    assert b"Traceback" not in answer


def test_status_is_json_and_names_no_secret(request_raw, sandbox) -> None:
    _, body = request_raw("GET", "/_sandbox/status")
    assert json.loads(body)["pid"] != os.getpid()
    assert (sandbox.home / "token").read_text().encode() not in body
