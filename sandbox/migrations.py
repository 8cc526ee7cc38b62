"""The tables of `account.db`: named functions, each applied once to a file and recorded by name.

To change the tables, add a function at the end of `MIGRATIONS`. Never change, rename or remove one
that a release has applied.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from sandbox.errors import SandboxError

Migration = Callable[[sqlite3.Connection], None]

_TABLE = (
    "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT UNIQUE, "
    "applied TEXT)"
)
ADVICE = (
    "start with another folder (python -m sandbox start --home FOLDER), or empty this one "
    "(python -m sandbox reset)"
)


def m001_create_tables(db: sqlite3.Connection) -> None:
    """Create the tables of the first release."""
    for statement in (
        "CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID",
        "CREATE TABLE calls (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID",
        "CREATE TABLE tokens (token TEXT PRIMARY KEY, request TEXT, time REAL) WITHOUT ROWID",
        "CREATE TABLE items (owner INTEGER, key BLOB, raw BLOB, size INTEGER, "
        "PRIMARY KEY (owner, key))",
        "CREATE TABLE history (id INTEGER PRIMARY KEY, owner INTEGER, time REAL, key BLOB, "
        "raw BLOB, size INTEGER)",
        "CREATE INDEX history_of ON history (owner, time)",
        "CREATE TABLE records (owner INTEGER, number INTEGER, content TEXT, "
        "PRIMARY KEY (owner, number))",
    ):
        db.execute(statement)


MIGRATIONS: tuple[Migration, ...] = (m001_create_tables,)


def migrate(
    db: sqlite3.Connection, file: object, migrations: Sequence[Migration] = MIGRATIONS
) -> bool:
    """Apply the migrations that a database lacks, each in a transaction of its own.

    The file's `user_version` is the number of migrations. The first release recorded no names: it
    compares this number with the one that it knows.

    Args:
        db: the database, in autocommit mode.
        file: its name, for messages.
        migrations: all of them, in order.

    Returns:
        Whether the database was empty.
    """
    applied = check(db, file, migrations)
    for number, migration in enumerate(migrations, 1):
        with _transaction(db):
            db.execute(_TABLE)
            if migration.__name__ not in applied:
                migration(db)
                db.execute(f"PRAGMA user_version = {number}")
            record = (number, migration.__name__)
            db.execute("INSERT OR IGNORE INTO migrations VALUES (?, ?, datetime('now'))", record)
    return not applied


def check(
    db: sqlite3.Connection, file: object, migrations: Sequence[Migration] = MIGRATIONS
) -> list[str]:
    """Find out whether this release can open a database, and change nothing in it.

    Args:
        db: the database.
        file: its name, for messages.
        migrations: all of them, in order.

    Returns:
        The names of the migrations that were applied to it.

    Raises:
        SandboxError: a newer release wrote the file, or it is no account; says what to type.
    """
    names = [migration.__name__ for migration in migrations]
    applied, version = _applied(db, file, names)
    unknown = [name for name in applied if name not in names]
    if unknown or version > len(names):
        raise SandboxError(
            f"A newer release of this course wrote {file} (format {version}; this release knows "
            f"format {len(names)}). Use that release, {ADVICE}."
        )
    return applied


def _applied(db: sqlite3.Connection, file: object, names: list[str]) -> tuple[list[str], int]:
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if "migrations" in tables:
        found = db.execute("SELECT name FROM migrations ORDER BY number")
        return [row[0] for row in found], version
    if "facts" in tables and version:
        return names[:1], version  # The first release recorded no names.
    if tables or version:
        raise SandboxError(
            f"{file} is an SQLite database, but not the account of a sandbox. Move it away, "
            f"{ADVICE}."
        )
    return [], version


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.OperationalError):  # SQLite may have rolled back by itself.
            db.execute("ROLLBACK")
        raise
