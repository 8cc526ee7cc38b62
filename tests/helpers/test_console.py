"""The console, its widgets driven as a student would, against a real sandbox."""

import base64
import contextlib
import io
import json
import os
import shlex
import time
from pathlib import Path
from unittest import mock

import awscli
import boto3
import pytest
from awscli.clidriver import create_clidriver
from botocore.exceptions import ClientError

from helpers import dynamodb_console
from helpers.console import calls, requests, values
from helpers.console.calls import Call
from helpers.console.create import CreateTable
from helpers.console.editor import JSON, Editor
from helpers.console.requests import Condition, Key
from helpers.console.table import TableScreen
from helpers.console.tables import Tables
from helpers.console.values import BadInput
from helpers.console.words import in_words

KEYS = [Key("Artist", "S"), Key("SongTitle", "S")]
SONGS = [("Beatles", "Help!", "1965"), ("Beatles", "Yesterday", "1965"), ("Queen", "Radio", "1984")]


def song(artist, title, year):
    return {"Artist": {"S": artist}, "SongTitle": {"S": title}, "Year": {"N": year}}


@pytest.fixture
def db(sandbox):
    return sandbox.client("dynamodb")


@pytest.fixture
def name(request):
    return request.node.name.replace("[", "-").replace("]", "")[-100:].replace(" ", "-")


@pytest.fixture
def table(db, name):
    """An active table with three songs."""
    requests.create_table(name, KEYS).send(db)
    active(db, name)
    for each in SONGS:
        db.put_item(TableName=name, Item=song(*each))
    yield name
    # The list of tables stays short: the console asks for each.
    with contextlib.suppress(ClientError):
        db.delete_table(TableName=name)


@pytest.fixture
def opened(table):
    """The console with that table open."""
    return open_table(dynamodb_console(), table)


def open_table(shell, table):
    tables = shell.screen
    tables.grid.chosen = [tables.names.index(table)]
    tables.open_table.click()
    assert isinstance(shell.screen, TableScreen), shell.message.value
    return shell


def active(db, table):
    for _ in range(3):
        shown = db.describe_table(TableName=table)["Table"]
        indexes = shown.get("GlobalSecondaryIndexes", [])
        if shown["TableStatus"] == "ACTIVE" and all(i["IndexStatus"] == "ACTIVE" for i in indexes):
            return shown
    raise AssertionError(shown)


def items(db, table):
    found = db.scan(TableName=table, ConsistentRead=True)["Items"]
    return sorted(found, key=lambda item: json.dumps(item, default=str, sort_keys=True))


def run_python(code):
    """Run the shown program; what it leaves in `response`."""
    space = {}
    exec(compile(code, "shown", "exec"), space)
    return space["response"]


def run_cli(lines):
    """Run the shown lines with the AWS CLI, in this process; the last one's answer."""
    # Each `aws` adds its data to AWS_DATA_PATH; here it was imported before connect() set that.
    data = str(Path(awscli.__file__).with_name("data"))
    paths = [*filter(None, os.environ.get("AWS_DATA_PATH", "").split(os.pathsep)), data]
    with mock.patch.dict(os.environ, AWS_DATA_PATH=os.pathsep.join(dict.fromkeys(paths))):
        return _run_cli(lines)


def _run_cli(lines):
    answer = ""
    for line in lines.splitlines():
        words = shlex.split(line)
        assert words[0] == "aws"
        said, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(errors):
            status = create_clidriver().main(words[1:])
        assert status == 0, errors.getvalue()
        answer = said.getvalue()
    return json.loads(answer) if answer.strip() else {}


def told(shell, *parts):
    """The console says something bad with these parts in it, in words and not as a traceback."""
    assert "course-bad" in shell.message.value
    assert "Traceback" not in shell.message.value
    for part in parts:
        assert part in shell.message.value, shell.message.value


# What is shown does the same -----------------------------------------------------------------


def same(shown):
    """A description of a table without what differs between two tables of the same shape."""
    own = ("TableName", "TableArn", "TableId", "CreationDateTime", "LatestStreamArn")
    table = {name: value for name, value in shown.items() if name not in own}
    text = json.dumps(table, default=str, sort_keys=True).replace(shown["TableName"], "T")
    return json.loads(text)


