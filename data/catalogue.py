"""Makes up a catalogue of 100,000 books, always the same: `python data/catalogue.py`.

It writes `catalogue.jsonl` beside this file, one book a line: 19 MB, which git ignores. A
hundred authors have written a quarter of the books: in any library a few have written much.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random

BOOKS, AUTHORS, PROLIFIC = 100_000, 5_000, 100
FILE = Path(__file__).with_name("catalogue.jsonl")

# A word a line would be a long page.
# ruff: noqa: SIM905
FIRST = (
    "Ada Amara Bela Carlos Chiara Dana Elif Emil Farid Freya Grace Hana Hugo "
    "Ines "  # codespell:ignore
    "Ivan Jana Jonas "
    "Kofi Lena Linh Luca Maya Mina Nadia Noor Omar Oskar Paula Priya Rafael Rosa Sami Sofia Tariq "
    "Tess Uma Viktor Wen Yara Zoe"
).split()
LAST = (
    "Abe Adler Almeida Bakker Baptiste Berg Castro Cho Costa Dahl Diaz Eklund Fischer Fontaine "
    "Garcia Gupta Haddad Hansen Horvat Ibrahim Ito Jensen Kamara Kaya Keller Kim Kovacs Lam Larsen "
    "Lopez Malik Marino Mensah Meyer Moreau Mori Nakamura Ndiaye Nguyen Novak Okafor Olsen Ortiz "
    "Park Petrov Quinn Rahman Reyes Romero Rossi Said Sato Silva Singh Sokolov Tanaka Torres Usman "
    "Vargas Weber Wolf Yilmaz Young Zhang"
).split()
ADJECTIVES = (
    "Amber Bitter Borrowed Broken Burning Crooked Distant Drowned Electric Empty Fallen Faithful "
    "Final Forgotten Frozen Gentle Gilded Golden Hidden Hollow Hungry Last Little Lonely Long Lost "
    "Midnight Northern Open Paper Patient Quiet Restless Salt Scarlet Second Secret Silent Silver "
    "Sleeping Slow Stolen Sunken Tender Unwritten Velvet Wandering Wild Winter Wooden"
).split()
NOUNS = (
    "Archive Bridge Cabin Cartographer City Clock Coast Compass Crossing Daughter Door Echo Empire "
    "Ferry Fire Forest Garden Ghost Harbour House Inheritance Island Journey Key Kingdom Lake "
    "Lantern Letter Library Lighthouse Machine Map Mirror Mountain Night Ocean Orchard Orchestra "
    "Painter Promise Railway River Road Season Sister Storm Summer Theatre Tower Witness"
).split()
CATEGORIES = ("Children", "Drama", "Fantasy", "History", "Poetry", "Romance", "Science", "Suspense")
FORMATS = ("Hardcover", "Paperback", "Audiobook")
CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what is easily confused


def books() -> Iterator[dict]:
    """The books in the order in which they came in, each author's scattered over the whole.

    Yields:
        Author and Title (together unique), Category, Year, Pages, Price (US dollars), Formats (a
        code for each). DynamoDB takes no floats: read the file with `parse_float=Decimal`.
    """
    random = Random(2026)
    taken: set[tuple[str, str]] = set()
    while len(taken) < BOOKS:
        author, title = _author(random), _title(random)
        if (author, title) in taken:
            continue
        taken.add((author, title))
        sold_as = FORMATS[: 1 + _below(random, 3)]
        yield {
            "Author": author,
            "Title": title,
            "Category": CATEGORIES[_below(random, len(CATEGORIES))],
            "Year": 1950 + _below(random, 75),
            "Pages": 80 + _below(random, 720),
            "Price": float(f"{4 + _below(random, 30)}.{_pick(random, ('49', '95', '99'))}"),
            "Formats": {name: _code(random) for name in sold_as},
        }


def write(file: Path = FILE) -> None:
    """Write the catalogue; the file is there whole or not at all."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8", newline="\n") as lines:
        for book in books():
            lines.write(json.dumps(book) + "\n")
    part.replace(file)


def _author(random: Random) -> str:
    of = PROLIFIC if random.random() < 0.25 else AUTHORS
    # Every number below 5,000 gives another name: 40 first, 64 last names, and two initials.
    number = _below(random, of)
    number, first = divmod(number, len(FIRST))
    initial, last = divmod(number, len(LAST))
    return f"{FIRST[first]} {'ABC'[initial]}. {LAST[last]}"


def _title(random: Random) -> str:
    adjective, noun, other = (_pick(random, words) for words in (ADJECTIVES, NOUNS, NOUNS))
    return f"The {adjective} {noun}" if random.random() < 0.5 else f"{adjective} {noun} and {other}"


def _code(random: Random) -> str:
    return "".join(_pick(random, CODE) for _ in range(8))


def _pick(random: Random, words: tuple[str, ...] | list[str] | str) -> str:
    return words[_below(random, len(words))]


def _below(random: Random, count: int) -> int:
    # Of all its methods, only random() gives the same numbers in every version of Python.
    return int(random.random() * count)


if __name__ == "__main__":
    write()
