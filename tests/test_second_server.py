"""The environment in which the database tests run a second time."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import install
from tests import second_server, tools

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the launchers are shell scripts")


@pytest.fixture
def oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The programs of the environment without its packages, in a folder of this test."""
    monkeypatch.setattr(second_server, "OLDEST", tmp_path)
    monkeypatch.setattr(second_server, "BIN", tmp_path / "bin")
    (tmp_path / "bin").mkdir()
    for name in tools.ALL:
        tools.require(name)
    second_server.add_programs()
    return tmp_path / "bin"


@pytest.mark.clients
def test_its_server_its_client_and_its_cli_come_first(
    oldest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = second_server.environment()
    for name in ("PATH", "CONDA_PREFIX"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.delenv(install.OVERRIDE, raising=False)
    program = install.find_program()
    assert (program.flavour, program.server) == ("mysql", oldest / "mysqld")
    for name, says in (("aws", "aws-cli/2."), ("mysql", "Ver ")):
        done = subprocess.run([name, "--version"], env=environment, capture_output=True, text=True)
        assert says in done.stdout
        assert "MariaDB" not in done.stdout


def test_where_it_cannot_be_made_ci_fails_and_a_laptop_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise second_server.CannotRun("uv is not here")

    monkeypatch.setattr(second_server, "make", fail)
    monkeypatch.delenv("CI", raising=False)
    assert second_server.main([]) == 0
    assert "do not run on the second server: uv is not here." in capsys.readouterr().err
    monkeypatch.setenv("CI", "true")
    assert second_server.main([]) == 1