def fill_in(screen, name):
    screen.name.value, screen.partition.value, screen.sort.value = name, "Artist", "SongTitle"
    screen.mode.value, screen.read.value = "Provisioned", 3


@pytest.mark.parametrize("way", ["boto3", "cli"])
def test_create_table_as_shown(db, name, way):
    shell = dynamodb_console()
    shell.screen.create.click()
    fill_in(shell.screen, name)
    assert shell.code.title == "Create table" and name in shell.code.python
    shell.screen.create.click()
    assert isinstance(shell.screen, Tables) and name in shell.screen.names
    made = same(active(db, name))
    assert made["ProvisionedThroughput"]["ReadCapacityUnits"] == 3
    other = f"{name}-shown"
    python, line = (code.replace(name, other) for code in (shell.code.python, shell.code.cli))
    run_python(python) if way == "boto3" else run_cli(line)
    again = same(active(db, other))
    for each in (made, again):
        each["ProvisionedThroughput"].pop("LastDecreaseDateTime", None)
    assert again == made
    tags = db.list_tags_of_resource(
        ResourceArn=db.describe_table(TableName=other)["Table"]["TableArn"]
    )
    assert {"Key": "course", "Value": "aws-databases"} in tags["Tags"]


READS = {
    "scan": {},
    "page": {"limit": 2},
    "next": {"limit": 2, "start": {"Artist": {"S": "Queen"}, "SongTitle": {"S": "Radio"}}},
    "query": {"key": [Condition("Artist", "Equal to", [{"S": "Beatles"}])], "descending": True},
    "between": {
        "key": [
            Condition("Artist", "Equal to", [{"S": "Beatles"}]),
            Condition("SongTitle", "Between", [{"S": "A"}, {"S": "J'\"ü$x"}]),
        ]
    },
    "begins": {
        "key": [
            Condition("Artist", "Equal to", [{"S": "Beatles"}]),
            Condition("SongTitle", "Begins with", [{"S": "Y"}]),
        ]
    },
    "filters": {
        "filters": [
            Condition("Year", "Greater than", [{"N": "1960"}]),
            Condition("Year", "Not equal to", [{"N": "1984"}]),
            Condition("Genre", "Not exists"),
            Condition("a.b c", "Not exists"),
        ]
    },
}


@pytest.mark.parametrize("what", READS)
def test_reads_as_shown(db, table, what):
    call = requests.read(table, **READS[what])
    direct, shown = call.send(db), run_python(calls.python(call))
    line = run_cli(calls.cli(call))
    assert direct["Items"] == shown["Items"] == line["Items"]
    assert direct.get("LastEvaluatedKey") == line.get("LastEvaluatedKey")
    assert direct["ScannedCount"] == line["ScannedCount"]


WRITES = {
    "create": lambda t: [requests.create_item(t, KEYS, song("Q'u\"e en", "$x\n{y}", "1"))],
    "edit": lambda t: [
        requests.save_item(t, KEYS, song(*SONGS[0]), song(*SONGS[0]) | {"Ok": {"BOOL": False}})
    ],
    "rename": lambda t: [requests.save_item(t, KEYS, song(*SONGS[0]), song("New", "Help!", "1"))],
    "delete": lambda t: requests.delete_items(t, KEYS, [song(*SONGS[0])]),
    "delete-several": lambda t: requests.delete_items(t, KEYS, [song(*s) for s in SONGS[:2]]),
}


@pytest.mark.parametrize("what", WRITES)
def test_writes_as_shown(db, name, what):
    found = []
    for way in ("sent", "boto3", "cli"):
        table = f"{name}-{way}"
        requests.create_table(table, KEYS).send(db)
        active(db, table)
        for each in SONGS:
            db.put_item(TableName=table, Item=song(*each))
        made = WRITES[what](table)
        if way == "sent":
            for call in made:
                call.send(db)
        elif way == "boto3":
            run_python(calls.python(*made))
        else:
            run_cli(calls.cli(*made))
        found.append(items(db, table))
    assert found[0] == found[1] == found[2] != sorted_songs()


def sorted_songs():
    made = [song(*each) for each in SONGS]
    return sorted(made, key=lambda item: json.dumps(item, sort_keys=True))


