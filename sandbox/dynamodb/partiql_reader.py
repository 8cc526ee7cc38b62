"""Reads a PartiQL statement: text and parameters become what expressions become.

What it does not know it refuses: no clause is passed over.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

from dataclasses import dataclass, field

from sandbox.dynamodb.errors import invalid
from sandbox.dynamodb.expressions import Node, Path
from sandbox.dynamodb.partiql_terms import TermReader
from sandbox.dynamodb.updates import Action
from sandbox.dynamodb.values import SETS, Value, type_of


@dataclass
class Statement:
    """One statement.

    Attributes:
        kind: "SELECT", "INSERT", "UPDATE" or "DELETE".
        table: the table's name.
        index: the index's, for SELECT.
        paths: what SELECT asks for; None for all.
        item: what INSERT puts.
        actions: what UPDATE does.
        where: the condition's tree.
        order: (attribute, backward) for each ORDER BY.
        returning: such as "ALL OLD".
    """

    kind: str
    table: str = ""
    index: str | None = None
    paths: list[Path] | None = None
    item: dict[str, Value] = field(default_factory=dict)
    actions: list[Action] = field(default_factory=list)
    where: Node | None = None
    order: list[tuple[str, bool]] = field(default_factory=list)
    returning: str | None = None


def read_statement(text: str, parameters: list[Value]) -> Statement:
    """Read a statement.

    Args:
        text: PartiQL.
        parameters: what its question marks stand for, in order.

    Raises:
        DynamoDBError: ValidationException.
    """
    return _Reader(text, parameters).statement()


class _Reader(TermReader):
    def statement(self) -> Statement:
        readers = {
            "SELECT": self._select,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        word = self.take().text.upper()
        if word not in readers:
            self._at -= 1
            raise self.unexpected()
        statement = readers[word]()
        if self.now.kind != "end":
            raise self.unexpected()
        return statement

    def _select(self) -> Statement:
        statement = Statement("SELECT")
        if self.skip("*"):
            pass
        else:
            statement.paths = [self.path()]
            while self.skip(","):
                statement.paths.append(self.path())
        self.expect("FROM")
        statement.table = self.name()
        if self.skip("."):
            statement.index = self.name()
        statement.where = self._where()
        if self.skip("ORDER"):
            self.expect("BY")
            statement.order.append(self._order())
            while self.skip(","):
                statement.order.append(self._order())
        return statement

    def _order(self) -> tuple[str, bool]:
        name = self.name()
        if self.skip("DESC"):
            return name, True
        self.skip("ASC")
        return name, False

    def _insert(self) -> Statement:
        self.expect("INTO")
        statement = Statement("INSERT", self.name())
        self.expect("VALUE")
        value = self.value()
        if "M" not in value:
            raise invalid("The value of an INSERT must be a tuple: VALUE {'name': value, ...}")
        statement.item = value["M"]
        return statement

    def _update(self) -> Statement:
        statement = Statement("UPDATE", self.name())
        while self.is_next("SET", "REMOVE"):
            section = self.take().text.upper()
            statement.actions.append(self._action(section))
            while self.skip(","):
                statement.actions.append(self._action(section))
        if not statement.actions:
            raise self.unexpected()
        statement.where = self._where()
        statement.returning = self._returning()
        return statement

    def _delete(self) -> Statement:
        self.expect("FROM")
        statement = Statement("DELETE", self.name())
        statement.where = self._where()
        statement.returning = self._returning()
        if statement.returning not in (None, "ALL OLD"):
            raise invalid("DELETE can only be used with RETURNING ALL OLD *")
        return statement

    def _where(self) -> Node | None:
        return self.condition() if self.skip("WHERE") else None

    def _returning(self) -> str | None:
        if not self.skip("RETURNING"):
            return None
        words = [self.take().text.upper(), self.take().text.upper()]
        if words[0] not in ("ALL", "MODIFIED") or words[1] not in ("OLD", "NEW"):
            self._at -= 1
            raise self.unexpected()
        self.expect("*")
        return " ".join(words)

    def _action(self, section: str) -> Action:
        path = self.path()
        if section == "REMOVE":
            return Action("REMOVE", path)
        self.expect("=")
        function = self.now.text
        if self.now.kind == "word" and function in ("set_add", "set_delete"):
            self.take()
            self.expect("(")
            if self.path() != path:
                raise invalid(f"The first operand of {function} must be the attribute itself")
            self.expect(",")
            value = self.value()
            self.expect(")")
            if type_of(value) not in SETS:
                raise invalid(f"The second operand of {function} must be a set")
            return Action("ADD" if function == "set_add" else "DELETE", path, ("value", value))
        left = self.operand(("list_append",))
        if self.is_next("+", "-"):
            left = ("sum", self.take().text, left, self.operand())
        return Action("SET", path, left)
