"""What a student reads when something is wrong with the account, from AWS's own HTTP answers."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from tests.aws_target import strangers
from tests.conftest import PROJECT

Answer = tuple[int, str]
ANN = "arn:aws:iam::123456789012:user/ann"
VPC = "import boto3; boto3.client('ec2').create_vpc(CidrBlock='10.0.0.0/16')"
CLUSTER = (
    "import boto3; boto3.client('rds').create_db_cluster("
    "DBClusterIdentifier='bookstore', Engine='aurora-mysql')"
)
TABLE = "import boto3; boto3.client('dynamodb').list_tables()"


def identity(arn: str = ANN) -> Answer:
    """What STS answers to GetCallerIdentity."""
    inside = f"<Arn>{arn}</Arn><UserId>A</UserId><Account>123456789012</Account>"
    result = f"<GetCallerIdentityResult>{inside}</GetCallerIdentityResult>"
    return 200, f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"


def query_error(code: str, message: str, status: int = 403) -> Answer:
    """An error of the query protocol: STS, IAM, RDS."""
    error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    return status, f"<ErrorResponse>{error}<RequestId>1</RequestId></ErrorResponse>"


def ec2_error(code: str, message: str, status: int = 403) -> Answer:
    """An error of EC2."""
    error = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
    return status, f"<Response>{error}<RequestID>1</RequestID></Response>"


def json_error(code: str, message: str, status: int = 400) -> Answer:
    """An error of DynamoDB."""
    kind = f"com.amazonaws.dynamodb.v20120810#{code}"
    return status, json.dumps({"__type": kind, "message": message})


# AWS sends an empty list too; a client takes of these the one that it expects.
LISTS = ("reservationSet", "keySet", "securityGroupInfo", "routeTableSet", "internetGatewaySet")
LISTS += ("subnetSet", "vpcSet", "DBInstances", "DBClusters", "DBSubnetGroups")
EMPTY = "".join(f"<{name}/>" for name in LISTS)
NOTHING = {
    "GetCallerIdentity": identity(),
    "ListAccountAliases": (
        200,
        "<ListAccountAliasesResponse><ListAccountAliasesResult><AccountAliases>"
        "<member>acme-lab</member></AccountAliases><IsTruncated>false</IsTruncated>"
        "</ListAccountAliasesResult></ListAccountAliasesResponse>",
    ),
    "ListTables": (200, '{"TableNames": []}'),
    "ListUserTags": query_error("NoSuchEntity", "There is no such user.", 404),
    "ListBackups": (200, '{"BackupSummaries": []}'),
}
ONE_VPC = (
    200,
    "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><state>available</state><tagSet>"
    "<item><key>Name</key><value>bookstore</value></item></tagSet></item></vpcSet>"
    "</DescribeVpcsResponse>",
)


class FakeAws(BaseHTTPRequestHandler):
    """Answers each operation as the test has it; what it was not told is empty."""

    answers: dict[str, Answer]
    asked: list[str]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Look the operation up and answer."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        target = self.headers.get("X-Amz-Target", "")
        name = target.rpartition(".")[2] or parse_qs(body)["Action"][0]
        self.asked.append(name)
        empty = f"<{name}Response>{EMPTY}<{name}Result>{EMPTY}</{name}Result></{name}Response>"
        empty = "{}" if target else empty
        status, text = self.answers.get(name, (200, empty))
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Be silent."""


Cell = Callable[..., str]


