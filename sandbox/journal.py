"""What the sandbox remembers on disk: written before a request is answered, read at the start.

One SQLite database, `account.db`. What AWS resources there are is one pickle of moto's backends;
DynamoDB's items, history and stream records are rows, since there are many of them and a request
changes few. All that a request changed is committed in one transaction: after `kill -9` it is
there as a whole, or not at all.

In WAL mode with `synchronous=NORMAL` a commit waits for no disk: it survives the end of this
process at any moment; a power cut may take the last moments, and never more than those.
https://www.sqlite.org/wal.html#performance_considerations
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError

# Raise it when the tables below change; `_MIGRATIONS` then says how an older file becomes one.
FORMAT = 1
_MIGRATIONS: dict[int, str] = {}

_TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID;
CREATE TABLE calls (name TEXT PRIMARY KEY, count INTEGER) WITHOUT ROWID;
CREATE TABLE tokens (token TEXT PRIMARY KEY, request TEXT, time REAL) WITHOUT ROWID;
CREATE TABLE items (owner INTEGER, key BLOB, raw BLOB, size INTEGER, PRIMARY KEY (owner, key));
CREATE TABLE history (id INTEGER PRIMARY KEY, owner INTEGER, time REAL, key BLOB, raw BLOB,
    size INTEGER);
CREATE INDEX history_of ON history (owner, time);
CREATE TABLE records (owner INTEGER, number INTEGER, content TEXT, PRIMARY KEY (owner, number));
"""

Row = tuple[bytes, bytes, int]
Past = tuple[float, bytes, bytes | None, int]


class DiskFull(SandboxError):
    """What a request changed could not be written; it is kept, and written with the next one."""


