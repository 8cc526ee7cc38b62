"""The bookstore's files: as in the lab guide, consistent, and at home in a real server."""

import csv
import re
import secrets
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pymysql
import pytest

from sandbox import mysqld
from sandbox.install import NoDatabaseServer
from sandbox.mysqld import DatabaseServer

DATA = Path(__file__).parents[1] / "data"
NO_PARENT, DUPLICATE = 1452, 1062

# The lab guide, #7: author, title, category, formats.
GUIDE = [
    (
        "John Grisham",
        "The Rainmaker",
        "Suspense",
        {"Hardcover": "J4SUKVGU", "Paperback": "D7YF4FCX"},
    ),
    (
        "John Grisham",
        "The Firm",
        "Suspense",
        {"Hardcover": "Q7QWE3U2", "Paperback": "ZVZAYY4F", "Audiobook": "DJ9KS9NM"},
    ),
    (
        "James Patterson",
        "Along Came a Spider",
        "Suspense",
        {"Hardcover": "C9NR6RJ7", "Paperback": "37JVGDZG", "Audiobook": "6348WX3U"},
    ),
    (
        "Dr. Seuss",
        "Green Eggs and Ham",
        "Children",
        {"Hardcover": "GVJZQ7JK", "Paperback": "A4TFUR98", "Audiobook": "XWMGHW96"},
    ),
    (
        "William Shakespeare",
        "Hamlet",
        "Drama",
        {"Hardcover": "GVJZQ7JK", "Paperback": "A4TFUR98", "Audiobook": "XWMGHW96"},
    ),
]


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


AUTHORS, BOOKS, FORMATS = rows("authors.csv"), rows("books.csv"), rows("formats.csv")


@pytest.mark.parametrize(("author", "title", "category", "formats"), GUIDE)
def test_the_guides_books_are_as_in_the_guide(
    author: str, title: str, category: str, formats: dict[str, str]
) -> None:
    (book,) = [b for b in BOOKS if b["title"] == title]
    assert (book["author"], book["category"]) == (author, category)
    assert {f["format"]: f["code"] for f in FORMATS if f["title"] == title} == formats


def test_what_points_points_to_something() -> None:
    assert {b["author"] for b in BOOKS} == {a["name"] for a in AUTHORS}
    assert {f["title"] for f in FORMATS} < {b["title"] for b in BOOKS}


def test_nothing_is_there_twice() -> None:
    for table, key in (
        (AUTHORS, ["author_id"]),
        (AUTHORS, ["name"]),
        (BOOKS, ["book_id"]),
        (BOOKS, ["title"]),
        (FORMATS, ["title", "format"]),
    ):
        values = [tuple(row[column] for column in key) for row in table]
        assert len(values) == len(set(values)), key


def test_prices_have_cents_and_codes_eight_characters() -> None:
    assert all(re.fullmatch(r"\d{1,2}\.\d\d", book["price"]) for book in BOOKS)
    assert all(re.fullmatch(r"[0-9A-Z]{8}", each["code"]) for each in FORMATS)
    assert {each["format"] for each in FORMATS} == {"Hardcover", "Paperback", "Audiobook"}


def test_an_author_is_born_before_the_book() -> None:
    born = {a["name"]: int(a["born"]) for a in AUTHORS}
    assert all(15 < int(b["published"]) - born[b["author"]] < 100 for b in BOOKS)


