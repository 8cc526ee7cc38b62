"""Split the text of SQL statements into tokens, as MySQL and MariaDB read them.

Comments are left out, and what executable comments (`/*! ... */`, `/*M! ... */`) hold is read as
code. Text is bytes in any character set that extends ASCII.
"""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    rb"""
      (?P<space>     \s+ )
    | (?P<comment>   \#[^\n]*  |  --(?=\s|$)[^\n]*  |  /\*(?!M?!).*?(?:\*/|$) )
    | (?P<opening>   /\*M?!\d* )
    | (?P<closing>   \*/ )
    | (?P<string>    '(?:[^'\\]|\\.|'')*(?:'|$)  |  "(?:[^"\\]|\\.|"")*(?:"|$) )
    | (?P<quoted>    `(?:[^`]|``)*(?:`|$) )
    | (?P<word>      [\w$@\x80-\xff]+ )
    | (?P<symbol>    . )
    """,
    re.VERBOSE | re.DOTALL,
)
_SKIPPED = {"space", "comment", "opening", "closing"}
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"0": b"\0", b"b": b"\b", b"Z": b"\x1a"}


@dataclass(frozen=True)
class Token:
    """A word, a quoted name, a string or a symbol, and where it is in the text.

    Attributes:
        kind: "word", "quoted", "string" or "symbol".
        text: as written, with quotes.
        begin, end: offsets in bytes.
    """

    kind: str
    text: bytes
    begin: int
    end: int

    def is_word(self, *words: str) -> bool:
        """Whether it is one of these keywords, in capitals."""
        return self.kind == "word" and self.text.upper().decode("latin-1") in words

    @property
    def value(self) -> bytes:
        """A string or a name without its quotes."""
        if self.kind == "quoted":
            return self.text[1:-1].replace(b"``", b"`")
        if self.kind != "string":
            return self.text
        quote = self.text[:1]
        plain = self.text[1:-1].replace(quote * 2, quote)
        return re.sub(rb"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), plain, flags=re.DOTALL)


def tokens(text: bytes) -> list[Token]:
    """All tokens of a text; `@` is a symbol of its own where it joins user and host."""
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "symbol"
        if kind in _SKIPPED:
            continue
        if kind == "word" and b"@" in match[0].lstrip(b"@"):
            found += _split_at_sign(match[0], match.start())
        else:
            found.append(Token(kind, match[0], match.start(), match.end()))
    return found


def _split_at_sign(text: bytes, begin: int) -> list[Token]:
    # admin@localhost is three tokens, @variable and @@system_variable one each.
    return [
        Token("symbol" if part == b"@" else "word", part, begin + at, begin + at + len(part))
        for part, at in ((m[0], m.start()) for m in re.finditer(rb"@|[^@]+", text))
    ]


def statements(text: bytes) -> list[list[Token]]:
    """The tokens between semicolons: statements, of a routine's body too."""
    found: list[list[Token]] = [[]]
    for token in tokens(text):
        if token.text == b";" and token.kind == "symbol":
            found.append([])
        else:
            found[-1].append(token)
    return [statement for statement in found if statement]


def as_string(text: bytes) -> bytes:
    """A string literal with this value."""
    return b"'" + text.replace(b"\\", b"\\\\").replace(b"'", b"''") + b"'"
