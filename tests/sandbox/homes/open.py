"""Open an account in this process, use each resource of it, and print what is there.

    python -m tests.sandbox.homes.open HOME

It prints one JSON object. Databases are not started: the folder has no data of theirs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from sandbox.dynamodb import service
from sandbox.home import Home
from sandbox.server import REGION, Sandbox

BOOKS = {"TableName": "Books"}


def ask(operation: str, **request: Any) -> dict[str, Any]:
    """Ask DynamoDB; an error ends the program."""
    status, _, payload = service.answer(operation, json.dumps(request).encode(), REGION)
    assert status == 200, (operation, payload)
    return json.loads(payload)


def used(home: Path) -> dict[str, Any]:
    """Use everything in an account."""
    sandbox = Sandbox(Home(home), pace="instant")
    # As `Sandbox.run` does, without the databases.
    if sandbox._keeper.rest_is_due:
        sandbox._keeper.find_rest()
    sandbox._complete.set()
    inside = sandbox._insider
    # moto is imported after `Sandbox` has set what it reads then.
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.iam.models import iam_backends
    from moto.rds.models import rds_backends

    sandbox.pace.settle()
    for name in ("Books", "Creating"):
        ask("DescribeTable", TableName=name)
    for backup in ask("ListBackups")["BackupSummaries"]:
        ask("DescribeBackup", BackupArn=backup["BackupArn"])
    ask("DescribeTimeToLive", **BOOKS)
    sandbox.pace.settle()
    ask("PutItem", TableName="Creating", Item={"id": {"S": "new"}})
    found: dict[str, Any] = {
        "tables": {
            name: ask("DescribeTable", TableName=name)["Table"]["TableStatus"]
            for name in ask("ListTables")["TableNames"]
        },
        "backups": {
            backup["BackupName"]: backup["BackupStatus"]
            for backup in ask("ListBackups")["BackupSummaries"]
        },
        "ttl": ask("DescribeTimeToLive", **BOOKS)["TimeToLiveDescription"],
        "indexes": [
            index["IndexName"]
            for word in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
            for index in ask("DescribeTable", **BOOKS)["Table"].get(word, [])
        ],
        "books": sorted(
            (item["Author"]["S"], item["Year"]["N"]) for item in ask("Scan", **BOOKS)["Items"]
        ),
        "recovery": ask("DescribeContinuousBackups", **BOOKS)["ContinuousBackupsDescription"][
            "PointInTimeRecoveryDescription"
        ]["PointInTimeRecoveryStatus"],
    }
    arn = ask("DescribeTable", **BOOKS)["Table"]["LatestStreamArn"]
    shard = ask("DescribeStream", StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = ask("GetShardIterator", StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    records = ask("GetRecords", ShardIterator=start)["Records"]
    found["stream"] = [record["eventName"] for record in records]
    # A write with all that follows: local index, stream, history, time to live, capacity.
    book = {"Author": {"S": "New"}, "Year": {"N": "1"}, "Category": {"S": "x"}, "Until": {"N": "1"}}
    ask("PutItem", TableName="Books", Item=book)
    ask("DeleteItem", TableName="Books", Key={"Author": {"S": "New"}, "Year": {"N": "1"}})
    arn = ask("ListBackups")["BackupSummaries"][0]["BackupArn"]
    latest = {"SourceTableName": "Books", "UseLatestRestorableTime": True}
    for name, request in (
        ("RestoreTableToPointInTime", latest),
        ("RestoreTableFromBackup", {"BackupArn": arn}),
    ):
        table = f"{name}{len(found['tables'])}"
        ask(name, TargetTableName=table, **request)
        ask("DescribeTable", TableName=table)
        found[name] = ask("Scan", TableName=table)["Count"]
        ask("DeleteTable", TableName=table)
        ask("ListTables")
    # The token was used: the transaction is not done again, and does not fail either.
    found["tokens"] = sum(len(db.tokens) for db in _regions().values())
    account = inside.account()
    found["instances"] = sorted(instance["State"]["Name"] for instance in account.instances)
    found["rules"] = [
        permission["FromPort"]
        for group in account.security_groups
        if group["GroupName"] == "bastion"
        for permission in group["IpPermissions"]
    ]
    found["clusters"] = {
        c["DBClusterIdentifier"]: c["DBClusterParameterGroup"] for c in account.db_clusters
    }
    found["databases"] = [d["DBInstanceIdentifier"] for d in account.db_instances]
    rds, iam = rds_backends[DEFAULT_ACCOUNT_ID][REGION], iam_backends[DEFAULT_ACCOUNT_ID]["aws"]
    manual = rds.describe_db_cluster_snapshots(None, None, "manual")
    found["snapshots"] = sorted(snapshot.db_cluster_snapshot_identifier for snapshot in manual)
    found["roles"] = [role.name for role in iam.roles.values()]
    sandbox._keeper.keep()
    sandbox._journal.close()
    return found


def _regions() -> dict[str, Any]:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.dynamodb.models import dynamodb_backends

    return {REGION: dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(used(Path(sys.argv[1]))))
    sys.stdout.flush()
    os._exit(0)  # The threads of a sandbox that was never run.
