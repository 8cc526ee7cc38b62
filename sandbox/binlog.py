"""Read a server's history from its binary log, also when the server does not run."""

import struct
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

# https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_replication_binlog_event.html
# Each event begins with: time in seconds, type, server id, size, next position, flags.
HEADER = struct.Struct("<IBIIIH")
MAGIC = b"\xfebin"

# The event that begins a transaction and holds its global id, with the layout of that id.
BEGINS = {
    "mariadb": (162, struct.Struct("<QI")),  # sequence number, domain
    "mysql": (33, struct.Struct("<B16sq")),  # flags, the source's UUID, number
}


def position_at(data: Path, flavour: str, moment: datetime) -> str:
    """The global transaction ids that were committed up to a moment, to the whole second.

    Args:
        data: the server's data folder; the server may be running.
        flavour: "mariadb" or "mysql".
        moment: with its time zone; what was committed within that second is included.

    Returns:
        what `replay` of `sandbox.replication` takes; empty when there was nothing yet.
    """
    last: dict[object, tuple[int, int]] = {}
    for when, server_id, source, number in _transactions(data, flavour):
        if when > moment.timestamp():
            break
        last[source] = (server_id, number)
    return _written(flavour, last)


def last_position(data: Path, flavour: str) -> str | None:
    """The global transaction ids of the whole log, of a server that does not run.

    Returns:
        empty when nothing was ever committed; None when the log is missing or damaged, so that
        nobody can tell.
    """
    files = _listed_files(data)
    if files is None or not all(_is_whole(file, file == files[-1]) for file in files):
        return None
    last = {
        source: (server_id, number) for _, server_id, source, number in _transactions(data, flavour)
    }
    return _written(flavour, last)


def has_transaction(data: Path, position: str) -> bool:
    """Whether MariaDB's log in `data` has the very transaction that ends `position`."""
    domain, server_id, number = (int(part) for part in position.split("-"))
    wanted = (server_id, domain, number)
    return any(found[1:] == wanted for found in _transactions(data, "mariadb"))


def _written(flavour: str, last: dict[object, tuple[int, int]]) -> str:
    if flavour == "mariadb":
        return ",".join(f"{domain}-{server}-{n}" for domain, (server, n) in last.items())
    # A source numbers from 1 on without gaps, and its whole history is kept.
    return ",".join(f"{source}:1-{n}" for source, (_, n) in last.items())


def _transactions(data: Path, flavour: str) -> Iterator[tuple[int, int, object, int]]:
    """Time, server id, source and number of each, in the order in which they were committed."""
    begins, layout = BEGINS[flavour]
    for file in _files(data):
        with file.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                continue
            while len(head := stream.read(HEADER.size)) == HEADER.size:
                when, kind, server_id, size, _, _ = HEADER.unpack(head)
                if size < HEADER.size:
                    break  # an event that is just being written
                if kind == begins:
                    body = stream.read(layout.size)
                    if len(body) < layout.size:
                        break
                    if flavour == "mariadb":
                        number, source = layout.unpack(body)
                    else:
                        _, raw, number = layout.unpack(body)
                        source = uuid.UUID(bytes=raw)
                    yield when, server_id, source, number
                    stream.seek(size - HEADER.size - layout.size, 1)
                else:
                    stream.seek(size - HEADER.size, 1)


def _files(data: Path) -> list[Path]:
    return [file for file in _listed_files(data) or () if file.exists()]


def _listed_files(data: Path) -> list[Path] | None:
    """The files that the log should have; None where there is no log."""
    index = data / "binlog.index"
    if not index.exists():
        return None
    # Each line is a path that the server wrote; the files are beside the index.
    lines = index.read_text(encoding="utf-8", errors="replace").split("\n")
    names = [line.replace("\\", "/").rpartition("/")[2] for line in lines]
    return [data / name for name in names if name] or None


def _is_whole(file: Path, is_last: bool) -> bool:
    """Whether a file can be read to its end: each event says where the next begins.

    The last file may end within an event: that one was never acknowledged.
    """
    if not file.exists():
        return False
    size_of_file = file.stat().st_size
    with file.open("rb") as stream:
        if stream.read(len(MAGIC)) != MAGIC:
            return False
        place = len(MAGIC)
        while len(head := stream.read(HEADER.size)) == HEADER.size:
            _, _, _, size, next_place, _ = HEADER.unpack(head)
            if size < HEADER.size or next_place != (place + size) % 2**32:
                return False
            place += size
            stream.seek(place)
        return place == size_of_file or is_last
