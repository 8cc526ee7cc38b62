"""Compare what database servers have committed, also of one that does not run."""

from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import binlog, datafolder, replication, server_record

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer


def has_all_of(server: "DatabaseServer", folder: Path) -> bool:
    """Whether a server has every transaction that was committed in another's folder.

    Args:
        server: runs.
        folder: of a server that need not run; its binary log is read from disk.

    Returns:
        False also when the log cannot be read, so that nobody knows what would be lost.
    """
    record = server_record.read(folder)
    if record is None or record.flavour != server.program.flavour:
        # Without a database nothing can be lost; the history of another kind cannot be compared.
        return record is None and not (folder / "data").exists()
    position = binlog.last_position(folder / "data", record.flavour)
    if position is None:
        never_ran = not datafolder.was_started(folder)
        return never_ran and not (folder / "data" / "binlog.index").exists()
    if not position:
        return True
    if record.flavour == "mysql":
        ((contained,),) = server.execute(
            "SELECT GTID_SUBSET(%s, %s)", (position, replication.position(server))
        )
        return bool(contained)
    return binlog.has_transaction(server.folder / "data", position)
