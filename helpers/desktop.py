"""Hands the way to the database to desktop programs: dialog fields to copy, files to import."""

from __future__ import annotations

import io
import json
import os
import uuid
import zipfile
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from helpers.copyable import Copyable, Field
from helpers.errors import CourseError


@dataclass(frozen=True, repr=False)
class DesktopConnection:
    """What a client asks for, in the words of its dialogs.

    Attributes:
        ssh_host, ssh_port: where the bastion's SSH server answers.
        ssh_user: the login on the bastion.
        key_file: the private key file.
        mysql_host, mysql_port: the database as the bastion sees it, the writer endpoint.
        user: the database user. The password is not here: it is never written to these files.
        database: the default schema.
        name: what the client calls the connection.
    """

    ssh_host: str
    ssh_port: int
    key_file: Path
    mysql_host: str
    mysql_port: int = 3306
    user: str = "admin"
    database: str = "bookstore"
    ssh_user: str = "ec2-user"
    name: str = "bookstore"

    def __repr__(self) -> str:
        return f"<connection {self.name} to {self.mysql_host}:{self.mysql_port} by SSH>"

    @property
    def key_path(self) -> str:
        """The key file's full path: a client has a working folder of its own."""
        return str(Path(self.key_file).expanduser().absolute())

    @property
    def id(self) -> str:
        """A UUID which other values change, so that a client imports them as a new connection."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "|".join(map(str, astuple(self))))).upper()


def workbench_fields(to: DesktopConnection) -> list[Field]:
    """The fields of MySQL Workbench's dialog "Setup New Connection", by SSH.

    See https://dev.mysql.com/doc/workbench/en/wb-mysql-connections-methods-ssh.html.
    """
    top, tab = "top of the dialog", "tab Parameters"
    return [
        (top, "Connection Name", to.name),
        (top, "Connection Method", "Standard TCP/IP over SSH"),
        (tab, "SSH Hostname", f"{to.ssh_host}:{to.ssh_port}"),
        (tab, "SSH Username", to.ssh_user),
        (tab, "SSH Password", None),
        (tab, "SSH Key File", to.key_path),
        (tab, "MySQL Hostname", to.mysql_host),
        (tab, "MySQL Server Port", str(to.mysql_port)),
        (tab, "Username", to.user),
        (tab, "Default Schema", to.database),
    ]


def dbeaver_fields(to: DesktopConnection) -> list[Field]:
    """The fields of DBeaver's dialog for a MySQL connection with an SSH tunnel.

    See https://dbeaver.com/docs/dbeaver/SSH-Configuration/.
    """
    main, ssh = "tab Main", "tab SSH"
    return [
        (main, "Server Host", to.mysql_host),
        (main, "Port", str(to.mysql_port)),
        (main, "Database", to.database),
        (main, "Username", to.user),
        (ssh, "Host/IP", to.ssh_host),
        (ssh, "Port", str(to.ssh_port)),
        (ssh, "User Name", to.ssh_user),
        (ssh, "Authentication Method", "Public Key"),
        (ssh, "Private Key", to.key_path),
        (ssh, "Passphrase", None),
    ]


def workbench_connections(to: DesktopConnection) -> str:
    """The text of a `connections.xml`, in which MySQL Workbench keeps its connections.

    It is a list of objects of Workbench's struct db.mgmt.Connection; the driver native_sshtun
    is "Standard TCP/IP over SSH".
    """
    data, connections = _grt_list("db.mgmt.Connection")
    one = ElementTree.SubElement(
        connections,
        "value",
        {
            "type": "object",
            "struct-name": "db.mgmt.Connection",
            "id": to.id,
            "struct-checksum": "0x96ba47d8",
        },
    )
    driver = {"type": "object", "struct-name": "db.mgmt.Driver", "key": "driver"}
    ElementTree.SubElement(one, "link", driver).text = "com.mysql.rdbms.mysql.driver.native_sshtun"
    ssh_host = f"{to.ssh_host}:{to.ssh_port}"
    _grt_value(one, "hostIdentifier", f"Mysql@{to.mysql_host}:{to.mysql_port}@{ssh_host}")
    _grt_value(one, "isDefault", 0)
    ElementTree.SubElement(one, "value", {"_ptr_": "0x2", "type": "dict", "key": "modules"})
    parameters = ElementTree.SubElement(
        one, "value", {"_ptr_": "0x3", "type": "dict", "key": "parameterValues"}
    )
    values: dict[str, str | int] = {
        "SQL_MODE": "",
        "hostName": to.mysql_host,
        "port": to.mysql_port,
        "schema": to.database,
        "sshHost": ssh_host,
        "sshKeyFile": to.key_path,
        "sshUserName": to.ssh_user,
        "useSSL": 1,  # encrypted inside the tunnel too, where the server can
        "userName": to.user,
    }
    for key, value in values.items():
        _grt_value(parameters, key, value)
    _grt_value(one, "name", to.name)
    return _xml(data)


def dbeaver_data_sources(to: DesktopConnection) -> dict[str, Any]:
    """The contents of a `data-sources.json`, in which a DBeaver project keeps its connections.

    See https://dbeaver.com/docs/dbeaver/Data-Sources-Json-Reference/ and, for `handlers`,
    https://dbeaver.com/docs/dbeaver/Network-Handlers-Reference/.
    """
    tunnel = {
        "type": "TUNNEL",
        "enabled": True,
        "save-password": False,
        "user": to.ssh_user,
        "properties": {
            "host": to.ssh_host,
            "port": to.ssh_port,
            "authType": "PUBLIC_KEY",
            "keyPath": to.key_path,
        },
    }
    connection = {
        "provider": "mysql",
        "driver": "mysql8",
        "name": to.name,
        "save-password": False,
        "configuration": {
            "host": to.mysql_host,
            "port": str(to.mysql_port),
            "database": to.database,
            "url": f"jdbc:mysql://{to.mysql_host}:{to.mysql_port}/{to.database}",
            "configurationType": "MANUAL",
            "type": "dev",
            "auth-model": "native",
            "user": to.user,
            "handlers": {"ssh_tunnel": tunnel},
        },
    }
    return {"folders": {}, "connections": {f"mysql8-{to.id.lower()}": connection}}


def connection_files(to: DesktopConnection) -> dict[str, dict[str, bytes]]:
    """The files that the clients import, without any password.

    Two are archives as the clients' own export makes them; the other two are what is in them, for
    a client's folder. Workbench's "Restore Connections" reads a zip of connections.xml and
    server_instances.xml; a DBeaver project archive is a zip with a table of contents, meta.xml.

    Returns:
        File name -> what is in it, as name -> contents; one name only where it is no archive.
    """
    connections = workbench_connections(to).encode()
    instances, _ = _grt_list("db.mgmt.ServerInstance")
    sources = json.dumps(dbeaver_data_sources(to), indent=2).encode()
    project = f"projects/{to.name}/.dbeaver/"
    return {
        "connections.xml": {"connections.xml": connections},
        "data-sources.json": {"data-sources.json": sources},
        "workbench-connections.zip": {
            "connections.xml": connections,
            "server_instances.xml": _xml(instances).encode(),
        },
        "dbeaver-project.dbp": {
            "meta.xml": _dbeaver_meta(to.name).encode(),
            project: b"",
            f"{project}data-sources.json": sources,
        },
    }


def write_connection_files(to: DesktopConnection, folder: Path) -> list[dict[str, str]]:
    """Write the files that MySQL Workbench and DBeaver import.

    Args:
        to: what they lead to.
        folder: where to; beside the key, so that git ignores them.

    Returns:
        A row for each client: client, file, and the menu that imports it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, parts in connection_files(to).items():
        archive = name.endswith((".zip", ".dbp"))
        _write(folder / name, _zipped(parts) if archive else parts[name])
    return [
        {
            "client": "MySQL Workbench",
            "file": "workbench-connections.zip",
            "menu": "Tools > Configuration > Restore Connections",
        },
        {
            "client": "DBeaver",
            "file": "dbeaver-project.dbp",
            "menu": "File > Import > DBeaver > Project",
        },
    ]


