"""The journal: whole transactions, a full disk, files of other releases."""

import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.journal import DiskFull, Journal
from sandbox.migrations import MIGRATIONS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "account.db"


def _again(journal: Journal, file: Path) -> Journal:
    journal.close()
    return Journal(file)


def test_what_was_committed_is_found_again(file: Path) -> None:
    journal = Journal(file)
    assert journal.is_new
    table, other = journal.new_owner(), journal.new_owner()
    journal.put_items(table, [(b"b", b"2", 1), (b"a", b"1", 1)])
    journal.put_items(other, [(b"a", b"9", 1)])
    journal.add_history(table, (1.5, b"a", None, 0))
    journal.add_record(table, 0, "{}")
    journal.add_token("t", "request", 7.0, oldest=0.0)
    journal.count_call("ec2:CreateVpc", 3)
    journal.keep_account(b"account")
    journal.commit()
    found = _again(journal, file)
    assert not found.is_new
    assert found.items(table) == [(b"a", b"1", 1), (b"b", b"2", 1)]
    assert found.items(other) == [(b"a", b"9", 1)]
    assert found.history(table) == [(1.5, b"a", None, 0)]
    assert found.records(table) == [(0, "{}")]
    assert list(found.tokens()) == [("t", "request", 7.0)]
    assert found.calls() == {"ec2:CreateVpc": 3}
    assert found.fact("account") == b"account"
    assert found.new_owner() > other


def test_a_number_is_not_given_twice_even_if_nothing_is_kept_under_it(file: Path) -> None:
    journal = Journal(file)
    first = journal.new_owner()
    journal.commit()
    assert _again(journal, file).new_owner() > first


def test_what_was_not_committed_is_not_there(file: Path) -> None:
    journal = Journal(file)
    table = journal.new_owner()
    journal.put_items(table, [(b"a", b"1", 1)])
    journal.commit()
    journal.put_items(table, [(b"b", b"2", 1)])
    journal.remove_item(table, b"a")
    assert [key for key, *_ in _again(journal, file).items(table)] == [b"a"]


def test_forgetting_one_owner_leaves_the_others(file: Path) -> None:
    journal = Journal(file)
    for owner in (1, 2):
        journal.put_items(owner, [(b"a", b"1", 1)])
        journal.add_history(owner, (1.0, b"a", b"0", 1))
        journal.add_record(owner, 0, "{}")
    journal.forget(1)
    journal.commit()
    assert (journal.items(1), journal.history(1), journal.records(1)) == ([], [], [])
    assert len(journal.items(2)) == len(journal.history(2)) == len(journal.records(2)) == 1


def test_old_history_records_and_tokens_go(file: Path) -> None:
    journal = Journal(file)
    for n in range(4):
        journal.add_history(1, (float(n), b"a", None, 0))
        journal.add_record(1, n, "{}")
        journal.add_token(f"t{n}", "", float(n), oldest=n - 1.0)
    journal.forget_history(1, until=2.0)
    journal.forget_records(1, before=3)
    assert [past[0] for past in journal.history(1)] == [2.0, 3.0]
    assert [number for number, _ in journal.records(1)] == [3]
    assert [token for token, *_ in journal.tokens()] == ["t2", "t3"]


def test_a_full_disk_writes_nothing_and_keeps_it_for_later(file: Path) -> None:
    journal = Journal(file)
    table = journal.new_owner()
    journal.put_items(table, [(b"a", b"1", 1)])
    journal.commit()
    (pages,) = journal._db.execute("PRAGMA page_count").fetchone()
    journal._db.execute(f"PRAGMA max_page_count = {pages + 1}")
    journal.put_items(table, [(b"b", b"2", 1), (b"c", b"x" * 1_000_000, 1)])
    with pytest.raises(DiskFull, match="Free some space"):
        journal.commit()
    inside = journal._db.execute("SELECT key FROM items").fetchall()
    assert inside == [(b"a",)]
    journal._db.execute("PRAGMA max_page_count = 1000000")
    journal.commit()
    assert [key for key, *_ in _again(journal, file).items(table)] == [b"a", b"b", b"c"]


def test_a_file_of_a_newer_release_is_left_alone(file: Path) -> None:
    Journal(file).close()
    with sqlite3.connect(file) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    before = file.read_bytes()
    with pytest.raises(SandboxError, match=r"newer release.*--home.*reset"):
        Journal(file)
    assert file.read_bytes() == before


def test_a_file_that_is_no_database_is_said_so(file: Path) -> None:
    file.write_bytes(b"no database at all" * 100)
    with pytest.raises(SandboxError, match=r"cannot be read.*reset"):
        Journal(file)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_its_owner_reads_the_file(file: Path) -> None:
    journal = Journal(file)
    journal.put_items(1, [(b"a", b"1", 1)])
    journal.commit()
    for part in file.parent.glob("account.db*"):
        assert stat.S_IMODE(part.stat().st_mode) == 0o600


KILLED = """
import os, sys
from pathlib import Path
from sandbox.journal import Journal

journal = Journal(Path(sys.argv[1]))
for n in range(100):
    journal.put_items(1, [(b"%03d" % n, b"x" * 5000, 1), (b"%03d twin" % n, b"y", 1)])
    if n < 50:
        journal.commit()
        print(n, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9")
def test_a_killed_process_has_left_what_it_committed(file: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(file)], capture_output=True, text=True
    )
    assert killed.returncode == -9
    acknowledged = killed.stdout.split()
    keys = [key for key, *_ in Journal(file).items(1)]
    assert len(acknowledged) == 50
    assert len(keys) == 2 * len(acknowledged)


def test_the_file_stays_as_small_as_what_is_in_it(file: Path) -> None:
    journal = Journal(file)
    rows = [(b"%04d" % n, b"x" * 1000, 1) for n in range(500)]
    sizes = []
    for _ in range(40):
        journal.put_items(1, rows)
        journal.keep_account(b"y" * 50_000)
        journal.commit()
        sizes.append(sum(part.stat().st_size for part in file.parent.glob("account.db*")))
    # The log beside it holds a few rounds, and then begins anew.
    assert max(sizes[20:]) == max(sizes)
    assert max(sizes) < 25 * 1000 * len(rows)
    journal.close()
    assert file.stat().st_size < 3 * 1000 * len(rows)


def test_reading_sees_what_is_pending_and_commits_nothing(file: Path) -> None:
    journal = Journal(file)
    journal.put_items(1, [(b"a", b"1", 1)])
    journal.commit()
    journal.put_items(1, [(b"b", b"2", 1)])
    journal.add_history(1, (1.0, b"b", None, 0))
    journal.add_record(1, 0, "{}")
    journal.add_token("t", "request", 7.0, oldest=0.0)
    journal.count_call("ec2:CreateVpc", 1)
    for read in (
        lambda: journal.items(1),
        lambda: journal.history(1),
        lambda: journal.records(1),
        lambda: list(journal.tokens()),
        journal.calls,
    ):
        assert read()
    # The process ends here, before the request is finished.
    found = _again(journal, file)
    assert found.items(1) == [(b"a", b"1", 1)]
    assert not found.history(1) and not found.records(1)
    assert not list(found.tokens()) and not found.calls()


def test_without_a_file_nothing_is_kept() -> None:
    journal = Journal(None)
    journal.put_items(journal.new_owner(), [(b"a", b"1", 1)])
    journal.commit()
    assert journal.items(1) == []
    assert journal.calls() == {}
    assert journal.fact("account") == b""
