"""What the form does when its buttons are pressed: a tunnel, a login, statements; no widgets."""

from __future__ import annotations

import re
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import boto3
import pymysql
from botocore.exceptions import BotoCoreError, ClientError

from helpers import explain
from helpers.database import connect
from helpers.errors import CourseError
from helpers.network import Account, resolve
from helpers.session import ssh_address
from helpers.ssh_tunnel import tunnel

# What can go wrong here in a way that is told in words; anything else is a bug and shows as one.
FAILURES = (CourseError, ClientError, BotoCoreError, pymysql.MySQLError, OSError)
MOST_ROWS = 1000  # as in MySQL Workbench
CLIENT_ERRORS = range(2000, 3000)  # the connection's own; the server's numbers lie outside
SYSTEM_SCHEMAS = "('information_schema', 'mysql', 'performance_schema', 'sys')"

# One piece of SQL: quoted text, a comment, the end of a statement, or any other character.
_PIECE = re.compile(
    r"""'(?:[^'\\]|\\.|'')*'|"(?:[^"\\]|\\.|"")*"|`[^`]*`"""
    r"""|/\*.*?\*/|(?:--(?=\s|$)|\#)[^\n]*|;|.""",
    re.DOTALL,
)
_COMMENT = re.compile(r"/\*(?!!)|--|#")


@dataclass(frozen=True)
class Settings:
    """The fields of the form, as they stand.

    Attributes:
        ssh_host: the bastion's public address or public DNS name.
        ssh_user: "ec2-user" on Amazon Linux.
        key_file: the private key file.
        mysql_host: an endpoint as RDS returned it.
        mysql_port: 3306 unless the cluster was made with another.
        user: the MySQL user name.
        password: its password.
        schema: the schema to begin with; "" for none.
    """

    ssh_host: str
    ssh_user: str
    key_file: str
    mysql_host: str
    mysql_port: int
    user: str
    password: str = field(repr=False)
    schema: str


@dataclass(frozen=True)
class Outcome:
    """What one statement did.

    Attributes:
        statement: as typed.
        columns: the headings of the result; None where a statement has no result.
        rows: at most `MOST_ROWS` of them.
        more: whether the result has more rows than these.
        affected: rows changed by a statement without a result.
        seconds: until the rows were here.
        error: such as "ERROR 1146 (42S02): Table 'bookstore.book' doesn't exist"; "" for none.
    """

    statement: str
    columns: list[str] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    more: bool = False
    affected: int = 0
    seconds: float = 0.0
    error: str = ""


class Login:
    """One login to MySQL through a tunnel of its own; `close()` ends both.

    Raises:
        CourseError: what of the settings is wrong, or what did not answer.
    """

    def __init__(self, settings: Settings) -> None:
        _need_all(settings)
        self.settings = settings
        with ExitStack() as on_failure:
            self._tunnel = tunnel(
                _instance_at(settings.ssh_host),
                settings.key_file,
                settings.mysql_host,
                settings.mysql_port,
                user=settings.ssh_user,
            )
            on_failure.callback(self._tunnel.close)
            self._connection = connect(
                self._tunnel, settings.user, settings.password, settings.schema or None
            )
            on_failure.callback(self._hang_up)
            self._connection.autocommit(True)  # as MySQL Workbench does
            # One row more than is shown tells that there are more. A LIMIT in the query overrules.
            self._ask(f"SET SESSION sql_select_limit = {MOST_ROWS + 1}")
            self.version = str(self._ask("SELECT VERSION()")[0][0])
            self.leads_to = _leads_to(settings.mysql_host)
            on_failure.pop_all()
        self.lost = False

    def close(self) -> None:
        """Log out and close the tunnel, in this order; a second call does nothing."""
        self._hang_up()
        self._tunnel.close()

    @property
    def schema(self) -> str:
        """The schema in which names without one are looked up; "" if there is none."""
        return self._ask("SELECT DATABASE()")[0][0] or ""

    def use(self, schema: str) -> None:
        """Make that the schema in which names are looked up."""
        self._connection.select_db(schema)

    def schemas(self) -> dict[str, list[str]]:
        """The schemas but MySQL's own, each with its tables and views in order."""
        found: dict[str, list[str]] = {}
        for schema, name in self._ask(
            "SELECT s.schema_name, t.table_name FROM information_schema.schemata s"
            " LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name"
            f" WHERE s.schema_name NOT IN {SYSTEM_SCHEMAS} ORDER BY 1, 2"
        ):
            found.setdefault(schema, [])
            if name is not None:
                found[schema].append(name)
        return found

    def columns(self, schema: str, table: str) -> list[tuple[str, str, str]]:
        """The name, type and key ("PRI", "UNI", "MUL" or "") of each column of a table."""
        with self._connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, column_type, column_key FROM information_schema.columns"
                " WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
                (schema, table),
            )
            return [(str(name), str(kind), str(key)) for name, kind, key in cursor.fetchall()]

    def run(self, sql: str) -> list[Outcome]:
        """Run the statements one after the other, up to the first that fails."""
        outcomes = []
        for statement in split(sql):
            outcomes.append(self._run_one(statement))
            if outcomes[-1].error:
                break
        return outcomes

    def _run_one(self, statement: str) -> Outcome:
        started = time.perf_counter()
        with self._connection.cursor() as cursor:
            try:
                cursor.execute(statement)
                rows = tuple(cursor.fetchall())
            except pymysql.MySQLError as error:
                return Outcome(statement, error=self._in_words(error))
            columns = [column[0] for column in cursor.description or ()]
            return Outcome(
                statement,
                columns or None,
                rows[:MOST_ROWS],
                len(rows) > MOST_ROWS,
                max(cursor.rowcount, 0),
                time.perf_counter() - started,
            )

    def _in_words(self, error: pymysql.MySQLError) -> str:
        """As MySQL's own client writes it; PyMySQL keeps the number and drops the SQLSTATE."""
        number, message = (*error.args, 0, "")[:2]
        if number == 0 or number in CLIENT_ERRORS:
            self.lost = True
            why = f" (MySQL's error {number})" if number else ""
            return (
                f"The connection to {self.settings.mysql_host} is lost{why}. "
                "Press Disconnect, then Connect again."
            )
        state = "HY000"
        with suppress(pymysql.MySQLError):
            self._ask("GET DIAGNOSTICS CONDITION 1 @form_state = RETURNED_SQLSTATE")
            state = self._ask("SELECT @form_state")[0][0] or state
        return f"ERROR {number} ({state}): {message}"

    def _ask(self, sql: str) -> tuple[tuple[Any, ...], ...]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return tuple(cursor.fetchall())

    def _hang_up(self) -> None:
        if self._connection.open:
            with suppress(pymysql.MySQLError, OSError):
                self._connection.close()


