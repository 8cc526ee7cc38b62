"""What it costs that the account is kept on disk, and thirty sandboxes on one machine.

python -m tests.bench_durable --sandboxes 30
"""

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import boto3
import click
import psutil
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.conftest import sandbox_command

ROUNDS = 7
CALLS = {"put": 300, "control": 60}
CONFIG = Config(retries={"max_attempts": 0})


@contextlib.contextmanager
def sandbox(home: Path, *words: str) -> Iterator[dict[str, Any]]:
    """Start one; yield what `running.json` says, with the seconds it took."""
    began = time.perf_counter()
    started = sandbox_command(home, "start", "--pace", "instant", *words)
    took = time.perf_counter() - began
    assert started.returncode == 0, started.stderr
    try:
        yield {**json.loads((home / "running.json").read_text()), "took": took, "home": home}
    finally:
        sandbox_command(home, "stop")


def client(running: dict[str, Any], service: str) -> Any:
    """A client of a sandbox's own user."""
    lines = (running["home"] / "aws" / "credentials").read_text().split()
    return boto3.Session(
        aws_access_key_id=lines[3], aws_secret_access_key=lines[6], region_name="us-east-1"
    ).client(service, endpoint_url=running["endpoint_url"], config=CONFIG)


def make_table(dynamodb: Any, name: str = "bench") -> None:
    """A table that is ready."""
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamodb.describe_table(TableName=name)


def writes(running: dict[str, Any]) -> dict[str, Callable[[int], Any]]:
    """One write of an item, and one of the account."""
    dynamodb, ec2 = client(running, "dynamodb"), client(running, "ec2")
    make_table(dynamodb)
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]

    def put(number: int) -> None:
        item = {"id": {"S": str(number)}, "text": {"S": "x" * 150}}
        dynamodb.put_item(TableName="bench", Item=item)

    def control(number: int) -> None:
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "n", "Value": str(number)}])

    return {"put": put, "control": control}


def price_of_keeping(folder: Path) -> dict[str, float]:
    """How many times as long a write takes where it is kept: the median of rounds by turns."""
    with sandbox(folder / "kept") as kept, sandbox(folder / "memory", "--in-memory") as memory:
        calls = [writes(kept), writes(memory)]
        ratios: dict[str, list[float]] = {name: [] for name in CALLS}
        for _ in range(ROUNDS):
            for name, count in CALLS.items():
                seconds = []
                for call in calls:
                    began = time.perf_counter()
                    for number in range(count):
                        call[name](number)
                    seconds.append(time.perf_counter() - began)
                ratios[name].append(seconds[0] / seconds[1])
    return {name: median(found) for name, found in ratios.items()}


def classroom(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Seconds to start and MB of memory (shared pages divided) of each of many sandboxes."""
    with contextlib.ExitStack() as stack:
        rooms = [stack.enter_context(sandbox(folder / f"student-{n}")) for n in range(count)]
        for number, room in enumerate(rooms):
            make_table(client(room, "dynamodb"), f"table-{number}")
        for number, room in enumerate(rooms):
            assert client(room, "dynamodb").list_tables()["TableNames"] == [f"table-{number}"]
            stranger = {**rooms[number - 1], "endpoint_url": room["endpoint_url"]}
            if count > 1:
                with contextlib.suppress(ClientError):
                    client(stranger, "dynamodb").list_tables()
                    raise AssertionError("a key of another sandbox was let in")
        memory = [_megabytes(room["pid"]) for room in rooms]
        return [room["took"] for room in rooms], memory


def _megabytes(pid: int) -> float:
    found = psutil.Process(pid).memory_full_info()
    return getattr(found, "pss", found.rss) / 1e6


@click.command()
@click.option("--sandboxes", default=30, help="How many at once.")
def main(sandboxes: int) -> None:
    """Measure, and print."""
    for name in list(os.environ):
        if name.startswith("AWS_"):
            del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        for name, ratio in price_of_keeping(Path(folder)).items():
            what = {"put": "put_item", "control": "create_tags (the account's pickle)"}[name]
            click.echo(f"{what}: {ratio:.2f} times as long where it is kept")
    with tempfile.TemporaryDirectory() as folder:
        took, memory = classroom(Path(folder), sandboxes)
        click.echo(
            f"{sandboxes} sandboxes at once: start {median(took):.1f} s (the slowest "
            f"{max(took):.1f} s), {median(memory):.0f} MB each, all apart"
        )


if __name__ == "__main__":
    main()
