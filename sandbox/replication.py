"""Make one database server a replica of another, and end that: the SQL of both flavours."""

import time
from typing import TYPE_CHECKING, Any

from sandbox.datafolder import LOOPBACK, REPLICATION_USER
from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

# MariaDB's and MySQL's global transaction ids are two inventions of one name.
FOLLOW = {
    "mariadb": (
        "STOP SLAVE",
        # What this server has, written or replicated, is in its binary log (log_slave_updates).
        # gtid_current_pos would miss what it wrote itself under another server_id.
        "SET GLOBAL gtid_slave_pos = @@GLOBAL.gtid_binlog_pos",
        "CHANGE MASTER TO MASTER_HOST = %(host)s, MASTER_PORT = %(port)s, MASTER_USER = %(user)s,"
        " MASTER_PASSWORD = %(password)s, MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1,"
        " MASTER_SSL = 1, MASTER_SSL_VERIFY_SERVER_CERT = 0",
    ),
    "mysql": (
        "STOP REPLICA",
        "CHANGE REPLICATION SOURCE TO SOURCE_HOST = %(host)s, SOURCE_PORT = %(port)s,"
        " SOURCE_USER = %(user)s, SOURCE_PASSWORD = %(password)s, SOURCE_AUTO_POSITION = 1,"
        " SOURCE_CONNECT_RETRY = 1, SOURCE_SSL = 1",
    ),
}
START_UNTIL = {
    "mariadb": "START SLAVE UNTIL master_gtid_pos = %s",
    "mysql": "START REPLICA UNTIL SQL_AFTER_GTIDS = %s",
}
POSITION = {
    "mariadb": "SELECT @@GLOBAL.gtid_binlog_pos",
    "mysql": "SELECT @@GLOBAL.gtid_executed",
}
RECEIVED = {"mariadb": "Gtid_IO_Pos", "mysql": "Retrieved_Gtid_Set"}
WAIT = {
    "mariadb": "SELECT MASTER_GTID_WAIT(%s, %s)",
    "mysql": "SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, %s)",
}


def follow(server: "DatabaseServer", writer: "DatabaseServer", timeout: float = 10.0) -> None:
    """Feed `server` from `writer`'s binary log, from where `server` stands.

    Returns when it has caught up, or after `timeout` seconds if it is still at it.

    Raises:
        SandboxError: `server` has changes that `writer` never had, or replication failed.
    """
    # In this order: a server that follows the writer already gets more all the time.
    own = position(server)
    at = position(writer)
    if _diverged(writer, own, at):
        raise SandboxError(
            f"The database in {server.folder} has changes that its writer in {writer.folder} "
            "never had. Delete the replica and make it anew."
        )
    _point_at(server, writer)
    server.execute("START REPLICA")
    deadline = time.monotonic() + timeout
    while True:
        state = status(server)
        late = time.monotonic() > deadline
        receiving = state["Replica_IO_Running"] == "Yes"
        if _failed(state) or (late and not receiving):
            told = state["Last_IO_Error"] or state["Last_SQL_Error"] or "no answer"
            raise SandboxError(
                f"The database in {server.folder} does not get the changes of {writer.folder}: "
                f"{told}. Delete the replica and make it anew."
            )
        if receiving and (_applied(server, at, 0.1) or late):
            return
        if not receiving:
            time.sleep(0.01)


def replay(server: "DatabaseServer", source: "DatabaseServer", until: str, timeout: float) -> None:
    """Bring an empty `server` to where `source` stood at the position `until`, and no further.

    Raises:
        SandboxError: it was not there after `timeout` seconds, or replication failed.
    """
    _point_at(server, source)
    server.execute(START_UNTIL[server.program.flavour], (until,))
    deadline = time.monotonic() + timeout
    while not _applied(server, until, 0.1):
        state = status(server)
        if _failed(state) or time.monotonic() > deadline:
            told = state["Last_IO_Error"] or state["Last_SQL_Error"] or "it took too long"
            raise SandboxError(
                f"The data of {source.folder} could not be copied to {server.folder}: {told}."
            )
    forget(server)


