"""What one database server is told beyond its own settings: the parameters of its groups.

They wait in `<folder>.settings.json`, beside the server's folder and not in it, so that they can
be there before the server is made. A setting that the server does not know, or does not like,
never keeps it from starting.
"""

import configparser
import json
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pymysql

from sandbox.home import write_private

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

log = logging.getLogger("sandbox.server_settings")

# MariaDB's names for what MySQL calls otherwise.
VARIABLES = {"mariadb": {"transaction_isolation": "tx_isolation"}, "mysql": {}}
# MariaDB's collations of the same order as MySQL 8's.
COLLATIONS = {
    "mariadb": {
        "utf8mb4_0900_ai_ci": "utf8mb4_uca1400_nopad_ai_ci",
        "utf8mb4_0900_as_ci": "utf8mb4_uca1400_nopad_as_ci",
        "utf8mb4_0900_as_cs": "utf8mb4_uca1400_nopad_as_cs",
        "utf8mb4_0900_bin": "utf8mb4_nopad_bin",
    },
    "mysql": {},
}


def write(folder: Path, at_start: Mapping[str, str], running: Mapping[str, str]) -> None:
    """Lay down what the server in `folder` is to be told.

    Args:
        folder: the server's, which need not exist yet.
        at_start: goes into its option file.
        running: is set once it runs, and can be set anew while it does.
    """
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(
        _file(folder),
        json.dumps({"at_start": {**at_start}, "running": {**running}}, sort_keys=True),
    )


def at_start(folder: Path) -> dict[str, str]:
    """The lines to add to the server's option file; `loose_` ones, that it may not know."""
    return {f"loose_{name}": value for name, value in _read(folder)["at_start"].items()}


def tell(server: "DatabaseServer") -> None:
    """Set all that is to be set on a server that runs."""
    for name, value in _read(server.folder)["running"].items():
        _set(server, name, value)


def renew(servers: Mapping[str, "DatabaseServer"], instance: str, gone: Iterable[str]) -> None:
    """Set all anew on one of a cluster's servers, and give those that are `gone` their default."""
    server = servers.get(instance)
    if server is None or not server.running:
        return
    gone = set(gone)
    if "character_set_server" in gone:
        gone.add("collation_server")  # it follows the character set, to another one than at first
    for name in sorted(gone):
        _set(server, name, None)
    tell(server)


def _set(server: "DatabaseServer", name: str, value: str | None) -> None:
    flavour = server.program.flavour
    if value is None:
        value = _first_value(server.folder, name)
    if name == "time_zone" and value is not None:
        value = _offset(value)
        if value is None:
            return
    sql = f"SET GLOBAL {VARIABLES[flavour].get(name, name)} = "
    try:
        if value is None:
            server.execute(sql + "DEFAULT")
        else:
            server.execute(sql + "%s", (_typed(COLLATIONS[flavour].get(value, value)),))
    except pymysql.MySQLError as error:
        log.warning("%s is not set on %s: %s", name, server.folder.name, error.args[1])


def _typed(value: str) -> int | float | str:
    # A number in quotes is refused.
    for kind in (int, float):
        try:
            return kind(value)
        except ValueError:
            continue
    return value


def _first_value(folder: Path, name: str) -> str | None:
    """What the server's option file says; None where that leaves it to the server."""
    options = configparser.ConfigParser(interpolation=None)
    options.read(folder / "my.cnf", encoding="utf-8")
    option = "default_time_zone" if name == "time_zone" else name
    value = options.get("mysqld", option, fallback=None)
    return value.strip("'") if value is not None else None


def _offset(zone: str) -> str | None:
    # The servers have no tables of time zones, but take an offset: as good, as long as the zone
    # keeps it all through the year.
    if zone.startswith(("+", "-")):
        return zone
    year = datetime.now(UTC).year
    try:
        firsts = [datetime(year, month, 1, tzinfo=ZoneInfo(zone)) for month in range(1, 13)]
    except ZoneInfoNotFoundError:
        return None
    offsets = {first.strftime("%z") for first in firsts}
    if len(offsets) != 1:
        log.warning("the time zone %s has summer time: the servers stay at UTC", zone)
        return None
    (offset,) = offsets
    return f"{offset[:3]}:{offset[3:]}"


def _file(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.settings.json")


def _read(folder: Path) -> dict[str, dict[str, str]]:
    try:
        return json.loads(_file(folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"at_start": {}, "running": {}}
