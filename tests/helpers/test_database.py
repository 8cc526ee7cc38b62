"""Engines and connections, against a real MySQL-family server of its own."""

import secrets
import socket
import threading
import time
from types import SimpleNamespace

import pandas as pd
import pymysql
import pytest
import sqlalchemy

from helpers.database import (
    DatabaseNotAnswering,
    DatabaseRefusedLogin,
    UnknownDatabase,
    connect,
    engine,
)
from sandbox.mysqld import DatabaseServer, NoDatabaseServer, find_program

ENDPOINT = "bookstore.cluster-abc.us-east-1.rds.amazonaws.com"
PASSWORD = secrets.token_urlsafe(9) + "@:/%#?' é"

try:
    find_program()
except NoDatabaseServer as error:
    pytest.skip(str(error), allow_module_level=True)

pytestmark = pytest.mark.database


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    database = DatabaseServer(tmp_path_factory.mktemp("db") / "server", 1)
    database.create()
    database.start()
    try:
        database.execute("CREATE DATABASE bookstore")
        for user in ("admin", "reader"):
            database.execute("CREATE USER %s@'127.0.0.1' IDENTIFIED BY %s", (user, PASSWORD))
        database.execute("GRANT ALL ON *.* TO admin@'127.0.0.1'")
        yield SimpleNamespace(host="127.0.0.1", port=database.port, mysql_host=ENDPOINT)
    finally:
        database.stop()


def connections(server):
    with connect(server, "admin", PASSWORD) as conn, conn.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'admin'")
        return cursor.fetchone()[0]


def test_an_engine_serves_pandas_with_any_password_and_any_character(server):
    books = engine(server, "admin", PASSWORD, "bookstore")
    with books.begin() as conn:
        conn.execute(sqlalchemy.text("CREATE TABLE book (title VARCHAR(50))"))
        conn.execute(sqlalchemy.text("INSERT INTO book VALUES (:t)"), {"t": "어린 왕자 🦊"})
    frame = pd.read_sql("SELECT title, DATABASE() AS name FROM book", books)
    assert frame.to_dict("records") == [{"title": "어린 왕자 🦊", "name": "bookstore"}]


def test_the_password_is_not_shown(server):
    made = engine(server, "admin", PASSWORD)
    assert PASSWORD not in repr(made) + str(made.url) + repr(made.url)
    assert "admin:***@127.0.0.1" in repr(made)


def test_an_engine_keeps_no_connection(server):
    made = engine(server, "admin", PASSWORD, "bookstore")
    pd.read_sql("SELECT 1 AS one", made)
    until = time.monotonic() + 5
    while connections(server) > 1:  # the server notices a moment later
        assert time.monotonic() < until
        time.sleep(0.02)


def test_connect_gives_a_pymysql_connection(server):
    with connect(server, "admin", PASSWORD, "bookstore") as conn, conn.cursor() as cursor:
        assert isinstance(conn, pymysql.Connection)
        cursor.execute("SELECT DATABASE(), @@character_set_connection")
        assert cursor.fetchone() == ("bookstore", "utf8mb4")


@pytest.mark.parametrize("make", [engine, connect])
@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_refused_login(server, make, user):
    wrong = secrets.token_urlsafe(9)
    with pytest.raises(DatabaseRefusedLogin) as caught:
        make(server, user, wrong)
    assert f'"{user}"' in str(caught.value)
    assert 'rds.modify_db_cluster(DBClusterIdentifier="bookstore"' in str(caught.value)
    assert wrong not in str(caught.value)


def test_refused_login_at_another_endpoint_does_not_guess_the_cluster(server):
    other = SimpleNamespace(**vars(server) | {"mysql_host": "bookstore-1.abc.rds.amazonaws.com"})
    with pytest.raises(DatabaseRefusedLogin, match=r'DBClusterIdentifier="\.\.\."'):
        connect(other, "admin", secrets.token_urlsafe(9))


@pytest.mark.parametrize("make", [engine, connect])
@pytest.mark.parametrize(("user", "name"), [("admin", "bokstore"), ("reader", "bookstore")])
def test_unknown_database(server, make, user, name):
    with pytest.raises(UnknownDatabase, match=rf'no database "{name}" that user "{user}"'):
        make(server, user, PASSWORD, name)


@pytest.mark.parametrize("hangs_up", [False, True])
def test_nothing_answers(hangs_up):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = SimpleNamespace(
            host="127.0.0.1", port=listener.getsockname()[1], mysql_host=ENDPOINT
        )
        if hangs_up:
            listener.settimeout(5)
            thread = threading.Thread(target=lambda: listener.accept()[0].close())
            thread.start()
        else:
            listener.close()
        with pytest.raises(DatabaseNotAnswering, match="does not answer through the tunnel"):
            engine(closed, "admin", PASSWORD)
        if hangs_up:
            thread.join(5)
