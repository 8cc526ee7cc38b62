"""Every page: its outputs compared, its exercises solved, its shape as the design has it."""

import re
from pathlib import Path
from statistics import median

import nbformat
import pytest

from tests.notebooks.record import NOTEBOOKS, fresh_sandbox, pages
from tests.notebooks.validate import open_page

PAGES = [page.name for page in pages()]
# The pages that build Lab 1, and the one that says which server there is.
ON_A_DATABASE = ("00-", "1.", "99-")
SOLUTION = re.compile(r"<details><summary>Solution</summary>\s+```python\n(.*?)```", re.DOTALL)
# What differs from machine to machine or from run to run, or must not be published.
UNSTABLE = {
    "a port of this machine": re.compile(r"127\.0\.0\.1:\d|localhost:\d"),
    "a path of this machine": re.compile(r"(?<![\w.])/(home|root|tmp|Users|work|var|usr)/"),
    "a private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
    "an access key": re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a time of day": re.compile(r"\b\d\d:\d\d:\d\d\b"),
}


def _read(name: str) -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def _code(notebook: nbformat.NotebookNode, tag: str | None = None) -> list[nbformat.NotebookNode]:
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and (tag is None or tag in cell.metadata.get("tags", []))
    ]


# The kernel's own packages warn of things that are not ours to change.
@pytest.mark.filterwarnings("default")
@pytest.mark.page
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.database] if name.startswith(ON_A_DATABASE) else [])
        for name in PAGES
    ],
)
def test_outputs_are_as_stored_and_the_solutions_solve(
    name: str, request: pytest.FixtureRequest
) -> None:
    """Twice in a row in one fresh sandbox and in one kernel, as a student does.

    The first time nbval compares what every cell prints with what is stored. The second time the
    solutions stand in the blanks.
    """
    notebook = _read(name)
    exercises, solutions = _code(notebook, "exercise"), _solutions(notebook)
    assert len(exercises) == len(solutions)
    with (
        fresh_sandbox() as environment,
        open_page(NOTEBOOKS / name, request.session, environment) as page,
    ):
        failed = page.compare()
        assert not failed, "\n".join(failed)
        failed, said = page.solve(solutions)
        assert not failed, "\n".join(failed)
    assert len(said) == len(exercises)
    assert all("Right." in text for text in said), said


@pytest.mark.parametrize("name", PAGES)
def test_the_stored_page_is_unsolved_checked_and_clean(name: str) -> None:
    notebook = _read(name)
    for cell in _code(notebook, "verdict"):
        assert "Not yet." in str(cell.outputs), f"{cell.id}: recorded with a solution"
    for cell in _code(notebook):
        if f'check("{name.split("-")[0]}")' in cell.source:
            assert "<td>no</td>" not in str(cell.outputs), f"{cell.id}: not done in the record"
        for what, pattern in UNSTABLE.items():
            shown = "" if "nbval-ignore-output" in str(cell.metadata) else str(cell.outputs)
            assert not pattern.search(shown), f"{cell.id} shows {what}"


@pytest.mark.parametrize("name", PAGES)
def test_anatomy(name: str) -> None:
    """docs/contributing.md says what a page looks like, and why."""
    notebook = _read(name)
    number = name.split("-")[0]
    first, code = notebook.cells[0].source, _code(notebook)
    text = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    assert re.match(rf"# {re.escape(number)} · \S", first)
    assert "**You will**" in first
    assert re.search(r"^\*\d+ minutes.* · .+ · .+\*$", first, re.M)
    assert any("connect()" in c.source for c in code[:2])
    if number.count(".") and not number.endswith(".1"):
        assert f'catch_up("{number}")' in "".join(c.source for c in code[:2])
    assert "=== " not in text
    for heading in ("## On your own", "## Recap"):
        assert heading in text
    if number not in ("00", "98"):  # where one begins, and where one looks around
        assert "## Check your work" in text
        assert any(f'check("{number}")' in c.source for c in code)
    assert 1 <= len(_code(notebook, "exercise")) <= 3
    lengths = [len(c.source.splitlines()) for c in code]
    assert max(lengths) <= 15, [c.id for c in code if len(c.source.splitlines()) > 15]
    assert median(lengths) <= 5, lengths
    imports = re.findall(r"^(?:from|import) (\w+)", "\n".join(c.source for c in code), re.M)
    assert not {"sandbox", "moto"} & set(imports)
    assert "endpoint_url" not in "".join(c.source for c in code)
    ids = [c.id for c in notebook.cells]
    assert all(re.fullmatch(r"[a-z0-9-]+", each) for each in ids), "ids are chosen, not random"


def test_few_cells_are_not_compared() -> None:
    cells = [cell for name in PAGES for cell in _code(_read(name))]
    ignored = [c for c in cells if "nbval-ignore-output" in c.metadata.get("tags", [])]
    assert all(cell.metadata.get("reason") for cell in ignored), "say why in the metadata"
    assert len(ignored) * 20 <= len(cells)


def test_links_between_pages_lead_somewhere() -> None:
    for name in PAGES:
        for cell in _read(name).cells:
            for link in re.findall(r"\]\(([^)#]+\.ipynb)\)", cell.source):
                assert (NOTEBOOKS / link).exists(), f"{name} links to {link}"


def test_every_page_can_be_told_from_its_file_name() -> None:
    assert all(re.fullmatch(r"(00|98|99|\d\.\d+)-[a-z0-9-]+\.ipynb", name) for name in PAGES)
    assert not list(Path(NOTEBOOKS).glob("[!0-9]*.ipynb"))


def _solutions(notebook: nbformat.NotebookNode) -> list[str]:
    text = [c.source for c in notebook.cells if c.cell_type == "markdown"]
    return [match for source in text for match in SOLUTION.findall(source)]
