"""What the course costs in time, as ratios measured side by side in one run: `make bench`."""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import boto3
import click
import pandas as pd
import pymysql
import pytest

import helpers
from helpers.database import connect
from helpers.pages import pages as page_files
from helpers.pages import run_steps
from tests.bench_waiting import waits
from tests.conftest import running_sandbox
from tests.notebooks.record import NOTEBOOKS, fresh_sandbox, pages
from tests.notebooks.validate import open_page

ROWS = 100_000
ROUNDS = 7

# A page's cells one after the other in one process: no kernel, no messages, nothing compared.
SCRIPT = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in json.load(open(sys.argv[1]))["cells"]:
    if cell["cell_type"] == "code":
        shell.run_cell("".join(cell["source"])).raise_error()
"""


def first_row() -> float:
    """Seconds from create_db_cluster to the first SQL row through the tunnel, pace instant."""
    helpers.catch_up("1.3")
    bastion, password = helpers.find("instance", "bookstore-bastion"), helpers.password("bookstore")
    assert bastion is not None
    began = time.perf_counter()
    run_steps(page_files()["1.3"])
    endpoint = boto3.client("rds").describe_db_clusters()["DBClusters"][0]["Endpoint"]
    with helpers.tunnel(bastion, helpers.key_file("bookstore"), endpoint) as tunnel:
        engine = helpers.engine(tunnel, "admin", password, "bookstore")
        assert pd.read_sql("SELECT 1 AS one", engine)["one"][0] == 1
    return time.perf_counter() - began


def through_and_direct(port: int) -> tuple[float, float]:
    """Seconds for a query of 100,000 rows: through the tunnel, and straight to the server."""
    bastion, password = helpers.find("instance", "bookstore-bastion"), helpers.password("bookstore")
    assert bastion is not None
    endpoint = boto3.client("rds").describe_db_clusters()["DBClusters"][0]["Endpoint"]
    direct = pymysql.connect(host="127.0.0.1", port=port, user="admin", password=password)
    with helpers.tunnel(bastion, helpers.key_file("bookstore"), endpoint) as tunnel:
        through = connect(tunnel, "admin", password, "bookstore")
        with direct, through:
            _fill(through)
            taken: dict[str, list[float]] = {"through": [], "direct": []}
            for _ in range(ROUNDS):
                for name, connection in (("through", through), ("direct", direct)):
                    began = time.perf_counter()
                    with connection.cursor() as cursor:
                        cursor.execute("SELECT id, title, price FROM bookstore.bench")
                        assert len(cursor.fetchall()) == ROWS
                    taken[name].append(time.perf_counter() - began)
    return median(taken["through"]), median(taken["direct"])


def pages_and_scripts() -> tuple[float, float]:
    """Seconds for all pages under nbval, and for the same cells as plain scripts; one at a time.

    As in the test suite one pytest runs all pages, each with a kernel and a sandbox of its own.
    """
    compared, scripts = Compared(), 0.0
    words = ["--collect-only", "-q", "-p", "no:cacheprovider", "-W", "default"]
    code = pytest.main([*words, str(Path(__file__).parent / "notebooks")], plugins=[compared])
    if code or compared.failed:
        raise click.ClickException("\n".join(compared.failed) or f"pytest ended with {code}")
    for page in pages():
        with fresh_sandbox() as environment:
            began = time.perf_counter()
            _run([sys.executable, "-c", SCRIPT, str(page)], environment)
            scripts += time.perf_counter() - began
    return compared.seconds, scripts


class Compared:
    """A pytest plugin that has nbval run and compare every page.

    Attributes:
        seconds: from the start of each kernel until its last cell is compared, all pages together.
        failed: what nbval says about cells that fail.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self.failed: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Run the pages once nbval's options are there."""
        for page in pages():
            with fresh_sandbox() as environment:
                began = time.perf_counter()
                with open_page(page, session, environment) as opened:
                    self.failed += opened.compare()
                self.seconds += time.perf_counter() - began


def _run(command: list[str], environment: dict[str, str]) -> None:
    result = subprocess.run(command, env=environment, cwd=NOTEBOOKS, capture_output=True, text=True)
    if result.returncode:
        raise click.ClickException(result.stdout[-3000:] + result.stderr[-3000:])


def _fill(connection: "pymysql.Connection") -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS bench")
        cursor.execute("CREATE TABLE bench (id INT PRIMARY KEY, title TEXT, price DECIMAL(6, 2))")
        rows = [(n, f"A title of the usual length, {n}", n % 9999 / 100) for n in range(ROWS)]
        for start in range(0, ROWS, 10_000):
            part = rows[start : start + 10_000]
            cursor.executemany("INSERT INTO bench VALUES (%s, %s, %s)", part)
        connection.commit()


@click.command()
@click.option("--pages/--no-pages", "with_pages", default=True, help="The slow part.")
def main(with_pages: bool) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder) / "home") as sandbox:
        seconds = first_row()
        port = next(d["port"] for d in sandbox.status()["databases"] if d["role"] == "writer")
        through, direct = through_and_direct(port)
    click.echo(f"create_db_cluster to the first row, pace instant: {seconds:.1f} s")
    click.echo(
        f"a query of {ROWS:,} rows: {through:.2f} s through the tunnel, {direct:.2f} s direct: "
        f"{through / direct:.2f} times as long"
    )
    _tell_waits()
    if with_pages:
        compared, scripts = pages_and_scripts()
        click.echo(
            f"all pages, one after the other: {compared:.0f} s under nbval, {scripts:.0f} s as "
            f"plain scripts: {compared / scripts:.2f} times as long"
        )


def _tell_waits() -> None:
    seconds = waits()
    for what, taken in (("a new sandbox", seconds.new), ("one killed after Lab 1", seconds.killed)):
        click.echo(
            f"{what} is ready in {taken:.2f} s, a moto_server in {seconds.moto:.2f} s: "
            f"{taken / seconds.moto:.2f} times as long"
        )
    click.echo(f"a page's first cell, where the sandbox has to start: {seconds.first_cell:.1f} s")
    click.echo(f'catch_up("1.9") from empty, pace lesson: {seconds.catch_up:.1f} s')
    click.echo(f"course_progress() after page 3.15: {seconds.progress:.1f} s")
    click.echo(f"100,000 books made up and loaded (page 3.15): {seconds.catalogue:.1f} s")


if __name__ == "__main__":
    main()
