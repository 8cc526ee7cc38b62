"""Record which server wrote a data folder, and decline to open it with a server that cannot.

<folder>/server.json   {"flavour": "mariadb", "version": "10.11.18"}; written when the folder is
                       made, and after each start with a newer version. A folder without the file
                       is recognised by the files of its server.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path

from sandbox.home import read_json, write_private
from sandbox.install import Program
from sandbox.server_errors import TRY_AGAIN, WrongServer

FILE = "server.json"
NAMES = {"mariadb": "MariaDB", "mysql": "MySQL"}

# One that every data folder of this flavour has, and those of the other never have.
RECOGNISED_BY = {"mariadb": "aria_log_control", "mysql": "mysql.ibd"}
# Where servers note by themselves which version has last upgraded the folder.
VERSION_FILES = ("mariadb_upgrade_info", "mysql_upgrade_info", "mysql_upgrade_history")
MYSQL_LTS = {(8, 4), (9, 7)}
VERSION = re.compile(r"\d+\.\d+\.\d+")


@dataclass(frozen=True)
class Record:
    """The server that wrote a folder; the version is None where nothing tells it."""

    flavour: str
    version: str | None

    def __str__(self) -> str:
        return " ".join([NAMES.get(self.flavour, self.flavour), *filter(None, [self.version])])


def write(folder: Path, program: Program) -> None:
    """Record that a server has written the folder."""
    record = {"flavour": program.flavour, "version": program.version}
    if read_json(folder / FILE) != record:
        write_private(folder / FILE, json.dumps(record))


def read(folder: Path) -> Record | None:
    """Which server wrote a folder; None where there is no database yet."""
    recorded = read_json(folder / FILE)
    if isinstance(recorded, dict) and recorded.get("flavour") in NAMES:
        version = str(recorded.get("version"))
        return Record(recorded["flavour"], version if VERSION.fullmatch(version) else None)
    data = folder / "data"
    for flavour, file in RECOGNISED_BY.items():
        if (data / file).exists():
            return Record(flavour, _noted_version(data))
    return None


def check(folder: Path, program: Program) -> None:
    """Decline a server that cannot open the folder, before it touches anything.

    Within a series, MariaDB and MySQL's LTS releases open the data of a newer patch level. MySQL's
    other releases do not: https://dev.mysql.com/doc/refman/9.0/en/downgrading.html

    Raises:
        WrongServer: says which server the folder needs.
    """
    record = read(folder)
    if record is None:
        return
    if record.flavour != program.flavour:
        why = "the one cannot read the files of the other"
    elif record.version and _series(record.version, record.flavour) > _series(
        program.version, program.flavour
    ):
        why = "an older server cannot read the files of a newer one"
    else:
        return
    mine = Record(program.flavour, program.version)
    raise WrongServer(
        f"The database in {folder} was written by {record}. The server found on this machine is "
        f"{mine} ({program.server}), and {why}. The data are kept as they are. "
        f"Install {record}{' or newer' if record.version else ''}, or name it in SANDBOX_MYSQLD. "
        f"{TRY_AGAIN}"
    )


def _series(version: str, flavour: str) -> tuple[int, ...]:
    numbers = tuple(int(number) for number in version.split("."))
    return numbers[:2] if flavour == "mariadb" or numbers[:2] in MYSQL_LTS else numbers


def _noted_version(data: Path) -> str | None:
    for name in VERSION_FILES:
        try:
            versions = VERSION.findall((data / name).read_text(encoding="utf-8", errors="replace"))
        except FileNotFoundError:
            continue
        if versions:
            return max(versions, key=lambda v: tuple(int(number) for number in v.split(".")))
    return None
