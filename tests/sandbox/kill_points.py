"""Kill a process before each SQL statement of a request, one after the other, and compare.

    python -m tests.sandbox.kill_points FOLDER [OPERATION ...]

For each operation the account is prepared, copied, and opened by a process of its own that is
killed with -9 before its n-th statement, for every n. Opened again, the account must be as it was
before the request, or as it is after it. It prints one JSON object: the number of statements by
operation. It needs `fork`.
"""

import gc
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from sandbox import dynamodb
from sandbox.dynamodb import requests, service
from sandbox.ids import ReproducibleIds
from sandbox.journal import Journal
from sandbox.keeper import Keeper
from sandbox.pace import Pace
from sandbox.protocol import Call

REGION = "us-east-1"
FORMATS = Path(__file__).parent / "homes"


class Account:
    """An opened account, which answers DynamoDB's requests as the front door has them answered."""

    def __init__(self, file: Path):
        self.pace = Pace("instant")
        self.journal = Journal(file)
        dynamodb.install(self.pace, self.journal)
        self.ids = ReproducibleIds(calls=self.journal.calls())
        self.keeper = Keeper(self.journal, self.pace, self.ids, file.parent)
        self.keeper.find()
        if self.keeper.rest_is_due:
            self.keeper.find_rest()

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        """Answer one request, and keep what it changed."""
        call = Call("dynamodb", operation, "json", None)
        self.keeper.check_room(call)
        counted = self.ids.before("dynamodb", operation)
        self.pace.settle()
        status, _, payload = service.answer(operation, json.dumps(request).encode(), REGION)
        self.keeper.remember(call, counted)
        assert status == 200, payload
        return json.loads(payload)

    def seen(self) -> dict[str, Any]:
        """Everything in it but times."""
        db: Any = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
        return {
            "tables": {name: _table(table) for name, table in sorted(db.tables.items())},
            "backups": sorted(
                (b.name, b.status, [record.raw.decode() for _, record in b.items.range(b"", None)])
                for b in db.backups.values()
            ),
            "tokens": {token: request for token, (request, _) in db.tokens.items()},
            "owners": self.journal.new_owner(),
        }


def _table(table: Any) -> dict[str, Any]:
    shard = table.stream_shard
    return {
        "status": table.status,
        "id": table.table_id,
        "items": [record.raw.decode() for _, record in table.store.range(b"", None)],
        "indexes": {
            name: [record.raw.decode() for _, record in index.range(b"", None)]
            for name, index in table.store.indexes.items()
        },
        "stream": table.streams,
        "records": [
            [r["eventID"], r["eventName"], r["dynamodb"]["SequenceNumber"], r["dynamodb"]["Keys"]]
            for r in (shard.items if shard else [])
        ],
        "recovers": table.recovers,
        "history": [
            [key.hex(), record.raw.decode() if record else None] for _, key, record in table.history
        ],
        "ttl": table.ttl,
    }


# -- what is done -------------------------------------------------------------------------


def _create(account: Account, name: str) -> None:
    account.ask(
        "CreateTable",
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("id", "g")],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-g",
                "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    account.ask("DescribeTable", TableName=name)


def prepare(account: Account) -> None:
    """Two tables with an index, a stream, recovery and items; a backup."""
    for name in ("One", "Two"):
        _create(account, name)
        account.ask(
            "UpdateContinuousBackups",
            TableName=name,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
        )
        for key in "abc":
            account.ask("PutItem", TableName=name, Item=_item(key, 0))
        account.ask("PutItem", TableName=name, Item=_item("a", 1))
    arn = account.ask("CreateBackup", TableName="One", BackupName="kept")["BackupDetails"]
    account.ask("DescribeBackup", BackupArn=arn["BackupArn"])
    ttl = {"Enabled": True, "AttributeName": "until"}
    account.ask("UpdateTimeToLive", TableName="Two", TimeToLiveSpecification=ttl)
    account.ask("DescribeTimeToLive", TableName="Two")
    account.ask("PutItem", TableName="Two", Item={**_item("late", 0), "until": _seconds(2)})


def delete_a_table(account: Account) -> None:
    """Bring a deletion so far that the next request ends it."""
    _create(account, "Leaving")
    account.ask("PutItem", TableName="Leaving", Item=_item("a", 0))
    account.ask("DeleteTable", TableName="Leaving")
    account.ask("ListTables")  # Now it has been seen in its passing state.


def _item(key: str, number: int) -> dict[str, Any]:
    return {"id": {"S": key}, "g": {"S": f"g{number}"}, "n": {"N": str(number)}}


def _seconds(ahead: int) -> dict[str, str]:
    return {"N": str(int(time.time()) + ahead)}


def _key(key: str) -> dict[str, Any]:
    return {"id": {"S": key}}


def _put(table: str, key: str) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": _item(key, 2)}}


def _backup_arn(account: Account) -> str:
    (backup,) = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].backups.values()
    return backup.arn