@pytest.mark.parametrize("way", ["boto3", "cli"])
def test_indexes_and_tables_as_shown(db, table, way):
    shown = active(db, table)
    create = requests.create_index(shown, "ByYear", [Key("Year", "N")], "INCLUDE", ["Price"])

    def do(call):
        run_python(calls.python(call)) if way == "boto3" else run_cli(calls.cli(call))

    do(create)
    index = active(db, table)["GlobalSecondaryIndexes"][0]
    assert (index["IndexName"], index["Projection"]["NonKeyAttributes"]) == ("ByYear", ["Price"])
    do(requests.delete_index(table, "ByYear"))
    assert active(db, table).get("GlobalSecondaryIndexes", []) == []
    do(Call("describe_table", {"TableName": table}))
    do(Call("list_tables"))
    do(Call("delete_table", {"TableName": table}))
    db.describe_table(TableName=table)
    assert table not in db.list_tables()["TableNames"]


def test_every_table_is_listed_as_shown(table):
    call = Call("list_tables")
    listed = run_python(calls.python(call))["TableNames"]
    assert table in listed
    assert run_cli(calls.cli(call))["TableNames"] == listed


def test_code_is_laid_out_and_means_the_same():
    value = {
        "a": [1, True, None, "é\n\"'\\\u2028"],
        "b": {"c" * 50: {"d" * 50: b"\x00\xff"}},
        "e": {},
    }
    text = calls.literal(value)
    assert eval(text) == value
    assert "\n" in text


# The screens ----------------------------------------------------------------------------------


def test_the_console_stays_the_same_text(opened):
    assert repr(opened) == "(the DynamoDB console: run the cell to see it)"
    assert opened._repr_mimebundle_()["text/plain"] == repr(opened)
    for widget in (opened.screen, opened.screen.explore, opened.screen.indexes):
        assert "object at" not in repr(widget)


def test_create_items_query_index_and_delete(db, name):
    shell = dynamodb_console()
    shell.screen.create.click()
    assert isinstance(shell.screen, CreateTable)
    shell.screen.name.value = name
    shell.screen.partition.value, shell.screen.sort.value = "Artist", "SongTitle"
    shell.screen.create.click()
    assert "is being created" in shell.message.value
    shell.screen.refresh.click()
    open_table(shell, name)
    for artist, title, year in SONGS:
        shell.screen.explore.create.click()
        editor = shell.screen
        editor.rows.children[0].text.value, editor.rows.children[1].text.value = artist, title
        editor.add.click()
        row = editor.rows.children[2]
        row.name.value, row.kind.value, row.text.value = "Year", "Number", year
        editor.save.click()
        assert "Item created." in shell.message.value, shell.message.value
        assert shell.code.title == "Create item"
    assert items(db, name) == sorted_songs()
    explore = shell.screen.explore
    explore.mode.value, explore.key.partition.value = "Query", "Beatles"
    explore.run.click()
    assert [item["SongTitle"]["S"] for item in explore.items] == ["Help!", "Yesterday"]
    indexes = shell.screen.indexes
    shell.screen.tabs.selected_index = 1
    indexes.new.click()
    indexes.partition.value, indexes.partition_type.value = "Year", "Number"
    indexes.create.click()
    assert indexes.names == ["Year-index"] and shell.code.title == "Create index"
    assert "Creating (backfilling)" in grid_text(indexes.grid)
    indexes.refresh.click()
    assert "Active" in grid_text(indexes.grid)
    shell.screen.tabs.selected_index = 0
    explore.source.value = "Year-index"
    explore.key.partition.value = "1984"
    explore.run.click()
    assert [item["Artist"]["S"] for item in explore.items] == ["Queen"]
    shell.screen.tabs.selected_index = 1
    indexes.grid.chosen = [0]
    indexes.delete.click()
    assert "delete" in shell.code.cli
    indexes.confirm.click()
    assert "Deleting" in grid_text(indexes.grid)
    indexes.refresh.click()
    assert indexes.names == []
    active(db, name)
    shell.show(Tables(shell))
    tables = shell.screen
    tables.grid.chosen = [tables.names.index(name)]
    tables.delete.click()
    tables.cancel.click()
    assert name in db.list_tables()["TableNames"]
    tables.delete.click()
    tables.confirm.click()
    assert "is being deleted" in shell.message.value
    tables.refresh.click()
    assert name not in tables.names


