"""Keys and passwords are kept for their owner alone."""

import stat
import sys
from pathlib import Path

import pytest

from helpers.keys import key_file, password


@pytest.fixture(autouse=True)
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "keys"
    monkeypatch.setenv("COURSE_KEYS", str(folder))
    return folder


def test_a_password_is_made_once_and_suits_rds() -> None:
    first = password("bookstore")
    assert first == password("bookstore") != password("other")
    assert 8 <= len(first) <= 41
    assert first.isalnum()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_nobody_else_reads_them(keys: Path) -> None:
    password("bookstore")
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((keys / "sandbox" / "bookstore.password").stat().st_mode) == 0o600


def test_each_target_has_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    here, local = key_file("bookstore"), password("bookstore")
    monkeypatch.setenv("LAB_TARGET", "aws")
    assert key_file("bookstore") != here
    assert password("bookstore") != local
