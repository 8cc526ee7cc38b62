"""What the pages' `!aws` lines print is the same in both versions of the AWS CLI."""

import json
import re
import shlex
import subprocess

import boto3
import pytest

from tests import aws_clis
from tests.conftest import PROJECT


def _lines() -> list[str]:
    """All `!aws` lines of the pages; those of the solutions too."""
    found = set()
    for page in (PROJECT / "notebooks").glob("[0-9]*.ipynb"):
        for cell in json.loads(page.read_text())["cells"]:
            found.update(re.findall(r"!aws (.+)", "".join(cell["source"])))
    # {profile} is empty in the sandbox; the version is what differs.
    lines = {line.replace("{profile}", "").strip() for line in found} - {"--version", "…"}
    return sorted(line for line in lines if not line.startswith("…"))


def test_there_are_such_lines() -> None:
    assert len(_lines()) >= 5
    assert "dynamodb list-tables" in _lines()


@pytest.mark.parametrize("line", _lines())
def test_both_print_the_same(sandbox, line) -> None:
    if not boto3.client("dynamodb").list_tables()["TableNames"]:
        boto3.client("dynamodb").create_table(
            TableName="Books",
            AttributeDefinitions=[{"AttributeName": "Author", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "Author", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
    answers = [
        subprocess.run([find(), *shlex.split(line)], capture_output=True, text=True)
        for find in aws_clis.BOTH.values()
    ]
    one, two = answers
    assert one.returncode == two.returncode == 0, one.stderr + two.stderr
    assert one.stdout == two.stdout != ""


def test_configure_asks_the_same_of_both(sandbox, tmp_path, monkeypatch) -> None:
    written = []
    for version, find in aws_clis.BOTH.items():
        folder = tmp_path / str(version)
        folder.mkdir()
        monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
        subprocess.run(
            [find(), "configure"], input="key\nsecret\nus-east-1\n\n", text=True, check=True
        )
        written.append([(folder / name).read_text() for name in ("config", "credentials")])
    assert written[0] == written[1]