def test_a_semicolon_ends_a_statement_and_stands_nowhere_else() -> None:
    statements = (DATA / "bookstore.sql").read_text(encoding="utf-8").split(";")
    assert statements.pop().strip() == ""
    assert len(statements) == 3
    for statement in statements:
        assert "CREATE TABLE IF NOT EXISTS" in statement
        assert statement.endswith("ENGINE=InnoDB DEFAULT CHARSET=utf8mb4")


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pymysql.Connection]:
    """A connection to a real server that holds the bookstore."""
    try:
        program = mysqld.find_program()
    except NoDatabaseServer as error:
        pytest.skip(str(error))
    server = DatabaseServer(tmp_path_factory.mktemp("data") / "server", 1, program)
    password = secrets.token_urlsafe(12)
    try:
        server.create()
        server.start()
        server.create_master_user("admin", password, "bookstore")
        with pymysql.connect(
            host="127.0.0.1",
            port=server.port,
            user="admin",
            password=password,
            database="bookstore",
            charset="utf8mb4",
            autocommit=True,
        ) as connection:
            create_and_load(connection)
            yield connection
    finally:
        server.kill()


def create_and_load(connection: pymysql.Connection) -> None:
    with connection.cursor() as cursor:
        for statement in (DATA / "bookstore.sql").read_text(encoding="utf-8").split(";")[:-1]:
            cursor.execute(statement)
        author_ids = {a["name"]: a["author_id"] for a in AUTHORS}
        book_ids = {b["title"]: b["book_id"] for b in BOOKS}
        cursor.executemany(
            "REPLACE INTO authors VALUES (%s, %s, %s)", [tuple(a.values()) for a in AUTHORS]
        )
        cursor.executemany(
            "REPLACE INTO books (book_id, author_id, title, category, published, price) "
            "VALUES (%s, %s, %s, %s, %s, %s)",
            [
                (
                    b["book_id"],
                    author_ids[b["author"]],
                    b["title"],
                    b["category"],
                    b["published"],
                    b["price"],
                )
                for b in BOOKS
            ],
        )
        cursor.executemany(
            "REPLACE INTO formats VALUES (%s, %s, %s)",
            [(book_ids[f["title"]], f["format"], f["code"]) for f in FORMATS],
        )


def answer(connection: pymysql.Connection, sql: str) -> tuple:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


@pytest.mark.database
def test_the_server_gives_back_what_the_files_hold(connection: pymysql.Connection) -> None:
    stored = answer(
        connection,
        "SELECT title, name, category, published, price FROM books JOIN authors USING (author_id)",
    )
    expected = {
        (b["title"], b["author"], b["category"], int(b["published"]), Decimal(b["price"]))
        for b in BOOKS
    }
    assert set(stored) == expected
    assert answer(connection, "SELECT COUNT(*) FROM formats") == ((len(FORMATS),),)


@pytest.mark.database
def test_the_schema_can_be_created_again_and_keeps_the_rows(
    connection: pymysql.Connection,
) -> None:
    before = answer(connection, "SELECT * FROM books ORDER BY book_id")
    with connection.cursor() as cursor:
        for statement in (DATA / "bookstore.sql").read_text(encoding="utf-8").split(";")[:-1]:
            cursor.execute(statement)
    assert answer(connection, "SELECT * FROM books ORDER BY book_id") == before


@pytest.mark.database
@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("INSERT INTO books VALUES (99, 99, 'Nobody', 'None', 2024, 1)", NO_PARENT),
        ("INSERT INTO formats VALUES (99, 'Hardcover', 'AAAAAAAA')", NO_PARENT),
        ("INSERT INTO books VALUES (99, 11, 'The Firm', 'Suspense', 1991, 1)", DUPLICATE),
        ("INSERT INTO authors VALUES (99, 'Han Kang', 1970)", DUPLICATE),
        ("INSERT INTO formats VALUES (25, 'Hardcover', 'AAAAAAAA')", DUPLICATE),
    ],
)
def test_the_schema_refuses_what_it_must(
    connection: pymysql.Connection, statement: str, number: int
) -> None:
    with pytest.raises(pymysql.IntegrityError) as refused:
        answer(connection, statement)
    assert refused.value.args[0] == number


def test_the_readme_names_every_file() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for file in DATA.iterdir():
        if file.suffix == ".part":
            continue  # the catalogue, while a page beside this test writes it
        assert f"`{file.name}`" in readme or file.name == "README.md", file.name
