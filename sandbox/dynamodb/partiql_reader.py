"""Reads a PartiQL statement: text and parameters become what expressions become.

What it does not know it refuses: no clause is passed over.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-reference.html
"""

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.expressions import FUNCTIONS, Node, Path
from sandbox.dynamodb.updates import Action
from sandbox.dynamodb.values import SETS, Value, normal, type_of

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>\"(?:[^\"]|\"\")*\")"
    r"|(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><<|>>|<>|!=|<=|>=|[=<>(){}\[\],.:?*+-])|(?P<wrong>\S))"
)
KEYWORDS = frozenset(
    "SELECT FROM WHERE INSERT INTO VALUE UPDATE SET REMOVE DELETE AND OR NOT IN BETWEEN IS ORDER "
    "BY RETURNING MISSING NULL TRUE FALSE ASC DESC GROUP HAVING LIMIT JOIN UNION EXISTS".split()
)
SET_TYPES = {member: kind for kind, member in SETS.items()}
DEEPEST = 100


class Token(NamedTuple):
    """One word of a statement."""

    kind: str
    text: str


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


class _Reader:
    def __init__(self, text: str, parameters: list[Value]):
        self._tokens = [
            Token(match.lastgroup or "wrong", match[match.lastgroup or "wrong"])
            for match in TOKEN.finditer(text.strip().removesuffix(";"))
        ]
        self._tokens += [Token("end", "end of the statement")] * 2
        self._at = 0
        self._depth = 0
        self._parameters = parameters
        asked = sum(token == ("sign", "?") for token in self._tokens)
        if asked != len(parameters):
            raise invalid("Number of parameters in request and statement don't match.")
        self._next_parameter = 0

    # -- statements -------------------------------------------------------------------------

    def statement(self) -> Statement:
        readers = {
            "SELECT": self._select,
            "INSERT": self._insert,
            "UPDATE": self._update,
            "DELETE": self._delete,
        }
        word = self._take().text.upper()
        if word not in readers:
            self._at -= 1
            raise self._unexpected()
        statement = readers[word]()
        if self._now.kind != "end":
            raise self._unexpected()
        return statement

    def _select(self) -> Statement:
        statement = Statement("SELECT")
        if self._skip("*"):
            pass
        else:
            statement.paths = [self._path()]
            while self._skip(","):
                statement.paths.append(self._path())
        self._expect("FROM")
        statement.table = self._name()
        if self._skip("."):
            statement.index = self._name()
        statement.where = self._where()
        if self._skip("ORDER"):
            self._expect("BY")
            statement.order.append(self._order())
            while self._skip(","):
                statement.order.append(self._order())
        return statement

    def _order(self) -> tuple[str, bool]:
        name = self._name()
        if self._skip("DESC"):
            return name, True
        self._skip("ASC")
        return name, False

    def _insert(self) -> Statement:
        self._expect("INTO")
        statement = Statement("INSERT", self._name())
        self._expect("VALUE")
        value = self._value()
        if "M" not in value:
            raise invalid("The value of an INSERT must be a tuple: VALUE {'name': value, ...}")
        statement.item = value["M"]
        return statement

    def _update(self) -> Statement:
        statement = Statement("UPDATE", self._name())
        while self._is("SET", "REMOVE"):
            section = self._take().text.upper()
            statement.actions.append(self._action(section))
            while self._skip(","):
                statement.actions.append(self._action(section))
        if not statement.actions:
            raise self._unexpected()
        statement.where = self._where()
        statement.returning = self._returning()
        return statement

    def _delete(self) -> Statement:
        self._expect("FROM")
        statement = Statement("DELETE", self._name())
        statement.where = self._where()
        statement.returning = self._returning()
        if statement.returning not in (None, "ALL OLD"):
            raise invalid("DELETE can only be used with RETURNING ALL OLD *")
        return statement

    def _where(self) -> Node | None:
        return self._condition() if self._skip("WHERE") else None

    def _returning(self) -> str | None:
        if not self._skip("RETURNING"):
            return None
        words = [self._take().text.upper(), self._take().text.upper()]
        if words[0] not in ("ALL", "MODIFIED") or words[1] not in ("OLD", "NEW"):
            self._at -= 1
            raise self._unexpected()
        self._expect("*")
        return " ".join(words)

    def _action(self, section: str) -> Action:
        path = self._path()
        if section == "REMOVE":
            return Action("REMOVE", path)
        self._expect("=")
        function = self._now.text
        if self._now.kind == "word" and function in ("set_add", "set_delete"):
            self._take()
            self._expect("(")
            if self._path() != path:
                raise invalid(f"The first operand of {function} must be the attribute itself")
            self._expect(",")
            value = self._value()
            self._expect(")")
            if type_of(value) not in SETS:
                raise invalid(f"The second operand of {function} must be a set")
            return Action("ADD" if function == "set_add" else "DELETE", path, ("value", value))
        left = self._operand(("list_append",))
        if self._is("+", "-"):
            left = ("sum", self._take().text, left, self._operand())
        return Action("SET", path, left)

    # -- conditions -------------------------------------------------------------------------

    def _condition(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            raise invalid("The statement is nested too deeply")
        left = self._conjunction()
        while self._skip("OR"):
            left = ("or", left, self._conjunction())
        self._depth -= 1
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self._skip("AND"):
            left = ("and", left, self._negation())
        return left

    def _negation(self) -> Node:
        if self._skip("NOT"):
            return ("not", self._negation())
        if self._skip("("):
            inner = self._condition()
            self._expect(")")
            return inner
        function = self._now.text.lower()
        if self._now.kind == "word" and function in FUNCTIONS and self._after.text == "(":
            self._take()
            return ("call", function, self._arguments(function))
        return self._comparison(self._operand())

    def _comparison(self, left: Node) -> Node:
        if self._is("=", "<>", "!=", "<", "<=", ">", ">="):
            operator = self._take().text.replace("!=", "<>")
            return ("compare", operator, left, self._operand())
        if self._skip("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            return ("between", left, low, self._operand())
        if self._skip("IN"):
            closing = "]" if self._skip("[") else ")"
            if closing == ")":
                self._expect("(")
            choices = [self._operand()]
            while self._skip(","):
                choices.append(self._operand())
            self._expect(closing)
            return ("in", left, tuple(choices))
        self._expect("IS")
        turned = self._skip("NOT")
        if self._skip("MISSING"):
            return ("call", "attribute_exists" if turned else "attribute_not_exists", (left,))
        self._expect("NULL")
        is_null = ("call", "attribute_type", (left, ("value", {"S": "NULL"})))
        return ("not", is_null) if turned else is_null

    def _arguments(self, function: str) -> tuple[Node, ...]:
        self._expect("(")
        found = [self._operand()]
        while self._skip(","):
            found.append(self._operand())
        self._expect(")")
        if len(found) != FUNCTIONS.get(function, 1):
            raise invalid(f"Incorrect number of operands for function {function}")
        return tuple(found)

    def _operand(self, functions: tuple[str, ...] = ()) -> Node:
        word = self._now.text.lower()
        called = self._now.kind == "word" and self._after.text == "("
        if called and word == "size":
            self._take()
            return ("size", self._arguments("size")[0])
        if called and word in functions:
            self._take()
            self._expect("(")
            first = self._operand(functions)
            self._expect(",")
            second = self._operand(functions)
            self._expect(")")
            return (word, first, second)
        if called:
            raise self._unexpected()
        if self._now.kind == "name" or (
            self._now.kind == "word" and self._now.text.upper() not in KEYWORDS
        ):
            return ("path", self._path())
        return ("value", self._value())

    # -- values and names -------------------------------------------------------------------

    def _value(self) -> Value:
        return normal(self._raw_value())

    def _raw_value(self) -> Value:
        self._depth += 1
        if self._depth > DEEPEST:
            raise invalid("The statement is nested too deeply")
        try:
            return self._one_value()
        finally:
            self._depth -= 1

    def _one_value(self) -> Value:
        token = self._take()
        if token.kind == "text":
            return {"S": token.text[1:-1].replace("''", "'")}
        if token.kind == "number":
            return {"N": token.text}
        if token == ("sign", "-") and self._now.kind == "number":
            return {"N": f"-{self._take().text}"}
        if token == ("sign", "?"):
            self._next_parameter += 1
            return self._parameters[self._next_parameter - 1]
        if token == ("sign", "["):
            return {"L": self._members("]")}
        if token == ("sign", "<<"):
            return self._set(self._members(">>"))
        if token == ("sign", "{"):
            return {"M": self._entries()}
        word = token.text.upper()
        if token.kind == "word" and word in ("TRUE", "FALSE"):
            return {"BOOL": word == "TRUE"}
        if token.kind == "word" and word == "NULL":
            return {"NULL": True}
        self._at -= 1
        raise self._unexpected()

    def _members(self, closing: str) -> list[Value]:
        members: list[Value] = []
        while not self._skip(closing):
            if members:
                self._expect(",")
            members.append(self._raw_value())
        return members

    def _entries(self) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        while not self._skip("}"):
            if entries:
                self._expect(",")
            token = self._take()
            if token.kind not in ("text", "name"):
                self._at -= 1
                raise self._unexpected()
            self._expect(":")
            quote = token.text[0]
            name = token.text[1:-1].replace(quote * 2, quote)
            entries[name] = self._raw_value()
        return entries

    def _set(self, members: list[Value]) -> Value:
        kinds = {type_of(member) for member in members}
        if len(kinds) != 1 or not kinds <= set(SET_TYPES):
            raise invalid("A set must have members, all of type string, number or binary")
        (kind,) = kinds
        return {SET_TYPES[kind]: [member[kind] for member in members]}

    def _path(self) -> Path:
        elements: list[str | int] = [self._name()]
        while self._is(".", "["):
            if self._take().text == ".":
                elements.append(self._name())
                continue
            if not self._now.text.isdigit():
                raise self._unexpected()
            elements.append(int(self._take().text))
            self._expect("]")
        return tuple(elements)

    def _name(self) -> str:
        token = self._take()
        if token.kind == "name":
            return token.text[1:-1].replace('""', '"')
        if token.kind == "word" and token.text.upper() not in KEYWORDS:
            return token.text
        self._at -= 1
        raise self._unexpected()

    # -- words ------------------------------------------------------------------------------

    @property
    def _now(self) -> Token:
        return self._tokens[self._at]

    @property
    def _after(self) -> Token:
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def _take(self) -> Token:
        token = self._now
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _is(self, *words: str) -> bool:
        return self._now.kind in ("word", "sign") and self._now.text.upper() in words

    def _skip(self, word: str) -> bool:
        if self._is(word):
            self._take()
            return True
        return False

    def _expect(self, word: str) -> Any:
        if not self._skip(word):
            raise self._unexpected()

    def _unexpected(self) -> DynamoDBError:
        return invalid(
            f"Statement wasn't well formed, can't be processed: Unexpected term: {self._now.text}"
        )
