"""The stored procedures of the `mysql` schema: RDS's own, and what the sandbox needs beside them.

They run with the rights of their definer, `rdsadmin`, for each user who has EXECUTE on them.

`rds_kill` and `rds_kill_query` are documented by AWS:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Ending.html
`rds_flush` and `rds_revoke_all` are the sandbox's: `sandbox.databasedoor` sends the statements
to them for which the server asks for more rights than RDS.
"""

from sandbox.datafolder import REPLICATION_USER, SUPERUSER

# Raise it when a procedure changes: servers made before get the new ones.
EDITION = "edition 1"

_HEAD = f"SQL SECURITY DEFINER COMMENT '{EDITION}'"
_SERVICE = f"('{SUPERUSER}', '{REPLICATION_USER}', 'system user', 'event_scheduler')"
# What MySQL answers to who may not end a connection.
_NOT_OWNER = "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1095, MESSAGE_TEXT = "

_KILL = """mysql.{name}(IN thread BIGINT) {head}
BEGIN
  DECLARE owner VARCHAR(128);
  SELECT user INTO owner FROM information_schema.processlist WHERE id = thread;
  IF owner IN {service} THEN
    {not_owner} 'You are not owner of the thread';
  END IF;
  {kill} thread;
END"""

# The FLUSH statements that RDS allows and that need RELOAD: name -> what the server is told.
FLUSHES = {
    "mariadb": {
        "PRIVILEGES": "PRIVILEGES",
        "TABLES": "TABLES",
        "STATUS": "STATUS",
        "HOSTS": "HOSTS",
        "USER_RESOURCES": "USER_RESOURCES",
        "LOGS": "LOGS",
        "BINARY LOGS": "BINARY LOGS",
        "ENGINE LOGS": "ENGINE LOGS",
        "ERROR LOGS": "ERROR LOGS",
        "GENERAL LOGS": "GENERAL LOGS",
        "SLOW LOGS": "SLOW LOGS",
        "OPTIMIZER_COSTS": None,  # MySQL's
    },
    "mysql": {
        "TABLES": "TABLES",
        "HOSTS": None,  # gone since 8.4, and the sandbox never blocks a host
        "LOGS": "LOGS",
        "BINARY LOGS": "BINARY LOGS",
        "ENGINE LOGS": "ENGINE LOGS",
        "ERROR LOGS": "ERROR LOGS",
        "GENERAL LOGS": "GENERAL LOGS",
        "SLOW LOGS": "SLOW LOGS",
        "STATUS": "STATUS",
        "USER_RESOURCES": "USER_RESOURCES",
        "OPTIMIZER_COSTS": "OPTIMIZER_COSTS",
        "PRIVILEGES": "PRIVILEGES",
    },
}


def _flush(flavour: str) -> str:
    branches = [
        f"  IF FIND_IN_SET('{name}', what) THEN FLUSH {told}; END IF;"
        for name, told in FLUSHES[flavour].items()
        if told
    ]
    return "\n".join([f"mysql.rds_flush(IN what VARCHAR(255)) {_HEAD}", "BEGIN", *branches, "END"])


# MySQL refuses REVOKE ALL PRIVILEGES to an account with a partial revoke.
_REVOKE_ALL = f"""mysql.rds_revoke_all(IN account CHAR(32), IN place CHAR(255)) {_HEAD}
BEGIN
  IF account IN {_SERVICE} OR account LIKE 'mysql.%' OR NOT EXISTS (
    SELECT 1 FROM mysql.user
    WHERE User = SUBSTRING_INDEX(USER(), '@', 1) AND Create_user_priv = 'Y'
  ) THEN
    SIGNAL SQLSTATE '42000' SET MYSQL_ERRNO = 1227, MESSAGE_TEXT =
      'Access denied; you need (at least one of) the SYSTEM_USER privilege(s) for this operation';
  END IF;
  SET @rds_revoke_all = CONCAT(
    'REVOKE ALL PRIVILEGES, GRANT OPTION FROM ', QUOTE(account), '@', QUOTE(place));
  PREPARE rds_revoke_all FROM @rds_revoke_all;
  EXECUTE rds_revoke_all;
  DEALLOCATE PREPARE rds_revoke_all;
END"""


def _procedures(flavour: str) -> dict[str, str]:
    kills = {
        name: _KILL.format(name=name, head=_HEAD, service=_SERVICE, not_owner=_NOT_OWNER, kill=kill)
        for name, kill in (("rds_kill", "KILL"), ("rds_kill_query", "KILL QUERY"))
    }
    return kills | {"rds_flush": _flush(flavour)}


# By flavour: name -> what follows CREATE PROCEDURE.
PROCEDURES = {
    "mariadb": _procedures("mariadb"),
    "mysql": _procedures("mysql") | {"rds_revoke_all": _REVOKE_ALL},
}