def split(sql: str) -> list[str]:
    """The statements of a text, without their semicolons, and without those that say nothing.

    A semicolon inside quotes or in a comment ends nothing. There is no DELIMITER command, which
    is one of MySQL's client and not of the server.
    """
    statements = [""]
    says_something = [False]
    for piece in _PIECE.findall(sql):
        if piece == ";":
            statements.append("")
            says_something.append(False)
            continue
        statements[-1] += piece
        if not piece.isspace() and not _COMMENT.match(piece):
            says_something[-1] = True
    pairs = zip(statements, says_something, strict=True)
    return [statement.strip() for statement, something in pairs if something]


def in_words(error: BaseException) -> str:
    """What one of `FAILURES` says, for a student."""
    if isinstance(error, pymysql.MySQLError) and len(error.args) > 1:
        return f"MySQL says {error.args[0]}: {error.args[1]}"
    return explain.in_plain_words(error)


def _need_all(settings: Settings) -> None:
    needed = {
        "SSH Hostname": (settings.ssh_host, "the public address of the EC2 instance"),
        "SSH Username": (settings.ssh_user, "ec2-user on Amazon Linux"),
        "SSH Key File": (settings.key_file, 'the private key file: key_file("bookstore")'),
        "MySQL Hostname": (settings.mysql_host, "the writer endpoint of the cluster"),
        "Username": (settings.user, "the cluster's MasterUsername"),
        "Password": (settings.password, 'the master password: password("bookstore")'),
    }
    for name, (value, what) in needed.items():
        if not value:
            raise CourseError(f"{name} is empty. Type {what}.")


def public_address(instance_id: str) -> str:
    """The public IPv4 address of an EC2 instance; raises CourseError where it has none."""
    ssh_address(instance_id)  # says why there is none
    answer = boto3.client("ec2").describe_instances(InstanceIds=[instance_id])
    return answer["Reservations"][0]["Instances"][0]["PublicIpAddress"]


def _instance_at(host: str) -> str:
    """The EC2 instance of this account that has that public address or public DNS name.

    An address of nobody we know is not tried: it would be a stranger's machine.
    """
    host = host.removesuffix(":22")
    answer = boto3.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    )
    known = {}
    for reservation in answer["Reservations"]:
        for instance in reservation["Instances"]:
            if "PublicIpAddress" in instance:
                known[instance["PublicIpAddress"]] = instance["InstanceId"]
                if host in (instance["PublicIpAddress"], instance.get("PublicDnsName")):
                    return instance["InstanceId"]
    have = " or ".join(f"{address} ({instance})" for address, instance in known.items())
    raise CourseError(
        f"No running EC2 instance of this account has the public address {host}, so nothing was "
        f"sent there. Type the bastion's: {have or 'there is none yet; launch one on page 1.2'}."
    )


def _leads_to(host: str) -> str:
    """The instances behind an endpoint and their roles: "bookstore-1, the writer"."""
    rds = boto3.client("rds")
    account = Account(
        db_instances=rds.describe_db_instances()["DBInstances"],
        db_clusters=rds.describe_db_clusters()["DBClusters"],
    )
    writes = {
        member["DBInstanceIdentifier"]: member["IsClusterWriter"]
        for cluster in account.db_clusters
        for member in cluster["DBClusterMembers"]
    }
    found = resolve(account, host)
    return " or ".join(f"{one}, {'the writer' if writes.get(one) else 'a reader'}" for one in found)
