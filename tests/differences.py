"""`python -m tests.differences`: writes the table of docs/differences.md from the tests' markers.

A test that holds a difference between AWS and the sandbox says so:

    @pytest.mark.differs("Your address", aws="your real one", sandbox="...", since="2026-11")

`since` is the month from which on the test has held it. The markers are read from the source, so
no test is run or imported.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).parents[1]
PAGE = PROJECT / "docs" / "differences.md"
BEGIN = "<!-- written by `python -m tests.differences` -->"
END = "<!-- end of what is written -->"
HEAD = "| | AWS | the sandbox | held by | since |\n|---|---|---|---|---|\n"


class Row(NamedTuple):
    """A difference, and the test that holds it."""

    subject: str
    aws: str
    sandbox: str
    test: str
    since: str


def rows(folder: Path = PROJECT / "tests") -> list[Row]:
    """What the tests in a folder hold, by subject.

    Raises:
        ValueError: a marker that is not as it should be, with its place.
    """
    files = sorted(folder.rglob("test_*.py"))
    found = [row for file in files for row in _rows_of(file, file.relative_to(folder).as_posix())]
    return sorted(found, key=lambda row: (row.subject.strip("`").casefold(), row.test))


def table(found: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        f"| {row.subject} | {row.aws} | {row.sandbox} | `{row.test}` | {row.since} |\n"
        for row in found
    ]
    return HEAD + "".join(lines)


def page(text: str, found: list[Row]) -> str:
    """The page with the table between the two comments.

    Raises:
        ValueError: a comment is missing.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/differences.md has lost a line: {BEGIN if not begin else END}")
    return f"{before}{BEGIN}\n\n{table(found)}\n{END}{after}"


def _rows_of(file: Path, name: str) -> Iterator[Row]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_differs(decorator.func):
                    yield _row(decorator, f"{name}::{node.name}")


def _is_differs(function: ast.expr) -> bool:
    return ast.unparse(function) == "pytest.mark.differs"


def _row(marker: ast.Call, test: str) -> Row:
    try:
        (subject,) = [ast.literal_eval(argument) for argument in marker.args]
        said = {str(word.arg): ast.literal_eval(word.value) for word in marker.keywords}
        return Row(subject=subject, test=test, **said)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{test}: write @pytest.mark.differs with a subject, aws=, sandbox= and since=, each "
            "a plain string."
        ) from error


if __name__ == "__main__":
    written = page(PAGE.read_text("utf-8"), rows())
    PAGE.write_text(written, "utf-8")
    sys.stdout.write(f"{PAGE.relative_to(PROJECT)}: {len(rows())} rows held by tests\n")
