"""`kill -9` before each SQL statement of a request: the account is as before it, or as after it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.sandbox.kill_points import OPERATIONS

USUAL = ["PutItem", "TransactWriteItems", "ListTables, which ends a deletion", "an item expires"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")


def run(folder: Path, *operations: str) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.kill_points", str(folder), *operations],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_nothing_is_half_there(tmp_path: Path) -> None:
    counts = run(tmp_path, *USUAL, "opening")
    assert list(counts) == [*USUAL, "opening"]
    assert all(count > 5 for count in counts.values()), counts


@pytest.mark.long
def test_nothing_is_half_there_whatever_was_asked(tmp_path: Path) -> None:
    others = [name for name in OPERATIONS if name not in USUAL]
    counts = run(tmp_path, *others)
    assert list(counts) == others
    assert all(count > 3 for count in counts.values()), counts