def pause(server: "DatabaseServer") -> None:
    """Stop following, for now."""
    server.execute("STOP REPLICA")


def forget(server: "DatabaseServer") -> None:
    """Stop following for good, without what was received and not applied."""
    pause(server)
    server.execute("RESET REPLICA ALL")


def promote(server: "DatabaseServer", timeout: float = 10.0) -> None:
    """Apply what has been received, then forget the writer; nothing to do for a server without.

    Raises:
        SandboxError: changes that were received could not be applied.
    """
    if not status(server):
        return
    server.execute("STOP REPLICA IO_THREAD")
    # Stopping would throw away what is received and not applied.
    state = status(server)
    if not _applied(server, state[RECEIVED[server.program.flavour]], timeout):
        raise SandboxError(
            f"The replica in {server.folder} has changes that it could not apply: "
            f"{state['Last_SQL_Error'] or 'they took too long'}. Promote another, or try again."
        )
    forget(server)


def caught_up(server: "DatabaseServer", writer: "DatabaseServer", timeout: float) -> bool:
    """Wait at most `timeout` seconds until `server` has all that `writer` has committed by now."""
    return _applied(server, position(writer), timeout)


def lag(server: "DatabaseServer") -> float | None:
    """Seconds behind the writer; None when nothing is replicated (no writer, or cut off)."""
    seconds = status(server).get("Seconds_Behind_Source")
    return None if seconds is None else float(seconds)


def position(server: "DatabaseServer") -> str:
    """All that a server has committed, written here or replicated, as global transaction ids."""
    ((ids,),) = server.execute(POSITION[server.program.flavour])
    return str(ids)


def progress(server: "DatabaseServer") -> int:
    """How many transactions a server has: of the servers of one cluster, the most has them all."""
    if server.program.flavour == "mariadb":
        return int(position(server).rpartition("-")[2] or 0)
    intervals = [
        [int(end) for end in interval.split("-")]
        for ids in position(server).replace("\n", "").split(",")
        for interval in ids.split(":")[1:]
    ]
    return sum(interval[-1] - interval[0] + 1 for interval in intervals)


def status(server: "DatabaseServer") -> dict[str, Any]:
    """SHOW REPLICA STATUS, under MySQL's names on both; empty for a server that follows none."""
    rows = server.describe("SHOW REPLICA STATUS")
    return {
        name.replace("Slave", "Replica").replace("Master", "Source"): value
        for row in rows
        for name, value in row.items()
    }


def _failed(state: dict[str, Any]) -> bool:
    """Whether one of the two threads of a replica has given up, not only not begun."""
    return any(
        state[f"Replica_{thread}_Running"] == "No" and state[f"Last_{thread}_Errno"]
        for thread in ("IO", "SQL")
    )


def _point_at(server: "DatabaseServer", source: "DatabaseServer") -> None:
    login = {
        "host": LOOPBACK,
        "port": source.port,
        "user": REPLICATION_USER,
        "password": (source.folder / REPLICATION_USER).read_text(encoding="utf-8"),
    }
    for statement in FOLLOW[server.program.flavour]:
        server.execute(statement, login if "%(" in statement else None)


def _diverged(writer: "DatabaseServer", own: str, writers: str) -> bool:
    """Whether the position `own` has transactions that `writers` lacks.

    Both flavours start to replicate all the same. MySQL says nothing at all. MariaDB's waiting
    function compares the numbers only, and would call such a replica caught up.
    """
    if not own:
        return False
    if writer.program.flavour == "mysql":
        ((contained,),) = writer.execute("SELECT GTID_SUBSET(%s, %s)", (own, writers))
        return not contained
    own_number, number = (int(gtid.rpartition("-")[2] or 0) for gtid in (own, writers))
    return own_number > number or (own_number == number and own != writers)


def _applied(server: "DatabaseServer", position: str, timeout: float) -> bool:
    ((result,),) = server.execute(WAIT[server.program.flavour], (position, timeout))
    return result == 0
