"""Backups and point-in-time recovery: tables made anew with what was there then.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Backup-and-Restore.html
"""

import copy
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from moto.moto_api._internal import mock_random

from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.restoring import overridden
from sandbox.dynamodb.storage import Keys, TableItems
from sandbox.dynamodb.table import SandboxTable
from sandbox.pace import Passage, set_status

# At pace `aws`, the latest time that can be restored lies so far back, as on AWS.
RECOVERY_LAG = 300
DAYS_KEPT = 35


@dataclass
class Backup:
    """A table as it was: its items are shared with the table, since items never change.

    Attributes:
        source: the table's description.
        settings: what `create_table` takes to make it anew.
        size: of the items, in bytes.
        keys: the table's.
        place: under which number the journal keeps the items.
    """

    arn: str
    name: str
    created: float
    status: str
    source: dict[str, Any]
    settings: dict[str, Any]
    size: int
    keys: Keys
    place: int
    _items: TableItems | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the items, which are rows of the journal."""
        return {**vars(self), "_items": None}

    @property
    def items(self) -> TableItems:
        """The items as they were."""
        if self._items is None:
            self._items = TableItems(self.keys)
            self._items.fill(SandboxTable.journal.items(self.place))
        return self._items

    def details(self) -> dict[str, Any]:
        """AWS's BackupDetails."""
        return {
            "BackupArn": self.arn,
            "BackupName": self.name,
            "BackupSizeBytes": self.size,
            "BackupStatus": self.status,
            "BackupType": "USER",
            "BackupCreationDateTime": self.created,
        }

    def description(self) -> dict[str, Any]:
        """AWS's BackupDescription."""
        words = ("TableName", "TableId", "TableArn", "TableSizeBytes", "KeySchema", "ItemCount")
        source = {word: self.source[word] for word in words}
        source |= {
            "TableCreationDateTime": self.source["CreationDateTime"],
            "ProvisionedThroughput": self.source["ProvisionedThroughput"],
            "BillingMode": self.settings["billing_mode"],
        }
        features = {
            word: self.source[word]
            for word in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes")
            if word in self.source
        }
        return {
            "BackupDetails": self.details(),
            "SourceTableDetails": source,
            "SourceTableFeatureDetails": features,
        }


