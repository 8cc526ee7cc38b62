"""The pieces of a PartiQL statement: words, names, values, conditions.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ql-functions.html
"""

import re
from typing import NamedTuple

from sandbox.digits import whole_number
from sandbox.dynamodb.errors import DynamoDBError, invalid
from sandbox.dynamodb.expressions import FUNCTIONS, Node, Path
from sandbox.dynamodb.values import SETS, Value, normal, type_of

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>\"(?:[^\"]|\"\")*\")"
    r"|(?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign><<|>>|<>|!=|<=|>=|[=<>(){}\[\],.:?*+-])|(?P<wrong>\S))"
)
KEYWORDS = frozenset(
    (
        *("SELECT", "FROM", "WHERE", "INSERT", "INTO", "VALUE", "UPDATE", "SET", "REMOVE"),
        *("DELETE", "AND", "OR", "NOT", "IN", "BETWEEN", "IS", "ORDER", "BY", "RETURNING"),
        *("MISSING", "NULL", "TRUE", "FALSE", "ASC", "DESC", "GROUP", "HAVING", "LIMIT"),
        *("JOIN", "UNION", "EXISTS"),
    )
)
SET_TYPES = {member: kind for kind, member in SETS.items()}
DEEPEST = 100
JOINS = ("AND", "OR", "NOT")
MOST_JOINS = 300


class Token(NamedTuple):
    """One word of a statement."""

    kind: str
    text: str


