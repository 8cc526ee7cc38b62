"""Brings the account to where a page begins, by running what the earlier pages run."""

import contextlib
import io
import json
from pathlib import Path

from helpers.errors import CourseError
from helpers.session import project

STEP = "step"


def catch_up(page: str) -> None:
    """Do what the earlier pages of the same lab do, as far as it is not done yet.

    The cells tagged `step` of those pages are run, in order. They find what is there and create
    what is missing, so that on a finished account nothing is changed.

    Args:
        page: the number of the page that is to begin, such as "1.4".

    Raises:
        CourseError: if there is no such page.
    """
    notebooks = pages()
    if page not in notebooks:
        raise CourseError(f"There is no page {page}. The pages are {', '.join(notebooks)}.")
    earlier = [
        n for n in notebooks if n.split(".")[0] == page.split(".")[0] and _key(n) < _key(page)
    ]
    for number in earlier:
        run_steps(notebooks[number])
    done = ", ".join(earlier) or "nothing before it"
    print(f"Ready for page {page}: {done} in place.")  # noqa: T201


def pages() -> dict[str, Path]:
    """The numbered pages of the course, in order: number -> notebook."""
    files = {f.name.split("-")[0]: f for f in (project() / "notebooks").glob("[0-9]*.ipynb")}
    return dict(sorted(files.items(), key=lambda item: _key(item[0])))


def _key(number: str) -> tuple[int, ...]:
    return tuple(int(part) for part in number.split("."))


def run_steps(file: Path) -> None:
    """Run the cells of a page that are tagged `step`, in a namespace of their own."""
    namespace: dict = {"__name__": "__main__"}
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code" and STEP in cell["metadata"].get("tags", []):
            source = "".join(cell["source"])
            code = compile(source, f"{file.name}, cell {cell['id']}", "exec")
            # In the folder of the pages, as in JupyterLab: they open ../data/… from there.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(file.parent):
                exec(code, namespace)
