"""In the sandbox no call leaves this machine: not the AWS CLI's, not boto3's, not by a proxy."""

import contextlib
import io
import json
import os
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import helpers
from helpers import variables
from tests import aws_clis
from tests.conftest import PROJECT, sandbox_command
from tests.proxy_trap import proxy_trap

BOTH_CLIS = pytest.mark.parametrize("cli", sorted(aws_clis.BOTH))

# Services of which the CLI sends nothing here, and why.
NOTHING_SENT = {
    "cloudfront-keyvaluestore": "must be a valid ARN",
    "cloudsearchdomain": "--endpoint-url is required",
    "codecatalyst": "Unable to locate authorization token",
    "logs": "Unknown options: --cli-input-json",  # start-live-tail; another operation is sent
    "sdb": "preview stage",
    "timestream-query": "Endpoint Discovery is not enabled",
    "timestream-write": "Endpoint Discovery is not enabled",
}
# These stream the answer into a file, and the CLI wants its name.
WANTS_A_FILE = "usage: "

COMMANDS = """
    cloudformation list-stacks
    docdb describe-db-clusters
    dynamodb list-tables
    ec2 describe-vpcs
    emr list-clusters
    health describe-events
    iam list-users
    neptune describe-db-clusters
    rds describe-db-clusters
    rds describe-db-instances --region us-east-1
    s3 ls
    s3api list-buckets
    s3control list-access-points --account-id 123456789012
    secretsmanager list-secrets
    signin get-resource-policy
    sqs list-queues
    sqs send-message --queue-url https://sqs.us-east-1.amazonaws.com/1/q --message-body x
    sts get-caller-identity
    timestream-write list-databases
"""


@pytest.fixture
def trap():
    with proxy_trap() as running:
        yield running


