"""Starts sandboxes without waiting for their imports: each is a fork of one process that is warm.

Most of a sandbox's start is importing moto and reading AWS's service models, the same every time.
A template process does that once and then forks: the child is a sandbox as `python -m sandbox
serve` is one, in a process of its own and in nothing different from a fresh one, in a tenth of the
time. Tests of the command line, of kills and of durability start real ones.

Only Linux forks safely; elsewhere `available()` says no and the command line is used.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).parents[1]
START_TIMEOUT = 60.0
_one_at_a_time = threading.Lock()
# What the course calls. Another service that a test calls is imported by the child.
SERVICES = ("ec2", "iam", "kms", "rds", "resourcegroupstaggingapi", "secretsmanager", "ssm", "sts")


def available() -> bool:
    """Whether this system forks safely."""
    return sys.platform == "linux"


def start(home: Path, pace: str, environment: Mapping[str, str]) -> None:
    """Start a sandbox and wait until it is ready.

    Args:
        home: its folder; made if need be.
        pace: "instant", "lesson" or "aws".
        environment: its variables. As with the command line, those of AWS are left out.

    Raises:
        RuntimeError: it ended, or did not get ready; with what it logged.
    """
    variables = {k: v for k, v in environment.items() if not k.startswith("AWS_")}
    request = {"home": str(home), "pace": pace, "environment": variables}
    with _one_at_a_time:
        if _template().poll() is not None:  # killed from outside
            _template.cache_clear()
        process = _template()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request) + "\n")
        process.stdin.flush()
        pid = int(process.stdout.readline())
    deadline = time.monotonic() + START_TIMEOUT
    while not (home / "running.json").exists():
        gone = not Path(f"/proc/{pid}").exists()
        if gone or time.monotonic() > deadline:
            log = home / "log"
            said = log.read_text() if log.exists() else "nothing"
            raise RuntimeError(f"The forked sandbox {'ended' if gone else 'hangs'}. Log: {said}")
        time.sleep(0.005)


@cache
def _template() -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.forked"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT,
        start_new_session=True,
    )
    atexit.register(process.communicate)  # its input ends, and so does it
    return process


# -- in the template ------------------------------------------------------------------------


def _warm_up() -> None:
    """Import what a sandbox imports, and nothing that starts a thread."""
    import setproctitle

    import sandbox.server

    setproctitle.getproctitle()  # it finds the command line before the environment changes
    os.environ.update(sandbox.server.MOTO_SETTINGS)
    for module in pkgutil.walk_packages(sandbox.__path__, "sandbox."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for service in SERVICES:
        for part in ("models", "responses", "urls"):
            importlib.import_module(f"moto.{service}.{part}")
    gc.collect()
    gc.freeze()  # what is here stays: the children's collector need not look at it


def _be_a_sandbox(home: Path, pace: str, environment: dict[str, str]) -> None:
    """Turn this child into what `python -m sandbox serve` is."""
    from setproctitle import setproctitle

    from sandbox.cli import main
    from sandbox.home import Home

    words = ["serve", "--home", str(home), "--pace", pace]
    # The command line is how `status` and `stop` know a process that serves a home.
    setproctitle(" ".join([sys.executable, "-m", "sandbox", *words]))
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(environment)
    place = Home(home)
    place.prepare()
    place.token()
    log = os.open(place.log_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(here, there)
    main(words)


def _reap(*_: object) -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _serve() -> None:
    """Fork for each line that comes in, and answer with the child's process id."""
    _warm_up()
    signal.signal(signal.SIGCHLD, _reap)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(SystemExit):
                _be_a_sandbox(Path(request["home"]), request["pace"], request["environment"])
            os._exit(1)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _serve()
