"""The files for DynamoDB: as in the lab guide, fit for boto3, and the catalogue always the same."""

import hashlib
import json
import runpy
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from boto3.dynamodb.types import TypeSerializer

from tests.test_data import GUIDE

DATA = Path(__file__).parents[1] / "data"
KEYS = {
    "people.json": ("PersonID",),
    "music.json": ("Artist", "SongTitle"),
    "books.json": ("Author", "Title"),
}
# The lines of catalogue.jsonl. Another value means another catalogue: the pages must be recorded.
CATALOGUE = "ebad3690140c14cc52c2bd571e0cbd9a7d1973a3d486607c6cc87c255e0e8b44"


def items(name: str) -> list[dict[str, Any]]:
    return json.loads((DATA / name).read_text(encoding="utf-8"), parse_float=Decimal)


@pytest.mark.parametrize("name", KEYS)
def test_every_item_has_its_key_and_no_two_the_same(name: str) -> None:
    found = Counter(tuple(item[key] for key in KEYS[name]) for item in items(name))
    assert set(found.values()) == {1}


@pytest.mark.parametrize("name", KEYS)
def test_boto3_takes_every_item_and_none_has_an_empty_attribute(name: str) -> None:
    for item in items(name):
        assert list(item)[: len(KEYS[name])] == list(KEYS[name]), "the key stands first"
        for value in item.values():
            TypeSerializer().serialize(value)
            assert value not in (None, "", [], {})


def test_the_books_are_the_guides_in_the_guides_order() -> None:
    expected = [
        {"Author": author, "Title": title, "Category": category, "Formats": formats}
        for author, title, category, formats in GUIDE
    ]
    assert items("books.json") == expected


def test_the_people_are_as_the_guide_says() -> None:
    people = items("people.json")
    assert [person["PersonID"] for person in people] == [101, 102, 103]
    assert len({frozenset(person) for person in people}) == 3, "all with different attributes"
    assert list(people[1])[-1] == "Address"
    assert isinstance(people[1]["Address"], dict)
    assert list(people[2])[-1] == "FavoriteColor"


def test_the_first_two_songs_share_the_artist() -> None:
    songs = items("music.json")
    assert songs[0]["Artist"] == songs[1]["Artist"]
    assert sum("AlbumTitle" not in song for song in songs) == 1


@pytest.fixture(scope="module")
def catalogue() -> list[dict[str, Any]]:
    return list(runpy.run_path(str(DATA / "catalogue.py"))["books"]())


def test_the_catalogue_has_100_000_books_all_different(catalogue: list[dict[str, Any]]) -> None:
    assert len({(book["Author"], book["Title"]) for book in catalogue}) == len(catalogue) == 100_000
    written = Counter(book["Author"] for book in catalogue)
    assert len(written) == 5_000
    assert written.most_common(1)[0][1] < 1_000
    assert sum(count for _, count in written.most_common(100)) > 20_000


def test_the_catalogues_books_are_of_one_shape(catalogue: list[dict[str, Any]]) -> None:
    names = ["Author", "Title", "Category", "Year", "Pages", "Price", "Formats"]
    assert all(list(book) == names for book in catalogue)
    assert {len(book["Formats"]) for book in catalogue} == {1, 2, 3}
    assert len({book["Category"] for book in catalogue}) == 8
    assert all(4 < book["Price"] < 34 for book in catalogue)


def test_the_catalogue_is_always_the_same(tmp_path: Path) -> None:
    script = tmp_path / "catalogue.py"
    script.write_bytes((DATA / "catalogue.py").read_bytes())
    subprocess.run([sys.executable, str(script)], check=True, cwd=tmp_path)
    written = tmp_path / "catalogue.jsonl"
    assert hashlib.sha256(written.read_bytes()).hexdigest() == CATALOGUE
    assert sorted(file.name for file in tmp_path.iterdir()) == ["catalogue.jsonl", "catalogue.py"]


def test_git_ignores_the_catalogue() -> None:
    ignored = (DATA.parent / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "/data/catalogue.jsonl*" in ignored


def test_the_readme_names_every_attribute() -> None:
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in KEYS:
        assert f"`{name}`" in readme
        for attribute in {attribute for item in items(name) for attribute in item}:
            assert f"`{attribute}`" in readme, attribute
