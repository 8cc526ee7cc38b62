"""A sandbox process that hangs up, answers half, or answers nonsense: a sentence, no traceback."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers.session import NoSandbox, ask_sandbox, my_address
from tests.conftest import sandbox_command

ANSWERS = {
    "nothing": b"",
    "half a line": b"HTTP/1.1 20",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{",
    "no JSON": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
    "an error": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
}
# Takes one connection, answers, hangs up and ends, as a sandbox that is killed meanwhile does.
PROCESS = """
import json, os, socket, sys
from pathlib import Path
answer, home = bytes.fromhex(sys.argv[1]), Path(sys.argv[-1])
with socket.create_server(("127.0.0.1", 0)) as server:
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    running = {"pid": os.getpid(), "endpoint_url": url, "pace": "instant"}
    (home / "running.new").write_text(json.dumps(running))
    (home / "running.new").replace(home / "running.json")
    client, _ = server.accept()
    client.recv(4096)
    client.sendall(answer)
    client.close()
"""

every_answer = pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())


@pytest.fixture
def where(answer) -> Iterator[str]:
    """A server that gives one answer to everybody and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@every_answer
def test_a_page_that_asks_it(where, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", where)
    monkeypatch.setenv("LAB_TARGET", "sandbox")
    with pytest.raises(NoSandbox, match="does not answer"):
        ask_sandbox("status")
    with pytest.raises(NoSandbox, match="does not answer"):
        my_address()


@every_answer
@pytest.mark.parametrize("word", ["stop", "status"])
def test_a_command_that_asks_it(tmp_path: Path, answer, word) -> None:
    (tmp_path / ".sandbox-home").write_text("")
    with subprocess.Popen(
        [sys.executable, "-c", PROCESS, answer.hex(), "serve", str(tmp_path)],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:
        try:
            while not (tmp_path / "running.json").exists():
                assert process.poll() is None
            said = sandbox_command(tmp_path, word)
        finally:
            process.kill()
    assert "Traceback" not in said.stderr
    if word == "stop":
        assert (said.returncode, said.stdout.strip()) == (0, "The sandbox is stopped.")
    else:
        assert said.returncode == 1
        assert "does not answer" in said.stderr
    assert word == "status" or not (tmp_path / "running.json").exists()


def test_stop_of_a_sandbox_that_has_ended_by_itself(tmp_path: Path) -> None:
    (tmp_path / ".sandbox-home").write_text("")
    with subprocess.Popen([sys.executable, "-c", "", "serve", str(tmp_path)]) as process:
        process.wait()
    running = {"pid": process.pid, "endpoint_url": "http://127.0.0.1:9", "pace": "instant"}
    (tmp_path / "running.json").write_text(json.dumps(running))
    said = sandbox_command(tmp_path, "stop")
    assert (said.returncode, said.stdout.strip()) == (0, "The sandbox was not running.")