class Journal:
    """The file, and what is to be written to it with the next commit.

    Args:
        file: the database; it is made where it is not there. None remembers nothing.

    Raises:
        SandboxError: the file is of a newer release, or no such database; says what to do.
    """

    def __init__(self, file: Path | None):
        self._file = file
        self._pending: list[tuple[str, list[tuple]]] = []
        self._owners = 0
        self.is_new = True
        if file is None:
            return
        try:
            self._db = _open(file)
            self.is_new = self._prepare(file)
            found = self._db.execute("SELECT max(owner) FROM items").fetchone()[0] or 0
            self._owners = max(found, int(self.fact("owners", b"0")))
        except sqlite3.DatabaseError as error:
            raise SandboxError(
                f"{file} cannot be read ({error}). Start with another folder (--home FOLDER), or "
                "empty this one: python -m sandbox reset"
            ) from error

    # -- what a request changes -------------------------------------------------------------

    def new_owner(self) -> int:
        """A number for a table, a backup or a stream, under which its rows are kept."""
        self._owners += 1
        self._note("INSERT OR REPLACE INTO facts VALUES ('owners', ?)", (str(self._owners),))
        return self._owners

    def put_items(self, owner: int, rows: Iterable[Row]) -> None:
        """Keep items: (key, JSON, size) each."""
        self._note_many(
            "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?)", [(owner, *row) for row in rows]
        )

    def remove_item(self, owner: int, key: bytes) -> None:
        """Forget one item."""
        self._note("DELETE FROM items WHERE owner = ? AND key = ?", (owner, key))

    def forget(self, owner: int) -> None:
        """Forget all rows of a table, backup or stream that is gone."""
        for table in ("items", "history", "records"):
            self._note(f"DELETE FROM {table} WHERE owner = ?", (owner,))

    def add_history(self, owner: int, past: Past) -> None:
        """Keep what a write replaced: (time, key, JSON or None, size)."""
        self._note(
            "INSERT INTO history (owner, time, key, raw, size) VALUES (?, ?, ?, ?, ?)",
            (owner, *past),
        )

    def forget_history(self, owner: int, until: float) -> None:
        """Forget what was replaced before a moment."""
        self._note("DELETE FROM history WHERE owner = ? AND time < ?", (owner, until))

    def add_record(self, owner: int, number: int, content: str) -> None:
        """Keep a stream's record."""
        self._note("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (owner, number, content))

    def forget_records(self, owner: int, before: int) -> None:
        """Forget a stream's records with lower numbers."""
        self._note("DELETE FROM records WHERE owner = ? AND number < ?", (owner, before))

    def add_token(self, token: str, request: str, time: float, oldest: float) -> None:
        """Keep a client request token, and forget those from before `oldest`."""
        self._note("DELETE FROM tokens WHERE time < ?", (oldest,))
        self._note("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)", (token, request, time))

    def count_call(self, name: str, count: int) -> None:
        """Keep how often an operation was called."""
        self._note("INSERT OR REPLACE INTO calls VALUES (?, ?)", (name, count))

    def keep_account(self, content: bytes, name: str = "account") -> None:
        """Keep a part of everything else, as one pickle."""
        self._note("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, content))

    def commit(self) -> None:
        """Write all of it, in one transaction.

        Raises:
            DiskFull: nothing was written. It is kept, and tried again at the next commit.
        """
        if not self._pending or self._file is None:
            self._pending.clear()
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            for statement, rows in self._pending:
                if len(rows) == 1:
                    self._db.execute(statement, rows[0])
                else:
                    self._db.executemany(statement, rows)
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            with suppress(sqlite3.OperationalError):  # SQLite may have rolled back by itself
                self._db.execute("ROLLBACK")
            raise DiskFull(
                f"The sandbox could not write to {self._file} ({error}). Free some space on that "
                "disk and try again; nothing that was acknowledged is lost."
            ) from error
        self._pending.clear()

    # -- what was kept ----------------------------------------------------------------------

    def fact(self, name: str, default: bytes = b"") -> bytes:
        """What is kept under a name, such as "account"."""
        if self._file is None:
            return default
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return default if row is None else row[0]

    def items(self, owner: int) -> list[Row]:
        """A table's or a backup's items, in the order of their keys."""
        return self._rows("SELECT key, raw, size FROM items WHERE owner = ? ORDER BY key", owner)

    def history(self, owner: int) -> list[Past]:
        """What was replaced, the oldest first."""
        return self._rows(
            "SELECT time, key, raw, size FROM history WHERE owner = ? ORDER BY id", owner
        )

    def records(self, owner: int) -> list[tuple[int, str]]:
        """A stream's records, by number."""
        return self._rows(
            "SELECT number, content FROM records WHERE owner = ? ORDER BY number", owner
        )

    def tokens(self) -> Iterator[tuple[str, str, float]]:
        """The client request tokens."""
        yield from self._rows("SELECT token, request, time FROM tokens WHERE 0 = ?", 0)

    def calls(self) -> dict[str, int]:
        """How often each operation was called."""
        return dict(self._rows("SELECT name, count FROM calls WHERE 0 = ?", 0))

    def close(self) -> None:
        """Fold the write-ahead log into the database, and let go of it."""
        if self._file is not None:
            self._db.close()

    # -- pieces -----------------------------------------------------------------------------

    def _note(self, statement: str, row: tuple) -> None:
        self._pending.append((statement, [row]))

    def _note_many(self, statement: str, rows: list[tuple]) -> None:
        if not rows:
            return
        if self._pending and self._pending[-1][0] == statement:
            self._pending[-1][1].extend(rows)  # a batch is written at once
        else:
            self._pending.append((statement, rows))

    def _rows(self, statement: str, owner: int) -> list[Any]:
        if self._file is None:
            return []
        self.commit()  # a table that is read again in the request that wrote it
        return self._db.execute(statement, (owner,)).fetchall()

    def _prepare(self, file: Path) -> bool:
        """Make the tables, or bring them up to date; True where there were none."""
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise SandboxError(
                f"{file} was written by a newer release of this course (format {found}; this "
                f"release knows {FORMAT}). Use that release, start with another folder "
                "(--home FOLDER), or empty this one: python -m sandbox reset"
            )
        for step in range(found, FORMAT):
            script = _MIGRATIONS[step] if found else _TABLES
            self._db.executescript(f"BEGIN; {script} PRAGMA user_version = {step + 1}; COMMIT;")
        return found == 0


def _open(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    # Used from the server's threads, one at a time: the front door's lock sees to that.
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    for setting in (
        "locking_mode = EXCLUSIVE",  # before WAL: then it needs no shared memory
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "journal_size_limit = 16777216",  # what a large load leaves of the log on disk
        "auto_vacuum = INCREMENTAL",
    ):
        db.execute(f"PRAGMA {setting}")
    return db
