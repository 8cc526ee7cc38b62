"""Say what a cell is doing while it works, from its first moment on."""

from __future__ import annotations

import html
import sys
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from IPython.core.getipython import get_ipython
from IPython.display import display

EVERY = 0.3  # seconds between two changes of the line
WIDGET = "application/vnd.jupyter.widget-view+json"


class Working:
    """A line that says what is going on; in a terminal, lines.

        with Working("Starting the sandbox") as working:
            ...
            working.say("Loading the libraries")

    In a notebook it is a widget with a moving bar, and nothing of it is stored with the page. In a
    terminal it writes to the error output, and to a file or a pipe nothing at all.
    """

    def __init__(self, what: str) -> None:
        self._since = time.monotonic()
        self._what = ""
        self._widget: Any = (
            _widget() if getattr(get_ipython(), "kernel", None) is not None else None
        )
        self.say(what)

    def say(self, what: str) -> None:
        """Say what is being done from now on."""
        if what == self._what:
            return
        self._what = what
        if self._widget is not None:
            self._show("course-works", f"{what} …")
        elif sys.stderr.isatty():
            print(f"{what} …", file=sys.stderr)  # noqa: T201

    def __enter__(self) -> Working:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._widget is not None:
            seconds = time.monotonic() - self._since
            sign = "✓" if error is None else "✗"
            self._show("", f"{sign} {self._what} ({seconds:.0f} s)")

    def _show(self, kind: str, text: str) -> None:
        shown = f'<div class="{kind}" role="status"><i></i>{html.escape(text)}</div>'
        self._widget.value = STYLE + shown


def watch(done: Iterable[object], total: int, what: str) -> None:
    """Go through a long piece of work, and say how far it is.

        watch(pool.map(put_batch, starts), len(starts), "batches written")

    Args:
        done: gives something each time that a step is done.
        total: how many steps there are.
        what: of the steps, such as "batches written".
    """
    with Working(f"0 of {total:,} {what}") as working:
        said = time.monotonic()
        for number, _ in enumerate(done, 1):
            if number == total or time.monotonic() - said > EVERY:
                working.say(f"{number:,} of {total:,} {what}")
                said = time.monotonic()


def _widget() -> Any:
    import ipywidgets

    widget = ipywidgets.HTML()
    # The view alone: without text beside it, a page is stored, and compared, without it.
    display({WIDGET: widget._repr_mimebundle_()[WIDGET]}, raw=True)
    return widget


STYLE = """<style>
.course-works i { display: inline-block; width: 6em; height: 4px; margin: 0 .8em .2em 0;
  border-radius: 2px; background: linear-gradient(90deg, transparent,
  var(--jp-brand-color1, #1976d2), transparent) 0 0 / 50% 100% no-repeat,
  var(--jp-layout-color3, rgba(128, 128, 128, .3));
  animation: course-works 1.4s ease-in-out infinite alternate; }
@keyframes course-works { to { background-position: 100% 0, 0 0; } }
@media (prefers-reduced-motion: reduce) { .course-works i { animation: none; } }
</style>"""
