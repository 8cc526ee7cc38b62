"""Statements that RDS answers otherwise than the server behind the proxy would.

What the master user may not do, the server refuses by itself: `sandbox.mysqld_rights`. Here are
the statements for which the server's privileges are too coarse, put into words it accepts:

- FLUSH needs RELOAD, which nobody has: it becomes a call of a stored procedure. FLUSH TABLES WITH
  READ LOCK is refused as on RDS, error 1045.
- SET PASSWORD FOR asks for rights on the `mysql` schema: it becomes ALTER USER.
- On MariaDB, GRANT ... ON *.* of privileges that change a schema becomes a grant on every schema
  but the protected ones. RELOAD becomes the right to call the procedure.
- On MariaDB, statements about the service's accounts are refused as MySQL does by SYSTEM_USER.
- On MySQL, REVOKE ALL PRIVILEGES becomes a call too, and an escaped `_` in the name of a schema
  loses its backslash: with partial revokes such names are no patterns.

Statements in PREPARE ... FROM '...' and in bodies of routines are looked at too. What a routine
puts together as it runs is not seen.
"""

import re
from collections.abc import Iterator

from sandbox.databasedoor.sql_tokens import Token, as_string, statements
from sandbox.datafolder import NOBODY_HOST, PROTECTED_SCHEMAS, REPLICATION_USER, SUPERUSER
from sandbox.mysqld_rights import SCHEMA_PRIVILEGES
from sandbox.rds_procedures import FLUSHES

