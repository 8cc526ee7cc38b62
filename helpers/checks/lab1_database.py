"""What is checked on the pages of Lab 1 that work with the database: 1.5 and 1.6."""

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pandas as pd
import sqlalchemy
from botocore.exceptions import ClientError

from helpers.checks import Item, checks_of
from helpers.database import engine
from helpers.desktop import DesktopConnection, connection_files
from helpers.errors import CourseError
from helpers.existing import find
from helpers.keys import key_file, password
from helpers.session import project, ssh_address
from helpers.shared_calls import shared
from helpers.ssh_tunnel import tunnel


@checks_of("1.5")
def the_bookstore() -> Iterator[Item]:
    """The three tables, holding at least what the files of data/ hold."""
    in_files, why = _in_files(), ""
    try:
        in_tables = _in_tables()
    except CourseError as error:
        in_tables, why = {}, str(error)
    yield Item("The writer endpoint answers through the bastion", not why, why)
    missing = {name: rows - in_tables.get(name, set()) for name, rows in in_files.items()}
    for name, rows in in_files.items():
        lacking = len(missing[name])
        yield Item(
            f"The table {name} has the {len(rows)} rows of {name}.csv",
            not lacking,
            f"{lacking} are missing or differ. Create and load it: page 1.5, steps 2 and 3.",
        )
    yield Item(
        "The five books of the lab guide, in all their formats",
        not any(set(row) & GUIDE_TITLES for rows in missing.values() for row in rows),
        "Load books.csv and formats.csv: page 1.5, step 3.",
    )


GUIDE_TITLES = {
    "The Rainmaker",
    "The Firm",
    "Along Came a Spider",
    "Green Eggs and Ham",
    "Hamlet",
}
# Table -> the columns that are compared, which its file has too, and the query that shows them.
BOOKSTORE = {
    "authors": (["name", "born"], "SELECT name, born FROM authors"),
    "books": (
        ["title", "author", "category", "published", "price"],
        "SELECT title, name, category, published, price FROM books JOIN authors USING (author_id)",
    ),
    "formats": (
        ["title", "format", "code"],
        "SELECT title, format, code FROM formats JOIN books USING (book_id)",
    ),
}


def _in_files() -> dict[str, set[tuple[str, ...]]]:
    rows = {}
    for name, (columns, _) in BOOKSTORE.items():
        file = pd.read_csv(project() / "data" / f"{name}.csv", dtype=str)
        rows[name] = set(file[columns].itertuples(index=False, name=None))
    return rows


def _in_tables() -> dict[str, set[tuple[str, ...]]]:
    """The same from the database; a table that is not there has no rows."""
    rows = {}
    with _bookstore_writer() as writer, writer.connect() as connection:
        for name, (_, query) in BOOKSTORE.items():
            try:
                found = connection.execute(sqlalchemy.text(query)).all()
            except sqlalchemy.exc.ProgrammingError:
                connection.rollback()
                found = []
            rows[name] = {tuple(str(value) for value in row) for row in found}
    return rows


@contextmanager
def _bookstore_writer() -> Iterator[sqlalchemy.Engine]:
    """An engine at the cluster's writer, through a tunnel that ends with the block."""
    bastion, cluster = bastion_and_cluster()
    with shared(tunnel, bastion, key_file("bookstore"), cluster["Endpoint"]) as way:
        yield engine(way, cluster["MasterUsername"], password("bookstore"), "bookstore")


def bastion_and_cluster() -> tuple[str, dict[str, Any]]:
    """The bastion's instance id, and the cluster as RDS describes it.

    Raises:
        CourseError: one of them is not there.
    """
    bastion = find("instance", "bookstore-bastion")
    if bastion is None:
        raise CourseError("There is no bastion. Launch it: page 1.2, step 3.")
    try:
        answer = boto3.client("rds").describe_db_clusters(DBClusterIdentifier="bookstore")
    except ClientError as error:
        if error.response["Error"]["Code"] != "DBClusterNotFoundFault":
            raise
        raise CourseError("There is no cluster. Create it: page 1.3, step 2.") from None
    return bastion, answer["DBClusters"][0]


@checks_of("1.6")
def the_connection_files() -> Iterator[Item]:
    """The files that MySQL Workbench and DBeaver import, as they have to be for this account."""
    folder = key_file("bookstore").parent
    try:
        bastion, cluster = bastion_and_cluster()
        host, port = ssh_address(bastion)
    except CourseError as error:
        yield Item("A bastion and a cluster to lead to", False, str(error))
        return
    expected = connection_files(
        DesktopConnection(host, port, key_file("bookstore"), cluster["Endpoint"])
    )
    found = {name: _unpacked(folder / name) for name in expected}
    for client, name in (
        ("MySQL Workbench", "workbench-connections.zip"),
        ("DBeaver", "dbeaver-project.dbp"),
    ):
        yield Item(
            f"The file for {client} leads to this bastion and this writer",
            found[name] == expected[name],
            f"{name} is missing, or was written for another address: page 1.6, step 4.",
        )
    secret = password("bookstore").encode()
    written = [part for parts in found.values() for part in parts.values()]
    yield Item(
        "No password in the files",
        bool(written) and not any(secret in part for part in written),
        "Delete them and write them again: page 1.6, step 4.",
    )
    yield Item(
        "Nobody else may read them",
        all(_only_yours(folder / name) for name in expected),
        "Delete them and write them again: page 1.6, step 4.",
    )


def _unpacked(file: Path) -> dict[str, bytes]:
    """What is in an archive, or in a file that is none, by name; nothing if it is not there."""
    if not file.is_file():
        return {}
    if not zipfile.is_zipfile(file):
        return {file.name: file.read_bytes()}
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _only_yours(file: Path) -> bool:
    # Windows has no such modes.
    return file.is_file() and (os.name != "posix" or not file.stat().st_mode & 0o077)
