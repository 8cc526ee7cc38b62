"""The waiter, on describe functions that step through states, on boto3, and in a kernel."""

import _thread
import threading

import boto3
import nbformat
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from nbclient import NotebookClient

from helpers.errors import CourseError
from helpers.progress import StillWaiting, WentWrong, wait_for

PATH = "DBClusters.0.Status"


class Cluster:
    """A describe call whose cluster is in the next state each time it is asked."""

    def __init__(self, *states):
        self.states = list(states)
        self.asked = []

    def describe_db_clusters(self, **arguments):
        self.asked.append(arguments)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if isinstance(state, Exception):
            raise state
        clusters = [] if state is None else [{"Status": state}]
        return {"DBClusters": clusters, "ResponseMetadata": {}}


def not_found(code="DBClusterNotFoundFault"):
    return ClientError({"Error": {"Code": code, "Message": "not found"}}, "Describe")


def wait(cluster, want="available", path=PATH, **options):
    options = {"every": 0.001, "DBClusterIdentifier": "bookstore"} | options
    wait_for(cluster.describe_db_clusters, path, want, **options)


@pytest.fixture
def local(monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:5000")


def test_it_asks_until_the_state_comes_and_prints_one_line(capsys):
    cluster = Cluster("creating", "creating", "backing-up", "available")
    wait(cluster)
    assert capsys.readouterr() == ("bookstore: available\n", "")
    assert cluster.asked == [{"DBClusterIdentifier": "bookstore"}] * 4


@pytest.mark.parametrize(
    "last", [None, not_found(), not_found("InvalidInstanceID.NotFound"), "terminated"]
)
def test_gone(last, capsys):
    wait(Cluster("available", "deleting", last), "gone")
    assert capsys.readouterr().out == "bookstore: gone\n"


@pytest.mark.parametrize(
    "code",
    ["DBInstanceNotFound", "ResourceNotFoundException", "DBSubnetGroupNotFoundFault"],
)
def test_gone_knows_the_services_codes(code, capsys):
    wait(Cluster(not_found(code)), "gone", name="it all")
    assert capsys.readouterr().out == "it all: gone\n"


def test_another_error_is_not_gone():
    with pytest.raises(ClientError, match="AccessDenied"):
        wait(Cluster(not_found("AccessDenied")), "gone")


@pytest.mark.parametrize("state", ["failed", "incompatible-network", "deleting"])
def test_a_failed_state_ends_the_waiting(state, capsys):
    cluster = Cluster("creating", state)
    expected = rf'bookstore is "{state}".*describe_db_clusters\(DBClusterIdentifier="bookstore"\)'
    with pytest.raises(WentWrong, match=expected):
        wait(cluster)
    assert len(cluster.asked) == 2
    assert capsys.readouterr().out == ""


def test_the_states_on_the_way_out_are_not_failures_then():
    wait(Cluster("available", "shutting-down", "terminated"), "terminated")
    wait(Cluster("deleting", None), "gone")


def test_the_failed_states_can_be_chosen():
    with pytest.raises(WentWrong, match='is "modifying"'):
        wait(Cluster("modifying"), failed=["modifying"])
    wait(Cluster("deleting", "available"), failed=[])


def test_no_such_resource(local):
    cluster = Cluster(not_found())
    with pytest.raises(WentWrong, match="bookstore was not found"):
        wait(cluster)
    assert len(cluster.asked) == 1


def test_on_aws_a_new_resource_may_show_a_little_later(monkeypatch):
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    wait(Cluster(not_found(), None, "creating", "available"))


def test_still_waiting_says_the_last_state():
    with pytest.raises(StillWaiting, match='bookstore is "creating" and not yet "available" after'):
        wait(Cluster("creating"), timeout=0.02)


def test_an_interrupt_ends_in_a_clear_message():
    cluster = Cluster("creating")
    stop = threading.Timer(0.1, _thread.interrupt_main)
    stop.start()
    with pytest.raises(StillWaiting, match='stopped waiting for bookstore, which was "creating"'):
        wait(cluster, every=5)
    stop.join()


@pytest.mark.parametrize("want", ["available", "gone"])
@pytest.mark.parametrize(
    "path", ["DBCluster.0.Status", "DBClusters.0.State", "DBClusters.State", "Status"]
)
def test_a_misspelt_path_is_an_error_and_never_gone(path, want):
    with pytest.raises(CourseError, match=rf'nothing at "{path}" \(it has DBClusters\)'):
        wait(Cluster("available"), want, path)


def test_several_states_must_all_be_as_wanted(capsys):
    answers = [["pending", "pending"], ["running", "pending"], ["running", "running"]]

    def describe_instances(InstanceIds):
        return {"Reservations": [{"Instances": [{"State": s} for s in answers.pop(0)]}]}

    ids = ["i-1", "i-2"]
    path = "Reservations.0.Instances.State"
    wait_for(describe_instances, path, "running", every=0.001, InstanceIds=ids)
    assert not answers
    assert capsys.readouterr().out == "i-1, i-2: running\n"


def test_a_list_that_aws_leaves_out_when_it_is_empty(capsys):
    path = "Table.GlobalSecondaryIndexes.0.IndexStatus"
    wait_for(lambda: {"Table": {"TableName": "Books"}}, path, "gone", name="the index")
    assert capsys.readouterr().out == "the index: gone\n"


def test_how_often_it_asks(monkeypatch, local):
    naps = []
    monkeypatch.setattr("helpers.progress._sleep", lambda seconds, view: naps.append(seconds))
    wait(Cluster(*["creating"] * 3, "available"), every=None)
    assert naps == [0.2] * 3
    naps.clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://rds.us-east-1.amazonaws.com")
    wait(Cluster(*["creating"] * 12, "available"), every=None)
    assert naps[0] == 5 and naps == sorted(naps) and naps[-1] == 15


@mock_aws
def test_boto3s_own_calls_and_errors(monkeypatch, capsys):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    dynamodb = boto3.client("dynamodb", region_name="us-east-1")
    dynamodb.create_table(
        TableName="Books",
        KeySchema=[{"AttributeName": "Author", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "Author", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    wait_for(dynamodb.describe_table, "Table.TableStatus", "ACTIVE", TableName="Books")
    with pytest.raises(CourseError, match=r'dynamodb\.describe_table\(TableName="Books"\)'):
        wait_for(dynamodb.describe_table, "Table.Status", "ACTIVE", TableName="Books")
    dynamodb.delete_table(TableName="Books")
    wait_for(dynamodb.describe_table, "Table.TableStatus", "gone", every=0.01, TableName="Books")
    assert capsys.readouterr().out == "Books: ACTIVE\nBooks: gone\n"


def test_in_a_notebook_it_shows_one_widget_and_prints_one_line():
    page = nbformat.v4.new_notebook()
    page.cells = [
        nbformat.v4.new_code_cell(
            "from helpers.progress import wait_for\n"
            "states = iter(['creating', 'backing-up', 'available'])\n"
            "def describe(Name):\n"
            "    return {'Status': next(states)}\n"
            "wait_for(describe, 'Status', 'available', every=.01, Name='<book>')"
        )
    ]
    client = NotebookClient(page, timeout=30, kernel_name="python3")
    client.execute()
    widget, printed = page.cells[0].outputs
    assert printed == {"output_type": "stream", "name": "stdout", "text": "<book>: available\n"}
    view = widget["data"].pop("application/vnd.jupyter.widget-view+json")
    assert widget["data"] == {"text/plain": "waiting for <book>: available"}
    states = client.widget_state
    mark, text = (
        states[child.removeprefix("IPY_MODEL_")]["value"]
        for child in states[view["model_id"]]["children"]
    )
    assert "✓" in mark and "<i>" not in mark
    chips = "<span>creating</span> → <span>backing-up</span> → <span>available</span>"
    assert chips in text and " s</small>" in text