def grid_text(grid):
    return grid.table._dt_args["data_json"]


def test_pages_go_on_and_back(opened):
    explore = opened.screen.explore
    assert len(explore.items) == 3 and explore.next.disabled and explore.previous.disabled
    explore.size.value = 2
    explore.run.click()
    first = explore.items
    assert len(first) == 2 and not explore.next.disabled
    explore.next.click()
    assert "ExclusiveStartKey" in opened.code.python
    assert len(explore.items) == 1 and explore.items[0] not in first
    explore.previous.click()
    assert explore.items == first and explore.previous.disabled


def test_filters(opened):
    explore = opened.screen.explore
    explore.add_filter.click()
    one = explore.filters.children[0]
    one.attribute.value, one.kind.value, one.word.value = "Year", "Number", "Between"
    one.value.value, one.second.value = "1980", "1989"
    explore.run.click()
    assert [item["Artist"]["S"] for item in explore.items] == ["Queen"]
    assert "looked at 3" in explore.result.value
    one.remove.click()
    explore.run.click()
    assert len(explore.items) == 3


def test_edit_duplicate_and_rename(db, table, opened):
    explore = opened.screen.explore
    explore.grid.chosen = [row_of(explore, "Radio")]
    explore.edit.click()
    editor = opened.screen
    assert isinstance(editor, Editor)
    row = next(r for r in editor.rows.children if r.name.value == "Year")
    row.kind.value, row.text.value = "String set", "a\nb"
    editor.save.click()
    key = {"Artist": {"S": "Queen"}, "SongTitle": {"S": "Radio"}}
    assert sorted(db.get_item(TableName=table, Key=key)["Item"]["Year"]["SS"]) == ["a", "b"]
    explore.grid.chosen = [row_of(explore, "Radio")]
    explore.duplicate.click()
    opened.screen.save.click()
    told(opened, "ConditionalCheckFailedException", "Nothing was written")
    opened.screen.rows.children[1].text.value = "Radio 2"
    opened.screen.save.click()
    assert len(items(db, table)) == 4
    explore.grid.chosen = [row_of(explore, "Radio 2")]
    explore.edit.click()
    opened.screen.rows.children[1].text.value = "Radio"
    opened.screen.save.click()
    told(opened, "TransactionCanceledException", "Nothing was written")
    assert len(items(db, table)) == 4
    opened.screen.rows.children[1].text.value = "Radio 3"
    opened.screen.save.click()
    titles = {item["SongTitle"]["S"] for item in items(db, table)}
    assert titles == {"Help!", "Yesterday", "Radio", "Radio 3"}
    explore.grid.chosen = [0, 1, 2]
    explore.delete.click()
    assert "batch-write-item" in opened.code.cli
    explore.confirm.click()
    assert "3 items deleted." in opened.message.value and len(items(db, table)) == 1


def row_of(explore, title):
    return [item["SongTitle"]["S"] for item in explore.items].index(title)


def test_form_and_json_show_the_same_item(db, table, opened):
    everything = {
        "Artist": {"S": "A"},
        "SongTitle": {"S": "two\nlines"},
        "n": {"N": "123456789012345678901234567890"},
        "yes": {"BOOL": True},
        "no": {"BOOL": False},
        "nothing": {"NULL": True},
        "list": {"L": [{"S": "x"}, {"B": b"\x00\xff"}]},
        "map": {"M": {"in": {"NS": ["1", "2"]}}},
        "texts": {"SS": ["a", "b"]},
        "bytes": {"B": b"\xfe"},
        "many": {"BS": [b"\x01", b"\x02"]},
    }
    db.put_item(TableName=table, Item=everything)
    opened.screen.explore.run.click()
    explore = opened.screen.explore
    explore.grid.chosen = [row_of(explore, "two\nlines")]
    explore.edit.click()
    editor = opened.screen
    stored = editor.item
    editor.view.value = JSON
    assert json.loads(editor.json.value)["bytes"] == {"B": base64.b64encode(b"\xfe").decode()}
    assert editor.item == stored == explore.items[explore.grid.chosen[0]]
    editor.view.value = "Form"
    assert editor.item == stored
    assert "AWS CLI version 2" in opened.code.cli


# Bad input ------------------------------------------------------------------------------------


