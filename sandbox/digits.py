"""Numbers as AWS reads them: in the digits 0 to 9 of ASCII.

Python's `int` also takes the digits of other scripts, spaces and underscores.
"""

import re

_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,4})?")


def is_digits(text: str) -> bool:
    """Whether a text is digits only, and at least one."""
    return text.isascii() and text.isdigit()


def whole_number(text: str) -> int:
    """Return the integer that a text is.

    Raises:
        ValueError: it is none, or has more than 20 digits.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"not an integer: {text[:40]!r}")
    return int(text)


def decimal_number(text: str) -> float:
    """Return the number that a text is.

    Raises:
        ValueError: it is none.
    """
    if not _DECIMAL.fullmatch(text):
        raise ValueError(f"not a number: {text[:40]!r}")
    return float(text)
