"""DynamoDB in the sandbox beside plain `moto_server` and `ministack`: over HTTP, in one run.

python -m tests.bench_dynamodb --items 1000 --items 100000 --items 1000000

A table grows step by step, with an index that holds every item. The servers run at the same time
and are asked by turns, so that what else the machine does is the same for all. A server that loads
too slowly gets no further: `--patience`.
`ministack` is installed for this alone, in `.tools/bench`; where that cannot be, it is left out.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import boto3
import click
import psutil
from botocore.config import Config

from tests.conftest import running_sandbox

TABLE = "bench"
SECONDS = 2.0  # each call is repeated for so long, in rounds
ROUNDS = 9
CHUNK = 2500  # items that one server loads before it is the next one's turn
PER_AUTHOR = 10  # items that a query returns
CLIENTS = 16
CONFIG = Config(retries={"max_attempts": 0}, read_timeout=600)
TOOLS = Path(__file__).parent.parent / ".tools"
CALLS = ("get", "put", "query", "index query")


class Server(NamedTuple):
    """One that is measured.

    Attributes:
        client: of its DynamoDB.
        pid: its process.
        ready: seconds from its start to its first answer.
        variables: what another process needs to be its client.
    """

    client: Any
    pid: int
    ready: float
    variables: dict[str, str]


def client_of(variables: dict[str, str]) -> Any:
    """A client for what these variables name."""
    os.environ.update(variables)
    return boto3.Session().client("dynamodb", config=CONFIG)


@contextmanager
def program(command: list[str], port: int, **more: str) -> Iterator[Server]:
    """A server that takes any key: started, and asked until it answers."""
    began = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **more},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",  # pragma: allowlist secret
        }
        while time.perf_counter() - began < 60:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        client = client_of(variables)
        client.list_tables()
        yield Server(client, process.pid, time.perf_counter() - began, variables)
    finally:
        process.terminate()
        process.wait(timeout=30)
        for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            os.environ.pop(name, None)


def free_port() -> int:
    """A port that nobody has."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def moto_server() -> AbstractContextManager[Server]:
    """A plain moto server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return program(command, port)


def ministack() -> AbstractContextManager[Server]:
    """A plain ministack."""
    port = free_port()
    command = [str(TOOLS / "bench" / "env" / "bin" / "python"), "-m", "ministack"]
    return program(command, port, GATEWAY_PORT=str(port))


def install_ministack() -> bool:
    """Put ministack in an environment of its own; False where it cannot be had."""
    room = TOOLS / "bench" / "env"
    uv = shutil.which("uv", path=str(TOOLS / "bin")) or shutil.which("uv")
    if (room / "bin" / "ministack").exists():
        return True
    if uv is None:
        return False
    steps = [
        [uv, "venv", "--quiet", "--python", sys.executable, str(room)],
        [uv, "pip", "install", "--quiet", "--python", str(room / "bin" / "python"), "ministack"],
    ]
    return all(subprocess.run(step, check=False).returncode == 0 for step in steps)


@contextmanager
def our_sandbox() -> Iterator[Server]:
    """A fresh sandbox."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        with running_sandbox(Path(folder) / "home") as running:
            client = boto3.client("dynamodb", config=CONFIG)
            client.list_tables()
            ready = time.perf_counter() - began
            yield Server(client, running.status()["pid"], ready, running.environment)


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
    """Store items, 25 at a time; returns the seconds it took."""
    began = time.perf_counter()
    for first in range(start, end, 25):
        numbers = range(first, min(first + 25, end))
        requests = [{"PutRequest": {"Item": item(number)}} for number in numbers]
        client.batch_write_item(RequestItems={TABLE: requests})
    return time.perf_counter() - began


def rate(call: Callable[[int], Any], most: int, first: int) -> float:
    """Calls per second, with keys from all over the table."""
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < SECONDS / ROUNDS or count < 1:
        call((first + count) * 7919 % most)
        count += 1
    return count / (time.perf_counter() - began)


def calls_of(client: Any) -> dict[str, Callable[[int], None]]:
    """What is measured, by name; each takes an item's number."""

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

    return {"get": get, "put": put, "query": query, "index query": index_query}


