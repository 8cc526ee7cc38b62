"""Which operations are declared to only read."""

import re
from collections import namedtuple

import botocore.session
import pytest

from sandbox import keeper
from sandbox.journal import DiskFull, Journal
from sandbox.keeper import ROOM, Keeper, changes
from sandbox.operations import MODELS
from sandbox.pace import Pace
from sandbox.protocol import Call
from sandbox.reading import READS
from tests.conftest import PROJECT

Usage = namedtuple("Usage", "total used free")


def call(service: str, operation: str) -> Call:
    return Call(service, operation, "json", None)


@pytest.mark.parametrize("service", READS)
def test_each_operation_is_one_of_aws(service: str) -> None:
    session = botocore.session.get_session()
    known: set[str] = set()
    for name in MODELS.get(service, (service,)):
        known |= set(session.get_service_model(name).operation_names)
    assert READS[service] <= known
    assert not [
        operation
        for operation in READS[service]
        if re.match("Create|Delete|Put|Update|Modify|Start|Stop|Execute|Generate|Set", operation)
    ]


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("sts", "GetSessionToken"),
        ("sts", "GetFederationToken"),
        ("sts", "AssumeRole"),
        ("sqs", "GetSomethingThatNobodyKnows"),
        ("nobody", "DescribeThings"),
        ("s3", ""),
        ("dynamodb", "ExecuteStatement"),
    ],
)
def test_what_is_not_declared_may_change_something(service: str, operation: str) -> None:
    assert changes(call(service, operation))


def test_every_call_of_the_course_that_reads_is_declared() -> None:
    text = (PROJECT / "docs" / "calls.md").read_text()
    found = re.findall(r"\*\*(\w+)\*\*: ([\w, ]+)", text)
    assert len(found) > 50
    calls = {(service, each.strip()) for service, names in found for each in names.split(",")}
    reads = {
        c for c in calls if re.match("Describe|List|Get|Query|Scan|BatchGet|TransactGet", c[1])
    }
    assert len(reads) > 40
    assert not {f"{s}:{o}" for s, o in reads if o not in READS.get(s, ())}
    for service, operation in calls - reads:
        assert changes(call(service, operation))


def test_the_disk_is_asked_once_in_a_while_and_always_when_it_is_nearly_full(
    tmp_path, monkeypatch
) -> None:
    free, asked = [100 * ROOM], []

    def usage(folder: object) -> Usage:
        asked.append(folder)
        return Usage(0, 0, free[0])

    monkeypatch.setattr(keeper.shutil, "disk_usage", usage)
    kept = Keeper(Journal(None), Pace("instant"), None, tmp_path)  # type: ignore[arg-type]
    for _ in range(100):
        kept.check_room(call("dynamodb", "PutItem"))
    assert len(asked) < 100
    free[0] = ROOM - 1
    monkeypatch.setattr(keeper.time, "monotonic", lambda: 1e9)
    for _ in range(3):
        with pytest.raises(DiskFull, match="Nothing was changed"):
            kept.check_room(call("dynamodb", "PutItem"))
    free[0] = 100 * ROOM
    kept.check_room(call("dynamodb", "PutItem"))
    kept.check_room(call("dynamodb", "GetItem"))
