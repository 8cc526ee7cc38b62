"""What the desktop clients are given: each field, each file read as the client reads it."""

import html.parser
import json
import os
import shlex
import socket
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

import helpers
from helpers.copyable import Copyable
from helpers.desktop import (
    DesktopConnection,
    connection_files,
    dbeaver_data_sources,
    dbeaver_fields,
    fields,
    workbench_connections,
    workbench_fields,
    write_connection_files,
)
from helpers.errors import CourseError
from helpers.terminal import free_port, to_type, wait_until_open
from tests.conftest import Lab1

WRITER = "bookstore.cluster-abc.us-east-1.rds.amazonaws.com"
KEY = Path('/home/zoë & co/"a" <b>/it\'s.pem')
TO = DesktopConnection("203.0.113.9", 2222, KEY, WRITER)
ARCHIVES = (".zip", ".dbp")


def grt(element: ElementTree.Element) -> object:
    """What Workbench makes of an element of its file format."""
    kind = element.get("type")
    if kind == "list":
        return [grt(child) for child in element]
    if kind in ("dict", "object") and element.tag == "value":
        return {child.get("key"): grt(child) for child in element}
    return int(element.text or "") if kind == "int" else element.text or ""


def only(values: list) -> dict:
    assert len(values) == 1
    return values[0]


def test_workbench_reads_every_field() -> None:
    data = ElementTree.fromstring(workbench_connections(TO))
    assert (data.tag, data.attrib) == ("data", {"grt_format": "2.0"})
    listed = only(list(data))
    assert listed.get("content-struct-name") == "db.mgmt.Connection"
    assert only(list(listed)).get("struct-name") == "db.mgmt.Connection"
    assert only(grt(listed)) == {
        "driver": "com.mysql.rdbms.mysql.driver.native_sshtun",
        "hostIdentifier": f"Mysql@{WRITER}:3306@203.0.113.9:2222",
        "isDefault": 0,
        "modules": {},
        "parameterValues": {
            "SQL_MODE": "",
            "hostName": WRITER,
            "port": 3306,
            "schema": "bookstore",
            "sshHost": "203.0.113.9:2222",
            "sshKeyFile": str(KEY.absolute()),
            "sshUserName": "ec2-user",
            "useSSL": 1,
            "userName": "admin",
        },
        "name": "bookstore",
    }


def test_dbeaver_reads_every_field() -> None:
    sources = json.loads(json.dumps(dbeaver_data_sources(TO)))
    assert sources["folders"] == {}
    connection = only(list(sources["connections"].values()))
    configuration = connection.pop("configuration")
    tunnel = configuration.pop("handlers")["ssh_tunnel"]
    assert connection == {
        "provider": "mysql",
        "driver": "mysql8",
        "name": "bookstore",
        "save-password": False,
    }
    assert configuration == {
        "host": WRITER,
        "port": "3306",
        "database": "bookstore",
        "url": f"jdbc:mysql://{WRITER}:3306/bookstore",
        "configurationType": "MANUAL",
        "type": "dev",
        "auth-model": "native",
        "user": "admin",
    }
    assert tunnel == {
        "type": "TUNNEL",
        "enabled": True,
        "save-password": False,
        "user": "ec2-user",
        "properties": {
            "host": "203.0.113.9",
            "port": 2222,
            "authType": "PUBLIC_KEY",
            "keyPath": str(KEY.absolute()),
        },
    }


