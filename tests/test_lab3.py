"""Lab 3 from end to end: the guide's results, with the AWS CLI and boto3, and its checks."""

import csv
import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

import helpers
from helpers.checks import lab3
from helpers.pages import pages, run_steps
from tests.conftest import RunningSandbox

STEPS = [f"3.{number}" for number in range(1, 12)]
# What the guide prints in its steps #8, #9 and #11.
RAINMAKER = {
    "Title": "The Rainmaker",
    "Formats": {"Hardcover": "J4SUKVGU", "Paperback": "D7YF4FCX"},
    "Author": "John Grisham",
    "Category": "Suspense",
}
FIRM = {
    "Title": "The Firm",
    "Formats": {"Hardcover": "Q7QWE3U2", "Paperback": "ZVZAYY4F", "Audiobook": "DJ9KS9NM"},
    "Author": "John Grisham",
    "Category": "Suspense",
}
SPIDER = {
    "Title": "Along Came a Spider",
    "Formats": {"Hardcover": "C9NR6RJ7", "Paperback": "37JVGDZG", "Audiobook": "6348WX3U"},
    "Author": "James Patterson",
    "Category": "Suspense",
}


@pytest.fixture(scope="module")
def lab3_done(sandbox: RunningSandbox) -> RunningSandbox:
    """A sandbox in which the pages 3.1 to 3.11 are done, made by running their cells."""
    _run_all_steps()
    return sandbox


def _run_all_steps() -> None:
    for number in STEPS:
        run_steps(pages()[number])


def _aws(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["aws", *words], capture_output=True, text=True, timeout=60)


def _books() -> Any:
    return boto3.resource("dynamodb").Table("Books")


def _key() -> dict[str, str]:
    with lab3.access_keys_file().open(encoding="utf-8-sig", newline="") as file:
        (row,) = csv.DictReader(file)
    return row


def _open(page: str) -> set[str]:
    """What the checks of a page find to be done still."""
    found = helpers.check(page)
    return set(found[found["done"] == "no"]["check"])


def test_the_cli_lists_both_tables_as_in_step_6(lab3_done) -> None:
    answer = _aws("dynamodb", "list-tables")
    assert json.loads(answer.stdout) == {"TableNames": ["Books", "MusicExample"]}, answer.stderr


def test_get_item_gives_what_step_8_prints(lab3_done) -> None:
    key = {"Author": "John Grisham", "Title": "The Rainmaker"}
    assert _books().get_item(Key=key)["Item"] == RAINMAKER


def test_the_query_by_author_gives_what_step_9_prints_in_its_order(lab3_done) -> None:
    found = _books().query(KeyConditionExpression=Key("Author").eq("John Grisham"))
    assert found["Items"] == [FIRM, RAINMAKER]


def test_the_query_of_the_index_gives_what_step_11_prints(lab3_done) -> None:
    suspense = Key("Category").eq("Suspense")
    items = _books().query(IndexName="CategoryIndex", KeyConditionExpression=suspense)["Items"]
    assert sorted(items, key=lambda item: item["Title"]) == [SPIDER, FIRM, RAINMAKER]


def test_the_table_and_the_index_are_made_as_in_steps_6_and_10(lab3_done) -> None:
    books = _books()
    assert books.key_schema == [
        {"AttributeName": "Author", "KeyType": "HASH"},
        {"AttributeName": "Title", "KeyType": "RANGE"},
    ]
    (index,) = books.global_secondary_indexes
    assert index["IndexName"] == "CategoryIndex"
    assert index["KeySchema"] == [{"AttributeName": "Category", "KeyType": "HASH"}]
    assert index["Projection"] == {"ProjectionType": "ALL"}
    for capacity in (books.provisioned_throughput, index["ProvisionedThroughput"]):
        assert (capacity["ReadCapacityUnits"], capacity["WriteCapacityUnits"]) == (1, 1)
    tags = boto3.client("dynamodb").list_tags_of_resource(ResourceArn=books.table_arn)["Tags"]
    assert helpers.COURSE in tags


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_the_key_file_is_for_its_owner_only(lab3_done) -> None:
    file = lab3.access_keys_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().splitlines()[0] == "Access key ID,Secret access key"
    credentials = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
def test_an_old_file_that_others_may_read_is_not_written_into(lab3_done) -> None:
    """A file that is there, and open to all, must not receive a secret."""
    with _key_file_put_aside() as file:
        file.write_text("left behind")
        file.chmod(0o644)
        run_steps(pages()["3.4"])
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert _open("3.4") == set()
        _delete(_key()["Access key ID"])


def test_the_cli_and_boto3_are_cloud_user(lab3_done) -> None:
    answer = _aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text")
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert answer.stdout.strip() == arn
    assert arn.endswith(":user/cloud_user")
    assert _aws("configure", "get", "region").stdout.strip() == "us-east-1"


