"""What lies in a database server's folder: its data, its settings, its two system passwords.

<folder>/data            copied from a template that is prepared once per server version
<folder>/my.cnf          the server's settings; also remembers its port and whether it is a
                         reader
<folder>/tls.pem         key and certificate with which the server speaks TLS
<folder>/rdsadmin        password of the superuser, as on RDS nobody's but the service's
<folder>/rdsrepladmin    password with which replicas log in to this server
<folder>/first-start.sql accounts to make before the first connection is accepted
<folder>/error.log       what the server says
"""

import configparser
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from filelock import FileLock

from sandbox import server_settings
from sandbox.certificates import self_signed
from sandbox.errors import SandboxError
from sandbox.home import write_private
from sandbox.install import NoDatabaseServer, Program, install_command

# RDS's own names for its two accounts.
SUPERUSER = "rdsadmin"
REPLICATION_USER = "rdsrepladmin"
LOOPBACK = "127.0.0.1"
CERTIFICATE = "tls.pem"

# Part of a template's name: raise it when LAYOUT or the way a template is made changes.
TEMPLATE_EDITION = 1

# Fixed for the life of a data folder: small files copy quickly.
LAYOUT = {
    "mariadb": {
        "innodb_data_file_path": "ibdata1:4M:autoextend",
        "innodb_autoextend_increment": "1",
        "innodb_log_file_size": "8M",
    },
    "mysql": {"innodb_redo_log_capacity": "8M"},
}

COMMON = {
    "bind_address": LOOPBACK,
    "socket": "",  # none: its path would break the 100 characters a unix socket may have
    "skip_name_resolve": "ON",
    "max_connect_errors": "1000000000",
    "max_connections": "90",  # what Aurora gives a db.t3.medium
    "character_set_server": "utf8mb4",
    "default_time_zone": "'+00:00'",
    "sql_mode": "''",  # Aurora MySQL's default, unlike the community servers'
    "local_infile": "ON",  # likewise
    # Any server may become the writer: each keeps a binary log from its first day.
    "log_bin": "binlog",
    "relay_log": "relay",
    "binlog_expire_logs_seconds": "0",  # a replica made later reads it from the beginning
    "log_bin_trust_function_creators": "ON",  # Aurora's binary log is off, so it never asks
    # A commit that was acknowledged is on disk.
    "innodb_flush_log_at_trx_commit": "1",
    "sync_binlog": "1",
    # Small: a laptop runs several of these.
    "innodb_buffer_pool_size": "32M",
    "innodb_log_buffer_size": "2M",
    "innodb_buffer_pool_dump_at_shutdown": "OFF",
    "innodb_buffer_pool_load_at_startup": "OFF",
    "innodb_use_native_aio": "OFF",  # containers often forbid it
    "performance_schema": "OFF",
    "key_buffer_size": "1M",
    "table_open_cache": "256",
}

FLAVOURED = {
    "mariadb": {
        # The Unicode order without padding: sorts as MySQL 8's own default does.
        "collation_server": "utf8mb4_uca1400_nopad_ai_ci",
        "binlog_format": "ROW",
        "log_slave_updates": "ON",
        "gtid_strict_mode": "ON",
        "innodb_temp_data_file_path": "ibtmp1:2M:autoextend",  # MySQL wants 12M, its default
        "aria_pagecache_buffer_size": "2M",
    },
    "mysql": {
        "collation_server": "utf8mb4_0900_ai_ci",
        "mysqlx": "OFF",
        "gtid_mode": "ON",
        "enforce_gtid_consistency": "ON",
        "relay_log_recovery": "ON",
        "secure_file_priv": "NULL",
        # MySQL 9 prints a tree by default; Aurora MySQL prints a table, as MariaDB does. The
        # variables came with 8.0.32 and 8.3; before, a table was all there was.
        "loose_explain_format": "TRADITIONAL",
        "loose_explain_json_format_version": "1",
        # The order of MariaDB and of OpenSSL itself: the same client gets the same cipher.
        "tls_ciphersuites": (
            "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
        ),
    },
}

FIRST_START = {
    "mariadb": """\
DELETE FROM mysql.global_priv WHERE User NOT IN ('mariadb.sys', 'PUBLIC');
DELETE FROM mysql.db;
DELETE FROM mysql.proxies_priv;
FLUSH PRIVILEGES;
""",
    "mysql": f"""\
DROP USER IF EXISTS root@localhost, {SUPERUSER}@'{LOOPBACK}', {REPLICATION_USER}@'{LOOPBACK}';
""",
}


def default_cache() -> Path:
    """This user's cache folder, where each system keeps such a thing."""
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "aws-databases-course"


def create(folder: Path, program: Program, cache: Path | None = None) -> None:
    """Fill `folder` with a new, empty database of its own passwords.

    Raises:
        SandboxError: the folder holds a database already.
    """
    if (folder / "data").exists():
        raise SandboxError(f"{folder} holds a database already. Delete the folder, or start() it.")
    template = _template(program, cache or default_cache())
    statements = [FIRST_START[program.flavour]]
    for user, grant in (
        (SUPERUSER, "ALL PRIVILEGES ON *.* TO {} WITH GRANT OPTION"),
        (REPLICATION_USER, "REPLICATION SLAVE ON *.* TO {}"),
    ):
        account = f"{user}@'{LOOPBACK}'"
        statements += [
            f"CREATE USER {account} IDENTIFIED BY '{{{user}}}';\n",
            f"GRANT {grant.format(account)};\n",
        ]
    _lay_down(template, ["binlog.*"], folder, statements)


