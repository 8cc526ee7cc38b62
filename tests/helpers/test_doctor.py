"""The doctor names each planted fault, and what it says to type mends it."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import paramiko
import pytest
from botocore.client import BaseClient

import helpers
from helpers import diagnosis, doctor, draw_fault, faults, repair_fault, settings
from helpers.bastion import Bastion
from helpers.diagnosis import BROKEN, HOPS, NOT_REACHED, OK
from helpers.faults import FAULTS
from helpers.progress import StillWaiting
from tests.conftest import Lab1

# Fault -> the hop that the doctor is to name, and a word of its finding.
EXPECTED = {
    1: ("route", "no active route"),
    2: ("port 3306 rule", r"It is open to sg-\w+ \(bookstore-database\)"),
    3: ("port 22 rule", r"from 203\.0\.113\.25. It is open to 198\.51\.100\.7/32"),
    4: ("key pair", "another key than the key pair"),
    5: ("bastion's state", "is stopped"),
    6: ("endpoint", "no endpoint"),
    7: ("user and password", "with this password"),
    8: ("port 3306 rule", r"has no inbound rule for port 3306 from i-\w+"),
    9: ("its permissions", "mode is 0644"),
    10: ("port 22 rule", r"no inbound rule for port 22 from 203\.0\.113\.25$"),
    11: ("database's state", "cluster bookstore is stopped"),
}


@pytest.fixture
def whole(lab1: Lab1) -> Iterator[Lab1]:
    """A healthy lab, and a healthy lab afterwards."""
    yield lab1
    repair_fault()  # raises where something stays broken


def _type(line: str) -> dict[str, Any]:
    """Run a line of the column to do as a page would."""
    page = {name: getattr(helpers, name) for name in helpers.PUBLIC}
    page |= {"ec2": boto3.client("ec2"), "rds": boto3.client("rds")}
    exec(line, page)
    return page


def _healthy_in_a_moment(**arguments: Any) -> bool:
    # Each look moves what is starting one state on, at the tests' pace.
    return any(doctor(**arguments).healthy for _ in range(4))


def test_every_fault_has_an_expectation() -> None:
    assert set(EXPECTED) == set(FAULTS)
    assert len(FAULTS) >= 8
    assert {hop for hop, _ in EXPECTED.values()} <= set(HOPS)


def test_a_whole_way_is_healthy(whole: Lab1) -> None:
    seen = doctor()
    assert seen.healthy
    assert (seen.broken, seen.finding, seen.to_do) == (None, "", "")
    assert list(seen["hop"]) == list(HOPS)
    assert set(seen["state"]) == {OK}
    assert "Healthy" in repr(seen)
    assert "Healthy" in seen._repr_html_()


@pytest.mark.parametrize("number", FAULTS)
def test_it_names_the_fault_and_the_line_mends_it(
    whole: Lab1, number: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw_fault(number)
    assert capsys.readouterr().out == f"Fault {number}. {FAULTS[number].story}\n"
    hop, words = EXPECTED[number]
    with monkeypatch.context() as patch:
        _forbid_attempts_in_vain(hop, patch)
        seen = doctor(**settings())
    assert not seen.healthy
    assert seen.broken == hop, seen
    assert re.search(words, seen.finding), seen.finding
    place = list(HOPS).index(hop)
    assert list(seen["state"]) == [OK] * place + [BROKEN] + [NOT_REACHED] * (len(HOPS) - place - 1)
    if hop not in ONLY_SEEN_THERE:  # what the describe calls miss, a real attempt finds
        with monkeypatch.context() as patch:
            patch.setitem(diagnosis.HOPS, hop, lambda way: "looks well")
            assert doctor(**settings(), timeout=1).broken in list(HOPS)[place + 1 :]
    page = _type(seen.to_do)
    mended = {**settings(), "mysql_host": page.get("mysql_host", settings()["mysql_host"])}
    assert _healthy_in_a_moment(**mended), doctor(**mended)


# The hops whose finding the later ones need, or that are themselves the real attempt.
ONLY_SEEN_THERE = ("endpoint", "user and password")


def _forbid_attempts_in_vain(hop: str, patch: pytest.MonkeyPatch) -> None:
    """Nobody knocks where AWS itself says that nobody can answer: it would be a wait in vain."""

    def knock(*_: Any) -> None:
        raise AssertionError("an attempt that can only time out")

    place = list(HOPS).index(hop)
    if place < list(HOPS).index("SSH answers"):
        patch.setattr(Bastion, "connect", knock)
    if place < list(HOPS).index("MySQL answers"):
        patch.setattr(Bastion, "check_database", knock)


def test_the_next_draw_undoes_the_fault_before(
    whole: Lab1, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _state(whole)
    draw_fault(4)
    assert _state(whole) != before
    draw_fault(2)
    assert doctor(**settings()).broken == "port 3306 rule"
    repair_fault()
    assert _state(whole) == before
    repair_fault()
    assert capsys.readouterr().out.endswith("No fault to repair.\n")


def _state(lab: Lab1) -> dict[str, Any]:
    """Everything that a fault may change."""
    ec2, rds = boto3.client("ec2"), boto3.client("rds")
    account = helpers.describe_account(ec2, rds)
    cluster = account.db_clusters[0]
    return {
        "rules": {g["GroupId"]: g["IpPermissions"] for g in account.security_groups},
        "routes": [table["Routes"] for table in account.route_tables],
        "instances": [i["State"]["Name"] for i in account.instances],
        "cluster": [cluster["Status"], *(d["DBInstanceStatus"] for d in account.db_instances)],
        "key": (lab.key.read_text(), lab.key.stat().st_mode),
        "files": sorted(file.name for file in lab.key.parent.glob("*.pem")),
        "settings": settings(),
    }


# The fault, and after how many calls to AWS somebody stops it.
MOMENTS = [(2, 1), (4, 1), (5, 1), (7, 0), (11, 1)]


@pytest.mark.parametrize(("number", "calls"), MOMENTS)
def test_what_was_interrupted_is_undone(
    whole: Lab1, number: int, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the planting is stopped half-way, then its undoing too."""
    fault, before = FAULTS[number], _state(whole)
    faults._write({"number": number, "memory": fault.remember()})
    memory = fault.remember()
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt, StillWaiting):
        _interrupt_after(calls, patch)
        fault.plant(memory)
    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt, StillWaiting):
        _interrupt_after(calls, patch)
        repair_fault()
    repair_fault()
    assert _state(whole) == before
    assert doctor(**settings()).healthy


