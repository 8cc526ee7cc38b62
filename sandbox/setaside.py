"""Move databases aside that are in the way and that nobody asked to delete.

They go to `<home>/databases/_kept/<name>`, with a file that says what they are. Nothing in the
sandbox reads or removes them from there.
"""

import logging
from datetime import datetime
from pathlib import Path

from sandbox.home import write_private

log = logging.getLogger("sandbox.servers")

# No cluster's name begins with an underscore.
FOLDER = "_kept"
NOTE = "about.txt"
# What lies beside a cluster's servers.
OWN, OWN_ENDING = ("_master",), ".settings.json"


def set_aside(folder: Path, databases: Path, why: str) -> Path:
    """Move a folder aside, note why, and return its new place.

    Args:
        folder: what to move.
        databases: the folder of all databases; `folder` is somewhere below it.
        why: one sentence for the student.
    """
    name = ".".join(part for part in folder.relative_to(databases).parts if part != "_snapshots")
    place = databases / FOLDER / name
    number = 2
    while place.exists():
        place = place.with_name(f"{name}-{number}")
        number += 1
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.rename(place)
    moved = f"{datetime.now():%Y-%m-%d %H:%M}: moved here from {folder}.\n{why}\n"
    write_private(place / NOTE, moved + "Delete this folder yourself when you do not need it.\n")
    log.warning("%s is kept as %s: %s", folder, place, why)
    return place


def listing(databases: Path) -> list[dict[str, str]]:
    """The folders that were moved aside, each with the reason."""
    kept = databases / FOLDER
    if not kept.exists():
        return []
    return [
        {"folder": str(folder), "why": _why(folder / NOTE)}
        for folder in sorted(kept.iterdir())
        if folder.is_dir()
    ]


def holds_files(folder: Path) -> bool:
    """Whether a folder has files that somebody would miss; the sandbox's own settings are none."""
    return any(
        not path.is_dir() and path.name not in OWN and not path.name.endswith(OWN_ENDING)
        for path in folder.rglob("*")
    )


def _why(note: Path) -> str:
    try:
        return note.read_text(encoding="utf-8").splitlines()[1]
    except (FileNotFoundError, IndexError):
        return ""
