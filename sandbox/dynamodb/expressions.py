"""Reads DynamoDB's expressions: text, names and values become a tree of small tuples.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html

The nodes of a condition:
    ("or" | "and", left, right), ("not", inner), ("compare", operator, left, right),
    ("between", operand, low, high), ("in", operand, (choices...)),
    ("call", function, (operands...))
and of an operand: ("path", (element, ...)), ("value", {...}), ("size", operand).
An element of a path is a name (str) or the position in a list (int).
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from sandbox.dynamodb.errors import DynamoDBError, invalid

Node = tuple
Path = tuple[str | int, ...]

TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<name>#[A-Za-z0-9_]+)|(?P<value>:[A-Za-z0-9_]+)"
    r"|(?P<number>[0-9]+)|(?P<sign><>|<=|>=|[=<>(),.\[\]+-])|(?P<wrong>\S))"
)
COMPARATORS = ("=", "<>", "<", "<=", ">", ">=")
# How many operands each function takes.
FUNCTIONS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
KEYWORDS = ("AND", "OR", "NOT", "IN", "BETWEEN")
LONGEST = 4096
DEEPEST = 300
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
MOST_OPERATORS = 300


class Token(NamedTuple):
    """One word of an expression, and where it stands in the text."""

    kind: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=1024)
def tokens(text: str) -> tuple[Token, ...]:
    """The words of an expression; the last is the end."""
    found = []
    for match in TOKEN.finditer(text):
        kind = match.lastgroup or "wrong"
        found.append(Token(kind, match[kind], match.start(kind), match.end(kind)))
    return (*found, Token("end", "<EOF>", len(text), len(text)))


class Placeholders:
    """The `#names` and `:values` of a request; notes which of them its expressions use."""

    def __init__(self, request: dict[str, Any], expressions: Iterable[str]):
        self.names: dict[str, str] | None = request.get("ExpressionAttributeNames")
        self.values: dict[str, Any] | None = request.get("ExpressionAttributeValues")
        self._used: set[str] = set()
        given = [word for word in expressions if request.get(word) is not None]
        for word, placeholders, sign in (
            ("ExpressionAttributeNames", self.names, "#"),
            ("ExpressionAttributeValues", self.values, ":"),
        ):
            if placeholders is None:
                continue
            if not given:
                raise invalid(f"{word} can only be specified when using expressions")
            if not placeholders:
                raise invalid(f"{word} must not be empty")
            for key in placeholders:
                if not re.fullmatch(sign + "[A-Za-z0-9_]+", key):
                    raise invalid(f'{word} contains invalid key: Syntax error; key: "{key}"')

    def check_all_used(self) -> None:
        """Refuse what no expression uses."""
        for word, placeholders in (
            ("ExpressionAttributeNames", self.names),
            ("ExpressionAttributeValues", self.values),
        ):
            unused = [key for key in placeholders or () if key not in self._used]
            if unused:
                raise invalid(
                    f"Value provided in {word} unused in expressions: keys: {{{', '.join(unused)}}}"
                )

    def name(self, key: str) -> str:
        """What a `#name` stands for."""
        if key not in (self.names or {}):
            raise invalid(
                "An expression attribute name used in the document path is not defined; "
                f"attribute name: {key}"
            )
        self._used.add(key)
        assert self.names is not None
        return self.names[key]

    def value(self, key: str) -> Any:
        """What a `:value` stands for."""
        if key not in (self.values or {}):
            raise invalid(
                "An expression attribute value used in expression is not defined; "
                f"attribute value: {key}"
            )
        self._used.add(key)
        assert self.values is not None
        return self.values[key]


class Reader:
    """Reads one expression from its words.

    Args:
        kind: what AWS calls it, such as "ConditionExpression".
        text: the expression.
        placeholders: the request's names and values.
    """

    def __init__(self, kind: str, text: str, placeholders: Placeholders):
        self.kind = kind
        self._text = text
        self._tokens = tokens(text)
        self._at = 0
        self._depth = 0
        self._placeholders = placeholders
        if not text.strip():
            raise self.error("The expression can not be empty;")
        if len(text.encode()) > LONGEST:
            raise self.error(
                "Expression size has exceeded the maximum allowed size; "
                f"expression size: {len(text.encode())}"
            )

    # -- words ------------------------------------------------------------------------------

    @property
    def now(self) -> Token:
        """The word to read next."""
        return self._tokens[self._at]

    def take(self) -> Token:
        """Read a word."""
        token = self.now
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def is_word(self, *words: str) -> bool:
        """Whether the next word is one of these keywords, in any case."""
        return self.now.kind == "word" and self.now.text.upper() in words

    def is_sign(self, *signs: str) -> bool:
        """Whether the next word is one of these signs."""
        return self.now.kind == "sign" and self.now.text in signs

    def expect(self, sign: str) -> None:
        """Read this sign, or refuse the expression."""
        if not self.is_sign(sign):
            raise self.syntax_error()
        self.take()

    def finish(self) -> None:
        """Refuse what follows the end, and more operators than AWS takes."""
        if self.now.kind != "end":
            raise self.syntax_error()
        count = self._operators()
        if count > MOST_OPERATORS:
            raise self.error(
                f"The expression contains too many operators; operator count: {count}, "
                f"the most allowed: {MOST_OPERATORS}"
            )

    def _operators(self) -> int:
        # Comparisons, functions and what joins them; the `=` of SET joins nothing.
        assigns = self.kind == "UpdateExpression"
        count = 0
        for token, following in pairwise(self._tokens):
            if token.kind == "sign":
                count += token.text in ("+", "-") or (token.text in COMPARATORS and not assigns)
            elif token.kind == "word":
                word = token.text.upper()
                # The AND of BETWEEN is no operator of its own.
                count += (word in KEYWORDS and word != "BETWEEN") or following.text == "("
        return count

    def error(self, message: str) -> DynamoDBError:
        """A ValidationException that names the expression."""
        return invalid(f"Invalid {self.kind}: {message}")

    def syntax_error(self) -> DynamoDBError:
        """The error at the next word, with what stands beside it."""
        first = self._tokens[max(self._at - 1, 0)]
        last = self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        near = self._text[first.start : last.end]
        return self.error(f'Syntax error; token: "{self.now.text}", near: "{near}"')

    # -- operands ---------------------------------------------------------------------------

    def path(self) -> Path:
        """A document path, such as `Address.#street[0]`."""
        elements: list[str | int] = [self._element()]
        while self.is_sign(".", "["):
            if self.take().text == ".":
                elements.append(self._element())
                continue
            if self.now.kind != "number":
                raise self.syntax_error()
            elements.append(int(self.take().text))
            self.expect("]")
        return tuple(elements)

    def value(self) -> Node:
        """A `:value`."""
        return ("value", self._defined(self._placeholders.value, self.take().text))

    def operand(self) -> Node:
        """A path, a `:value`, or `size(path)`."""
        if self.now.kind == "value":
            return self.value()
        if self.now.kind == "word" and self._tokens[self._at + 1].text == "(":
            name = self.now.text
            if name != "size":
                raise self._not_here(name)
            arguments = self.arguments(name, 1)
            if arguments[0][0] == "value" and next(iter(arguments[0][1])) in ("N", "BOOL", "NULL"):
                raise self._wrong_type("size", arguments[0][1])
            return ("size", arguments[0])
        if self.now.kind not in ("word", "name"):
            raise self.syntax_error()
        return ("path", self.path())

    def arguments(self, function: str, count: int) -> tuple[Node, ...]:
        """A function's name and its operands."""
        self.take()
        self.expect("(")
        found = [self.operand()]
        while self.is_sign(","):
            self.take()
            found.append(self.operand())
        self.expect(")")
        if len(found) != count:
            raise self.error(
                "Incorrect number of operands for operator or function; "
                f"operator or function: {function}, number of operands: {len(found)}"
            )
        return tuple(found)

    def _element(self) -> str:
        token = self.now
        if token.kind == "name":
            self.take()
            return self._defined(self._placeholders.name, token.text)
        if token.kind != "word" or token.text.upper() in KEYWORDS:
            raise self.syntax_error()
        if token.text.upper() in _reserved():
            raise self.error(
                f"Attribute name is a reserved keyword; reserved keyword: {token.text}"
            )
        self.take()
        return token.text

    def _defined(self, look_up: Any, key: str) -> Any:
        try:
            return look_up(key)
        except DynamoDBError as error:
            raise self.error(error.message) from error

    def _not_here(self, function: str) -> DynamoDBError:
        known = function in FUNCTIONS or function in ("size", "if_not_exists", "list_append")
        if known:
            return self.error(
                "The function is not allowed to be used this way in an expression; "
                f"function: {function}"
            )
        return self.error(f"Invalid function name; function: {function}")

    def _wrong_type(self, function: str, value: dict, word: str = "operator or function") -> Any:
        return self.error(
            "Incorrect operand type for operator or function; "
            f"{word}: {function}, operand type: {next(iter(value))}"
        )


