"""A meter: what the course's things cost on AWS, an hour and a month."""

from collections.abc import Iterator
from typing import Any

import boto3

from helpers.lab3_resources import backups_of, course_tables
from helpers.price_list import known, price
from helpers.resources import instances, listed, of_course, secrets
from helpers.tables import Table

HOURS = 730  # in a month, as AWS counts
GB = 1024**3
# In these states an instance is not billed by the hour. On its way to one, it is.
# https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html
UNBILLED = frozenset({"creating", "deleting", "failed", "stopped"})
TOTAL = "all together"
UNKNOWN = "not known here"
# name, what, USD an hour (None: not known), where the price is from
Row = tuple[str, str, float | None, str]


class Costs(Table):
    """What things cost; the columns are name, what, USD an hour, USD a month and price from."""

    @property
    def an_hour(self) -> float:
        """USD, of all together and not rounded."""
        return float(self.attrs["an hour"])

    @property
    def a_month(self) -> float:
        """USD for 730 hours: what it comes to if forgotten for a month."""
        return self.an_hour * HOURS


def running_costs() -> Costs:
    """Add up what the course's things in the account and region cost as they are now.

    It is what they cost because they *exist*: instances, addresses, disks, data, provisioned
    capacity, backups, secrets. What is billed for being *used* (requests on demand, Aurora's
    reading and writing, traffic) comes on top. Aurora tells the size of its volume to CloudWatch
    only, so 1 GB is taken for a cluster and for a snapshot. The free tier is not taken off.

    Returns:
        A row for each thing that costs something, and one for all together. A price is of AWS's
        price list or of `data/prices.csv`; the last column says which.
    """
    rows = [*_of_rds(), *_of_ec2(), *_of_dynamodb(), *_of_secrets()]
    total = sum(hourly or 0 for _, _, hourly, _ in rows)
    table = Costs(
        [
            *(_shown(name, what, hourly, source) for name, what, hourly, source in rows),
            _shown(TOTAL, "", total, ""),
        ],
        columns=["name", "what", "USD an hour", "USD a month", "price from"],
    )
    table.attrs["an hour"] = total
    return table


def _shown(name: str, what: str, hourly: float | None, source: str) -> tuple[str, ...]:
    if hourly is None:
        return name, what, UNKNOWN, UNKNOWN, source
    # A sum below that is not nothing, but nobody will notice it.
    an_hour = f"{hourly:.4f}" if hourly >= 0.00005 or not hourly else "< 0.0001"
    a_month = f"{hourly * HOURS:.2f}" if hourly * HOURS >= 0.005 or not hourly else "< 0.01"
    return name, what, an_hour, a_month, source


def _row(name: str, what: str, key: str, amount: float = 1) -> Row:
    """One thing of which `amount` units of the price's exist, by the hour or by the month."""
    if not known(key):
        return name, what, None, f"no {key} in prices.csv"
    one = price(key)
    return name, what, one.usd * amount / (1 if one.unit == "hour" else HOURS), one.source


def _of_rds() -> Iterator[Row]:
    rds = boto3.client("rds")
    for db in of_course(listed(rds, "describe_db_instances", "DBInstances")):
        kind = db["DBInstanceClass"]
        if db["DBInstanceStatus"] not in UNBILLED:
            yield _row(db["DBInstanceIdentifier"], f"DB instance {kind}", kind)
    for cluster in of_course(listed(rds, "describe_db_clusters", "DBClusters")):
        yield _row(cluster["DBClusterIdentifier"], "data of the DB cluster, 1 GB", "aurora-storage")
    manual = listed(
        rds, "describe_db_cluster_snapshots", "DBClusterSnapshots", SnapshotType="manual"
    )
    for copy in of_course(manual, "DBClusterSnapshotIdentifier"):
        yield _row(copy["DBClusterSnapshotIdentifier"], "snapshot, 1 GB", "aurora-backup")


def _of_ec2() -> Iterator[Row]:
    ec2 = boto3.client("ec2")
    for instance in instances(ec2):
        tags = {tag["Key"]: tag["Value"] for tag in instance.get("Tags", [])}
        name, kind = tags.get("Name", instance["InstanceId"]), instance["InstanceType"]
        if instance["State"]["Name"] == "running":
            yield _row(name, f"EC2 instance {kind}", kind)
        if instance.get("PublicIpAddress"):
            yield _row(name, "its public address", "public-ipv4")
        # A disk bears no tag of its own; it is paid for while the instance is stopped, too.
        attached = [{"Name": "attachment.instance-id", "Values": [instance["InstanceId"]]}]
        for disk in listed(ec2, "describe_volumes", "Volumes", Filters=attached):
            what = f"its disk, {disk['Size']} GB {disk['VolumeType']}"
            yield _row(name, what, disk["VolumeType"], disk["Size"])


def _of_dynamodb() -> Iterator[Row]:
    dynamodb = boto3.client("dynamodb")
    tables = list(course_tables(dynamodb))
    for table in tables:
        name = table["TableName"]
        yield from _capacity(name, "", table)
        for index in table.get("GlobalSecondaryIndexes", []):
            yield from _capacity(name, f"{index['IndexName']}: ", index)
        size = table["TableSizeBytes"] + sum(
            index.get("IndexSizeBytes", 0) for index in table.get("GlobalSecondaryIndexes", [])
        )
        if size:
            yield _row(name, "its data", "dynamodb-storage", size / GB)
        if size and _has_recovery(dynamodb, name):
            yield _row(
                name, "point-in-time recovery", "dynamodb-pitr", table["TableSizeBytes"] / GB
            )
    for backup in backups_of(tables):
        size = backup.get("BackupSizeBytes", 0)
        yield _row(backup["BackupName"], "backup", "dynamodb-backup", size / GB)


def _capacity(name: str, of: str, described: dict[str, Any]) -> Iterator[Row]:
    """The provisioned capacity of a table or of an index; on demand it has none."""
    units = described.get("ProvisionedThroughput", {})
    for unit, key in (("read", "dynamodb-read-capacity"), ("write", "dynamodb-write-capacity")):
        amount = units.get(f"{unit.title()}CapacityUnits", 0)
        if amount:
            plural = "unit" if amount == 1 else "units"
            yield _row(name, f"{of}{amount} {unit} capacity {plural}", key, amount)


def _has_recovery(dynamodb: Any, name: str) -> bool:
    answer = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = answer.get("PointInTimeRecoveryDescription", {})
    return recovery.get("PointInTimeRecoveryStatus") == "ENABLED"


def _of_secrets() -> Iterator[Row]:
    for secret in secrets():
        yield _row(secret["Name"], "secret", "secret")