def fields(client: str, to: DesktopConnection) -> Copyable:
    """Every field of a client's dialog with this account's value, and a button to copy it.

    Args:
        client: "MySQL Workbench" or "DBeaver".
        to: what the connection leads to.

    Raises:
        CourseError: for another client.
    """
    known = {"MySQL Workbench": workbench_fields, "DBeaver": dbeaver_fields}
    if client not in known:
        raise CourseError(f"{client!r} is not known here. Type one of these: {', '.join(known)}.")
    return Copyable(client, known[client](to))


def _grt_list(of: str) -> tuple[ElementTree.Element, ElementTree.Element]:
    """An empty list in Workbench's file format: the document and the list in it."""
    data = ElementTree.Element("data", {"grt_format": "2.0"})
    attributes = {"_ptr_": "0x1", "type": "list", "content-type": "object"}
    return data, ElementTree.SubElement(data, "value", {**attributes, "content-struct-name": of})


def _grt_value(parent: ElementTree.Element, key: str, value: str | int) -> None:
    kind = "int" if isinstance(value, int) else "string"
    ElementTree.SubElement(parent, "value", {"type": kind, "key": key}).text = str(value)


def _dbeaver_meta(name: str) -> str:
    """The table of contents of a DBeaver project archive."""
    archive = ElementTree.Element("archive", {"version": "1"})
    projects = ElementTree.SubElement(archive, "projects")
    project = ElementTree.SubElement(projects, "project", {"name": name})
    folder = {"name": ".dbeaver", "directory": "true"}
    ElementTree.SubElement(
        ElementTree.SubElement(project, "resource", folder),
        "resource",
        {"name": "data-sources.json"},
    )
    return _xml(archive)


def _xml(root: ElementTree.Element) -> str:
    ElementTree.indent(root)
    return f'<?xml version="1.0"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _zipped(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, contents in entries.items():
            archive.writestr(name, contents)
    return buffer.getvalue()


def _write(file: Path, contents: bytes) -> None:
    """Write a file that only you can read."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(contents)
