"""The programs that only tests need: found, unpacked, or said to be missing."""

import os
import subprocess
from pathlib import Path

import psutil
import pytest

from tests import debian, tools

posix = pytest.mark.skipif(os.name != "posix", reason="the programs of these tests are scripts")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has no program but those that the test puts into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(tools, "TOOLS", tmp_path / "tools")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("SANDBOX_MYSQLD", raising=False)
    return folder


def says(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{text}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.clients
def test_the_clis_own_version_decides() -> None:
    aws = tools.require("awscli")
    said = subprocess.run([aws, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("aws-cli/2.")
    assert not (aws.parent / "python3").exists()  # this folder can be put on a PATH


@pytest.mark.clients
def test_the_server_runs_under_its_own_name() -> None:
    # The sandbox ends servers that were left behind, and knows them by that name.
    server = tools.require("mysql")
    words = [server, "--no-defaults", "--user=root", "--verbose", "--help"]
    # It prints more than a pipe holds, and waits: time to look at it.
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        assert b"Ver " in process.stdout.readline()
        assert psutil.Process(process.pid).name().startswith("mysqld")
        process.stdout.read()
    assert process.returncode == 0
    assert any((folder / "mysql").exists() for folder in tools.folders("mysql"))


@posix
def test_another_program_of_that_name_is_passed_over(bare: Path, tmp_path: Path) -> None:
    says(bare / "aws", "aws-cli/1.46.1 Python/3.11.2")
    says(bare / "mysqld", "mysqld  Ver 10.11.19-MariaDB for debian-linux-gnu")
    assert tools.find("awscli") is None
    assert tools.find("mysql") is None
    assert tools.folders("mysql") == []
    more = tmp_path / "more"
    wanted = says(more / "aws", "aws-cli/2.38.1 Python/3.14.10")
    server = says(more / "mysqld", "mysqld  Ver 9.7.4 for Linux")
    os.environ["PATH"] += f"{os.pathsep}{more}"
    assert tools.find("awscli") == wanted
    assert tools.find("mysql") == server


def test_a_missing_program_skips_a_test_and_fails_it_on_ci(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"type: python -m tests\.tools install mysql"):
        tools.require("mysql")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="AWS CLI, version 2 is not here"):
        tools.require("awscli")


def test_another_system_is_told_what_to_type(
    bare: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tools.main(["install", "mysql", "awscli"]) == 1
    said = capsys.readouterr().err
    assert "not a Debian machine: it has no apt-get" in said
    assert "type: conda install -c conda-forge mysql-server" in said
    assert "type: conda install -c conda-forge awscli" in said


@posix
def test_a_machine_whose_sources_name_no_mirror_says_so(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says(bare / "apt-get", "http://example.org/ubuntu/")
    says(bare / "dpkg-deb", "")
    monkeypatch.setattr(debian, "KEYRING", says(tmp_path / "keys", ""))
    with pytest.raises(debian.CannotUnpack, match="name no Debian mirror"):
        tools.install("mysql")
    assert not (tmp_path / "tools" / "mysql").exists()


def test_the_usage_names_the_tools(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.main(["install", "mongodb"]) == 2
    assert "python -m tests.tools install [mysql] [awscli]" in capsys.readouterr().err