def copy(source: Path, folder: Path) -> None:
    """Fill `folder` with a copy of a database whose server does not run.

    The copy is a server of its own, with passwords of its own, and follows nobody. The folder
    appears when it is complete.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    statements = [
        f"ALTER USER {user}@'{LOOPBACK}' IDENTIFIED BY '{{{user}}}';\n"
        for user in (SUPERUSER, REPLICATION_USER)
    ]
    of_a_replica = ["master.info", "relay-log.info", "relay.*"]
    _lay_down(source / "data", of_a_replica, partial, statements)
    partial.rename(folder)


def _lay_down(data: Path, leave_out: list[str], folder: Path, statements: list[str]) -> None:
    """Copy a data folder, and have its first start give the system accounts fresh passwords."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    partial = folder / "data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    # auto.cnf holds MySQL's server_uuid: without it the copy gives itself a fresh one.
    shutil.copytree(data, partial, ignore=shutil.ignore_patterns("auto.cnf", *leave_out))
    (folder / "no-files").mkdir(exist_ok=True)
    passwords = {user: secrets.token_urlsafe(24) for user in (SUPERUSER, REPLICATION_USER)}
    for user, password in passwords.items():
        write_private(folder / user, password)
    text = "".join(["SET SESSION sql_log_bin = 0;\n", *statements])
    write_private(folder / "first-start.sql", text.format_map(passwords))
    partial.rename(folder / "data")  # last: from here on the database exists


def write_settings(
    folder: Path, program: Program, server_id: int, port: int, read_only: bool
) -> None:
    """Write `my.cnf`, the only option file that the server will read."""
    settings = _places(folder, program) | COMMON | FLAVOURED[program.flavour]
    settings |= {"server_id": str(server_id), "port": str(port)}
    settings["pid_file"] = _quoted(folder / "mysqld.pid")
    # Of its own: a server that starts removes what others have left in a shared one, and what
    # they are using.
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    settings["tmpdir"] = _quoted(temporary)
    certificate = folder / CERTIFICATE
    if not certificate.exists():
        self_signed(certificate)
    settings["ssl_cert"] = settings["ssl_key"] = _quoted(certificate)
    if program.flavour == "mariadb":
        # An empty folder; MariaDB takes neither "none" nor one that is missing.
        settings["secure_file_priv"] = _quoted(folder / "no-files")
    if (folder / "first-start.sql").exists():
        settings["init_file"] = _quoted(folder / "first-start.sql")
    settings["read_only"] = "ON" if read_only else "OFF"
    if program.flavour == "mysql":
        # The master user has CONNECTION_ADMIN, which read_only alone would let through.
        settings["super_read_only"] = settings["read_only"]
    settings |= server_settings.at_start(folder)
    _write_options(folder / "my.cnf", settings)


def read_settings(folder: Path) -> tuple[int | None, bool]:
    """The port this server had when it was last started, if any, and whether it is a reader."""
    options = configparser.ConfigParser(interpolation=None)
    options.read(folder / "my.cnf", encoding="utf-8")
    if not options.has_section("mysqld"):
        return None, False
    return options.getint("mysqld", "port"), options.getboolean("mysqld", "read_only")


def read_server_id(folder: Path) -> int | None:
    """The number under which this server was last started, if it ever was."""
    options = configparser.ConfigParser(interpolation=None)
    options.read(folder / "my.cnf", encoding="utf-8")
    return options.getint("mysqld", "server_id", fallback=None)


def _template(program: Program, cache: Path) -> Path:
    """The folder to copy: made once, by whoever comes first, and never seen half made."""
    ready = cache / f"{program.flavour}-{program.version}-{TEMPLATE_EDITION}"
    if not ready.exists():
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(cache / f"{ready.name}.lock"):
            if not ready.exists():
                with tempfile.TemporaryDirectory(dir=cache, prefix="making-") as making:
                    _initialise(program, Path(making))
                    (Path(making) / "data").rename(ready)
    return ready


def _initialise(program: Program, folder: Path) -> None:
    """Prepare a data folder whose root account nobody can log in to (first-start removes it)."""
    _write_options(folder / "my.cnf", _places(folder, program))
    defaults = f"--defaults-file={folder / 'my.cnf'}"
    command: list[str | Path]
    if program.flavour == "mysql":
        # --initialize gives root a random password, --initialize-insecure none at all.
        command = [program.server, defaults, "--initialize"]
    elif program.installer is None:
        raise NoDatabaseServer(
            f"mariadb-install-db is missing beside {program.server}. Type: {install_command()}"
        )
    elif os.name == "nt":
        command = [program.installer, f"--datadir={folder / 'data'}"]
    else:
        command = [
            program.installer,
            defaults,
            "--skip-test-db",
            "--skip-name-resolve",
            "--auth-root-authentication-method=socket",
        ]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode:
        errors = [line for line in done.stdout.splitlines() if "ERROR" in line] or [done.stdout]
        raise SandboxError(
            f"{program.server} could not prepare a data folder: {errors[-1].strip()}. "
            "Put that right (disk space, permissions) and start the sandbox again."
        )


def _places(folder: Path, program: Program) -> dict[str, str]:
    settings = {"datadir": _quoted(folder / "data")} | LAYOUT[program.flavour]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        settings["user"] = "root"  # both refuse to run as root unless told
    return settings


def _quoted(path: Path) -> str:
    return f'"{path.as_posix()}"'  # a backslash would be an escape


def _write_options(path: Path, settings: dict[str, str]) -> None:
    lines = [f"{name} = {value}" for name, value in settings.items()]
    write_private(path, "\n".join(["[mysqld]", *lines, ""]))
