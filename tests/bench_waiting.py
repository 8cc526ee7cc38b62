"""How long a student waits, at the default pace; what starts, beside a plain moto_server."""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from sandbox.mysqld_process import free_port
from tests.conftest import PROJECT, sandbox_command

ROUNDS = 5

# A notebook's cells in one process; what they print is thrown away, how long each took is not.
CELLS = """
import contextlib, io, json, os, sys, time
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
sys.path.insert(0, os.getcwd())
os.chdir("notebooks")
for cell in json.load(sys.stdin):
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        shell.run_cell(cell).raise_error()
    print(time.perf_counter() - began)
"""
FIRST = """import boto3
from helpers import catch_up, check, connect, course_progress, find, keep_existing, table, verdict
connect()"""


@dataclass(frozen=True)
class Waits:
    """Seconds; those of starts are medians of ROUNDS.

    Attributes:
        moto, new, killed: until a moto_server, a new sandbox, and one that was killed after Lab 1
            are ready.
        first_cell: imports and a connect() that starts the sandbox.
        catch_up: catch_up("1.9") from empty.
        progress: course_progress() after that, with the catalogue of page 3.15 loaded.
        catalogue: making and loading 100,000 books.
    """

    moto: float
    new: float
    killed: float
    first_cell: float
    catch_up: float
    progress: float
    catalogue: float


def waits() -> Waits:
    """Measure all of it."""
    with tempfile.TemporaryDirectory() as folder, _home(Path(folder) / "lab") as home:
        first, caught_up = _cells(home, [FIRST, 'catch_up("1.9")'])
        (PROJECT / "data" / "catalogue.jsonl").unlink(missing_ok=True)  # it is made up again
        *_, catalogue = _cells(home, [FIRST, _catalogue()])
        *_, progress = _cells(home, [FIRST, "course_progress()"])
        taken: dict[str, list[float]] = {"moto": [], "new": [], "killed": []}
        for number in range(ROUNDS):
            taken["moto"].append(_moto_server())
            with _home(Path(folder) / str(number)) as new:
                taken["new"].append(_start(new))
            _kill(home)
            taken["killed"].append(_start(home))
    starts = {name: median(seconds) for name, seconds in taken.items()}
    return Waits(
        **starts,
        first_cell=first,
        catch_up=caught_up,
        progress=progress,
        catalogue=catalogue,
    )


@contextmanager
def _home(folder: Path) -> Iterator[Path]:
    try:
        yield folder
    finally:
        sandbox_command(folder, "stop")


def _start(home: Path) -> float:
    began = time.perf_counter()
    started = sandbox_command(home, "start")
    assert started.returncode == 0, started.stderr
    return time.perf_counter() - began


def _kill(home: Path) -> None:
    process = psutil.Process(json.loads((home / "running.json").read_text())["pid"])
    process.kill()
    process.wait()


def _moto_server() -> float:
    port = free_port()
    began = time.perf_counter()
    command = [sys.executable, "-m", "moto.server", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/moto-api/data.json").close()
                return time.perf_counter() - began
            except OSError:
                time.sleep(0.02)
    finally:
        server.kill()
        server.wait()


def _cells(home: Path, cells: list[str]) -> list[float]:
    """Run cells in a fresh process; return how long each took."""
    environment = {
        **os.environ,
        "SANDBOX_HOME": str(home),
        "SANDBOX_PACE": "lesson",
        "LAB_TARGET": "sandbox",
        "COURSE_KEYS": str(home.parent / "keys"),
    }
    done = subprocess.run(
        [sys.executable, "-c", CELLS],
        input=json.dumps(cells),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    return [float(line) for line in done.stdout.split()]


def _catalogue() -> str:
    """The cells of page 3.15 that make the table, make up the books and load them, as one."""
    (page,) = (PROJECT / "notebooks").glob("3.15-*.ipynb")
    wanted = ("create", "wait", "bill", "make", "lines", "how-many", "put-batch", "load")
    sources = {c["id"]: "".join(c["source"]) for c in json.loads(page.read_text())["cells"]}
    table = "dynamodb = boto3.resource('dynamodb')\nclient = dynamodb.meta.client"
    return "\n".join([sources["connect"], table, *(sources[name] for name in wanted)])