def _interrupt_after(calls: int, patch: pytest.MonkeyPatch) -> None:
    """Stop this process at the call to AWS that follows so many."""
    made, really = [], BaseClient._make_api_call

    def call(client: Any, operation: str, arguments: dict) -> Any:
        made.append(operation)
        if len(made) > calls:
            raise KeyboardInterrupt
        return really(client, operation, arguments)

    patch.setattr(BaseClient, "_make_api_call", call)


# -- what is wrong without a fault drawn ------------------------------------------------------


def test_in_an_empty_account_it_says_where_to_begin(lab1: Lab1) -> None:
    seen = doctor("i-0123456789abcdef0")
    assert (seen.broken, seen.to_do) == ("bastion", 'catch_up("1.3")')


def test_a_lost_key_file(lab1: Lab1, tmp_path: Path) -> None:
    seen = doctor(key_file=tmp_path / "lost.pem")
    assert (seen.broken, seen.finding) == (
        "key file",
        "There is no file lost.pem in your keys folder",
    )
    assert "page 1.2" in seen.to_do


def test_what_is_no_key(lab1: Lab1, tmp_path: Path) -> None:
    file = tmp_path / "note.pem"
    file.touch(mode=0o600)
    file.write_text("bought: milk")
    seen = doctor(key_file=file)
    assert seen.broken == "key pair"
    assert "milk" not in repr(seen)


def test_an_old_address(lab1: Lab1) -> None:
    seen = doctor(ssh_host="198.51.100.9")
    assert seen.broken == "public address"
    now = boto3.client("ec2").describe_instances(InstanceIds=[lab1.bastion])
    address = now["Reservations"][0]["Instances"][0]["PublicIpAddress"]
    assert seen.to_do == f'ssh_host = "{address}"'
    assert doctor(ssh_host=address, timeout=30).healthy


@pytest.mark.parametrize(
    ("arguments", "hop", "to_do"),
    [
        ({"ssh_user": "root"}, "SSH login", 'ssh_user = "ec2-user"'),
        ({"mysql_port": 3307}, "endpoint", "mysql_port = 3306"),
        ({"user": "root"}, "user and password", 'user = "admin"'),
        ({"database": "bookshop"}, "database", "CREATE DATABASE `bookshop`"),
    ],
)
def test_a_wrong_word(lab1: Lab1, arguments: dict[str, Any], hop: str, to_do: str) -> None:
    seen = doctor(**arguments)
    assert seen.broken == hop, seen
    assert to_do in seen.to_do


def test_another_machine_in_the_bastions_place(lab1: Lab1, monkeypatch: pytest.MonkeyPatch) -> None:
    another = [paramiko.ECDSAKey.generate()]
    monkeypatch.setattr("helpers.diagnosis.ssh_hops.host_keys", lambda *_, **__: another)
    assert doctor().broken == "host key"


def test_no_secret_is_shown(lab1: Lab1) -> None:
    for seen in (doctor(), doctor(password="a-guess-of-mine")):
        shown = repr(seen) + seen._repr_html_()
        assert lab1.password not in shown
        assert "a-guess-of-mine" not in shown
        assert "PRIVATE" not in shown


# -- drawing ----------------------------------------------------------------------------------


def test_no_fault_is_drawn_where_something_is_broken_already(lab1: Lab1) -> None:
    lab1.key.chmod(0o644)
    try:
        with pytest.raises(helpers.CourseError, match=r"broken already.*its permissions.*chmod"):
            draw_fault(2)
    finally:
        lab1.key.chmod(0o600)
    assert doctor().healthy


def test_there_are_only_so_many_faults() -> None:
    with pytest.raises(helpers.CourseError, match=r"1 to 11"):
        draw_fault(12)


def test_the_check_wants_the_way_open_to_you_alone(whole: Lab1) -> None:
    assert helpers.check("1.8").passed
    draw_fault(3)
    result = helpers.check("1.8")
    assert list(result["done"]) == ["no", "no", "yes"]
    assert "authorize_security_group_ingress" in result["to do"][0]


def test_what_lacks_the_tag_is_not_touched(whole: Lab1) -> None:
    ec2 = boto3.client("ec2")
    group = helpers.find("security-group", "bookstore-database")
    ec2.delete_tags(Resources=[group], Tags=[helpers.COURSE])
    try:
        with pytest.raises(helpers.CourseError, match="course's tag"):
            draw_fault(2)
    finally:
        ec2.create_tags(Resources=[group], Tags=[helpers.COURSE])
    assert doctor().healthy