def test_the_dialogs_show_what_the_files_say() -> None:
    shown = {field: value for _, field, value in workbench_fields(TO)}
    stored = only(grt(only(list(ElementTree.fromstring(workbench_connections(TO))))))
    parameters = stored["parameterValues"]
    for field, key in {
        "SSH Hostname": "sshHost",
        "SSH Username": "sshUserName",
        "SSH Key File": "sshKeyFile",
        "MySQL Hostname": "hostName",
        "MySQL Server Port": "port",
        "Username": "userName",
        "Default Schema": "schema",
    }.items():
        assert shown.pop(field) == str(parameters[key]), field
    assert shown == {
        "Connection Name": "bookstore",
        "Connection Method": "Standard TCP/IP over SSH",
        "SSH Password": None,
    }
    typed = {(where, field): value for where, field, value in dbeaver_fields(TO)}
    configuration = only(list(dbeaver_data_sources(TO)["connections"].values()))["configuration"]
    properties = configuration["handlers"]["ssh_tunnel"]["properties"]
    assert typed == {
        ("tab Main", "Server Host"): configuration["host"],
        ("tab Main", "Port"): configuration["port"],
        ("tab Main", "Database"): configuration["database"],
        ("tab Main", "Username"): configuration["user"],
        ("tab SSH", "Host/IP"): properties["host"],
        ("tab SSH", "Port"): str(properties["port"]),
        ("tab SSH", "User Name"): configuration["handlers"]["ssh_tunnel"]["user"],
        ("tab SSH", "Authentication Method"): "Public Key",
        ("tab SSH", "Private Key"): properties["keyPath"],
        ("tab SSH", "Passphrase"): None,
    }


def test_the_archives_are_what_the_imports_look_for(tmp_path: Path) -> None:
    for row in write_connection_files(TO, tmp_path):
        assert zipfile.is_zipfile(tmp_path / row["file"])
    with zipfile.ZipFile(tmp_path / "workbench-connections.zip") as archive:
        assert archive.read("connections.xml").decode() == workbench_connections(TO)
        instances = only(list(ElementTree.fromstring(archive.read("server_instances.xml"))))
        assert (instances.get("type"), grt(instances)) == ("list", [])
        assert instances.get("content-struct-name") == "db.mgmt.ServerInstance"
    with zipfile.ZipFile(tmp_path / "dbeaver-project.dbp") as archive:
        files = walk_as_dbeaver(archive)
    assert json.loads(files[".dbeaver/data-sources.json"]) == dbeaver_data_sources(TO)


