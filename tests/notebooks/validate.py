"""Runs a page under nbval in this process: one kernel, first as it is stored, then solved.

nbval's own collector starts the kernel and its own items run and compare the cells. Only what
pytest would do around them is done here, so that the kernel is still there afterwards.
"""

import gc
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from nbval.plugin import IPyNbCell, IPyNbFile, NbCellError


class Page:
    """A notebook in a running kernel; made by `open_page`."""

    def __init__(self, file: IPyNbFile):
        self._file = file
        self._cells: list[IPyNbCell] = list(file.collect())

    def compare(self) -> list[str]:
        """Run all cells and compare what they print with what is stored.

        Returns:
            What nbval says about each cell that fails.
        """
        return self._run(self._cells)

    def solve(self, solutions: list[str]) -> tuple[list[str], list[str]]:
        """Run all cells again, with the solutions in the blanks.

        Returns:
            What nbval says about each cell that fails to run, and what each verdict prints.
        """
        given = iter(solutions)
        solved, verdicts = [], []
        for each in self._cells:
            cell, tags = each.cell.copy(), each.cell.metadata.get("tags", [])
            if "exercise" in tags:
                cell.source = next(given)
            options = {**each.options, "check": False}
            item = IPyNbCell.from_parent(
                self._file, name=each.name, cell_num=each.cell_num, cell=cell, options=options
            )
            solved.append(item)
            if "verdict" in tags:
                verdicts.append(item)
        failed = self._run(solved)
        return failed, [str(item.test_outputs) for item in verdicts]

    def _run(self, cells: list[IPyNbCell]) -> list[str]:
        failed = []
        for cell in cells:
            if self._file.timed_out:
                failed.append(f"Cell {cell.cell_num}: not run, since a cell before it hangs")
                break
            try:
                cell.runtest()
            except NbCellError:
                failed.append(str(cell.repr_failure(pytest.ExceptionInfo.from_current())))
        return failed


@contextmanager
def open_page(
    file: Path, session: pytest.Session, environment: Mapping[str, str]
) -> Iterator[Page]:
    """Start a kernel for a notebook, in that environment; end it afterwards."""
    notebook = IPyNbFile.from_parent(session, path=file)
    page = Page(notebook)
    with mock.patch.dict(os.environ, environment, clear=True):
        notebook.setup()
    try:
        yield page
    finally:
        notebook.teardown()
        notebook.kernel = None
        with warnings.catch_warnings():
            # nbval leaves a file open, and Python warns of it when it is freed.
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
