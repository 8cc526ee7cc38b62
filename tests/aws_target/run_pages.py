"""Runs pages in one process without Jupyter: `python -m tests.aws_target.run_pages 2.1 3.6`.

The cells are a page's own, run by IPython as in a notebook, each page in a fresh namespace. After
each page a line is printed: its number, and "ok", or the cell that failed and why.
"""

import contextlib
import io
import os
import re
import sys
import time
from collections.abc import Callable, Iterator

import nbformat
from IPython.core.interactiveshell import InteractiveShell

from helpers import aws_account, pages
from helpers.checks.result import Result

SOLUTION = re.compile(r"<details><summary>Solution</summary>\s+```python\n(.*?)```", re.DOTALL)


class CellFailed(Exception):
    """A cell raised, or a check that it shows is not passed."""


def run_page(number: str, solved: bool = False, after: Callable[[str], None] | None = None) -> None:
    """Run all cells of a page.

    Args:
        number: such as "3.6".
        solved: whether the solutions stand in the blanks.
        after: called with each cell's id when it has run.

    Raises:
        CellFailed: at the first cell that fails.
    """
    file = pages.pages()[number]
    shell = InteractiveShell.instance(colors="nocolor")
    shell.reset(new_session=False)
    with contextlib.chdir(file.parent):
        for name, source in cells(nbformat.read(file, as_version=4), solved):
            said = io.StringIO()
            # What a cell shows is of interest only where it fails.
            with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
                done = shell.run_cell(source, store_history=False)
            error = done.error_before_exec or done.error_in_exec
            if error is not None:
                raise CellFailed(f"{name}: {type(error).__name__}: {error}")
            # Page 00 shows what a check of page 1.1 says before that page has begun.
            before = name == "before" or number == "00"
            if isinstance(done.result, Result) and not before and not done.result.passed:
                missing = done.result[done.result["done"] == "no"]
                raise CellFailed(f"{name}: {'; '.join(missing['check'])}")
            if after is not None:
                after(name)


def cells(notebook: nbformat.NotebookNode, solved: bool) -> Iterator[tuple[str, str]]:
    """The id and the source of each code cell, with the solutions in the blanks if `solved`."""
    text = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    solutions = iter([match for source in text for match in SOLUTION.findall(source)])
    for cell in notebook.cells:
        if cell.cell_type == "code":
            blank = solved and "exercise" in cell.metadata.get("tags", [])
            yield cell.id, next(solutions) if blank else cell.source


def main() -> None:
    """Run the pages that the command line names, one after the other in one account."""
    # Page 3.5 gives AWS's many machines time to hear of a changed key; here there is one machine.
    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, 0.5))
    # What tells your address on the internet, where there is none.
    aws_account.CHECK_ADDRESS = os.environ.get("TEST_CHECK_ADDRESS", aws_account.CHECK_ADDRESS)
    for number in sys.argv[1:]:
        try:
            run_page(number)
        except CellFailed as failed:
            print(f"{number}: {failed}", flush=True)  # noqa: T201
        else:
            print(f"{number}: ok", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
