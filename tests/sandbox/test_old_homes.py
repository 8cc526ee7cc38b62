"""Accounts that earlier releases have written open, with everything in them.

`homes/` has one file for each release that changed what is written; `homes/make.py` makes one.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.migrations import MIGRATIONS
from tests.conftest import PROJECT

HOMES = sorted((Path(__file__).parent / "homes").glob("*.db"))


def used(home: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.homes.open", str(home)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "is not kept" not in done.stderr
    return json.loads(done.stdout)


@pytest.fixture(params=HOMES, ids=lambda file: file.stem)
def home(request: Any, tmp_path: Path) -> Path:
    shutil.copy(request.param, tmp_path / "account.db")
    return tmp_path


def test_everything_in_it_is_found_and_works(home: Path) -> None:
    found = used(home)
    assert found["tables"] == {"Books": "ACTIVE", "Creating": "ACTIVE"}
    assert found["backups"] == {"five-books": "AVAILABLE", "creating": "AVAILABLE"}
    assert found["ttl"] == {"TimeToLiveStatus": "ENABLED", "AttributeName": "Until"}
    assert found["recovery"] == "ENABLED"
    assert found["books"] == [
        ["Dr. Seuss", "1957"],
        *(["John Grisham", str(year)] for year in range(2001, 2005)),
    ]
    assert found["stream"] == ["INSERT"] * 5 + ["REMOVE", "INSERT"]
    assert found["RestoreTableToPointInTime"] == found["RestoreTableFromBackup"] == 5
    assert found["tokens"] == 1
    assert found["rules"] == [22]
    assert found["clusters"] == {
        "bookstore": "utc",
        "creating": "default.aurora-mysql8.0",
    }
    assert found["snapshots"] == ["first"]
    assert "bookstore-1" in found["databases"]
    assert len(found["instances"]) == 2
    assert "example" in found["roles"]

    # This release has written it now, and opens it again.
    again = used(home)
    assert {k: v for k, v in again.items() if k != "stream"} == {
        k: v for k, v in found.items() if k != "stream"
    }
    assert again["stream"] == [*found["stream"], "INSERT", "REMOVE"]
    with sqlite3.connect(home / "account.db") as db:
        names = [row[0] for row in db.execute("SELECT name FROM migrations ORDER BY number")]
    db.close()
    assert names == [migration.__name__ for migration in MIGRATIONS]


def test_there_is_one_of_the_format_of_this_release() -> None:
    formats = set()
    for file in HOMES:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as db:
            formats.add(db.execute("PRAGMA user_version").fetchone()[0])
        db.close()
    assert formats == set(range(1, len(MIGRATIONS) + 1)), "make one: tests/sandbox/homes/make.py"