def walk_as_dbeaver(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """The files that DBeaver's import of a project finds by the table of contents."""
    meta = ElementTree.fromstring(archive.read("meta.xml"))
    project = only(meta.findall("projects/project"))
    files = {}

    def descend(element: ElementTree.Element, path: str) -> None:
        for resource in element.findall("resource"):
            at = path + resource.attrib["name"]
            if resource.get("directory") == "true":
                assert archive.getinfo(f"{at}/").is_dir()
                descend(resource, f"{at}/")
            else:
                files[at.removeprefix(root)] = archive.read(at)

    root = f"projects/{project.attrib['name']}/"
    descend(project, root)
    return files


def test_the_files_are_yours_alone_and_can_be_written_again(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    write_connection_files(TO, folder)
    write_connection_files(replace(TO, ssh_port=2223), folder)
    assert "2223" in (folder / "connections.xml").read_text(encoding="utf-8")
    assert {file.name for file in folder.iterdir()} == set(connection_files(TO))
    if os.name == "posix":
        assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_another_address_is_another_connection() -> None:
    assert TO.id == replace(TO).id
    changed = [
        replace(TO, ssh_port=2223),
        replace(TO, mysql_host=WRITER.replace("cluster-", "cluster-ro-")),
        replace(TO, key_file=Path("other.pem")),
    ]
    assert len({each.id for each in [TO, *changed]}) == 4


def test_a_key_file_in_the_users_folder_gets_its_full_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for given in ("~/a.pem", "a.pem"):
        assert replace(TO, key_file=Path(given)).key_path == str(tmp_path / "a.pem")


class Buttons(html.parser.HTMLParser):
    """The data-copy values of a page, as a browser reads them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: list[str | None] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag == "button":
            self.values.append(dict(attributes)["data-copy"])


def test_each_value_has_its_button() -> None:
    expected = [value for _, _, value in workbench_fields(TO) if value is not None]
    drawn = fields("MySQL Workbench", TO)
    assert Buttons(drawn._html()).values == expected
    assert drawn._html().count("leave empty") == 1


def test_a_notebook_stores_no_value_of_this_machine() -> None:
    stored = fields("DBeaver", TO)._repr_mimebundle_()
    assert set(stored) == {"text/plain", "application/vnd.jupyter.widget-view+json"}
    assert "203.0.113.9" not in str(stored)
    assert "Server Host" in repr(fields("DBeaver", TO))
    assert "203.0.113.9" not in repr(TO)


def test_an_unknown_client_is_told_the_known_ones() -> None:
    with pytest.raises(CourseError, match="MySQL Workbench, DBeaver"):
        fields("Navicat", TO)


def test_a_command_is_shown_so_that_a_shell_reads_it_back() -> None:
    command = ["ssh", "-i", str(KEY), '-oUserKnownHostsFile="a b"']
    ((_, name, line),) = to_type("In a terminal", tunnel=command).fields
    assert name == "tunnel"
    assert line is not None
    if os.name == "posix":
        assert shlex.split(line) == command
    else:
        assert line == subprocess.list2cmdline(command)


def python(code: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.PIPE)


def test_waiting_ends_when_the_port_is_open() -> None:
    port = free_port()
    listen = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1])))"
    with python(f"{listen}; s.accept(); input()", str(port)) as program:
        wait_until_open(port, program)
        socket.create_connection(("127.0.0.1", port), 1).close()
        program.kill()


def test_waiting_ends_with_the_words_of_a_program_that_ended() -> None:
    with (
        python("import sys; sys.exit('Permission denied (publickey).')") as program,
        pytest.raises(CourseError, match=r"exit code 1: Permission denied \(publickey\)"),
    ):
        wait_until_open(free_port(), program)


def test_waiting_ends_a_program_that_does_nothing() -> None:
    with python("import time; time.sleep(60)") as program:
        with pytest.raises(CourseError, match="has not opened"):
            wait_until_open(free_port(), program, seconds=0.2)
        assert program.poll() is not None


def failed(page: str) -> list[str]:
    result = helpers.check(page)
    return list(result[result["done"] == "no"]["check"])


def test_the_check_reads_the_files(lab1: Lab1) -> None:
    folder, (host, port) = lab1.key.parent, helpers.ssh_address(lab1.bastion)
    assert len(failed("1.6")) == 4
    right = DesktopConnection(host, port, lab1.key, lab1.writer)
    write_connection_files(right, folder)
    assert failed("1.6") == []

    write_connection_files(replace(right, mysql_host=lab1.reader), folder)
    assert failed("1.6") == [
        "The file for MySQL Workbench leads to this bastion and this writer",
        "The file for DBeaver leads to this bastion and this writer",
    ]

    write_connection_files(right, folder)
    with zipfile.ZipFile(folder / "workbench-connections.zip", "a") as archive:
        archive.writestr("note.txt", f"the password is {lab1.password}")
    assert "No password in the files" in failed("1.6")

    write_connection_files(right, folder)
    if os.name == "posix":
        (folder / "connections.xml").chmod(0o644)
        assert failed("1.6") == ["Nobody else may read them"]


def test_the_check_without_a_bookstore_says_what_to_do(lab1: Lab1) -> None:
    result = helpers.check("1.5").set_index("check")
    assert result.loc["The writer endpoint answers through the bastion", "done"] == "yes"
    assert list(result["done"]).count("no") == 4
    assert "page 1.5" in result.loc["The table books has the 30 rows of books.csv", "to do"]


def test_archives_hold_the_same_as_the_files_beside_them() -> None:
    files = connection_files(TO)
    packed = [parts for name, parts in files.items() if name.endswith(ARCHIVES)]
    assert {contents for parts in packed for contents in parts.values()} >= {
        files["connections.xml"]["connections.xml"],
        files["data-sources.json"]["data-sources.json"],
    }


def test_a_copyable_needs_no_place() -> None:
    page = Copyable("One", [("", "file", "a")])._html()
    assert "<th" not in page
    assert page.count("<button") == 1