@pytest.fixture
def fake_aws() -> Iterator[tuple[str, type[FakeAws]]]:
    """An AWS that knows the user ann and has nothing; its address, and what it answers."""
    handler = type("Handler", (FakeAws,), {"answers": dict(NOTHING), "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    server.server_close()


@pytest.fixture
def cell(fake_aws: tuple[str, type[FakeAws]], tmp_path: Path) -> Cell:
    """Runs a cell in IPython on that AWS, and returns what it shows."""

    def run(source: str, confirmed: bool = True, **environment: str) -> str:
        memory = {"accounts": [strangers.ACCOUNT]} if confirmed else {}
        (tmp_path / "lab.json").write_text(json.dumps(memory))
        script = tmp_path / "cell.ipy"
        script.write_text(f"from helpers import connect\n{source}\n")
        variables = strangers.variables(fake_aws[0], tmp_path, **environment)
        done = subprocess.run(
            [sys.executable, "-m", "IPython", "--colors=nocolor", str(script)],
            cwd=PROJECT,
            env={name: value for name, value in variables.items() if value},
            capture_output=True,
            text=True,
        )
        shown = done.stdout + done.stderr
        assert "Traceback" not in shown, shown
        return " ".join(shown.split())

    return run


def test_the_way_in(cell: Cell) -> None:
    shown = cell("print(connect().to_dict('records'))")
    row = "'account': '123456789012', 'alias': 'acme-lab', 'identity': 'user/ann'"
    assert row in shown
    assert "calls go to 127.0.0.1 and not to AWS" in shown
    assert "is running" not in shown


def test_an_account_is_confirmed_once(cell: Cell, tmp_path: Path) -> None:
    shown = cell("connect()", confirmed=False)
    assert "account 123456789012 (acme-lab), as user/ann, in us-east-1" in shown
    assert 'connect(confirm="123456789012")' in shown
    assert "created nothing" in shown
    shown = cell("connect(confirm='210987654321')", confirmed=False)
    assert "You meant the account 210987654321" in shown
    cell("connect(confirm='1234-5678-9012')", confirmed=False)
    assert json.loads((tmp_path / "lab.json").read_text())["accounts"] == ["123456789012"]


def test_root_is_refused_even_if_confirmed(cell: Cell, fake_aws: tuple) -> None:
    fake_aws[1].answers["GetCallerIdentity"] = identity("arn:aws:iam::123456789012:root")
    shown = cell("connect(confirm='123456789012')")
    assert "root user of the account 123456789012 (acme-lab)" in shown
    assert "docs/instructors.md" in shown


def test_no_credentials(cell: Cell, fake_aws: tuple) -> None:
    shown = cell("connect()", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "Unable to locate credentials" in shown
    assert "aws configure" in shown
    assert "created nothing" in shown
    assert fake_aws[1].asked == []


def test_a_profile_that_does_not_exist(cell: Cell) -> None:
    assert "(work) could not be found" in cell("connect()", AWS_PROFILE="work")


@pytest.mark.parametrize(
    ("code", "message", "advice"),
    [
        ("ExpiredToken", "The security token included in the request is expired", "aws sso login"),
        ("InvalidClientTokenId", "The security token included is invalid", "not switched on"),
        ("SignatureDoesNotMatch", "Signature expired: it is now", "clock of this computer"),
    ],
)
def test_credentials_that_are_not_valid(
    cell: Cell, fake_aws: tuple, code: str, message: str, advice: str
) -> None:
    fake_aws[1].answers["GetCallerIdentity"] = query_error(code, message)
    shown = cell("connect()")
    assert f"AWS says {code}: {message}" in shown
    assert advice in shown
    assert set(fake_aws[1].asked) == {"GetCallerIdentity"}


def test_a_session_that_runs_out_in_the_middle(cell: Cell, fake_aws: tuple) -> None:
    message = "The security token included in the request is expired"
    fake_aws[1].answers["ListTables"] = json_error("ExpiredTokenException", message)
    shown = cell(f"connect(); {TABLE}")
    assert f"AWS says ExpiredTokenException: {message}" in shown
    assert "What earlier cells have created is still there" in shown


@pytest.mark.parametrize("region", ["eu-central-1", "us-esat-1", ""])
def test_another_region(cell: Cell, fake_aws: tuple, region: str) -> None:
    shown = cell("connect()", AWS_DEFAULT_REGION=region)
    assert (f"Your AWS region is {region}" if region else "No AWS region is set") in shown
    assert "%env AWS_DEFAULT_REGION=us-east-1" in shown
    assert fake_aws[1].asked == []


@pytest.mark.parametrize(
    ("source", "operation", "answer", "action"),
    [
        (
            VPC,
            "CreateVpc",
            ec2_error(
                "UnauthorizedOperation",
                f"You are not authorized to perform this operation. User: {ANN} is not authorized "
                "to perform: ec2:CreateVpc on resource: arn:aws:ec2:us-east-1:123456789012:vpc/*",
            ),
            "ec2:CreateVpc",
        ),
        (
            CLUSTER,
            "CreateDBCluster",
            query_error(
                "AccessDenied", f"User: {ANN} is not authorized to perform: rds:CreateDBCluster"
            ),
            "rds:CreateDBCluster",
        ),
        (TABLE, "ListTables", json_error("AccessDeniedException", "No."), "the call ListTables"),
    ],
)
def test_a_missing_permission(
    cell: Cell, fake_aws: tuple, source: str, operation: str, answer: Answer, action: str
) -> None:
    fake_aws[1].answers.update({operation: answer, "DescribeVpcs": ONE_VPC})
    shown = cell(f"connect(); {source}")
    assert "AWS says " in shown
    assert f"You lack the permission for {action}." in shown
    assert "docs/iam-policy.json" in shown
    assert "created in the account so far: VPC: bookstore" in shown
    assert "page 1.9" in shown


@pytest.mark.parametrize(
    ("source", "operation", "answer"),
    [
        (VPC, "CreateVpc", ec2_error("VpcLimitExceeded", "The maximum has been reached.", 400)),
        (CLUSTER, "CreateDBCluster", query_error("DBClusterQuotaExceededFault", "Too many.", 403)),
        (TABLE, "ListTables", json_error("LimitExceededException", "Subscriber limit exceeded.")),
    ],
)
def test_a_quota_is_reached(
    cell: Cell, fake_aws: tuple, source: str, operation: str, answer: Answer
) -> None:
    fake_aws[1].answers[operation] = answer
    shown = cell(f"connect(); {source}")
    assert "A quota of this account and region is reached" in shown
    assert "servicequotas" in shown
    assert "Nothing of the course is in the account." in shown


def test_the_network_is_down(cell: Cell) -> None:
    nobody = f"http://127.0.0.1:{strangers.free_port()}"
    shown = cell("connect()", AWS_ENDPOINT_URL=nobody)
    assert "Could not connect to the endpoint" in shown
    assert "Is this computer online" in shown
    assert "created nothing" in shown


def test_who_may_not_list_aliases_or_instances_connects_all_the_same(
    cell: Cell, fake_aws: tuple
) -> None:
    denied = query_error("AccessDenied", "No.")
    fake_aws[1].answers.update(ListAccountAliases=denied, DescribeInstances=ec2_error("No", "No."))
    shown = cell("print(connect()['identity'][0])")
    assert "user/ann" in shown
    assert "could not be looked up" in shown