def save_json(shell, text):
    shell.screen.explore.create.click()
    shell.screen.view.value = JSON
    shell.screen.json.value = text if isinstance(text, str) else json.dumps(text)
    shell.screen.save.click()


def typed(**more):
    return {"Artist": {"S": "A"}, "SongTitle": {"S": "T"}, **more}


BAD_ITEMS = {
    "malformed": ('{"Artist": {"S": "A"', ["Invalid JSON", "line 1", "Nothing was sent"]),
    "no-object": ("[]", ["JSON object", "Nothing was sent"]),
    "twice": ('{"a": {"S": "1"}, "a": {"S": "2"}}', ["there twice"]),
    "deep": ("[" * 5000, ["Nested too deeply"]),
    "half": ('{"a": {"S": "\\ud800"}}', ["half a character", "Nothing was sent"]),
    "digits": ('{"a": {"N": ' + "1" * 5000 + "}}", ["Invalid JSON", "Nothing was sent"]),
    "missing-key": ({"Artist": {"S": "A"}}, ["Missing the key SongTitle", "Every item must"]),
    "empty-key": (typed(SongTitle={"S": ""}), ["ValidationException", "may not be empty"]),
    "wrong-key": (typed(SongTitle={"N": "1"}), ["Type mismatch for key", "another type"]),
    "401-kb": (typed(x={"S": "x" * 401 * 1024}), ["Item size has exceeded", "400 KB"]),
    "no-number": (typed(x={"N": "1x"}), ["numeric value", "must be a number"]),
    "no-type": (typed(x="text"), ["ParamValidationError", "boto3 saw that"]),
    "new-type": (typed(x={"T": "text"}), ["ParamValidationError", "a value needs one type"]),
    "bare-number": (typed(x={"N": 5}), ["ParamValidationError", "inside a type comes text"]),
    "no-base64": (typed(x={"B": "!"}), ["base64", "Nothing was sent"]),
    "empty-set": (typed(x={"SS": []}), ["ValidationException", "at least one member"]),
    "same-twice": (typed(x={"NS": ["1", "1"]}), ["duplicates", "every member once"]),
}


@pytest.mark.parametrize("what", BAD_ITEMS)
def test_a_bad_item_is_told_and_nothing_written(db, table, opened, what):
    text, parts = BAD_ITEMS[what]
    save_json(opened, text)
    told(opened, *parts)
    assert isinstance(opened.screen, Editor) and not opened.screen.save.disabled
    assert items(db, table) == sorted_songs()


def test_malformed_json_stays_in_its_view(opened):
    opened.screen.explore.create.click()
    opened.screen.view.value = JSON
    opened.screen.json.value = "{"
    opened.screen.view.value = "Form"
    told(opened, "Invalid JSON")
    assert opened.screen.view.value == JSON and opened.screen.json.value == "{"


def test_a_table_that_exists(db, table):
    shell = dynamodb_console()
    shell.screen.create.click()
    fill_in(shell.screen, table)
    shell.screen.create.click()
    told(shell, f"Table already exists: {table}", "Choose another name")
    assert isinstance(shell.screen, CreateTable)


@pytest.mark.parametrize(("name", "partition"), [("", "Artist"), ("abc", ""), ("a b", "Artist")])
def test_a_table_without_a_proper_name_or_key(sandbox, name, partition):
    shell = dynamodb_console()
    shell.screen.create.click()
    shell.screen.name.value, shell.screen.partition.value = name, partition
    shell.screen.create.click()
    told(shell)
    assert isinstance(shell.screen, CreateTable)


def test_an_index_that_is_being_built(start_sandbox, name):
    db = start_sandbox("lesson").client("dynamodb")
    requests.create_table(name, KEYS).send(db)
    deadline = time.monotonic() + 15
    while db.describe_table(TableName=name)["Table"]["TableStatus"] != "ACTIVE":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    opened = open_table(dynamodb_console(), name)
    explore, indexes = opened.screen.explore, opened.screen.indexes
    opened.screen.tabs.selected_index = 1
    for attribute in ("One", "Two"):
        indexes.new.click()
        indexes.partition.value = attribute
        indexes.create.click()
    told(opened, "Exception", "try again")
    assert indexes.names == ["One-index"]
    explore.source.value = "One-index"
    explore.run.click()
    told(opened, "backfilling", "when its status is Active")


