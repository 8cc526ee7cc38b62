"""Makes up a catalogue of 100,000 books, always the same: `python data/catalogue.py`.

It writes `catalogue.jsonl` beside this file, one book a line: 19 MB, which git ignores. A
hundred authors have written a quarter of the books: in any library a few have written much.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

BOOKS, AUTHORS, PROLIFIC = 100_000, 5_000, 100
encode = json.JSONEncoder().encode
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
CENTS = ("49", "95", "99")
CODE = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # without what is easily confused


def books() -> Iterator[dict]:
    """The books in the order in which they came in, each author's scattered over the whole.

    Yields:
        Author and Title (together unique), Category, Year, Pages, Price (US dollars), Formats (a
        code for each). DynamoDB takes no floats: read the file with `parse_float=Decimal`.
    """
    # Of all methods of Random, only random() gives the same numbers in every version of Python.
    draw = Random(2026).random
    taken: set[tuple[str, str]] = set()
    while len(taken) < BOOKS:
        author, title = _author(draw), _title(draw)
        if (author, title) in taken:
            continue
        taken.add((author, title))
        sold_as = FORMATS[: 1 + int(draw() * 3)]
        yield {
            "Author": author,
            "Title": title,
            "Category": CATEGORIES[int(draw() * len(CATEGORIES))],
            "Year": 1950 + int(draw() * 75),
            "Pages": 80 + int(draw() * 720),
            "Price": float(f"{4 + int(draw() * 30)}.{CENTS[int(draw() * len(CENTS))]}"),
            "Formats": {name: _code(draw) for name in sold_as},
        }


def write(file: Path = FILE) -> None:
    """Write the catalogue; the file is there whole or not at all."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    with part.open("w", encoding="utf-8", newline="\n") as lines:
        lines.writelines(f"{encode(book)}\n" for book in books())
    part.replace(file)


def _author(draw: Callable[[], float]) -> str:
    of = PROLIFIC if draw() < 0.25 else AUTHORS
    # Every number below 5,000 gives another name: 40 first, 64 last names, and two initials.
    number, first = divmod(int(draw() * of), len(FIRST))
    initial, last = divmod(number, len(LAST))
    return f"{FIRST[first]} {'ABC'[initial]}. {LAST[last]}"


def _title(draw: Callable[[], float]) -> str:
    adjective = ADJECTIVES[int(draw() * len(ADJECTIVES))]
    noun = NOUNS[int(draw() * len(NOUNS))]
    other = NOUNS[int(draw() * len(NOUNS))]
    return f"The {adjective} {noun}" if draw() < 0.5 else f"{adjective} {noun} and {other}"


def _code(draw: Callable[[], float]) -> str:
    return "".join([CODE[int(draw() * 32)] for _ in range(8)])


if __name__ == "__main__":
    write()
