"""Finding or installing the database server, and the one command it names where it cannot."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from sandbox import install
from sandbox.install import NoDatabaseServer, find_client, find_program

posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in programs are shell scripts")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed but what the test puts into this folder."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    monkeypatch.delenv(install.OVERRIDE, raising=False)
    monkeypatch.setattr(install, "SYSTEM_FOLDERS", ())
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "prefix"))  # conda has a server there
    return folder


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def says_version(path: Path, version: str) -> Path:
    return script(path, f"echo '{path}  Ver {version}'")


def test_the_server_of_this_machine_is_found() -> None:
    try:
        program = find_program()
    except NoDatabaseServer as error:
        pytest.skip(str(error))
    assert program.server.is_absolute()
    assert program.version[0].isdigit()
    assert (program.installer is None) == (program.flavour == "mysql")


def test_a_machine_without_a_server_is_told_the_command(bare: Path) -> None:
    with pytest.raises(NoDatabaseServer, match="conda install -y -c conda-forge mysql-server"):
        find_program()
    assert find_client() is None


@posix
@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "apt-get install -y -qq --no-install-recommends mariadb-server-core"),
        ("dnf", "dnf install -y -q mariadb-server"),
        ("brew", "brew install mariadb"),
    ],
)
def test_the_command_is_this_systems(
    bare: Path, manager: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(bare / manager, "exit 1")
    with pytest.raises(NoDatabaseServer, match=command):
        find_program()
    monkeypatch.setattr(install, "_is_root", lambda: False)
    sudo = manager != "brew"
    assert install.install_command().startswith("sudo ") == sudo


@posix
def test_inside_conda_the_command_is_condas(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(bare / "apt-get", "exit 1")
    monkeypatch.setenv("CONDA_PREFIX", str(bare))
    assert install.install_command().startswith("conda install")


@posix
def test_what_it_says_it_is_decides(bare: Path) -> None:
    server = says_version(bare / "mysqld", "9.1.0 for Linux on x86_64 (Source distribution)")
    program = find_program()
    assert (program.flavour, program.version, program.server) == ("mysql", "9.1.0", server)
    says_version(bare / "mariadbd", "10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu")
    assert find_program().flavour == "mariadb"


@posix
def test_on_debian_mysqld_is_mariadb(bare: Path) -> None:
    says_version(bare / "mysqld", "10.11.6-MariaDB-0+deb12u1 for debian-linux-gnu")
    assert find_program().flavour == "mariadb"


OLD = ["5.7.44 for Linux", "8.0.29 for Linux on x86_64", "10.6.18-MariaDB for debian-linux-gnu"]


@posix
@pytest.mark.parametrize("version", OLD)
def test_a_server_that_is_too_old_is_named(
    bare: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = says_version(bare / "mysqld", version)
    number = version.split("-")[0].split(" ")[0]
    with pytest.raises(NoDatabaseServer) as declined:
        find_program()
    said = str(declined.value)
    assert f"{server}, which is " in said
    assert f"{number}: too old" in said
    assert "needs MariaDB 10.11 or MySQL 8.0.30, or a newer one. Type: " in said
    monkeypatch.setenv(install.OVERRIDE, str(server))
    with pytest.raises(NoDatabaseServer, match=f"{number}: too old .* unset it"):
        find_program()


@posix
@pytest.mark.parametrize("version", ["8.0.30 for Linux", "8.4.0 for Linux", "10.11.2-MariaDB"])
def test_the_oldest_that_will_do(bare: Path, version: str) -> None:
    says_version(bare / "mysqld", version)
    assert find_program().version in version


@posix
def test_the_conda_environments_server_is_preferred(
    bare: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says_version(bare / "mariadbd", "10.11.6-MariaDB")
    (tmp_path / "conda" / "bin").mkdir(parents=True)
    server = says_version(tmp_path / "conda" / "bin" / "mysqld", "9.4.0 for Linux")
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert find_program().server == server
    assert find_program("mariadb").server == bare / "mariadbd"
    says_version(server, "8.0.29 for Linux")
    install._identify.cache_clear()
    assert find_program().server == bare / "mariadbd"


@posix
def test_the_variable_names_the_server(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    says_version(bare / "mariadbd", "10.11.6-MariaDB")
    wanted = says_version(bare / "my-own", "8.4.3 for Linux")
    monkeypatch.setenv(install.OVERRIDE, str(wanted))
    assert find_program().server == wanted
    monkeypatch.setenv(install.OVERRIDE, str(bare / "missing"))
    with pytest.raises(NoDatabaseServer, match=r"missing.*unset it"):
        find_program()
    monkeypatch.setenv(install.OVERRIDE, str(script(bare / "other", "echo hello")))
    with pytest.raises(NoDatabaseServer, match="no database server"):
        find_program()


@posix
def test_root_installs_with_apt_after_fetching_its_lists(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "_is_root", lambda: True)
    ready = says_version(bare / "ready", "10.11.6-MariaDB")
    copy = f"{shutil.which('cp', path='/bin:/usr/bin')} {ready}"
    script(
        bare / "apt-get",
        f'echo "$DEBIAN_FRONTEND $*" >> {bare}/said\n'
        f'if [ "$1" = update ]; then echo > {bare}/lists; exit; fi\n'
        f"[ -e {bare}/lists ] || exit 100\n"
        f"{copy} {bare}/mariadbd; {copy} {bare}/mariadb",
    )
    install.install()
    said = (bare / "said").read_text().splitlines()
    packages = "mariadb-server-core mariadb-client-core"
    installs = f"noninteractive install -y -qq --no-install-recommends {packages}"
    assert said == [installs, "noninteractive update -qq", installs]
    line = f"Database server: MariaDB 10.11.6, {bare}/mariadbd (client {bare}/mariadb)\n"
    assert capfd.readouterr().out == line
    install.install()
    assert (bare / "said").read_text().splitlines() == said  # all there: nothing to install


@posix
def test_without_root_the_command_is_named_and_not_run(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "_is_root", lambda: False)
    script(bare / "apt-get", f"echo > {bare}/ran")
    with pytest.raises(NoDatabaseServer, match=r"Type: sudo apt-get install"):
        install.install()
    assert not (bare / "ran").exists()


@posix
def test_a_package_manager_that_fails_is_reported(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "_is_root", lambda: True)
    script(bare / "dnf", "exit 3")
    with pytest.raises(install.SandboxError, match=r"`dnf install .*` ended with code 3"):
        install.install()