class TermReader:
    """Reads pieces of one statement.

    Args:
        text: PartiQL.
        parameters: what its question marks stand for, in order.
    """

    def __init__(self, text: str, parameters: list[Value]):
        self._tokens = [
            Token(match.lastgroup or "wrong", match[match.lastgroup or "wrong"])
            for match in TOKEN.finditer(text.strip().removesuffix(";"))
        ]
        self._tokens += [Token("end", "end of the statement")] * 2
        self._at = 0
        self._depth = 0
        self._parameters = parameters
        joins = sum(t.kind == "word" and t.text.upper() in JOINS for t in self._tokens)
        if joins > MOST_JOINS:
            raise invalid(f"The statement has more than {MOST_JOINS} conditions")
        asked = sum(token == ("sign", "?") for token in self._tokens)
        if asked != len(parameters):
            raise invalid("Number of parameters in request and statement don't match.")
        self._next_parameter = 0

    # -- conditions -------------------------------------------------------------------------

    def condition(self) -> Node:
        """AND binds closer than OR, NOT closest."""
        self._depth += 1
        if self._depth > DEEPEST:
            raise invalid("The statement is nested too deeply")
        left = self._conjunction()
        while self.skip("OR"):
            left = ("or", left, self._conjunction())
        self._depth -= 1
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.skip("AND"):
            left = ("and", left, self._negation())
        return left

    def _negation(self) -> Node:
        if self.skip("NOT"):
            return ("not", self._negation())
        if self.skip("("):
            inner = self.condition()
            self.expect(")")
            return inner
        function = self.now.text.lower()
        if self.now.kind == "word" and function in FUNCTIONS and self.after.text == "(":
            self.take()
            return ("call", function, self._arguments(function))
        return self._comparison(self.operand())

    def _comparison(self, left: Node) -> Node:
        if self.is_next("=", "<>", "!=", "<", "<=", ">", ">="):
            operator = self.take().text.replace("!=", "<>")
            return ("compare", operator, left, self.operand())
        if self.skip("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return ("between", left, low, self.operand())
        if self.skip("IN"):
            closing = "]" if self.skip("[") else ")"
            if closing == ")":
                self.expect("(")
            choices = [self.operand()]
            while self.skip(","):
                choices.append(self.operand())
            self.expect(closing)
            return ("in", left, tuple(choices))
        self.expect("IS")
        turned = self.skip("NOT")
        if self.skip("MISSING"):
            return ("call", "attribute_exists" if turned else "attribute_not_exists", (left,))
        self.expect("NULL")
        is_null = ("call", "attribute_type", (left, ("value", {"S": "NULL"})))
        return ("not", is_null) if turned else is_null

    def _arguments(self, function: str) -> tuple[Node, ...]:
        self.expect("(")
        found = [self.operand()]
        while self.skip(","):
            found.append(self.operand())
        self.expect(")")
        if len(found) != FUNCTIONS.get(function, 1):
            raise invalid(f"Incorrect number of operands for function {function}")
        return tuple(found)

    def operand(self, functions: tuple[str, ...] = ()) -> Node:
        """A path, a value, `size(...)`, or one of these functions."""
        word = self.now.text.lower()
        called = self.now.kind == "word" and self.after.text == "("
        if called and word == "size":
            self.take()
            return ("size", self._arguments("size")[0])
        if called and word in functions:
            self.take()
            self.expect("(")
            first = self.operand(functions)
            self.expect(",")
            second = self.operand(functions)
            self.expect(")")
            return (word, first, second)
        if called:
            raise self.unexpected()
        if self.now.kind == "name" or (
            self.now.kind == "word" and self.now.text.upper() not in KEYWORDS
        ):
            return ("path", self.path())
        return ("value", self.value())

    # -- values and names -------------------------------------------------------------------

    def value(self) -> Value:
        """A literal or a parameter, checked."""
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
        token = self.take()
        if token.kind == "text":
            return {"S": token.text[1:-1].replace("''", "'")}
        if token.kind == "number":
            return {"N": token.text}
        if token == ("sign", "-") and self.now.kind == "number":
            return {"N": f"-{self.take().text}"}
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
        raise self.unexpected()

    def _members(self, closing: str) -> list[Value]:
        members: list[Value] = []
        while not self.skip(closing):
            if members:
                self.expect(",")
            members.append(self._raw_value())
        return members

    def _entries(self) -> dict[str, Value]:
        entries: dict[str, Value] = {}
        while not self.skip("}"):
            if entries:
                self.expect(",")
            token = self.take()
            if token.kind not in ("text", "name"):
                self._at -= 1
                raise self.unexpected()
            self.expect(":")
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

    def path(self) -> Path:
        """A document path."""
        elements: list[str | int] = [self.name()]
        while self.is_next(".", "["):
            if self.take().text == ".":
                elements.append(self.name())
                continue
            try:
                elements.append(whole_number(self.now.text))
            except ValueError:
                raise self.unexpected() from None
            self.take()
            self.expect("]")
        return tuple(elements)

    def name(self) -> str:
        """A name, in double quotes or plain."""
        token = self.take()
        if token.kind == "name":
            return token.text[1:-1].replace('""', '"')
        if token.kind == "word" and token.text.upper() not in KEYWORDS:
            return token.text
        self._at -= 1
        raise self.unexpected()

    # -- words ------------------------------------------------------------------------------

    @property
    def now(self) -> Token:
        """The word to read next."""
        return self._tokens[self._at]

    @property
    def after(self) -> Token:
        """The word behind it."""
        return self._tokens[min(self._at + 1, len(self._tokens) - 1)]

    def take(self) -> Token:
        """Read a word."""
        token = self.now
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def is_next(self, *words: str) -> bool:
        """Whether the next word is one of these."""
        return self.now.kind in ("word", "sign") and self.now.text.upper() in words

    def skip(self, word: str) -> bool:
        """Read this word where it is next."""
        if self.is_next(word):
            self.take()
            return True
        return False

    def expect(self, word: str) -> None:
        """Read this word, or refuse the statement."""
        if not self.skip(word):
            raise self.unexpected()

    def unexpected(self) -> DynamoDBError:
        """The error at the next word."""
        return invalid(
            f"Statement wasn't well formed, can't be processed: Unexpected term: {self.now.text}"
        )
