"""Programs that know nothing of the sandbox run to their end against it.

They are pointed at it as at AWS: by AWS_ENDPOINT_URL, a region and credentials. The one thing that
this machine cannot give them is the name of a database endpoint, which only a bastion resolves.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.database

PROGRAMS = Path(__file__).parent / "programs"

# Prints where the one database of the account is, past the bastion.
ADDRESS = """
import json, subprocess, sys
said = subprocess.check_output([sys.executable, "-m", "sandbox", "status", "--json"], text=True)
print("127.0.0.1:%s" % json.loads(said)["databases"][0]["port"])
"""


def test_the_aurora_scenario(sandbox) -> None:
    given = {"DATABASE_ADDRESS_COMMAND": shlex.join([sys.executable, "-c", ADDRESS])}
    done = subprocess.run(
        [sys.executable, PROGRAMS / "aurora_scenario.py"],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "all gone"
