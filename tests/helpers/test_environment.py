"""The check of this computer, held against real folders of programs and real package metadata."""

import os
import stat
import sys
from pathlib import Path

import pytest

from helpers import environment
from helpers.environment import check_environment, command_for
from sandbox import install
from sandbox.errors import SandboxError

SERVER = "Database server: MariaDB 10.11 or MySQL 8.0.30, or newer"
CLI = "AWS CLI 1.29 or 2.13, or newer"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs are shell scripts")


def program(folder: Path, name: str, says: str) -> Path:
    """A program that prints one line, whatever it is asked."""
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}'\n")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


def rows() -> dict[str, tuple[str, str]]:
    """What the check says: what -> (found, what to type)."""
    return {what: (found, command) for what, found, command in check_environment().values}


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer on which no program can be found but those put into this folder."""
    monkeypatch.setattr(environment, "MORE_FOLDERS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path / "scripts"))
    for name in ("CONDA_PREFIX", "SANDBOX_MYSQLD", "LAB_TARGET"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}")
    return folder


def test_the_columns_and_no_advice_for_what_is_there():
    made = check_environment()
    assert list(made.columns) == ["what", "found", "what to type"]
    for _, found, command in made.values:
        assert bool(command) == (found not in ("yes", "sandbox", "aws", "not needed"))


def test_this_computer_as_the_sandbox_sees_it():
    try:
        install.find_program()
    except SandboxError:
        usable = False
    else:
        usable = True
    assert (rows()[SERVER][0] == "yes") == usable
    assert (rows()["Database client: mariadb or mysql"][0] == "yes") == bool(install.find_client())


def test_nothing_there(bare):
    said = rows()
    assert said[CLI][0] == "no"
    assert said[SERVER] == ("no", "conda install -c conda-forge mysql-server mysql-client")
    assert said["SSH client: ssh"] == ("no", "conda install -c conda-forge openssh")
    assert said["Python packages of the course"] == ("yes", "")


@pytest.mark.parametrize(
    ("name", "says", "found"),
    [
        ("mariadbd", "mariadbd  Ver 10.11.6-MariaDB for debian-linux-gnu on x86_64", "yes"),
        ("mariadbd", "mariadbd  Ver 10.5.23-MariaDB for Linux on x86_64", "too old: 10.5.23"),
        ("mysqld", "/usr/sbin/mysqld  Ver 8.0.30 for Linux on x86_64", "yes"),
        ("mysqld", "/usr/sbin/mysqld  Ver 8.0.29 for Linux on x86_64", "too old: 8.0.29"),
        ("mysqld", "/opt/mysql@9.1/bin/mysqld  Ver 5.7.44 for Linux on x86_64", "too old: 5.7.44"),
        ("mysqld", "/usr/sbin/mysqld  Ver 9.4.0-MariaDB for Linux", "too old: 9.4.0"),
        ("mysqld", "something else", "no"),
    ],
)
def test_a_server_must_be_new_enough(bare, name, says, found):
    program(bare, name, says)
    assert rows()[SERVER][0] == found


def test_one_good_server_is_enough(bare):
    program(bare, "mariadbd", "mariadbd  Ver 10.3.1-MariaDB")
    program(bare, "mysqld", "mysqld  Ver 8.4.0")
    assert rows()[SERVER][0] == "yes"


def test_a_server_outside_path(bare, tmp_path, monkeypatch):
    elsewhere = tmp_path / "sbin"
    elsewhere.mkdir()
    path = program(elsewhere, "mariadbd", "mariadbd  Ver 11.4.2-MariaDB")
    monkeypatch.setattr(environment, "MORE_FOLDERS", (str(elsewhere),))
    assert rows()[SERVER][0] == "yes"
    monkeypatch.setattr(environment, "MORE_FOLDERS", ())
    monkeypatch.setenv("SANDBOX_MYSQLD", str(path))
    assert rows()[SERVER][0] == "yes"
    monkeypatch.setenv("SANDBOX_MYSQLD", str(tmp_path / "nothing"))
    assert rows()[SERVER][0] == "no"


@pytest.mark.parametrize(
    ("says", "found"),
    [
        ("aws-cli/2.31.1 Python/3.13.7 Linux/6.12 exe/x86_64", "yes"),
        ("aws-cli/2.1.27 Python/3.7.9 Windows/10 exe/AMD64 prompt/off", "too old: 2.1"),
        ("aws-cli/1.46.3 Python/3.11.7", "yes"),
        ("aws-cli/1.22.34 Python/3.10.12", "too old: 1.22"),
        ("another aws", "no"),
    ],
)
def test_the_aws_cli_must_know_the_endpoint_variable(bare, says, found):
    program(bare, "aws", says)
    assert rows()[CLI][0] == found


@pytest.mark.parametrize("manager", ["brew", "apt-get", "dnf", "conda"])
def test_the_command_is_the_one_that_the_sandbox_names(bare, manager, monkeypatch):
    program(bare, manager, "")
    if manager == "conda":
        monkeypatch.setenv("CONDA_PREFIX", str(bare))
    words = [w for w in command_for("database").split() if not w.startswith("-")]
    assert words == [w for w in install.install_command().split() if not w.startswith("-")]
    assert manager in words
    for thing in environment.INSTALL:
        assert command_for(thing)


def test_no_sudo_for_root_and_for_make(bare, monkeypatch):
    program(bare, "apt-get", "")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command_for("ssh").startswith("sudo apt-get install")
    assert command_for("packages").startswith("make ")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert command_for("ssh").startswith("apt-get install")


def test_packages_against_the_floors_of_the_course(tmp_path, monkeypatch):
    about = tmp_path / "aws_databases_course-9.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: aws-databases-course\nVersion: 9\n"
        "Requires-Dist: pandas>=1\n"
        "Requires-Dist: boto3>=99\n"
        "Requires-Dist: no-such-package>=1\n"
        'Requires-Dist: not-this-one>=1; extra == "test"\n'
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found, command = rows()["Python packages of the course"]
    assert found.startswith("boto3 1.") and found.endswith(" is not >=99; no no-such-package")
    assert command


def test_the_target(monkeypatch):
    monkeypatch.delenv("LAB_TARGET", raising=False)
    assert rows()["Target: sandbox or aws"] == ("sandbox", "")
    monkeypatch.setenv("LAB_TARGET", "aws")
    assert rows()["Target: sandbox or aws"] == ("aws", "")
    assert rows()[SERVER] == ("not needed", "")
    monkeypatch.setenv("LAB_TARGET", "moon")
    found, command = rows()["Target: sandbox or aws"]
    assert (found, command) == ("no: LAB_TARGET is moon", "%env LAB_TARGET=sandbox")
