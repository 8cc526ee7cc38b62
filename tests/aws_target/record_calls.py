"""Runs the course page by page at a slow pace, and keeps every call: `FILE` gets them as JSON.

    python -m tests.aws_target.record_calls FILE

Each lab runs in a fresh sandbox at pace `lesson`, in the order of its pages, with the solutions in
the blanks. What `catch_up` repeats is left out, so that a call is where a page makes it.
"""

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests import forked
from tests.conftest import PROJECT, sandbox_command

LABS = "01239"  # the first digit of a page's number


def record(folder: Path) -> dict[str, list[dict]]:
    """Run all pages, the labs side by side: at that pace they wait more than they work.

    Returns:
        For each page, the calls of its own cells, as `sandbox/calls.py` notes them.
    """
    with ThreadPoolExecutor(len(LABS)) as pool:
        recorded = pool.map(lambda lab: _record_apart(lab, folder / lab), LABS)
        return {page: calls for each in recorded for page, calls in each.items()}


def _record_apart(lab: str, folder: Path) -> dict[str, list[dict]]:
    """Run the pages of a lab in a process and a sandbox of their own."""
    home = folder / "home"
    home.parent.mkdir(parents=True)
    environment = {
        **os.environ,
        "LAB_TARGET": "sandbox",
        "SANDBOX_HOME": str(home),
        "SANDBOX_PACE": "lesson",
        "SANDBOX_CALLS": str(folder / "log"),
        "COURSE_KEYS": str(folder / "keys"),
        "PYTHONWARNINGS": "default",
    }
    command = [sys.executable, "-m", "tests.aws_target.record_calls", "--lab", lab]
    if forked.available():
        forked.start(home, "lesson", environment)
    try:
        done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return json.loads((folder / "calls.json").read_text())
    finally:
        sandbox_command(home, "stop")


def record_lab(lab: str) -> None:
    """Run the pages of a lab in this process, whose variables lead to its sandbox.

    Pages 00, and 98 and 99, stand beside the labs: they are "labs" 0 and 9.
    """
    from helpers.pages import pages
    from tests.aws_target.run_pages import run_page

    log = Path(os.environ["SANDBOX_CALLS"])
    calls: dict[str, list[dict]] = {}
    for number in (n for n in pages() if n.startswith(lab)):
        seen = len(_lines(log))
        mine = calls.setdefault(number, [])

        def note(cell: str, mine: list[dict] = mine) -> None:
            nonlocal seen
            lines = _lines(log)
            if cell != "catch-up":
                mine += map(json.loads, lines[seen:])
            seen = len(lines)

        run_page(number, solved=True, after=note)
        print(f"{number}: {len(mine)} calls", flush=True)  # noqa: T201
    log.with_name("calls.json").write_text(json.dumps(calls))


def _lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def main() -> None:
    """Record all, or (for the process that does it) one lab."""
    if sys.argv[1] == "--lab":
        record_lab(sys.argv[2])
        return
    with tempfile.TemporaryDirectory(prefix="calls-", ignore_cleanup_errors=True) as folder:
        Path(sys.argv[1]).write_text(json.dumps(record(Path(folder)), indent=1))


if __name__ == "__main__":
    main()
