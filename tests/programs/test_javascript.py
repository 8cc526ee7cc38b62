"""The AWS SDK for JavaScript v3: its programs run to the end; only the environment leads here."""

import pytest

from tests.conftest import RunningSandbox
from tests.programs import javascript_sdk

pytestmark = pytest.mark.clients

WANTED = {
    "dynamodb.js": [
        "table: ACTIVE sdk-for-javascript-songs",
        "item: Café ☕ 0.1 live",
        "query: 1999,1985",
        "condition: ConditionalCheckFailedException 400",
        "scan: 1970,1999,2001",
        "stream: INSERT,INSERT,INSERT,INSERT,REMOVE",
        "table: gone",
    ],
    "s3.js": [
        "keys: notes/é + 1.txt,stream",
        "object: text",
        "object: one,two,three",
        "put: 200",
        "get: by URL",
        "missing: NoSuchKey",
        "bucket: gone",
    ],
    "rds.js": ["engines: aurora-mysql", "error: DBClusterNotFoundFault 404 true"],
}


@pytest.mark.parametrize("program", sorted(WANTED))
def test_a_program_runs_to_the_end(sandbox: RunningSandbox, program: str) -> None:
    done = javascript_sdk.run(program, "sdk-for-javascript", **variables(sandbox))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == WANTED[program]


def test_a_wrong_secret_is_refused(sandbox: RunningSandbox) -> None:
    done = javascript_sdk.run(
        "dynamodb.js", **{**variables(sandbox), "AWS_SECRET_ACCESS_KEY": "b" * 40}
    )
    assert done.returncode != 0
    assert "InvalidSignatureException" in done.stderr


def variables(sandbox: RunningSandbox) -> dict[str, str]:
    """The standard variables for the sandbox's own user; Node's SDK wants a region of its own."""
    import boto3

    keys = boto3.Session().get_credentials()
    return {
        "AWS_ENDPOINT_URL": sandbox.environment["AWS_ENDPOINT_URL"],
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": keys.access_key,
        "AWS_SECRET_ACCESS_KEY": keys.secret_key,
    }
