"""Has what a request changed on disk before the request is answered, and finds it at the start."""

import shutil
from pathlib import Path

from sandbox.ids import ReproducibleIds
from sandbox.journal import DiskFull, Journal
from sandbox.pace import Pace
from sandbox.protocol import Call
from sandbox.snapshot import ACCOUNT, IDENTITY, Snapshots

# Operations that change nothing begin with one of these.
LOOKS = ("Describe", "List", "Get", "BatchGet", "TransactGet", "Query", "Scan", "Search", "Lookup")
# Items are rows of the journal; the rest of the account stays as it is.
ITEMS = {
    "BatchExecuteStatement",
    "BatchWriteItem",
    "DeleteItem",
    "ExecuteStatement",
    "ExecuteTransaction",
    "PutItem",
    "TransactWriteItems",
    "UpdateItem",
}
# With less space than this on the disk, bytes, nothing more is taken on.
ROOM = 32 * 1024 * 1024


class Keeper:
    """Keeps the account.

    Args:
        journal: where.
        pace: what is on its way.
        ids: how often each operation was called.
        folder: on the disk whose space counts; None where nothing is kept.
    """

    def __init__(self, journal: Journal, pace: Pace, ids: ReproducibleIds, folder: Path | None):
        self._journal = journal
        self._snapshots = Snapshots(pace)
        self._pace = pace
        self._ids = ids
        self._folder = folder
        self._owed = False

    def find(self) -> bool:
        """Put back what was kept, or at least the users and keys; False where there was nothing.

        Raises:
            SandboxError: it was kept by another release, and cannot be read.
        """
        identity, rest = self._journal.fact(IDENTITY), self._journal.fact(ACCOUNT)
        if identity or rest:
            self._snapshots.put_back(identity, rest)
        return bool(identity or rest)

    @property
    def rest_is_due(self) -> bool:
        """Whether only the users and keys were put back so far: nothing may be changed then."""
        return self._snapshots.rest_is_due

    def find_rest(self) -> None:
        """Put back the other services too.

        Raises:
            SandboxError: they were kept by another release, and cannot be read.
        """
        self._snapshots.put_back_rest()

    def check_room(self, call: Call) -> None:
        """Refuse a change while the disk is full, before anything is changed.

        Raises:
            DiskFull: what an earlier request changed cannot be written yet either.
        """
        if self._folder is None or not changes(call):
            return
        if shutil.disk_usage(self._folder).free < ROOM:
            raise DiskFull(
                f"The disk of {self._folder} is full: the sandbox needs {ROOM // 2**20} MB free "
                "to change anything. Nothing was changed. Free some space and try again."
            )
        if self._owed:
            self.keep()

    def remember(self, call: Call, counted: tuple[str, int]) -> None:
        """Write down what a request changed.

        Raises:
            DiskFull: it cannot be written; the next request tries again.
        """
        if self._folder is None:
            self._journal.commit()
            return
        changed = changes(call)
        if changed:
            self._journal.count_call(*counted)
        items = call.service == "dynamodb" and call.operation in ITEMS
        if (changed and not items) or self._pace.moved:
            self.keep()
        else:
            self._owed = True
            self._journal.commit()
            self._owed = False

    def keep(self) -> None:
        """Write everything down."""
        self._owed = True
        if self._folder is not None:
            for name, content in self._snapshots.take().items():
                self._journal.keep_account(content, name)
        self._pace.moved = False
        self._journal.commit()
        self._owed = False


def changes(call: Call) -> bool:
    """Whether an operation may change anything. Where only the path would tell, it may."""
    return not call.operation.startswith(LOOKS)
