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
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from sandbox.errors import SandboxError
from sandbox.migrations import ADVICE, check, migrate

Row = tuple[bytes, bytes, int]
Past = tuple[float, bytes, bytes | None, int]


class DiskFull(SandboxError):
    """What a request changed could not be written; it is kept, and written with the next one."""


class Journal:
    """The file, and what the next commit writes to it. Reading never commits.

    Args:
        file: the database; it is made where it is not there. None remembers nothing.

    Raises:
        SandboxError: a newer release wrote the file, or it is no account; says what to type.
    """

    def __init__(self, file: Path | None):
        self._file = file
        self._pending: list[tuple[str, list[tuple]]] = []
        self._owners = 0
        self.is_new = True
        if file is None:
            return
        with ExitStack() as on_failure:
            try:
                self._db = on_failure.enter_context(closing(_connect(file)))
                check(self._db, file)
                _configure(self._db)
                self.is_new = migrate(self._db, file)
                found = self._db.execute("SELECT max(owner) FROM items").fetchone()[0] or 0
                self._owners = max(found, int(self.fact("owners", b"0")))
            except (sqlite3.DatabaseError, OSError) as error:
                raise SandboxError(
                    f"{file} cannot be read ({error}). Put back a copy of it, {ADVICE}."
                ) from error
            on_failure.pop_all()

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
        with self._writing():
            try:
                self._write_pending()
                self._db.execute("COMMIT")
            except sqlite3.OperationalError:
                self._roll_back()
                raise
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
        yield from self._rows("SELECT token, request, time FROM tokens")

    def calls(self) -> dict[str, int]:
        """How often each operation was called."""
        return dict(self._rows("SELECT name, count FROM calls"))

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

    def _rows(self, statement: str, *values: Any) -> list[Any]:
        """Read rows as the next commit would leave them, and commit nothing."""
        if self._file is None:
            return []
        if not self._pending:
            return self._db.execute(statement, values).fetchall()
        with self._writing():
            try:
                self._write_pending()
                return self._db.execute(statement, values).fetchall()
            finally:
                self._roll_back()

    def _write_pending(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for statement, rows in self._pending:
            if len(rows) == 1:
                self._db.execute(statement, rows[0])
            else:
                self._db.executemany(statement, rows)

    def _roll_back(self) -> None:
        with suppress(sqlite3.OperationalError):  # SQLite may have rolled back by itself.
            self._db.execute("ROLLBACK")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise DiskFull(
                f"The sandbox could not write to {self._file} ({error}). Free some space on that "
                "disk and try again; nothing that was acknowledged is lost."
            ) from error


def _connect(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    # Used from the server's threads, one at a time: the front door's lock sees to that.
    db = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    # Before WAL is switched on: then it needs no shared memory.
    db.execute("PRAGMA locking_mode = EXCLUSIVE")
    return db


def _configure(db: sqlite3.Connection) -> None:
    for setting in (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "journal_size_limit = 16777216",  # what a large load leaves of the log on disk
        "auto_vacuum = INCREMENTAL",
    ):
        db.execute(f"PRAGMA {setting}")
