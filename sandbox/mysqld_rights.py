"""The privileges of the master user: those of Aurora MySQL 3, without what RDS refuses.

The server itself refuses what RDS refuses, whichever way a statement takes: text, prepared,
from a routine or an event. Nobody but the service has RELOAD, so nobody can reset or purge the
binary log, and nobody but the service may change the `mysql` and `sys` schemas:

- MySQL has partial revokes for that: privileges on *.* with an exception for a schema. They pass
  on to the accounts that the master user makes. SYSTEM_USER protects the service's accounts.
- MariaDB has neither. There the privileges that change a schema are granted on the pattern `%`,
  and an entry for `mysql` and `sys` that grants nothing comes before it: the most specific entry
  of `mysql.db` decides (`sandbox.service_accounts` adds it).

FLUSH, which needs RELOAD, and what else RDS allows, are stored procedures that run with the
rights of `rdsadmin`. `sandbox.databasedoor` sends FLUSH statements to them.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.MasterAccounts.html
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.CommonDBATasks.privilege-model.html
"""

import json
from typing import TYPE_CHECKING, Any

from sandbox.datafolder import LOOPBACK, PROTECTED_SCHEMAS, REPLICATION_USER, SUPERUSER
from sandbox.rds_procedures import EDITION, PROCEDURES

if TYPE_CHECKING:
    from sandbox.mysqld import DatabaseServer

ROLE = "rds_superuser_role"

# They change a schema: not granted for the protected ones.
SCHEMA_PRIVILEGES = (
    "INSERT",
    "UPDATE",
    "DELETE",
    "CREATE",
    "DROP",
    "REFERENCES",
    "INDEX",
    "ALTER",
    "LOCK TABLES",
    "CREATE VIEW",
    "CREATE ROUTINE",
    "ALTER ROUTINE",
    "EVENT",
    "TRIGGER",
)
GLOBAL_PRIVILEGES = (
    "SELECT",
    "PROCESS",
    "SHOW DATABASES",
    "CREATE TEMPORARY TABLES",
    "EXECUTE",
    "REPLICATION SLAVE",
    "REPLICATION CLIENT",
    "SHOW VIEW",
    "CREATE USER",
)
# Granted where the server knows them; MariaDB knows none. RELOAD and FLUSH_TABLES, which RDS
# grants too, are left out: both include FLUSH TABLES WITH READ LOCK, which RDS refuses.
DYNAMIC_PRIVILEGES = {
    "APPLICATION_PASSWORD_ADMIN",
    "CONNECTION_ADMIN",
    "CREATE ROLE",
    "DROP ROLE",
    "FLUSH_OPTIMIZER_COSTS",
    "FLUSH_PRIVILEGES",  # part of RELOAD until 8.4
    "FLUSH_STATUS",
    "FLUSH_USER_RESOURCES",
    "ROLE_ADMIN",
    "SET_ANY_DEFINER",  # SET_USER_ID until 8.2
    "SET_USER_ID",
    "SHOW_ROUTINE",
    "XA_RECOVER_ADMIN",
}
# MariaDB shows ALL PRIVILEGES for a schema only when SELECT and the rest are there too. Without
# DELETE HISTORY the master user could not grant ALL on a schema.
PATTERN_PRIVILEGES = ("SELECT", *SCHEMA_PRIVILEGES, "DELETE HISTORY")

# Columns of mysql.user whose privilege is the service's alone.
SERVICE_ONLY = {
    "Reload_priv": "RELOAD",
    "Shutdown_priv": "SHUTDOWN",
    "File_priv": "FILE",
    "Super_priv": "SUPER",
    "Create_tablespace_priv": "CREATE TABLESPACE",
}
SCHEMA_COLUMNS = {
    f"{privilege.replace(' ', '_').capitalize()}_priv": privilege for privilege in SCHEMA_PRIVILEGES
}


def grant_master_rights(server: "DatabaseServer", user: str) -> None:
    """Give the master user its privileges; what it has already stays.

    Also makes the role `rds_superuser_role` with the same privileges, and the procedures in the
    `mysql` schema that RDS documents.
    """
    create_procedures(server)
    server.execute(f"CREATE ROLE IF NOT EXISTS {ROLE}")
    role, account = ("%s", (ROLE,)), ("%s@'%%'", (user,))
    _grant(server, *role, option="")
    _grant(server, *account, option=" WITH GRANT OPTION")
    server.execute(f"GRANT {ROLE} TO %s@'%%' WITH ADMIN OPTION", (user,))


