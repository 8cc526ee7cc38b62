"""The target: chosen once for a clone, with the variable first."""

import json
from pathlib import Path

import pytest

from helpers import CourseError, choose_target, target
from helpers.aws_account import address_seen_from_outside
from helpers.student import name_of


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "lab.json"
    monkeypatch.setenv("LAB_MEMORY", str(file))
    monkeypatch.delenv("LAB_TARGET", raising=False)
    monkeypatch.delenv("LAB_STUDENT", raising=False)
    return file


def test_the_choice_is_remembered_and_the_variable_comes_first(
    memory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    assert target() == "sandbox"
    memory.write_text('{"accounts": ["123456789012"]}')
    choose_target("aws")
    assert target() == "aws"
    assert json.loads(memory.read_text()) == {"accounts": ["123456789012"], "target": "aws"}
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    assert target() == "sandbox"
    with pytest.raises(CourseError, match="comes before"):
        choose_target("aws")
    choose_target()
    assert "Target: sandbox" in capsys.readouterr().out


def test_what_cannot_be_chosen_or_read(memory: Path) -> None:
    with pytest.raises(CourseError, match="Choose sandbox or aws"):
        choose_target("azure")
    memory.write_text('{"target": "azure"}')
    with pytest.raises(CourseError, match=r"lab\.json says 'azure'"):
        target()
    memory.write_text("{")
    with pytest.raises(CourseError, match="Delete the file"):
        target()


def test_the_students_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert name_of("user/ann") == "ann"
    assert name_of("assumed-role/AWSReservedSSO_Lab/ann@example.com") == "ann@example.com"
    assert name_of("user/Zoë") == "Zo-"
    monkeypatch.setenv("LAB_STUDENT", "Ann B.")
    assert name_of("user/cloud_user") == "Ann B."


@pytest.mark.parametrize(
    ("answer", "said"),
    [("2001:db8::7", "IPv6 address"), ("<html>log in</html>", "login page of a Wi-Fi")],
)
def test_an_address_that_the_bastion_cannot_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, said: str
) -> None:
    page = tmp_path / "address"
    page.write_text(answer)
    monkeypatch.setattr("helpers.aws_account.CHECK_ADDRESS", page.as_uri())
    with pytest.raises(CourseError, match=said):
        address_seen_from_outside()
    page.write_text("198.51.100.20\n")
    assert address_seen_from_outside() == "198.51.100.20"
    page.unlink()
    with pytest.raises(CourseError, match="Is this computer online"):
        address_seen_from_outside()