@pytest.mark.parametrize("cli", sorted(aws_clis.BOTH))
def test_every_service_that_the_cli_knows_is_called_here(sandbox, tmp_path, cli) -> None:
    python = aws_clis.python_of(aws_clis.BOTH[cli]())
    config = tmp_path / "config"
    own = Path(os.environ["AWS_CONFIG_FILE"]).read_text()
    config.write_text(own.replace("[default]\n", "[default]\nparameter_validation = false\n"))
    answer = subprocess.run(
        [*python, str(PROJECT / "tests" / "aws_cli_hosts.py")],
        env={**os.environ, "AWS_CONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    seen = json.loads(answer.stdout)
    assert len(seen) > 400
    here = urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc
    elsewhere = {
        f"{service} {operation}": said
        for service, calls in seen.items()
        for operation, said in calls
        if urlsplit(said).netloc != here
        and NOTHING_SENT.get(service, WANTS_A_FILE) not in said
        and not (said.startswith(WANTS_A_FILE) and "://" not in said.splitlines()[0])
    }
    assert elsewhere == {}
    for service in ("rds", "docdb", "neptune", "sqs", "emr", "health", "signin", "s3control"):
        assert urlsplit(seen[service][0][1]).netloc == here, service


@BOTH_CLIS
def test_commands_that_really_run_ask_no_proxy(sandbox, monkeypatch, trap, cli) -> None:
    program = aws_clis.BOTH[cli]()
    for name, value in trap.environment.items():
        monkeypatch.setenv(name, value)
    helpers.connect()
    answers = {}
    for line in COMMANDS.strip().splitlines():
        words = line.split()
        done = subprocess.run([program, *words], capture_output=True, text=True, cwd=sandbox.home)
        answers[" ".join(words[:2])] = done
    assert trap.asked == []
    for command in ("rds describe-db-clusters", "dynamodb list-tables", "sts get-caller-identity"):
        assert answers[command].returncode == 0, answers[command].stderr
    assert answers["rds describe-db-clusters"].stdout.split() == ["{", '"DBClusters":', "[]", "}"]


S3_NAMES = [
    "plain",
    "with.dots",
    "b--use1-az5--x-s3",
    "arn:aws:s3:us-east-1:123456789012:accesspoint/a",
    "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap",
    "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-01234567890123456/accesspoint/a",
    "arn:aws:s3-object-lambda:us-east-1:123456789012:accesspoint/a",
]
OUTPOST = "arn:aws:s3-outposts:us-east-1:123456789012:outpost/op-01234567890123456/bucket/b"
CALLS = [
    *(("s3", "get_object", {"Bucket": name, "Key": "key"}) for name in S3_NAMES),
    ("s3control", "list_access_points", {"AccountId": "1" * 12, "Bucket": OUTPOST}),
    ("dynamodb", "describe_table", {"TableName": "arn:aws:dynamodb:us-east-1:9:table/t"}),
    ("kinesis", "describe_stream", {"StreamARN": "arn:aws:kinesis:us-east-1:9:stream/s"}),
    ("signin", "get_resource_policy", {}),
    ("timestream-query", "describe_endpoints", {}),
    ("timestream-query", "query", {"QueryString": "SELECT 1"}),
    ("sts", "get_caller_identity", {}),
    ("logs", "start_live_tail", {"logGroupIdentifiers": ["a"]}),
    ("servicediscovery", "discover_instances", {"NamespaceName": "a", "ServiceName": "a"}),
]


class _Empty(io.BytesIO):
    def stream(self, **_):
        yield b""


def _where(service: str, operation: str, arguments: dict) -> str | None:
    """The host that boto3 would call; None where it refuses to."""
    client, urls = boto3.client(service), []

    def stop(request, **_):
        urls.append(request.url)
        return AWSResponse(request.url, 400, {}, _Empty())

    client.meta.events.register("before-send", stop)
    with contextlib.suppress(BotoCoreError, ClientError, ResponseParserError):
        getattr(client, operation)(**arguments)
    return urlsplit(urls[0]).hostname if urls else None


@pytest.mark.parametrize(("service", "operation", "arguments"), CALLS)
def test_boto3_calls_no_host_of_amazons(sandbox, service, operation, arguments) -> None:
    helpers.connect()
    host = _where(service, operation, arguments)
    # A name that ends in .127.0.0.1 is nowhere: there is no top-level domain "1".
    assert host is None or host == "127.0.0.1" or host.endswith(".127.0.0.1"), host


OWN = {
    "AWS_ENDPOINT_URL_RDS": "https://rds.example.com",
    "AWS_ENDPOINT_URL_DYNAMODB": "https://dynamodb.example.com",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
    "AWS_STS_REGIONAL_ENDPOINTS": "legacy",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/credentials",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://metadata.example.com",
    "AWS_CA_BUNDLE": "/no/such/file",
    "AWS_DEFAULT_OUTPUT": "table",
    "AWS_PAGER": "less",
    "AWS_PROFILE": "work",
    "AWS_REGION": "eu-west-1",
    "NO_PROXY": "intranet.example.com, .example.org",
}


def test_settings_of_the_students_own_are_kept_aside_and_given_back(sandbox, monkeypatch) -> None:
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)
    endpoint = sandbox.environment["AWS_ENDPOINT_URL"]
    for _ in range(2):
        helpers.connect()
        for service in ("rds", "dynamodb", "sts"):
            assert boto3.client(service).meta.endpoint_url == endpoint
            assert boto3.client(service).meta.region_name == "us-east-1"
        ours = {name for name in OWN if os.environ.get(name) == OWN[name]}
        assert ours == set()
    variables.lead_back()
    assert {name: os.environ.get(name) for name in OWN} == OWN
    assert "AWS_DISABLE_HOST_PREFIX_INJECTION" not in os.environ


def test_what_the_student_sets_meanwhile_stays(sandbox, monkeypatch) -> None:
    helpers.connect()
    monkeypatch.setenv("AWS_PROFILE", "work")
    monkeypatch.setenv("AWS_PAGER", "more")
    variables.lead_back()
    assert os.environ["AWS_PROFILE"] == "work"
    assert os.environ["AWS_PAGER"] == "more"


@pytest.mark.parametrize("held", ["", "intranet.example.com,.example.org", "*", "127.0.0.1"])
def test_no_proxy_is_added_to(sandbox, monkeypatch, trap, held) -> None:
    for name, value in trap.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", held)
    monkeypatch.delenv("no_proxy", raising=False)
    helpers.connect()
    helpers.connect()
    now = os.environ["NO_PROXY"].split(",")
    assert os.environ["no_proxy"] == os.environ["NO_PROXY"]
    assert len(now) == len(set(now))
    assert set(filter(None, held.split(","))) <= set(now)
    assert "*" in now or {"127.0.0.1", "localhost"} <= set(now)
    urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_sandbox/address").close()
    boto3.client("ec2").describe_vpcs()
    assert helpers.my_address()
    assert sandbox_command(sandbox.home, "status").returncode == 0
    script = "import boto3; boto3.client('rds').describe_db_clusters()"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert trap.asked == []
    variables.lead_back()
    assert os.environ["NO_PROXY"] == held
    assert "no_proxy" not in os.environ


def test_the_commands_ask_no_proxy_where_nobody_has_set_no_proxy(tmp_path, trap) -> None:
    home = tmp_path / "home"
    outside = {**trap.environment, "NO_PROXY": "", "no_proxy": "", "SANDBOX_PACE": "instant"}
    try:
        for words in (["start"], ["start"], ["status"], ["reset", "--yes"]):
            answer = sandbox_command(home, *words, **outside)
            assert answer.returncode == 0, answer.stderr
    finally:
        assert sandbox_command(home, "stop", **outside).returncode == 0
    assert trap.asked == []


def test_a_proxy_of_the_system_stays_in_force_for_other_calls(monkeypatch) -> None:
    for name in (*variables.NO_PROXY, "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(urllib.request, "getproxies_environment", dict)
    system = {"http": "http://proxy:1", "https": "http://proxy:2", "no": "x"}
    monkeypatch.setattr(urllib.request, "getproxies", lambda: system)
    settings = variables.without_proxy()
    assert settings["HTTP_PROXY"] == "http://proxy:1"
    assert settings["HTTPS_PROXY"] == "http://proxy:2"
    assert settings["NO_PROXY"] == "127.0.0.1,localhost"
