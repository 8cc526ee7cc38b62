"""A server's history, read from its binary log: where it stood at a moment of time."""

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
    index = data / "binlog.index"
    if not index.exists():
        return []
    # Each line is a path that the server wrote; the files are beside the index.
    names = [line.replace("\\", "/").rpartition("/")[2] for line in index.read_text().split("\n")]
    return [data / name for name in names if name and (data / name).exists()]
