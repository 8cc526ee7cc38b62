"""docs/differences.md says what the tests hold."""

import re
from pathlib import Path

import pytest

from tests.differences import BEGIN, PAGE, PROJECT, Row, page, rows


def test_the_table_of_differences_is_in_step_with_the_tests() -> None:
    text = PAGE.read_text("utf-8")
    assert page(text, rows()) == text, "Run: .venv/bin/python -m tests.differences"


def test_every_difference_is_told_whole_and_once() -> None:
    found = rows()
    assert len({row.subject for row in found}) == len(found) > 0
    for row in found:
        assert all(row) and not any("|" in cell or "\n" in cell for cell in row), row
        assert re.fullmatch(r"20\d\d-\d\d", row.since), row


def test_what_no_test_holds_names_none_and_stands_there_once() -> None:
    by_hand = PAGE.read_text("utf-8").partition("## Not held by a test")[2]
    subjects = re.findall(r"^\| ([^|]+) \|", by_hand, re.M)
    assert subjects
    assert not {row.subject for row in rows()} & set(subjects)


def test_a_marker_that_says_too_little_is_named(tmp_path: Path) -> None:
    file = tmp_path / "test_it.py"
    start = "import pytest\n\n\n@pytest.mark.differs"
    file.write_text(f'{start}("a", aws="b")\ndef test_x(): ...\n')
    with pytest.raises(ValueError, match=r"test_it\.py::test_x: write @pytest\.mark\.differs"):
        rows(tmp_path)
    said = 'aws="b", sandbox="c " "d", since="2026-11"'
    file.write_text(f'{start}("a", {said})\ndef test_x(): ...\n')
    assert rows(tmp_path) == [Row("a", "b", "c d", "test_it.py::test_x", "2026-11")]


def test_a_page_without_its_comments_is_not_written_over() -> None:
    with pytest.raises(ValueError, match="has lost a line"):
        page("A page of one's own.", [])
    with pytest.raises(ValueError, match="has lost a line"):
        page(f"A page cut short.\n{BEGIN}\n", [])


def test_the_files_that_the_page_names_exist() -> None:
    for name in re.findall(r"`((?:sandbox|tests)/[^`:]+)`", PAGE.read_text("utf-8")):
        assert (PROJECT / name).exists(), name
