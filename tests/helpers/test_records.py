"""Checks are written down, and the progress page shows what was written and what is true now."""

import json
import os
import stat
import sys
from pathlib import Path

import pytest

from helpers import check, course_progress
from helpers.checks import has_checks
from helpers.pages import pages
from helpers.records import Record, record_check
from helpers.records import records as all_records
from tests.conftest import RunningSandbox


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COURSE_KEYS", str(tmp_path / "keys"))
    return tmp_path / "keys" / "sandbox" / "progress.json"


def test_a_pass_stays_when_a_later_check_fails(file: Path) -> None:
    assert all_records() == {}
    record_check("1.1", False)
    assert all_records() == {"1.1": Record(None, False)}
    record_check("1.1", True)
    when = all_records()["1.1"].passed
    assert when is not None and when.endswith("+00:00")
    record_check("1.1", False)
    record_check("1.2", True)
    assert all_records()["1.1"] == Record(when, False)
    assert all_records()["1.2"].last


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_you_can_read_it(file: Path) -> None:
    record_check("1.1", True)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"1.1": 3}', '{"1.1": {}}', "\x00\xff"])
def test_a_spoilt_file_is_begun_anew(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(content, encoding="latin-1")
    assert all_records() == {}
    record_check("1.1", True)
    assert json.loads(file.read_text())["1.1"]["last"] is True


def test_an_interrupted_write_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record_check("1.1", True)
    before = file.read_text()

    def full(*_: object, **__: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    record_check("1.2", True)  # a check does not fail for that
    assert file.read_text() == before
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_the_whole_course_on_one_screen(sandbox: RunningSandbox) -> None:
    """`check` writes down; `course_progress` looks without writing."""
    check("3.2")
    check("3.6")
    shown = course_progress()
    assert list(shown["page"]) == [page for page in pages() if has_checks(page)]
    rows = {row[0]: tuple(row[1:]) for row in shown.values}
    assert rows["3.2"] == ("boto3", "yes", "yes")
    assert rows["3.6"] == ("Create a table", "no", "no")
    assert rows["1.1"] == ("The network around the database", "not yet", "no")
    assert rows["99"] == ("Clean up", "not yet", "yes")
    assert set(all_records()) == {"3.2", "3.6"}
