"""The doctor: walks the way to the database hop by hop, and names the first that is broken.

It asks AWS with describe calls, and tries for real what they let through: so it knows the cause
without waiting for a connection that nobody answers, and still believes nothing unseen. It
changes nothing, and runs alike in the sandbox and on AWS.
"""

from __future__ import annotations

from contextlib import ExitStack
from html import escape
from pathlib import Path

from helpers import keys
from helpers.diagnosis import mysql_hops, ssh_hops
from helpers.diagnosis.way import Broken, Way
from helpers.errors import CourseError
from helpers.existing import find
from helpers.tables import Table

HOPS = {**ssh_hops.HOPS, **mysql_hops.HOPS}
OK, BROKEN, NOT_REACHED = "ok", "broken", "not reached"


class Diagnosis(Table):
    """One row for each hop, with the columns hop, state, finding and to do."""

    @property
    def healthy(self) -> bool:
        """Whether a connection gets through, from the key file to the database."""
        return self.broken is None

    @property
    def broken(self) -> str | None:
        """The hop that stops it, as in the column hop; None if none does."""
        return next(iter(self["hop"][self["state"] == BROKEN]), None)

    @property
    def finding(self) -> str:
        """What is wrong there, in one sentence; "" if nothing is."""
        return next(iter(self["finding"][self["state"] == BROKEN]), "")

    @property
    def to_do(self) -> str:
        """The line to type; "" if there is nothing to do."""
        return next(iter(self["to do"][self["state"] == BROKEN]), "")

    def __repr__(self) -> str:
        return "\n".join([self._in_short(), super().__repr__()])

    def _repr_html_(self) -> str:
        return f"<p><b>{escape(self._in_short())}</b></p>\n{super()._repr_html_()}"

    def _in_short(self) -> str:
        if self.healthy:
            return "Healthy: the whole way is open, from your key file to the database."
        return f"Broken at the hop “{self.broken}”: {self.finding}."


def doctor(
    bastion: str | None = None,
    key_file: str | Path | None = None,
    mysql_host: str | None = None,
    user: str = "admin",
    password: str | None = None,
    database: str | None = "bookstore",
    *,
    mysql_port: int = 3306,
    ssh_host: str | None = None,
    ssh_user: str = "ec2-user",
    timeout: float = 5,
) -> Diagnosis:
    """Find out why a connection through the bastion to the database does not work.

    Without arguments it examines the course's own bookstore. The lines to type use the names of
    the pages: `ec2` and `rds` are boto3 clients, the others are in `helpers`.

    Args:
        bastion: the EC2 instance, "i-..."; None is the course's.
        key_file: the private key file; None is the one kept for the key pair bookstore.
        mysql_host: the endpoint you use; None is the cluster's writer endpoint.
        user: the database user.
        password: its password, which is never shown; None is the one kept for bookstore.
        database: the database; None asks for none.
        mysql_port: the database's port.
        ssh_host: the bastion's address as you have it, to be compared with the present one.
        ssh_user: the login on the bastion.
        timeout: seconds that each attempt may take.

    Returns:
        A table with the columns hop, state ("ok", "broken" or "not reached"), finding and to do;
        also `.healthy`, `.broken`, `.finding` and `.to_do`.

    See https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/TroubleshootingInstancesConnecting.html
    and https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/CHAP_Troubleshooting.html.
    """
    with ExitStack() as closing:
        way = Way(
            bastion_id=bastion or find("instance", "bookstore-bastion") or "",
            key_file=Path(key_file).expanduser() if key_file else keys.key_file("bookstore"),
            mysql_port=mysql_port,
            user=user,
            password=keys.password("bookstore") if password is None else password,
            database=database,
            ssh_host=ssh_host,
            ssh_user=ssh_user,
            timeout=timeout,
            closing=closing,
        )
        way.mysql_host = mysql_host or way.bookstore_writer()
        return _walk(way)


def _walk(way: Way) -> Diagnosis:
    rows = []
    broken = False
    for hop, look in HOPS.items():
        state, finding, to_do = NOT_REACHED, "", ""
        if not broken:
            try:
                state, finding = OK, look(way)
            except Broken as error:
                broken, state, finding, to_do = True, BROKEN, error.finding, error.to_do
            except CourseError as error:
                # In the helpers' own words: what happened, and after the first stop what to do.
                finding, _, to_do = str(error).partition(". ")
                broken, state = True, BROKEN
        rows.append({"hop": hop, "state": state, "finding": finding, "to do": to_do})
    return Diagnosis(rows)
