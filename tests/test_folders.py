"""Where tests put temporary folders."""

import tempfile
from pathlib import Path

import pytest

from tests import folders


def test_temporary_folders_are_in_memory_where_there_is_room(tmp_path: Path) -> None:
    assert folders.in_memory() == Path(tempfile.gettempdir())
    assert folders.in_memory() in tmp_path.parents


@pytest.mark.own_process
def test_what_is_marked_is_on_the_disk(tmp_path: Path) -> None:
    assert folders.on_disk() in tmp_path.parents
    assert folders.MEMORY not in tmp_path.parents


def test_a_small_memory_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders, "ROOM", 2**60)
    assert folders.in_memory() == folders.on_disk()
