"""DynamoDB in the sandbox beside a plain `moto_server`, measured over HTTP with boto3 in one run.

python -m tests.bench_dynamodb --items 1000 --items 10000 --items 100000
"""

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import click
import psutil
from botocore.config import Config

from tests.conftest import running_sandbox

TABLE = "bench"
SECONDS = 1.0  # each measurement repeats its call for so long
PER_AUTHOR = 10  # items that a query returns
CONFIG = Config(retries={"max_attempts": 0})


@contextmanager
def moto_server() -> Iterator[tuple[Any, int]]:
    """A plain moto server: a client, and its process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        client = boto3.client(
            "dynamodb",
            endpoint_url=f"http://127.0.0.1:{port}",
            region_name="us-east-1",
            aws_access_key_id="bench",
            aws_secret_access_key="bench",  # pragma: allowlist secret
            config=CONFIG,
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield client, process.pid
    finally:
        process.terminate()
        process.wait(timeout=10)


@contextmanager
def our_sandbox() -> Iterator[tuple[Any, int]]:
    """A fresh sandbox: a client, and its process id."""
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder) / "home") as running:
        yield boto3.client("dynamodb", config=CONFIG), running.status()["pid"]


def item(number: int) -> dict[str, Any]:
    """The n-th book; ten books to an author, a hundred categories' worth of ten."""
    return {
        "Author": {"S": f"Author {number // PER_AUTHOR:07}"},
        "Title": {"S": f"Title {number:07}"},
        "Category": {"S": f"Category {number // PER_AUTHOR:07}"},
        "Year": {"N": str(1900 + number % 120)},
        "Formats": {"M": {"Hardcover": {"S": "J4SUKVGU"}, "Paperback": {"S": "D7YF4FCX"}}},
    }


def make_table(client: Any) -> None:
    """An empty table with one index."""

    def keys(*names: str) -> list[dict[str, str]]:
        kinds = ("HASH", "RANGE")
        return [{"AttributeName": n, "KeyType": k} for n, k in zip(names, kinds, strict=False)]

    client.create_table(
        TableName=TABLE,
        AttributeDefinitions=[
            {"AttributeName": n, "AttributeType": "S"} for n in ("Author", "Title", "Category")
        ],
        KeySchema=keys("Author", "Title"),
        BillingMode="PAY_PER_REQUEST",
        GlobalSecondaryIndexes=[
            {
                "IndexName": "CategoryIndex",
                "KeySchema": keys("Category"),
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


def load(client: Any, start: int, end: int) -> float:
    """Items stored per second, 25 at a time."""
    began = time.perf_counter()
    for first in range(start, end, 25):
        numbers = range(first, min(first + 25, end))
        requests = [{"PutRequest": {"Item": item(number)}} for number in numbers]
        client.batch_write_item(RequestItems={TABLE: requests})
    return (end - start) / (time.perf_counter() - began)


def rate(call: Callable[[int], Any], most: int) -> float:
    """Calls per second, with keys from all over the table."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS or count < 2:
        call(count * 7919 % most)
        count += 1
    return count / (time.perf_counter() - began)


def measure(client: Any, size: int) -> dict[str, float]:
    """Rates of the calls at a size."""

    def query(number: int) -> None:
        answer = client.query(
            TableName=TABLE,
            KeyConditionExpression="Author = :a",
            ExpressionAttributeValues={":a": item(number)["Author"]},
        )
        assert answer["Count"] == PER_AUTHOR

    def index_query(number: int) -> None:
        answer = client.query(
            TableName=TABLE,
            IndexName="CategoryIndex",
            KeyConditionExpression="Category = :c",
            ExpressionAttributeValues={":c": item(number)["Category"]},
        )
        assert answer["Count"] == PER_AUTHOR

    def get(number: int) -> None:
        book = item(number)
        key = {"Author": book["Author"], "Title": book["Title"]}
        assert "Item" in client.get_item(TableName=TABLE, Key=key)

    def put(number: int) -> None:
        client.put_item(TableName=TABLE, Item=item(number))

    calls = {"get": get, "put": put, "query": query, "index query": index_query}
    return {name: rate(call, size) for name, call in calls.items()}


def grow(client: Any, pid: int, sizes: list[int]) -> dict[int, dict[str, float]]:
    """Fill a table step by step, and measure at each size."""
    make_table(client)
    found: dict[int, dict[str, float]] = {}
    process, there = psutil.Process(pid), 0
    empty = process.memory_info().rss
    for size in sizes:
        loaded = load(client, there, size)
        memory = (process.memory_info().rss - empty) / 1e6
        found[size] = {"batch load": loaded, **measure(client, size), "memory": memory}
        there = size
    return found


@click.command()
@click.option("--items", "sizes", multiple=True, default=(1_000, 10_000, 100_000), type=int)
@click.option("--moto-items", default=10_000, help="The largest table that moto is asked to fill.")
def main(sizes: tuple[int, ...], moto_items: int) -> None:
    """Measure both, and print calls per second and ratios."""
    ordered = sorted(sizes)
    with our_sandbox() as (client, pid):
        ours = grow(client, pid, ordered)
    with moto_server() as (client, pid):
        theirs = grow(client, pid, [size for size in ordered if size <= moto_items])
    for size in ordered:
        click.echo(f"{size:,} items")
        for name, value in ours[size].items():
            unit = "MB more resident" if name == "memory" else "/s"
            line = f"  {name:12} {value:10,.0f} {unit}"
            if size in theirs:
                other = theirs[size][name]
                line += f"   moto_server {other:10,.0f} {unit}   {value / other:8.2f} times"
            click.echo(line)
    small, large = ordered[0], ordered[-1]
    for name in ("get", "put", "query", "index query"):
        ratio = ours[large][name] / ours[small][name]
        click.echo(f"{name} at {large:,} items: {ratio:.2f} x the rate at {small:,}")


if __name__ == "__main__":
    main()
