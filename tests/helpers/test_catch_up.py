"""Catching up says what it did, completes what is half-done, and may be interrupted anywhere."""

import re
from collections.abc import Callable

import boto3
import pytest

import helpers
from helpers import pages
from helpers.checks import examine
from helpers.database import connect as connect_to_database
from helpers.keys import key_file, password
from tests.conftest import RunningSandbox

pytestmark = pytest.mark.database

LAST = {"1": "1.9", "2": "2.4", "3": "3.19"}


def catch_up(lab: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Catch up to the last page of a lab, and return the line that it prints."""
    capsys.readouterr()
    helpers.catch_up(LAST[lab])
    return capsys.readouterr().out


def builders(lab: str) -> list[str]:
    return pages._that_build_for(LAST[lab])


def assert_all_in_place(lab: str) -> None:
    for page in builders(lab):
        assert examine(page).passed, examine(page)


@pytest.mark.parametrize("lab", LAST)
def test_interrupted_after_whatever_was_made_it_goes_on(
    start_sandbox: Callable[[], RunningSandbox],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    lab: str,
) -> None:
    """Each run is broken off right after the next new thing: before it is waited for or kept."""
    start_sandbox()
    interrupted: list[str] = []

    def note(self: pages._Made, http_response, model, **_) -> None:
        if http_response.status_code < 300 and model.name.startswith(pages.MAKES):
            self.operations.append(model.name)
            if model.name not in interrupted:
                interrupted.append(model.name)
                raise KeyboardInterrupt

    monkeypatch.setattr(pages._Made, "_note", note)
    for _ in range(60):
        try:
            said = catch_up(lab, capsys)
        except KeyboardInterrupt:
            continue
        break
    assert said.startswith("Ready for page")
    assert interrupted
    assert_all_in_place(lab)
    again = catch_up(lab, capsys)
    assert again == f"Ready for page {LAST[lab]}: {', '.join(builders(lab))} in place.\n"


def revoke_ssh() -> None:
    ec2, group = boto3.client("ec2"), helpers.find("security-group", "bookstore-bastion")
    rules = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rules)


def delete_way_out() -> None:
    table = helpers.find("route-table", "bookstore-public")
    boto3.client("ec2").delete_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0")


def terminate_bastion() -> None:
    ec2, bastion = boto3.client("ec2"), helpers.find("instance", "bookstore-bastion")
    ec2.terminate_instances(InstanceIds=[bastion])
    for _ in range(3):
        ec2.describe_instances(InstanceIds=[bastion])


def lose_key() -> None:
    terminate_bastion()
    key_file("bookstore").unlink()


def delete_reader() -> None:
    rds = boto3.client("rds")
    rds.delete_db_instance(DBInstanceIdentifier="bookstore-2")
    state = "DBInstances.0.DBInstanceStatus"
    helpers.wait_for(rds.describe_db_instances, state, "gone", DBInstanceIdentifier="bookstore-2")


def drop_table() -> None:
    bastion = helpers.find("instance", "bookstore-bastion")
    cluster = boto3.client("rds").describe_db_clusters()["DBClusters"][0]
    with helpers.tunnel(bastion, key_file("bookstore"), cluster["Endpoint"]) as way:
        database = connect_to_database(way, "admin", password("bookstore"), "bookstore")
        database.cursor().execute("DROP TABLE formats")
        database.close()


def delete_table(name: str) -> None:
    dynamodb = boto3.client("dynamodb")
    dynamodb.delete_table(TableName=name)
    helpers.wait_for(dynamodb.describe_table, "Table.TableStatus", "gone", TableName=name)


def delete_index() -> None:
    dynamodb = boto3.client("dynamodb")
    change = [{"Delete": {"IndexName": "CategoryIndex"}}]
    dynamodb.update_table(TableName="Books", GlobalSecondaryIndexUpdates=change)
    for _ in range(3):
        dynamodb.describe_table(TableName="Books")


def delete_book() -> None:
    books = boto3.resource("dynamodb").Table("Books")
    books.delete_item(Key={"Author": "John Grisham", "Title": "The Firm"})


def lose_access_key() -> None:
    key_file("cloud_user").with_name("cloud_user_accessKeys.csv").unlink()


# lab: [(what is broken, the pages that are done again)]
BREAKS: dict[str, list[tuple[Callable[[], None], list[str]]]] = {
    "1": [
        (revoke_ssh, ["1.1"]),
        (delete_way_out, ["1.1"]),
        (terminate_bastion, ["1.2"]),
        (lose_key, ["1.2"]),
        (delete_reader, ["1.3"]),
        (drop_table, ["1.5"]),
    ],
    "2": [
        (lambda: delete_table("People"), ["2.1"]),
        (lambda: delete_table("Music"), ["2.2"]),
    ],
    "3": [
        (lambda: delete_table("MusicExample"), ["3.3"]),
        (lose_access_key, ["3.4", "3.5"]),
        (lambda: delete_table("Books"), ["3.6", "3.7", "3.10", "3.11"]),
        (delete_index, ["3.10", "3.11"]),
        (delete_book, ["3.7"]),
    ],
}


@pytest.mark.parametrize("lab", LAST)
def test_of_a_half_done_account_only_what_is_missing_is_done(
    start_sandbox: Callable[[], RunningSandbox], capsys: pytest.CaptureFixture[str], lab: str
) -> None:
    start_sandbox()
    first = catch_up(lab, capsys)
    all_pages = ", ".join(builders(lab))
    assert re.fullmatch(
        rf"Ready for page {LAST[lab]}: {re.escape(all_pages)} done now \(\d+ things made\)\.\n",
        first,
    )
    for break_something, redone in BREAKS[lab]:
        break_something()
        said = catch_up(lab, capsys)
        assert f"{', '.join(redone)} done now (" in said, said
        left_alone = [page for page in builders(lab) if page not in redone]
        assert not left_alone or f": {', '.join(left_alone)} in place;" in said
        assert_all_in_place(lab)


def test_nothing_to_do(sandbox: RunningSandbox, capsys: pytest.CaptureFixture[str]) -> None:
    helpers.catch_up("3.2")
    assert (
        capsys.readouterr().out
        == "Ready for page 3.2: it needs nothing from the pages before it.\n"
    )


def test_what_was_made_is_listened_to_no_longer(sandbox: RunningSandbox) -> None:
    """A handler that stays on the session would count the student's own calls for ever."""
    file = pages.pages()["3.3"]
    made = pages.run_steps(file)
    count = len(made)
    boto3.client("iam").create_user(UserName="somebody")
    assert len(made) == count
