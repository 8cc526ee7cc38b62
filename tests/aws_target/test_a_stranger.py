"""The pages on an account that is not the sandbox: moto's own server, over HTTPS.

No cell is changed, nothing of the sandbox's can be reached (`guard/sitecustomize.py`), and each
page's own check is passed.
"""

import ast
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.aws_target import strangers
from tests.conftest import PROJECT

GUARD = Path(__file__).parent / "guard"
PAGES = [
    *("1.1", "2.1", "2.2"),
    *("3.1", "3.2", "3.3", "3.4", "3.5", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12"),
    *("3.13", "3.17"),
]
# What moto alone does otherwise than AWS is the subject of these, or in their way.
NOT_ON_MOTO = {
    "1.2": "the bastion does not get the security group that its network interface names",
    "1.3": "a cluster of a name that is taken fails at its automatic snapshot first",
    "1.4": "there is no SSH server and no database behind what moto describes",
    "1.5": "as 1.4",
    "1.6": "as 1.4",
    "1.7": "as 1.4",
    "1.8": "as 1.4",
    "1.9": "deletes; held by the sandbox, where there is something to delete",
    "2.3": "describe_table gives an index no ARN",
    "2.4": "adding an index makes moto forget the table's other attribute definitions",
    "3.14": "a transaction's token is forgotten: the repetition is not recognized",
    "3.15": "its thousands of items take moto minutes, as each query sorts the whole table",
    "3.16": "a SELECT with a condition on an index never ends",
    "3.18": "restore_table_from_backup of a provisioned table fails",
    "3.19": "list_backups names no TableId",
}


def test_every_page_is_run_or_has_a_reason() -> None:
    numbers = {file.name.split("-")[0] for file in (PROJECT / "notebooks").glob("[1-3].*.ipynb")}
    assert numbers == set(PAGES) | set(NOT_ON_MOTO)
    assert not set(PAGES) & set(NOT_ON_MOTO)


class Answering(BaseHTTPRequestHandler):
    """What checkip.amazonaws.com is on the internet."""

    def do_GET(self) -> None:
        """Tell the caller an address."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"198.51.100.20\n")

    def log_message(self, *_: object) -> None:
        """Be silent."""


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("stranger")
    memory = {"accounts": [strangers.ACCOUNT]}
    (folder / "lab.json").write_text(json.dumps(memory))
    web = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with strangers.moto_server(folder) as environment:
        ports = [web.server_port, urlsplit(environment["AWS_ENDPOINT_URL"]).port]
        yield {
            **environment,
            "PYTHONPATH": str(GUARD),
            "GUARD_PORTS": ",".join(map(str, ports)),
            "GUARD_LOG": str(folder / "guard.log"),
            "TEST_CHECK_ADDRESS": f"http://127.0.0.1:{web.server_port}/",
        }
    web.shutdown()
    web.server_close()


def _run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True)


def test_the_pages_run_unchanged_and_reach_nothing_of_the_sandbox(stranger: dict) -> None:
    done = _run(stranger, "tests.aws_target.run_pages", *PAGES)
    assert done.stdout.splitlines() == [f"{page}: ok" for page in PAGES], done.stderr[-4000:]
    guard = Path(stranger["GUARD_LOG"])
    assert not guard.exists(), guard.read_text()


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("import sandbox", "imports sandbox"),
        ("import socket; socket.create_connection(('127.0.0.1', 9), 1)", "connects to"),
        ("open('.sandbox/running.json')", "opens"),
        ("import subprocess; subprocess.run(['python', '-m', 'sandbox', 'start'])", "starts"),
    ],
)
def test_the_guard_guards(stranger: dict, tmp_path: Path, does: str, said: str) -> None:
    log = tmp_path / "guard.log"
    code = does.replace("'.sandbox", f"'{PROJECT}/.sandbox")
    command = [sys.executable, "-c", code]
    environment = {**stranger, "GUARD_LOG": str(log)}
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True)
    assert done.returncode != 0
    assert said in log.read_text()


def test_no_helper_and_no_page_imports_the_sandbox_or_moto() -> None:
    sources = {file: file.read_text(encoding="utf-8") for file in PROJECT.glob("helpers/**/*.py")}
    assert len(sources) > 20
    for file, source in sources.items():
        for node in ast.walk(ast.parse(source)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            roots = {name.partition(".")[0] for name in names}
            assert not roots & {"sandbox", "moto"}, file