def test_the_pages_keep_a_key_that_works(lab3_done) -> None:
    before = _key()
    run_steps(pages()["3.4"])
    run_steps(pages()["3.5"])
    assert _key() == before
    assert lab3._statuses() == {before["Access key ID"]: "Active"}


def test_a_key_that_is_gone_is_replaced(lab3_done) -> None:
    before = _key()["Access key ID"]
    _delete(before)
    helpers.connect()
    run_steps(pages()["3.4"])
    run_steps(pages()["3.5"])
    assert lab3._statuses() == {_key()["Access key ID"]: "Active"}
    assert _key()["Access key ID"] != before
    assert (_open("3.4"), _open("3.5")) == (set(), set())


def test_a_deactivated_key_is_refused_by_the_cli_and_boto3(lab3_done) -> None:
    key, iam = _key(), _client_that_stays("iam")
    its = {"UserName": "cloud_user", "AccessKeyId": key["Access key ID"]}
    iam.update_access_key(Status="Inactive", **its)
    try:
        with pytest.raises(ClientError, match="UnrecognizedClientException"):
            boto3.client("dynamodb").list_tables()
        refused = _aws("sts", "get-caller-identity")
        assert "InvalidClientTokenId" in refused.stderr
        assert refused.returncode != 0
    finally:
        iam.update_access_key(Status="Active", **its)
        _delete_spare_keys(iam)
    assert _aws("sts", "get-caller-identity").returncode == 0


def test_no_page_shows_a_key() -> None:
    looks_like_one = re.compile(r"(AKIA|ASIA)[A-Z0-9]{16}|(?<![\w/+])[A-Za-z0-9/+]{40}(?![\w/+])")
    for number in STEPS:
        for cell in json.loads(pages()[number].read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []):
                shown = output.get("text", []) + output.get("data", {}).get("text/plain", [])
                assert not looks_like_one.search("".join(shown)), (number, cell["id"])


@pytest.mark.parametrize("page", STEPS)
def test_the_checks_pass_when_the_pages_are_done(lab3_done, page: str) -> None:
    assert _open(page) == set()


def test_the_checks_see_a_missing_and_a_changed_book(lab3_done) -> None:
    books = _books()
    books.delete_item(Key={"Author": "John Grisham", "Title": "The Firm"})
    books.put_item(Item={**RAINMAKER, "Category": "Romance"})
    assert _open("3.7") == {"The five books of the guide"}
    assert _open("3.8") == {"With its category and its two formats"}
    assert _open("3.9") == {"John Grisham's books, in the order of their titles"}
    assert _open("3.11") == {"It finds the three books of the category Suspense"}
    run_steps(pages()["3.7"])
    assert [page for page in ("3.7", "3.8", "3.9", "3.11") if _open(page)] == []


def test_the_checks_see_what_is_wrong_with_the_key(lab3_done) -> None:
    with _key_file_put_aside() as file:
        assert len(_open("3.4")) == 3
        file.write_text("Access key ID,Secret access key\nAKIANONE,none\n")
        file.chmod(0o644)
        open_now = _open("3.4")
        assert ("Nobody else may read the file" in open_now) == (os.name == "posix")
        assert "IAM knows this key as active" in open_now
        assert _open("3.5") == {"aws configure has the key of your file"}


def test_the_checks_of_an_empty_account_name_what_is_missing(start_sandbox) -> None:
    start_sandbox()
    everything = {page: _open(page) for page in STEPS}
    done = {page for page, left in everything.items() if not left}
    assert done == {"3.1", "3.2"}
    assert len(everything["3.6"]) == 4
    assert len(everything["3.10"]) == 4


def _delete(key_id: str) -> None:
    _client_that_stays("iam").delete_access_key(UserName="cloud_user", AccessKeyId=key_id)


def _delete_spare_keys(iam: Any) -> None:
    kept = _key()["Access key ID"]
    for key_id in lab3._statuses() or {}:
        if key_id != kept:
            iam.delete_access_key(UserName="cloud_user", AccessKeyId=key_id)


def _client_that_stays(service: str) -> Any:
    """A client of the sandbox's first user, which the key of `cloud_user` has no part in."""
    kept = Path(os.environ["SANDBOX_HOME"]) / "aws" / "first-credentials"
    found = dict(re.findall(r"^(\w+) = (\S+)$", kept.read_text(), re.MULTILINE))
    return boto3.Session(**found).client(service)


@contextmanager
def _key_file_put_aside() -> Iterator[Path]:
    file = lab3.access_keys_file()
    before = file.read_bytes()
    file.unlink()
    try:
        yield file
    finally:
        file.unlink(missing_ok=True)
        file.touch(0o600)
        file.write_bytes(before)
