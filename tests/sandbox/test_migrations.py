"""Migrations: applied once each, recorded by name, whole or not at all."""

import sqlite3
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.journal import Journal
from sandbox.migrations import MIGRATIONS, check, migrate


def m002_add_a_column(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE facts ADD COLUMN note TEXT")
    db.execute("INSERT INTO facts (name, value, note) VALUES ('migrated', 'yes', 'once')")


def m002_fails_at_the_end(db: sqlite3.Connection) -> None:
    m002_add_a_column(db)
    db.execute("INSERT INTO no_such_table VALUES (1)")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    Journal(tmp_path / "account.db").close()
    return tmp_path / "account.db"


@pytest.fixture
def db(file: Path):
    connection = sqlite3.connect(file, isolation_level=None)
    yield connection
    connection.close()


def names(db: sqlite3.Connection) -> list[str]:
    return [row[0] for row in db.execute("SELECT name FROM migrations ORDER BY number")]


def test_a_new_file_records_every_migration(db: sqlite3.Connection) -> None:
    assert names(db) == [migration.__name__ for migration in MIGRATIONS]


def test_each_is_applied_once(db: sqlite3.Connection, file: Path) -> None:
    steps = (*MIGRATIONS, m002_add_a_column)
    for _ in range(3):
        assert migrate(db, file, steps) is False
    assert names(db)[-1] == "m002_add_a_column"
    found = db.execute("SELECT count(*) FROM facts WHERE name = 'migrated'").fetchone()
    assert found == (1,)


def test_one_that_fails_leaves_nothing(db: sqlite3.Connection, file: Path) -> None:
    before = list(db.iterdump())
    with pytest.raises(sqlite3.OperationalError, match="no_such_table"):
        migrate(db, file, (*MIGRATIONS, m002_fails_at_the_end))
    assert list(db.iterdump()) == before
    migrate(db, file, (*MIGRATIONS, m002_add_a_column))
    assert names(db)[-1] == "m002_add_a_column"


def test_the_first_release_recorded_no_names(db: sqlite3.Connection, file: Path) -> None:
    db.execute("DROP TABLE migrations")
    db.execute("INSERT INTO facts VALUES ('kept', 'yes')")
    migrate(db, file)
    assert names(db) == ["m001_create_tables"]
    assert db.execute("SELECT value FROM facts WHERE name = 'kept'").fetchone() == ("yes",)


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO migrations VALUES (99, 'm099_of_a_later_release', '')",
        "PRAGMA user_version = 99",
    ],
)
def test_a_newer_file_is_declined_and_unchanged(
    db: sqlite3.Connection, file: Path, change: str
) -> None:
    db.execute(change)
    with pytest.raises(SandboxError, match=r"newer release.*sandbox start --home.*sandbox reset"):
        check(db, file)
    db.close()
    before = file.read_bytes()
    with pytest.raises(SandboxError, match="newer release"):
        Journal(file)
    assert file.read_bytes() == before


def test_a_database_of_another_program_is_declined_and_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "account.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE photos (name TEXT)")
    db.close()
    before = file.read_bytes()
    with pytest.raises(SandboxError, match=r"not the account of a sandbox.*sandbox reset"):
        Journal(file)
    assert file.read_bytes() == before