SERVICE_USERS = {SUPERUSER.encode(), REPLICATION_USER.encode()}
_PROTECTED_NAMES = {*SERVICE_USERS, NOBODY_HOST.encode()}
_ON_SCHEMAS = {*SCHEMA_PRIVILEGES, "DELETE HISTORY"}
# What RELOAD is made of on MySQL, without FLUSH TABLES.
_RELOAD = ("FLUSH_OPTIMIZER_COSTS", "FLUSH_STATUS", "FLUSH_USER_RESOURCES")
_RELOAD_NAMES = {"RELOAD", "FLUSH_TABLES"}
_FLUSH_PRIVILEGES_SINCE = (8, 4)
# Words that begin a part of a routine, in which a statement may follow.
_BLOCKS = (
    *("CREATE", "ALTER", "BEGIN", "DECLARE", "IF", "ELSE", "ELSEIF", "CASE", "WHEN", "WHILE"),
    *("LOOP", "REPEAT", "FOR", "END"),
)
_ROUTINES = ("PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "ATOMIC")

# A statement without any of these is not looked at further.
_LOOKED_FOR = re.compile(
    b"|".join([b"FLUSH", b"PASSWORD", b"GRANT", b"REVOKE", *map(re.escape, _PROTECTED_NAMES)]),
    re.IGNORECASE,
)

Edit = tuple[int, int, bytes]


def signal(code: int, state: str, message: str) -> bytes:
    """The statement by which a server answers with an error of our choice."""
    return (
        f"SIGNAL SQLSTATE '{state}' SET MYSQL_ERRNO = {code}, MESSAGE_TEXT = ".encode()
        + as_string(message.encode())
    )


_NO_SYSTEM_USER = signal(
    1227,
    "42000",
    "Access denied; you need (at least one of) the SYSTEM_USER privilege(s) for this operation",
)


class RdsStatements:
    """Rewrites the statements of one connection.

    Args:
        flavour, version: of the server.
        user: who is logged in.
    """

    def __init__(self, flavour: str, version: str, user: str) -> None:
        self._mariadb = flavour == "mariadb"
        self._user = user
        self._flushes = FLUSHES[flavour]
        numbers = tuple(int(number) for number in version.split(".")[:2])
        self._native_flushes = set()
        if not self._mariadb:
            self._native_flushes = {"STATUS", "USER_RESOURCES", "OPTIMIZER_COSTS"}
            if numbers >= _FLUSH_PRIVILEGES_SINCE:
                self._native_flushes.add("PRIVILEGES")
        self._reload = _RELOAD + ("FLUSH_PRIVILEGES",) * ("PRIVILEGES" in self._native_flushes)

    def rewrite(self, text: bytes, *, prepared: bool = False) -> bytes:
        """The text to send to the server in place of `text`.

        Args:
            text: one statement, or several with semicolons between them.
            prepared: whether it is to be prepared: MySQL prepares no SIGNAL.
        """
        if not _LOOKED_FOR.search(text):
            return text
        edits: list[Edit] = []
        outermost = end = 0
        in_routine = False
        for statement in statements(text):
            if not in_routine:
                outermost = text.find(b";", end) + 1 if end else 0
                in_routine = statement[0].is_word("CREATE", "ALTER", "BEGIN") and any(
                    token.is_word(*_ROUTINES) for token in statement
                )
            end = statement[-1].end
            if refusal := self._refusal(statement, prepared):
                # The server stops at an error: what follows would not be run.
                edits = [edit for edit in edits if edit[0] < outermost]
                edits.append((outermost, len(text), refusal))
                break
            edits += self._edits(text, statement, in_routine)
        for edit in reversed(edits):
            text = _apply(text, *edit)
        return text

    # -- refused ----------------------------------------------------------------------------

    def _refusal(self, statement: list[Token], prepared: bool) -> bytes | None:
        for rest in _verbs(statement):
            if _locks_all_tables(rest) and (self._mariadb or not prepared):
                account = f"'{self._user}'@'%'"
                message = f"Access denied for user {account} (using password: YES)"
                return signal(1045, "28000", message)
            if self._mariadb and _changes_service_account(rest):
                return _NO_SYSTEM_USER
        return None

    # -- rewritten --------------------------------------------------------------------------

    def _edits(self, text: bytes, statement: list[Token], in_routine: bool) -> Iterator[Edit]:
        last = statement[-1]
        for rest in _verbs(statement):
            new = None
            if rest[0].is_word("FLUSH"):
                new = self._flush(text, rest)
            elif rest[0].is_word("SET"):
                new = self._set_password(text, rest)
            elif rest[0].is_word("PREPARE", "EXECUTE") and last.kind == "string":
                inner = self.rewrite(last.value, prepared=True)
                if inner != last.value:
                    yield last.begin, last.end, as_string(inner)
                return
            elif rest[0].is_word("GRANT", "REVOKE") and not in_routine:
                new = self._grant(text, rest)
            if new is not None:
                yield rest[0].begin, last.end, new
                return

    def _flush(self, text: bytes, rest: list[Token]) -> bytes | None:
        said = [token for token in rest[1:] if not token.is_word("LOCAL", "NO_WRITE_TO_BINLOG")]
        if said and said[0].is_word("TABLES", "TABLE") and len(said) > 1:
            return _flush_some_tables(text, said[1:])
        options = [" ".join(_words(option)) for option in _split(said)]
        options = ["TABLES" if option == "TABLE" else option for option in options]
        if not options or not set(options) <= set(self._flushes):
            return None
        if set(options) <= self._native_flushes:
            return None
        return _call("rds_flush", ",".join(options).encode())

    def _set_password(self, text: bytes, rest: list[Token]) -> bytes | None:
        words = _words(rest)
        if words[:3] != ("SET", "PASSWORD", "FOR"):
            return None
        sign = next((i for i, token in enumerate(rest) if token.text == b"="), None)
        if sign is None or rest[3].value == self._user.encode():
            return None  # an account may change its own
        given = rest[sign + 1 :]
        if self._mariadb and len(given) == 4 and given[0].is_word("PASSWORD"):
            given = given[2:3]
        if len(given) != 1 or given[0].kind != "string":
            return None
        account = text[rest[3].begin : rest[sign - 1].end]
        return b"ALTER USER " + account + b" IDENTIFIED BY " + given[0].text

    def _grant(self, text: bytes, rest: list[Token]) -> bytes | None:
        verb = rest[0].text.upper()
        on = next((i for i, token in enumerate(rest) if token.is_word("ON")), None)
        if on is None:
            return None if self._mariadb else _revoke_all(rest)
        scope = [token.text for token in rest[on + 1 : on + 4]]
        if scope != [b"*", b".", b"*"]:
            return None if self._mariadb else _without_escapes(text, rest, on)
        privileges = [" ".join(_words(one)) for one in _split(rest[1:on])]
        to_whom = text[rest[on + 3].end : rest[-1].end]
        if self._mariadb:
            return _grant_on_mariadb(verb, privileges, to_whom)
        if not _RELOAD_NAMES & set(privileges):
            return None
        others = [one for one in privileges if one not in {*_RELOAD_NAMES, *self._reload}]
        listed = ", ".join([*others, *self._reload]).encode()
        return verb + b" " + listed + b" ON *.*" + to_whom


def _verbs(statement: list[Token]) -> Iterator[list[Token]]:
    """The statement, and what is in it where it is a part of a routine, without END."""
    nested = statement[0].is_word(*_BLOCKS)
    for i, token in enumerate(statement if nested else statement[:1]):
        if token.kind == "word" and (i == 0 or statement[i - 1].text not in (b".", b"@")):
            yield statement[i:]


def _words(parts: list[Token]) -> tuple[str, ...]:
    return tuple(token.text.decode("latin-1").upper() for token in parts)


def _split(parts: list[Token]) -> list[list[Token]]:
    """What commas separate."""
    found: list[list[Token]] = [[]]
    for token in parts:
        if token.text == b",":
            found.append([])
        else:
            found[-1].append(token)
    return [one for one in found if one]


def _apply(text: bytes, begin: int, end: int, new: bytes) -> bytes:
    """Replace a part of a text; executable comments that begin or end in it are closed."""
    old = text[begin:end]
    opened = old.count(b"/*") - old.count(b"*/")
    if end < len(text) and opened > 0:
        new += b" /*! "
    elif opened < 0:
        new += b" */"
    return text[:begin] + new + text[end:]


def _locks_all_tables(rest: list[Token]) -> bool:
    words = [word for word in _words(rest[:6]) if word not in ("LOCAL", "NO_WRITE_TO_BINLOG")]
    return words[:5] in (
        ["FLUSH", "TABLES", "WITH", "READ", "LOCK"],
        ["FLUSH", "TABLE", "WITH", "READ", "LOCK"],
    )


def _call(procedure: str, *args: bytes) -> bytes:
    return f"CALL mysql.{procedure}(".encode() + b", ".join(map(as_string, args)) + b")"


def _changes_service_account(rest: list[Token]) -> bool:
    words = _words(rest[:4])
    about_accounts = (
        (words[0] in ("DROP", "ALTER", "RENAME", "CREATE") and "USER" in words)
        or words[:2] == ("SET", "PASSWORD")
        or words[:3] == ("SET", "DEFAULT", "ROLE")
        or words[0] in ("GRANT", "REVOKE")
    )
    return about_accounts and any(
        token.value in _PROTECTED_NAMES
        and token.kind in ("word", "quoted", "string")
        and not (i + 1 < len(rest) and rest[i + 1].text == b".")
        for i, token in enumerate(rest)
    )


def _flush_some_tables(text: bytes, named: list[Token]) -> bytes | None:
    words = _words(named)
    if words[-2:] == ("FOR", "EXPORT") or words == ("WITH", "READ", "LOCK"):
        return None
    if words[-3:] != ("WITH", "READ", "LOCK"):
        return _call("rds_flush", b"TABLES")
    tables = [text[one[0].begin : one[-1].end] for one in _split(named[:-3])]
    return b"LOCK TABLES " + b", ".join(table + b" READ" for table in tables)


def _grant_on_mariadb(verb: bytes, privileges: list[str], to_whom: bytes) -> bytes | None:
    on_schemas = [one for one in privileges if one in _ON_SCHEMAS]
    reload = bool(_RELOAD_NAMES & set(privileges))
    if not on_schemas and not reload:
        return None
    others = [one for one in privileges if one not in {*_ON_SCHEMAS, *_RELOAD_NAMES}]
    parts = [f"{', '.join(others) or 'USAGE'} ON *.*"]
    if on_schemas:
        parts.append(f"{', '.join(on_schemas)} ON `%`.*")
        if verb == b"GRANT":
            # Comes before the grant on all schemas; a role has no other that does.
            parts += [f"SHOW VIEW ON {schema}.*" for schema in PROTECTED_SCHEMAS]
    if reload:
        parts.append("EXECUTE ON PROCEDURE mysql.rds_flush")
    # 1141, 1403: there is nothing to revoke.
    handler = b"DECLARE CONTINUE HANDLER FOR 1141, 1403 BEGIN END; " if verb == b"REVOKE" else b""
    body = b"".join(verb + b" " + part.encode() + to_whom + b"; " for part in parts)
    return b"BEGIN NOT ATOMIC " + handler + body + b"END"


def _revoke_all(rest: list[Token]) -> bytes | None:
    words = _words(rest)
    for head in (
        ("REVOKE", "ALL", "PRIVILEGES", ",", "GRANT", "OPTION", "FROM"),
        ("REVOKE", "ALL", ",", "GRANT", "OPTION", "FROM"),
    ):
        account = rest[len(head) :]
        if words[: len(head)] == head and len(account) in (1, 3):
            host = account[2].value if len(account) == 3 else b"%"
            return _call("rds_revoke_all", account[0].value, host)
    return None


def _without_escapes(text: bytes, rest: list[Token], on: int) -> bytes | None:
    for token in rest[on + 1 : on + 3]:
        if token.kind == "quoted" and (b"\\_" in token.text or b"\\%" in token.text):
            plain = token.text.replace(b"\\_", b"_").replace(b"\\%", b"%")
            return text[rest[0].begin : token.begin] + plain + text[token.end : rest[-1].end]
    return None