def _grant(server: "DatabaseServer", name: str, args: tuple[str, ...], option: str) -> None:
    if server.program.flavour == "mariadb":
        listed = ", ".join(GLOBAL_PRIVILEGES)
        server.execute(f"GRANT {listed} ON *.* TO {name}{option}", args)
        listed = ", ".join(PATTERN_PRIVILEGES)
        server.execute(f"GRANT {listed} ON `%%`.* TO {name}{option}", args)
        for schema in PROTECTED_SCHEMAS:
            # An entry that comes before the pattern's; roles do not heed the general entry.
            server.execute(f"GRANT SHOW VIEW ON `{schema}`.* TO {name}", args)
        return
    known = {privilege.upper() for privilege, *_ in server.execute("SHOW PRIVILEGES")}
    granted = [*GLOBAL_PRIVILEGES, *SCHEMA_PRIVILEGES, *sorted(DYNAMIC_PRIVILEGES & known)]
    server.execute(f"GRANT {', '.join(granted)} ON *.* TO {name}{option}", args)
    for schema in PROTECTED_SCHEMAS:
        listed = ", ".join(SCHEMA_PRIVILEGES)
        server.execute(f"REVOKE {listed} ON `{schema}`.* FROM {name}", args)


def create_procedures(server: "DatabaseServer") -> None:
    """Make the procedures of RDS in the `mysql` schema, or replace those of an older edition.

    A replica may have them already when the statements reach it, so they can be repeated.
    """
    for name, definition in PROCEDURES[server.program.flavour].items():
        if server.program.flavour == "mariadb":
            server.execute(f"CREATE OR REPLACE PROCEDURE {definition}")
        else:
            server.execute(f"DROP PROCEDURE IF EXISTS mysql.{name}")
            server.execute(f"CREATE PROCEDURE IF NOT EXISTS {definition}")


def bring_up_to_date(server: "DatabaseServer") -> None:
    """Take from all accounts on a writer what is the service's alone, for homes made before.

    Written to the binary log, so that replicas follow. Does nothing on a server without
    accounts of customers: a replica that is just being made has no history of its own.
    """
    rows = [row for row in server.describe("SELECT * FROM mysql.user") if not _is_internal(row)]
    if not rows:
        return
    for row in rows:
        _limit(server, row)
    found = server.execute(
        "SELECT routine_name, routine_comment FROM information_schema.routines"
        " WHERE routine_schema = 'mysql' AND routine_name LIKE 'rds\\_%'"
    )
    current = {name for name, comment in found if _text(comment) == EDITION}
    if not current >= set(PROCEDURES[server.program.flavour]):
        create_procedures(server)
    if server.program.flavour == "mysql":
        # On servers made before, replication's account can be dropped.
        server.execute(f"GRANT SYSTEM_USER ON *.* TO {REPLICATION_USER}@'{LOOPBACK}'")


def _limit(server: "DatabaseServer", row: dict[str, Any]) -> None:
    is_role = row.get("is_role") == "Y"
    name, args = "%s@%s", [_text(row["User"]), _text(row["Host"])]
    if is_role:
        name, args = "%s", args[:1]
    forbidden = [privilege for column, privilege in SERVICE_ONLY.items() if _has(row, column)]
    if forbidden:
        server.execute(f"REVOKE {', '.join(forbidden)} ON *.* FROM {name}", args)
    held = [privilege for column, privilege in SCHEMA_COLUMNS.items() if _has(row, column)]
    if server.program.flavour == "mariadb":
        if held:
            option = " WITH GRANT OPTION" if _has(row, "Grant_priv") and not is_role else ""
            listed = ", ".join(["SELECT", *held, *(["DELETE HISTORY"] if option else [])])
            server.execute(f"GRANT {listed} ON `%%`.* TO {name}{option}", args)
            for schema in PROTECTED_SCHEMAS:
                server.execute(f"GRANT SHOW VIEW ON `{schema}`.* TO {name}", args)
            server.execute(f"REVOKE {', '.join(held)} ON *.* FROM {name}", args)
        return
    attributes = json.loads(_text(row["User_attributes"]) or "{}")
    restricted = {one["Database"]: one["Privileges"] for one in attributes.get("Restrictions", ())}
    for schema in PROTECTED_SCHEMAS:
        missing = [privilege for privilege in held if privilege not in restricted.get(schema, ())]
        if missing:
            server.execute(f"REVOKE {', '.join(missing)} ON `{schema}`.* FROM {name}", args)


def _is_internal(row: dict[str, Any]) -> bool:
    """Whether an account belongs to the service or to the server itself."""
    user, host = _text(row["User"]), _text(row["Host"])
    return (
        (user in (SUPERUSER, REPLICATION_USER) and host == LOOPBACK)
        or (user.startswith(("mysql.", "mariadb.")) and host == "localhost")
        or user == "PUBLIC"
    )


def _has(row: dict[str, Any], column: str) -> bool:
    return row.get(column) == "Y"


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")