@lru_cache(maxsize=1)
def _reserved() -> frozenset[str]:
    return frozenset(ReservedKeywords.get_reserved_keywords())


def projection(text: str, placeholders: Placeholders) -> list[Path]:
    """The paths of a ProjectionExpression."""
    reader = Reader("ProjectionExpression", text, placeholders)
    paths = [reader.path()]
    while reader.is_sign(","):
        reader.take()
        paths.append(reader.path())
    reader.finish()
    check_apart(reader, paths)
    return paths


def check_apart(reader: Reader, paths: list[Path]) -> None:
    """Refuse paths of which one leads into another."""
    for number, one in enumerate(paths):
        for two in paths[number + 1 :]:
            shorter = min(len(one), len(two))
            same = next((i for i in range(shorter) if one[i] != two[i]), shorter)
            word = "overlap"
            if same < shorter:
                if isinstance(one[same], type(two[same])):
                    continue
                word = "conflict"
            raise reader.error(
                f"Two document paths {word} with each other; must remove or rewrite one of these "
                f"paths; path one: {shown(one)}, path two: {shown(two)}"
            )


def shown(path: Path) -> str:
    """A path as AWS writes it in messages."""
    return "[" + ", ".join(f"[{e}]" if isinstance(e, int) else e for e in path) + "]"