DELETION = "ListTables, which ends a deletion"
# Each is one request to an account that has just been opened: nothing was read from disk yet.
OPERATIONS: dict[str, Callable[[Account], Any]] = {
    "PutItem": lambda a: a.ask("PutItem", TableName="One", Item=_item("a", 2)),
    "UpdateItem": lambda a: a.ask(
        "UpdateItem", TableName="One", Key=_key("b"), UpdateExpression="REMOVE g"
    ),
    "DeleteItem": lambda a: a.ask("DeleteItem", TableName="One", Key=_key("c")),
    "BatchWriteItem": lambda a: a.ask(
        "BatchWriteItem",
        RequestItems={"One": [{"PutRequest": {"Item": _item(key, 2)}} for key in "axyz"]},
    ),
    "TransactWriteItems": lambda a: a.ask(
        "TransactWriteItems",
        TransactItems=[
            _put("One", "a"),
            _put("Two", "new"),
            {"Delete": {"TableName": "Two", "Key": _key("b")}},
            {"Update": {"TableName": "One", "Key": _key("b"), "UpdateExpression": "REMOVE g"}},
        ],
        ClientRequestToken="a-token",
    ),
    "ExecuteTransaction": lambda a: a.ask(
        "ExecuteTransaction",
        TransactStatements=[
            {"Statement": "INSERT INTO Two VALUE {'id': 'sql', 'g': 'x'}"},
            {"Statement": "DELETE FROM One WHERE id = 'a'"},
        ],
        ClientRequestToken="b-token",
    ),
    "CreateTable": lambda a: a.ask(
        "CreateTable",
        TableName="Three",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
    ),
    DELETION: lambda a: a.ask("ListTables"),
    "CreateBackup": lambda a: a.ask("CreateBackup", TableName="Two", BackupName="second"),
    "DeleteBackup": lambda a: a.ask("DeleteBackup", BackupArn=_backup_arn(a)),
    "RestoreTableFromBackup": lambda a: a.ask(
        "RestoreTableFromBackup", TargetTableName="Restored", BackupArn=_backup_arn(a)
    ),
    "RestoreTableToPointInTime": lambda a: a.ask(
        "RestoreTableToPointInTime",
        SourceTableName="One",
        TargetTableName="Restored",
        UseLatestRestorableTime=True,
    ),
    "a stream goes": lambda a: a.ask(
        "UpdateTable", TableName="One", StreamSpecification={"StreamEnabled": False}
    ),
    "recovery is switched off": lambda a: a.ask(
        "UpdateContinuousBackups",
        TableName="One",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False},
    ),
    "an item expires": lambda a: a.ask("GetItem", TableName="Two", Key=_key("late")),
}


# -- the processes ------------------------------------------------------------------------


def forked(work: Callable[[], Any]) -> int:
    """Do something in a process of its own; return how that process ended."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            if code:
                traceback.print_exc()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def seen(home: Path, opening: bool) -> Any:
    """Open an account in a process of its own, and return what is in it."""
    said = home.parent / "seen.json"

    def look() -> None:
        file = home / "account.db"
        found = list(map(repr, _rows(file))) if opening else Account(file).seen()
        said.write_text(json.dumps(found))

    assert forked(look) == 0
    return json.loads(said.read_text())


def _rows(file: Path) -> list[Any]:
    db = Journal(file)._db
    names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [
        (name, row)
        for name in sorted(names)
        for row in db.execute(
            f"SELECT {'number, name' if name == 'migrations' else '*'} FROM {name}"
        )
    ]


def killed_before(home: Path, number: int, work: Callable[[Account], Any], opening: bool) -> int:
    """Open an account, do something, and die before the n-th statement; return the exit code.

    With `opening`, opening it is what is done.
    """
    counted = home.parent / "counted"

    def run() -> None:
        statements = 0

        def trace(statement: str) -> None:
            nonlocal statements
            statements += 1
            if statements == number:
                os.kill(os.getpid(), signal.SIGKILL)

        if opening:
            _trace_every_connection(trace)
            Journal(home / "account.db")
        else:
            account = Account(home / "account.db")
            account.journal._db.set_trace_callback(trace)
            work(account)
        counted.write_text(str(statements))

    return forked(run)


def _trace_every_connection(trace: Callable[[str], None]) -> None:
    import sqlite3

    connect = sqlite3.connect

    def traced(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection = connect(*args, **kwargs)
        connection.set_trace_callback(trace)
        return connection

    sqlite3.connect = traced  # type: ignore[assignment]


def try_all(folder: Path, before: Path, work: Callable[[Account], Any], opening: bool) -> int:
    """Kill before every statement; return how many there are."""
    home = folder / "home"

    def fresh() -> None:
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(before, home)

    if work is OPERATIONS[DELETION]:
        assert forked(lambda: delete_a_table(Account(before / "account.db"))) == 0
    fresh()
    old = seen(home, opening)
    fresh()
    assert killed_before(home, 0, work, opening) == 0
    count = int((folder / "counted").read_text())
    new = seen(home, opening)
    assert count > 0 and (opening or old != new), "it does nothing"
    for number in range(1, count + 1):
        fresh()
        assert killed_before(home, number, work, opening) == -signal.SIGKILL
        found = seen(home, opening)
        assert found in (old, new), f"half there, killed before statement {number} of {count}"
    return count


def main() -> None:
    """Try the operations that the command line names, or all; opening comes last."""
    folder = Path(sys.argv[1])
    for name in service.OPERATIONS:
        requests._check_of_operation(name)  # Once, and not in each process.
    gc.freeze()
    names = sys.argv[2:] or [*OPERATIONS, "opening"]
    before = folder / "before"
    before.mkdir()
    assert forked(lambda: prepare(Account(before / "account.db"))) == 0
    time.sleep(2.1)  # An item has expired by then.
    counts = {}
    for name in names:
        if name == "opening":
            shutil.rmtree(before)
            before.mkdir()
            shutil.copy(FORMATS / "format-1.db", before / "account.db")
        work = OPERATIONS.get(name, lambda account: None)
        sys.stderr.write(f"{name}\n")
        counts[name] = try_all(folder, before, work, opening=name == "opening")
    sys.stdout.write(json.dumps(counts))


if __name__ == "__main__":
    main()
