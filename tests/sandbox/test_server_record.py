"""Which server wrote a data folder, and which may open it."""

from pathlib import Path

import pytest

from sandbox import server_record
from sandbox.install import Program
from sandbox.server_errors import WrongServer
from sandbox.server_record import Record


def server(flavour: str, version: str) -> Program:
    return Program(flavour, Path("/usr/sbin/server"), None, version)


@pytest.mark.parametrize(
    ("flavour", "files", "version"),
    [
        (
            "mariadb",
            {"aria_log_control": "", "mysql_upgrade_info": "10.11.18-MariaDB\0"},
            "10.11.18",
        ),
        ("mariadb", {"aria_log_control": "", "mariadb_upgrade_info": "11.8.2-MariaDB"}, "11.8.2"),
        ("mariadb", {"aria_log_control": ""}, None),
        ("mysql", {"mysql.ibd": "", "mysql_upgrade_info": "8.0.35"}, "8.0.35"),
        (
            "mysql",
            {
                "mysql.ibd": "",
                "mysql_upgrade_history": '{"upgrade_history": [{"version": "8.4.9"},'
                ' {"version": "9.10.0"}, {"version": "9.7.4"}]}',
            },
            "9.10.0",
        ),
        ("mysql", {"mysql.ibd": ""}, None),
    ],
)
def test_a_folder_without_a_record_is_recognised_by_its_files(
    tmp_path, flavour, files, version
) -> None:
    (tmp_path / "data").mkdir()
    for name, text in files.items():
        (tmp_path / "data" / name).write_text(text)
    assert server_record.read(tmp_path) == Record(flavour, version)


def test_an_empty_folder_is_nobodys(tmp_path) -> None:
    assert server_record.read(tmp_path) is None
    server_record.check(tmp_path, server("mysql", "8.0.30"))


@pytest.mark.parametrize("broken", ["", "[]", '"text"', "{", '{"flavour": 1}', '{"version": "1"}'])
def test_a_damaged_record_is_no_record(tmp_path, broken) -> None:
    (tmp_path / server_record.FILE).write_text(broken)
    assert server_record.read(tmp_path) is None
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mysql.ibd").touch()
    assert server_record.read(tmp_path) == Record("mysql", None)


@pytest.mark.parametrize(
    ("written_by", "opened_by", "fits"),
    [
        (("mariadb", "10.11.18"), ("mariadb", "10.11.18"), True),
        (("mariadb", "10.11.18"), ("mariadb", "11.8.2"), True),
        (("mariadb", "10.11.18"), ("mariadb", "10.11.6"), True),
        (("mariadb", "11.4.1"), ("mariadb", "10.11.18"), False),
        (("mariadb", "10.11.18"), ("mysql", "10.11.18"), False),
        (("mysql", "9.7.4"), ("mariadb", "11.8.2"), False),
        (("mysql", "9.7.4"), ("mysql", "9.7.0"), True),
        (("mysql", "8.4.10"), ("mysql", "8.4.9"), True),
        (("mysql", "8.4.1"), ("mysql", "9.7.4"), True),
        (("mysql", "9.7.4"), ("mysql", "8.4.9"), False),
        (("mysql", "8.0.40"), ("mysql", "8.0.39"), False),
        (("mysql", "9.10.0"), ("mysql", "9.9.0"), False),
    ],
)
def test_which_server_may_open_it(tmp_path, written_by, opened_by, fits) -> None:
    server_record.write(tmp_path, server(*written_by))
    if fits:
        server_record.check(tmp_path, server(*opened_by))
        return
    with pytest.raises(WrongServer) as declined:
        server_record.check(tmp_path, server(*opened_by))
    for flavour, version in (written_by, opened_by):
        name = {"mariadb": "MariaDB", "mysql": "MySQL"}[flavour]
        assert f"{name} {version}" in str(declined.value)
    assert "SANDBOX_MYSQLD" in str(declined.value)
    assert declined.value.status == "failed"