def grow(
    servers: dict[str, Server], sizes: list[int], patience: float
) -> dict[int, dict[str, dict[str, float]]]:
    """Fill a table of each server step by step, and measure at each size, by turns.

    Whatever else the machine is doing, it does to all of them.

    Args:
        servers: what to measure.
        sizes: numbers of items, rising.
        patience: a server whose next step would take longer to load, seconds, is left out.

    Returns:
        By size and server: calls per second by name, "batch load" in items per second,
        "16 clients" in gets per second of all together, and "memory" in MB beside the empty
        table's.
    """
    found: dict[int, dict[str, dict[str, float]]] = {}
    taking_part, there = dict(servers), 0
    empty = {name: _resident(server) for name, server in servers.items()}
    for server in servers.values():
        make_table(server.client)
    for size in sizes:
        before = found.get(there, {})
        for name in list(taking_part):
            if name in before and (size - there) / before[name]["batch load"] > patience:
                del taking_part[name]
        seconds = dict.fromkeys(taking_part, 0.0)
        for first in range(there, size, CHUNK):
            for name, server in taking_part.items():
                seconds[name] += load(server.client, first, min(first + CHUNK, size))
        found[size] = {name: {"batch load": (size - there) / s} for name, s in seconds.items()}
        calls = {name: calls_of(server.client) for name, server in taking_part.items()}
        for call in CALLS:
            rates: dict[str, list[float]] = {name: [] for name in taking_part}
            for turn in range(ROUNDS):
                for name in taking_part:
                    rates[name].append(rate(calls[name][call], size, turn * 1000))
            for name, of_rounds in rates.items():
                found[size][name][call] = median(of_rounds)
        for name, server in taking_part.items():
            found[size][name]["memory"] = _resident(server) - empty[name]
        there = size
    for name, server in taking_part.items():
        found[there][name][f"{CLIENTS} clients"] = together(server.variables, there)
    return found


def _resident(server: Server) -> float:
    return psutil.Process(server.pid).memory_info().rss / 1e6


def together(variables: dict[str, str], size: int) -> float:
    """Gets per second of 16 clients at once, each a process of its own."""
    # Forked where that can be: sixteen fresh interpreters would import for longer than they ask.
    context = get_context("fork" if sys.platform == "linux" else None)
    with ProcessPoolExecutor(CLIENTS, context) as pool:
        starts = [(variables, size, number) for number in range(CLIENTS)]
        list(pool.map(one_of_many, starts))  # Everybody is there.
        began = time.perf_counter()
        counts = list(pool.map(one_of_many, starts))
        return sum(counts) / (time.perf_counter() - began)


def one_of_many(start: tuple[dict[str, str], int, int]) -> int:
    """How many gets one client has made in a few seconds."""
    variables, size, number = start
    client = client_of(variables)
    until, count = time.perf_counter() + 3 * SECONDS, 0
    while time.perf_counter() < until:
        book = item((number * 104_729 + count * 7919) % size)
        key = {"Author": book["Author"], "Title": book["Title"]}
        client.get_item(TableName=TABLE, Key=key)
        count += 1
    return count


@click.command()
@click.option("--items", "sizes", multiple=True, default=(1_000, 10_000, 100_000), type=int)
@click.option("--patience", default=120.0, help="Seconds for one step of loading, at most.")
def main(sizes: tuple[int, ...], patience: float) -> None:
    """Measure all, and print calls per second and ratios."""
    ordered = sorted(sizes)
    servers: dict[str, Callable[[], AbstractContextManager[Server]]] = {"sandbox": our_sandbox}
    servers["moto_server"] = moto_server
    if install_ministack():
        servers["ministack"] = ministack
    else:
        click.echo("ministack cannot be installed here: left out.")
    with ExitStack() as stack:
        running = {name: stack.enter_context(start()) for name, start in servers.items()}
        ready = ", ".join(f"{name} {server.ready:.1f} s" for name, server in running.items())
        click.echo(f"ready: {ready}")
        results = grow(running, ordered, patience)
    for size, found in results.items():
        report(size, found)
    small, large = results[ordered[0]]["sandbox"], results[max(results)]["sandbox"]
    for name in CALLS:
        ratio = large[name] / small[name]
        click.echo(f"{name} at {max(results):,} items: {ratio:.2f} x the rate at {ordered[0]:,}")


def report(size: int, found: dict[str, dict[str, float]]) -> None:
    """One line for each call: every server, and the sandbox beside the fastest of the others."""
    click.echo(f"{size:,} items")
    for call in ("batch load", *CALLS, f"{CLIENTS} clients", "memory"):
        values = {name: of[call] for name, of in found.items() if call in of}
        if not values:
            continue
        unit = "MB" if call == "memory" else "/s"
        line = "  ".join(f"{name} {value:,.0f} {unit}" for name, value in values.items())
        others = [value for name, value in values.items() if name != "sandbox"]
        if others and "sandbox" in values:
            best = min(others) if call == "memory" else max(others)
            line += f"   {values['sandbox'] / best:.2f} x the best of the others"
        click.echo(f"  {call:12} {line}")


if __name__ == "__main__":
    main()
