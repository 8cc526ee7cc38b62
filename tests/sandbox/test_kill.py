"""`kill -9` at random moments under a writing load: nothing acknowledged is lost, nothing is half.

The load is DynamoDB (single items, batches, transactions over two tables with a stream and
point-in-time recovery), EC2 and SQL. `make test` kills a few times, `make test-all` a hundred
times; the variable `KILLS` sets another number. With the figures: python -m tests.sandbox.test_kill
"""

import contextlib
import itertools
import json
import os
import random
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import psutil
import pymysql
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.conftest import RunningSandbox, running_sandbox, sandbox_command

PASSWORD = secrets.token_hex(8)
TABLE, OTHER, CLUSTER = "Kill", "Other", "kill"
TABLES = (TABLE, OTHER)
BATCH = 5
# A client that does not try again: what failed is not acknowledged, and not sent twice.
ONCE = Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20)
FAILED = (BotoCoreError, ClientError, pymysql.MySQLError, OSError)

pytestmark = [
    pytest.mark.database,
    pytest.mark.own_process,
    pytest.mark.skipif(sys.platform == "win32", reason="Windows has no kill -9"),
]


@dataclass
class Load:
    """Writers that write until they are stopped, and note what was acknowledged.

    Attributes:
        tried: numbers that were sent, by the writer's name.
        acknowledged: those that were answered.
    """

    tried: dict[str, set[int]] = field(default_factory=dict)
    acknowledged: dict[str, set[int]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextlib.contextmanager
    def running(self, writers: dict[str, Callable[[], Callable[[int], None]]]) -> Iterator[None]:
        """Run each writer in a thread of its own; errors end none of them."""
        over = threading.Event()

        def write(name: str, connect: Callable[[], Callable[[int], None]]) -> None:
            tried = self.tried.setdefault(name, set())
            acknowledged = self.acknowledged.setdefault(name, set())
            with contextlib.suppress(*FAILED):
                put = connect()
                while not over.is_set():
                    number = next(self.numbers)
                    tried.add(number)
                    put(number)
                    acknowledged.add(number)

        threads = [threading.Thread(target=write, args=item) for item in writers.items()]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()


def prepare() -> None:
    """A table and a cluster to write to."""
    dynamodb, rds = boto3.client("dynamodb"), boto3.client("rds")
    for table in TABLES:
        dynamodb.create_table(
            TableName=table,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        dynamodb.describe_table(TableName=table)
        dynamodb.update_continuous_backups(
            TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    rds.create_db_cluster(
        DBClusterIdentifier=CLUSTER,
        Engine="aurora-mysql",
        MasterUsername="admin",
        MasterUserPassword=PASSWORD,
        DatabaseName="shop",
    )
    for name in ("kill-1", "kill-2"):
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier=CLUSTER,
            Engine="aurora-mysql",
            DBInstanceClass="db.t3.medium",
        )
    for _ in range(2):
        rds.describe_db_instances()
        rds.describe_db_clusters()


def databases(running: RunningSandbox) -> list[dict[str, Any]]:
    """Ask a process of its own: several threads ask at once.

    Raises:
        OSError: the sandbox has been killed meanwhile.
    """
    said = sandbox_command(running.home, "status", "--json")
    if said.returncode:
        raise OSError(said.stderr)
    return json.loads(said.stdout)["databases"]


def connect_sql(running: RunningSandbox, role: str = "writer") -> Any:
    """Straight to a database server, past the bastion; waits until it is there."""
    deadline = time.monotonic() + 60
    while True:
        try:
            (port,) = [d["port"] for d in databases(running) if d["role"] == role]
            return pymysql.connect(
                host="127.0.0.1",
                port=port,
                user="admin",
                password=PASSWORD,
                database="shop",
                ssl_disabled=True,
            )
        except (pymysql.OperationalError, TypeError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def writers(running: RunningSandbox) -> dict[str, Callable[[], Callable[[int], None]]]:
    """One item, a batch of five, a transaction over two tables, a key pair, and rows of SQL."""

    def one() -> Callable[[int], None]:
        client = boto3.Session().client("dynamodb", config=ONCE)
        return lambda n: client.put_item(TableName=TABLE, Item={"id": {"S": f"one-{n}"}})

    def several(kind: str) -> Callable[[int], None]:
        client = boto3.Session().client("dynamodb", config=ONCE)

        def batch(n: int) -> None:
            puts = [{"Item": {"id": {"S": f"{kind}-{n}-{part}"}}} for part in range(BATCH)]
            if kind == "batch":
                requests = [{"PutRequest": put} for put in puts]
                client.batch_write_item(RequestItems={TABLE: requests})
            else:
                items: Any = [
                    {"Put": {"TableName": table, **put}}
                    for table, put in zip(itertools.cycle(TABLES), puts, strict=False)
                ]
                client.transact_write_items(TransactItems=items, ClientRequestToken=f"token-{n}")

        return batch

    def tables() -> Callable[[int], None]:
        client = boto3.Session().client("ec2", config=ONCE)
        return lambda n: client.create_key_pair(KeyName=f"pair-{n}")

    def sql() -> Callable[[int], None]:
        connection = connect_sql(running)
        cursor = connection.cursor()

        def rows(n: int) -> None:
            values = [(n, part) for part in range(BATCH)]
            cursor.executemany("INSERT INTO kept (number, part) VALUES (%s, %s)", values)
            connection.commit()

        return rows

    return {
        "one": one,
        "batch": lambda: several("batch"),
        "transaction": lambda: several("transaction"),
        "pair": tables,
        "sql": sql,
    }


def kill(running: RunningSandbox, databases_too: bool) -> None:
    """End the sandbox with -9, and in the same moment its database servers."""
    sandbox = psutil.Process(running.status()["pid"])
    doomed = [sandbox]
    if databases_too:
        doomed += [p for p in sandbox.children() if "mariadbd" in p.name() or "mysqld" in p.name()]
    for process in doomed:
        process.kill()
    psutil.wait_procs(doomed, timeout=10)


def items_of(table: str) -> list[str]:
    """The keys of all items."""
    pages = boto3.Session().client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [item["id"]["S"] for page in pages for item in page["Items"]]


def streamed(table: str) -> list[str]:
    """The keys of all records of a table's stream; their numbers rise."""
    session = boto3.Session()
    arn = session.client("dynamodb").describe_table(TableName=table)["Table"]["LatestStreamArn"]
    streams = session.client("dynamodbstreams")
    (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found: list[dict[str, Any]] = []
    while records := (answer := streams.get_records(ShardIterator=iterator))["Records"]:
        found += [record["dynamodb"] for record in records]
        iterator = answer["NextShardIterator"]
    numbers = [int(record["SequenceNumber"]) for record in found]
    assert numbers == sorted(set(numbers))
    return [record["Keys"]["id"]["S"] for record in found]


def recovered(table: str) -> list[str]:
    """The keys of all items of the table as point-in-time recovery brings it back."""
    dynamodb, name = boto3.Session().client("dynamodb"), f"{table}-recovered"
    dynamodb.restore_table_to_point_in_time(
        SourceTableName=table, TargetTableName=name, UseLatestRestorableTime=True
    )
    dynamodb.describe_table(TableName=name)
    return items_of(name)


def stored(running: RunningSandbox) -> dict[str, dict[int, int]]:
    """What is there: how many parts of each number, by the writer's name."""
    keys = []
    for table in TABLES:
        inside = items_of(table)
        # Each item was written once: the stream has it, and has it once.
        assert sorted(streamed(table)) == sorted(inside), f"the stream of {table}"
        keys += inside
    pairs = boto3.Session().client("ec2").describe_key_pairs()["KeyPairs"]
    keys += [pair["KeyName"] for pair in pairs]
    found: dict[str, dict[int, int]] = {}
    for key in keys:
        kind, number, *_ = key.split("-")
        parts = found.setdefault(kind, {})
        parts[int(number)] = parts.get(int(number), 0) + 1
    connection = connect_sql(running)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT number, count(*) FROM kept GROUP BY number")
        found["sql"] = {number: count for number, count in cursor.fetchall()}
    return found


def check(load: Load, found: dict[str, dict[int, int]]) -> int:
    """Compare; return how many were acknowledged."""
    whole = {"one": 1, "pair": 1, "batch": BATCH, "transaction": BATCH, "sql": BATCH}
    for name, acknowledged in load.acknowledged.items():
        there = found.get(name, {})
        assert acknowledged <= set(there), f"{name}: lost {sorted(acknowledged - set(there))}"
        assert set(there) <= load.tried[name]
        halves = {number: count for number, count in there.items() if count != whole[name]}
        assert not halves, f"{name}: there by half {halves}"
    return sum(len(numbers) for numbers in load.acknowledged.values())


def rounds(running: RunningSandbox, count: int, seed: int) -> Iterator[tuple[float, int]]:
    """Kill so often; yield the seconds of each start, and what was acknowledged by then."""
    chance, load = random.Random(seed), Load()
    prepare()
    connection = connect_sql(running)
    with connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept (number INT, part INT, PRIMARY KEY (number, part))")
    for _ in range(count):
        with load.running(writers(running)):
            time.sleep(chance.uniform(0.2, 1.5))
            kill(running, databases_too=chance.random() < 0.5)
        began = time.perf_counter()
        started = sandbox_command(running.home, "start", "--pace", "instant")
        took = time.perf_counter() - began
        assert started.returncode == 0, started.stderr
        yield took, check(load, stored(running))
    for table in TABLES:
        assert sorted(recovered(table)) == sorted(items_of(table))
    _wait_for_reader(running)


def _wait_for_reader(running: RunningSandbox) -> None:
    """The reader is fed again: it comes to have what the writer has."""
    with connect_sql(running) as writer, connect_sql(running, "reader") as reader:
        deadline = time.monotonic() + 60
        while True:
            counts = []
            for connection in (writer, reader):
                with connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM kept")
                    counts.append(cursor.fetchone())
                connection.commit()
            if counts[0] == counts[1]:
                return
            assert time.monotonic() < deadline, counts
            time.sleep(0.1)


def kills(usual: int) -> int:
    """How often to kill."""
    return int(os.environ.get("KILLS", usual))


def test_nothing_acknowledged_is_lost_and_nothing_is_half(start_sandbox) -> None:
    *_, (_, acknowledged) = rounds(start_sandbox(), count=kills(4), seed=1)
    assert acknowledged > 50


@pytest.mark.long
def test_nothing_is_lost_in_a_hundred_kills(start_sandbox) -> None:
    *_, (_, acknowledged) = rounds(start_sandbox(), count=kills(100), seed=3)
    assert acknowledged > 1000


def main() -> None:
    """The long run, with its figures."""
    count = kills(100)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_sandbox(Path(folder) / "home", own_process=True) as running,
    ):
        seconds = []
        for number, (took, acknowledged) in enumerate(rounds(running, count, seed=2), 1):
            seconds.append(took)
            print(f"{number}: start {took:.2f} s, {acknowledged:,} acknowledged, none lost")  # noqa: T201
        print(f"slowest start {max(seconds):.2f} s, median {sorted(seconds)[count // 2]:.2f} s")  # noqa: T201


if __name__ == "__main__":
    main()