def test_an_index_without_a_key(opened):
    opened.screen.tabs.selected_index = 1
    opened.screen.indexes.new.click()
    opened.screen.indexes.create.click()
    told(opened)


def test_a_table_deleted_behind_the_console(db, table, opened):
    explore = opened.screen.explore
    explore.grid.chosen = [0]
    db.delete_table(TableName=table)
    db.describe_table(TableName=table)
    explore.run.click()
    told(opened, "ResourceNotFoundException", "deleted elsewhere")
    explore.delete.click()
    explore.confirm.click()
    told(opened, "ResourceNotFoundException")
    opened.screen.tabs.selected_index = 1
    told(opened, "ResourceNotFoundException")
    opened.screen.tabs.selected_index = 2
    told(opened, "ResourceNotFoundException")
    opened.screen.path[0][1]()
    assert isinstance(opened.screen, Tables) and table not in opened.screen.names


def test_a_table_deleted_behind_the_list(db, table):
    shell = dynamodb_console()
    tables = shell.screen
    tables.grid.chosen = [tables.names.index(table)]
    db.delete_table(TableName=table)
    db.describe_table(TableName=table)
    tables.open_table.click()
    told(shell, "ResourceNotFoundException", "deleted elsewhere")
    shell.show(tables)
    assert table not in tables.names


def as_user(sandbox, name, statement):
    """A client of a new user with that permission, and the user's access key."""
    iam = sandbox.client("iam")
    iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    session = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"])
    return session.client("dynamodb"), key["AccessKeyId"]


def test_a_revoked_key(sandbox, opened, table):
    user = table[:60]
    allowed = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    opened.client, key = as_user(sandbox, user, allowed)
    explore = opened.screen.explore
    explore.run.click()
    assert "course-bad" not in opened.message.value, opened.message.value
    iam = sandbox.client("iam")
    iam.update_access_key(UserName=user, AccessKeyId=key, Status="Inactive")
    explore.run.click()
    told(opened, "UnrecognizedClientException", "deactivated")
    save_json(opened, typed())
    told(opened, "UnrecognizedClientException")
    opened.show(Tables(opened))
    told(opened, "UnrecognizedClientException")


def test_a_reserved_word_is_a_name_like_any_other(opened):
    call = requests.read("T", filters=[Condition("Year", "Exists"), Condition("#Year", "Exists")])
    assert call.arguments["ExpressionAttributeNames"] == {"#Year": "Year", "#Yearx": "#Year"}


def test_a_reserved_word_is_explained(db, table):
    with pytest.raises(db.exceptions.ClientError) as caught:
        db.scan(TableName=table, ProjectionExpression="Year")
    message, meaning = in_words(caught.value)
    assert "reserved keyword: Year" in message and "#Year" in meaning


def test_a_filter_without_a_name_or_of_no_number(opened):
    explore = opened.screen.explore
    explore.add_filter.click()
    explore.run.click()
    told(opened, "name of an attribute")
    one = explore.filters.children[0]
    one.attribute.value, one.kind.value, one.value.value = "Year", "Number", "x"
    explore.run.click()
    told(opened, "ValidationException", "must be a number")
    one.attribute.value, one.kind.value = "Artist", "String"
    explore.run.click()
    explore.mode.value, explore.key.partition.value = "Query", "Beatles"
    explore.run.click()
    told(opened, "Filter Expression can only contain non-primary")
    explore.key.partition.value = ""
    explore.filters.children = []
    explore.run.click()
    told(opened, "may not be empty")


def test_a_second_click_on_its_way_does_nothing(db, table, opened):
    opened.screen.explore.create.click()
    editor = opened.screen
    editor.rows.children[0].text.value = editor.rows.children[1].text.value = "new"
    editor.save.click()
    editor.save.click()
    assert "Item created." in opened.message.value
    assert len(items(db, table)) == 4


def test_values_that_cannot_be_typed():
    with pytest.raises(BadInput):
        values.from_text("M", "{")
    assert values.from_text("M", "") == {"M": {}}
    assert values.shown({"M": {"a": {"N": "1.50"}}}) == '{"a": "1.50"}'
    assert values.shown(None) == "·"
    assert len(values.shown({"S": "x" * 999})) < 200
