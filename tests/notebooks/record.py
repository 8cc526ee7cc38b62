"""Re-runs the pages, each in a fresh sandbox, and stores what they print: `make record`."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from tests import folders, forked

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = PROJECT / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"
CELL_TIMEOUT = 180


@contextmanager
def fresh_sandbox() -> Iterator[dict[str, str]]:
    """The environment of a kernel whose sandbox is its own; afterwards the sandbox is gone."""
    memory = folders.in_memory()
    with tempfile.TemporaryDirectory("", "sandbox-", memory, ignore_cleanup_errors=True) as folder:
        home = Path(folder) / "home"
        environment = {
            **os.environ,
            "SANDBOX_HOME": str(home),
            "SANDBOX_PACE": "instant",
            "LAB_TARGET": "sandbox",  # whatever this clone remembers
            "COURSE_KEYS": str(Path(folder) / "keys"),
            "PYTHONWARNINGS": "default",
        }
        if forked.available():
            forked.start(home, environment["SANDBOX_PACE"], environment)
        try:
            yield environment
        finally:
            subprocess.run(
                [sys.executable, "-m", "sandbox", "stop", "--home", str(home)],
                cwd=PROJECT,
                stdout=subprocess.DEVNULL,
                check=True,
            )


def pages() -> list[Path]:
    """The pages of the course."""
    return sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))


def run(notebook: nbformat.NotebookNode, environment: dict[str, str]) -> None:
    """Run all cells in place, in a kernel with that environment."""
    client = NotebookClient(
        notebook,
        timeout=CELL_TIMEOUT,
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        record_timing=False,
    )
    client.execute(env=environment)


def tidy(notebook: nbformat.NotebookNode) -> None:
    """Remove what differs from run to run: model ids of widgets, versions of the machine."""
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = _join_streams(cell.outputs)
            for output in cell.outputs:
                output.get("data", {}).pop(WIDGET, None)
            # What is nothing but a widget says what a cell is doing, and is gone afterwards.
            cell.outputs = [each for each in cell.outputs if each.get("data") != {}]


def _join_streams(outputs: list[nbformat.NotebookNode]) -> list[nbformat.NotebookNode]:
    # The kernel sometimes sends what one print() prints in two pieces.
    joined: list[nbformat.NotebookNode] = []
    for output in outputs:
        last = joined[-1] if joined else None
        if (
            last is not None
            and output.output_type == last.output_type == "stream"
            and output.name == last.name
        ):
            last.text += output.text
        else:
            joined.append(output)
    return joined


def record(page: Path) -> str:
    """Run one page and store its outputs."""
    notebook = nbformat.read(page, as_version=4)
    with fresh_sandbox() as environment:
        run(notebook, environment)
    tidy(notebook)
    before = page.read_text()
    nbformat.write(notebook, page)
    return "unchanged" if page.read_text() == before else "stored anew"


def draw_for_readme() -> None:
    """Keep docs/lab1.svg the same as the drawing at the end of page 1.3."""
    drawings = [
        output["data"]["image/svg+xml"]
        for page in pages()
        if page.name.startswith("1.3-")
        for cell in nbformat.read(page, as_version=4).cells
        for output in cell.get("outputs", [])
        if "image/svg+xml" in output.get("data", {})
    ]
    (PROJECT / "docs" / "lab1.svg").write_text(drawings[-1].strip() + "\n", encoding="utf-8")


def main() -> None:
    """Record the pages named on the command line, or all."""
    chosen = [p for p in pages() if not sys.argv[1:] or p.name.split("-")[0] in sys.argv[1:]]
    with ThreadPoolExecutor(2) as pool:
        for page, result in zip(chosen, pool.map(record, chosen), strict=True):
            print(f"{page.name}: {result}")  # noqa: T201
    draw_for_readme()


if __name__ == "__main__":
    main()
