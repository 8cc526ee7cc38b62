"""The AWS SDK for JavaScript, installed by npm into `.tools/` when it is first needed."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from filelock import FileLock

from tests.tools import TOOLS

PROGRAMS = Path(__file__).with_name("javascript")
FOLDER = TOOLS / "javascript"
NEEDED = "Node.js 20 or newer with npm is needed: https://nodejs.org"


def run(program: str, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run one of the programs of `PROGRAMS`, with these variables and no others of AWS's."""
    _require()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return subprocess.run(
        [str(shutil.which("node")), str(FOLDER / program), *words],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def _require() -> None:
    """Install the SDK. Where it cannot be had, skip the test; on CI, fail it."""
    try:
        _install()
    except (OSError, subprocess.SubprocessError) as error:
        reason = f"the AWS SDK for JavaScript cannot be had here: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


def _install() -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise FileNotFoundError(NEEDED)
    FOLDER.mkdir(parents=True, exist_ok=True)
    with FileLock(TOOLS / "javascript.lock"):
        wanted = (PROGRAMS / "package.json").read_text("utf-8")
        done = FOLDER / "installed.json"
        for file in PROGRAMS.iterdir():
            shutil.copy(file, FOLDER)
        if done.is_file() and json.loads(done.read_text("utf-8")) == json.loads(wanted):
            return
        subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"],
            cwd=FOLDER,
            capture_output=True,
            timeout=600,
            check=True,
        )
        done.write_text(wanted, "utf-8")
