"""What of the course is running in the account, since when, and the call that stops it all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from helpers.existing import COURSE
from helpers.lab3_resources import course_tables, leftovers
from helpers.resources import inventory
from helpers.student import KEY, student
from helpers.tables import Table

SOON = Config(connect_timeout=10, read_timeout=20, retries={"total_max_attempts": 2})
# Catching up connects many times in a row: once is enough to be reminded.
REMIND_EVERY = 600.0  # seconds

_reminded: float | None = None


@dataclass(frozen=True)
class Thing:
    """Something that costs by the hour.

    Attributes:
        what: "EC2 instance", "DB cluster" or "DB instance".
        name: what it is called.
        id: what AWS calls it.
        state: such as "running" or "available".
        since: when it was started (an instance of EC2) or created.
    """

    what: str
    name: str
    id: str
    state: str
    since: datetime


def stop_everything() -> Table:
    """Stop the bastions and DB clusters of the course that bear your name; delete nothing.

    What is stopped can be started again (`ec2.start_instances`, `rds.start_db_cluster`), and has
    its data still.

    Returns:
        A table, a row for each thing: what, name, now (what became of it) and still costs (what
        AWS goes on charging for).

    Raises:
        ClientError: AWS does not let you look. What cannot be stopped is a row that says why.

    See https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-cluster-stop-start.html
    """
    ec2, rds = boto3.client("ec2"), boto3.client("rds")
    rows = []
    for bastion in _instances(ec2):
        now = bastion.state
        if now == "running":
            now = _try(ec2.stop_instances, "stopping", InstanceIds=[bastion.id])
        elif now == "pending":
            now = "starting: run this again in a minute"
        rows.append((bastion.what, bastion.name, now, "its disk"))
    for cluster in _clusters(rds):
        now = cluster.state
        if now == "available":
            now = _try(rds.stop_db_cluster, "stopping", DBClusterIdentifier=cluster.id)
        elif now not in ("stopping", "stopped", "deleting"):
            now = f"{now}: can be stopped when it is available; run this again then"
        costs = "its storage; after 7 days AWS starts it again"
        rows.append((cluster.what, cluster.name, now, costs))
    for table in course_tables(boto3.client("dynamodb")):
        name = table["TableName"]
        rows.append(("table", name, "stays: tables cannot be stopped", "its storage and capacity"))
    return Table(rows, columns=["what", "name", "now", "still costs"])


def remind() -> None:
    """Print what of the course is running and since when; nothing if nothing is."""
    global _reminded
    if _reminded is not None and time.monotonic() - _reminded < REMIND_EVERY:
        return
    try:
        ec2, rds = (boto3.client(name, config=SOON) for name in ("ec2", "rds"))
        things = [*_instances(ec2), *_databases(rds)]
    except (ClientError, BotoCoreError) as error:
        print(f"What is running could not be looked up: {error}")  # noqa: T201
        return
    _reminded = time.monotonic()
    going = [each for each in things if each.state not in ("stopped", "stopping", "deleting")]
    for each in going:
        long = _long(datetime.now(UTC) - each.since)
        since = f"{each.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC ({long})"
        print(f"{each.what} {each.name} is {each.state}, since {since}.")  # noqa: T201
    if going:
        print("That costs money. To stop it: helpers.stop_everything()")  # noqa: T201


def created() -> list[str]:
    """What of the course there is in the account, in lines, and how to remove it.

    Made for the moment when a call has failed: what may not be listed is left out.
    """
    found: dict[str, list[str]] = {}
    for look in (inventory, leftovers):
        try:
            listed = look()
        except (ClientError, BotoCoreError):
            continue
        for what, name in zip(listed["what"], listed["name"], strict=True):
            found.setdefault(what, []).append(name)
    if not found:
        return ["Nothing of the course is in the account."]
    lines = [f"  {what}: {', '.join(names)}" for what, names in found.items()]
    return [
        "What the course has created in the account so far:",
        *lines,
        "To go on: run this page again when that is put right; it keeps what is there.",
        "To remove all of it: run page 1.9 (Lab 1) and page 3.19 (Labs 2 and 3).",
    ]


def _instances(ec2: Any) -> Iterator[Thing]:
    alive = ["pending", "running", "stopping", "stopped"]
    filters = [
        {"Name": f"tag:{COURSE['Key']}", "Values": [COURSE["Value"]]},
        {"Name": "instance-state-name", "Values": alive},
    ]
    for page in ec2.get_paginator("describe_instances").paginate(Filters=filters):
        for each in (i for r in page["Reservations"] for i in r["Instances"]):
            if _mine(each["Tags"]):
                name = next((t["Value"] for t in each["Tags"] if t["Key"] == "Name"), "")
                state, since = each["State"]["Name"], each["LaunchTime"]
                yield Thing("EC2 instance", name, each["InstanceId"], state, since)


def _clusters(rds: Any) -> Iterator[Thing]:
    for page in rds.get_paginator("describe_db_clusters").paginate():
        for each in page["DBClusters"]:
            if COURSE in each.get("TagList", []) and _mine(each["TagList"]):
                name, since = each["DBClusterIdentifier"], each["ClusterCreateTime"]
                yield Thing("DB cluster", name, name, each["Status"], since)


def _databases(rds: Any) -> Iterator[Thing]:
    for page in rds.get_paginator("describe_db_instances").paginate():
        for each in page["DBInstances"]:
            # While it is being created, AWS has no time for it.
            since = each.get("InstanceCreateTime", datetime.now(UTC))
            if COURSE in each.get("TagList", []) and _mine(each["TagList"]):
                name = each["DBInstanceIdentifier"]
                yield Thing("DB instance", name, name, each["DBInstanceStatus"], since)


def _mine(tags: list[dict[str, str]]) -> bool:
    """Whether it has this student's name, or nobody's."""
    names = [tag["Value"] for tag in tags if tag["Key"] == KEY]
    return names in ([], [student()])


def _try(stop: Any, done: str, **arguments: Any) -> str:
    try:
        stop(**arguments)
    except ClientError as error:
        said = error.response["Error"]
        return f"not stopped: AWS says {said['Code']}: {said['Message']}"
    return done


def _long(span: Any) -> str:
    """Such as "3 days 2 h" or "25 min"."""
    minutes = max(int(span.total_seconds() // 60), 0)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} {'day' if days == 1 else 'days'} {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"