def create_backup(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html"""
    table = _table(db, request["TableName"])
    now = time.time()
    items = table.store.snapshot()
    identifier = f"0{int(now * 1000)}-{str(mock_random.uuid4())[:8]}"
    backup = Backup(
        f"{table.table_arn}/backup/{identifier}",
        request["BackupName"],
        now,
        "CREATING",
        table.describe()["TableDescription"],
        _settings(table),
        items.bytes,
        items.keys,
        table.journal.new_owner(),
        items,
    )
    table.journal.put_items(backup.place, items.rows())
    db.backups[backup.arn] = backup
    show = partial(set_status, backup)
    db.pace.begin(Passage("Backup", backup.arn, ["CREATING"], "AVAILABLE", show))
    return {"BackupDetails": backup.details()}


def describe_backup(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeBackup.html"""
    backup = _backup(db, request)
    answer = {"BackupDescription": backup.description()}
    db.pace.mark_seen("Backup", lambda name: name == backup.arn)
    return answer


def list_backups(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListBackups.html"""
    name, limit = request.get("TableName"), request.get("Limit", 100)
    found = [
        backup
        for backup in db.backups.values()
        if name in (None, backup.source["TableName"], backup.source["TableArn"])
    ]
    start = request.get("ExclusiveStartBackupArn")
    if start is not None:
        places = [place for place, backup in enumerate(found) if backup.arn == start]
        found = found[places[0] + 1 :] if places else []
    answer: dict[str, Any] = {
        "BackupSummaries": [
            {
                **backup.details(),
                **{word: backup.source[word] for word in ("TableName", "TableId", "TableArn")},
            }
            for backup in found[:limit]
        ]
    }
    if len(found) > limit:
        answer["LastEvaluatedBackupArn"] = found[limit - 1].arn
    shown = {backup.arn for backup in found[:limit]}
    db.pace.mark_seen("Backup", lambda arn: arn in shown)
    return answer


def delete_backup(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DeleteBackup.html"""
    backup = _backup(db, request)
    if backup.status == "CREATING":
        raise _busy(backup)
    del db.backups[backup.arn]
    backup.status = "DELETED"
    SandboxTable.journal.forget(backup.place)
    return {"BackupDescription": backup.description()}


def restore_table_from_backup(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableFromBackup.html"""
    backup = _backup(db, request)
    if backup.status == "CREATING":
        raise _busy(backup)
    summary = {"SourceBackupArn": backup.arn, "SourceTableArn": backup.source["TableArn"]}
    summary["RestoreDateTime"] = backup.created
    return _restore(db, request, backup.settings, backup.items, summary)


def restore_table_to_point_in_time(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html"""
    name = request.get("SourceTableName") or request.get("SourceTableArn")
    if name is None:
        raise invalid("Either SourceTableName or SourceTableArn must be specified")
    table = _table(db, name, "SourceTableNotFoundException")
    if not table.recovers:
        raise DynamoDBError(
            "PointInTimeRecoveryUnavailableException",
            f"Point in time recovery is not enabled for table '{table.name}'",
        )
    latest = time.time() - (RECOVERY_LAG if db.pace.name == "aws" else 0)
    moment = request.get("RestoreDateTime")
    if request.get("UseLatestRestorableTime"):
        moment = latest
    elif moment is None:
        raise invalid("Either RestoreDateTime or UseLatestRestorableTime must be specified")
    if not table.recovers_since <= moment <= latest:
        raise DynamoDBError(
            "InvalidRestoreTimeException",
            "RestoreDateTime is not between EarliestRestorableDateTime "
            f"({_shown(table.recovers_since)}) and LatestRestorableDateTime ({_shown(latest)})",
        )
    items = table.store.snapshot()
    for when, key, record in reversed(table.history):
        if when <= moment:
            break
        if record is None:
            items.remove(key)
        else:
            items.put(key, record)
    summary = {"SourceTableArn": table.table_arn, "RestoreDateTime": moment}
    return _restore(db, request, _settings(table), items, summary)


def describe_continuous_backups(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeContinuousBackups.html"""
    table = _table(db, request["TableName"])
    recovery: dict[str, Any] = {"PointInTimeRecoveryStatus": "DISABLED"}
    if table.recovers:
        latest = time.time() - (RECOVERY_LAG if db.pace.name == "aws" else 0)
        recovery = {
            **table.continuous_backups["PointInTimeRecoveryDescription"],
            "EarliestRestorableDateTime": table.recovers_since,
            "LatestRestorableDateTime": max(latest, table.recovers_since),
        }
    return {
        "ContinuousBackupsDescription": {
            "ContinuousBackupsStatus": "ENABLED",
            "PointInTimeRecoveryDescription": recovery,
        }
    }


def update_continuous_backups(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateContinuousBackups.html"""
    table = _table(db, request["TableName"])
    db.check_idle(table, ("CREATING", "DELETING"))
    wanted = request["PointInTimeRecoverySpecification"]
    if wanted["PointInTimeRecoveryEnabled"]:
        if not table.recovers:
            table.recovers_since = time.time()
            table.forget_history(math.inf)
        description = {
            "PointInTimeRecoveryStatus": "ENABLED",
            "RecoveryPeriodInDays": wanted.get("RecoveryPeriodInDays", DAYS_KEPT),
        }
    else:
        description = {"PointInTimeRecoveryStatus": "DISABLED"}
        table.forget_history(math.inf)
    table.continuous_backups["PointInTimeRecoveryDescription"] = description
    return describe_continuous_backups(db, request)


def _settings(table: SandboxTable) -> dict[str, Any]:
    words = ("ReadCapacityUnits", "WriteCapacityUnits")
    on_demand = table.billing_mode == "PAY_PER_REQUEST"

    def settings(index: Any) -> dict[str, Any]:
        made = {
            "IndexName": index.name,
            "KeySchema": index.schema,
            "Projection": index.projection,
        }
        if not on_demand and hasattr(index, "throughput"):
            made["ProvisionedThroughput"] = {word: index.throughput[word] for word in words}
        return made

    return copy.deepcopy(
        {
            "schema": table.schema,
            "attr": table.attr,
            "throughput": None if on_demand else {word: table.throughput[word] for word in words},
            "billing_mode": table.billing_mode,
            "indexes": [settings(index) for index in table.indexes],
            "global_indexes": [settings(i) for i in table.global_indexes if i.status == "ACTIVE"],
        }
    )


def _restore(
    db: Any,
    request: dict[str, Any],
    settings: dict[str, Any],
    items: TableItems,
    summary: dict[str, Any],
) -> dict[str, Any]:
    name = request["TargetTableName"]
    if name in db.tables:
        raise DynamoDBError("TableAlreadyExistsException", f"Table already exists: {name}")
    # Time to live, streams and point-in-time recovery are to be set anew, as on AWS.
    table = db.create_table(name, **overridden(settings, request))
    table.fill(items)
    table.restored = {**summary, "RestoreInProgress": True}
    return table.describe()


def _table(db: Any, name: str, code: str = "TableNotFoundException") -> SandboxTable:
    try:
        table = db.table_named(name)
    except DynamoDBError as error:
        raise DynamoDBError(code, f"Table not found: {name}") from error
    if table.status == "DELETING":
        raise DynamoDBError(code, f"Table not found: {name}")
    return table


def _backup(db: Any, request: dict[str, Any]) -> Backup:
    arn = request["BackupArn"]
    if arn not in db.backups:
        raise DynamoDBError("BackupNotFoundException", f"Backup not found: {arn}")
    return db.backups[arn]


def _busy(backup: Backup) -> DynamoDBError:
    return DynamoDBError("BackupInUseException", f"Backup is being created: {backup.arn}")


def _shown(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
