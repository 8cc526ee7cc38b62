"""Shows values with a button beside each that copies it."""

from __future__ import annotations

import html
from collections.abc import Iterable
from typing import Any

import ipywidgets

# Where to type, the field's name there, and the value; the value None means: leave it empty.
Field = tuple[str, str, str | None]


class Copyable:
    """A table of values, each with a button that copies it; drawn as a widget.

    What a notebook stores of it is one line without the values, which belong to this machine.
    """

    def __init__(self, title: str, fields: Iterable[Field]) -> None:
        self.title = title
        self.fields = list(fields)

    def __repr__(self) -> str:
        names = ", ".join(field for _, field, _ in self.fields)
        return f"{self.title}: {names} (live: run the cell to see the values)"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        # In place of the widget's own text, which has its parts in it.
        return {**ipywidgets.HTML(self._html())._repr_mimebundle_(), "text/plain": repr(self)}

    def _html(self) -> str:
        rows, place = [], None
        for where, field, value in self.fields:
            if where and where != place:
                rows.append(f'<tr><th colspan="3">{html.escape(where)}</th></tr>')
            place = where
            shown = "<i>leave empty</i>"
            button = ""
            if value is not None:
                shown = f"<code>{html.escape(value)}</code>"
                button = copy_button(field, value)
            rows.append(f"<tr><td>{html.escape(field)}</td><td>{shown}</td><td>{button}</td></tr>")
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f'{_STYLE}<table class="course-copy">{caption}{"".join(rows)}</table>'


def copy_button(name: str, value: str) -> str:
    """A button that copies the value, as HTML; `name` says aloud what it copies."""
    return (
        f'<button type="button" data-copy="{html.escape(value)}" '
        f'aria-label="Copy {html.escape(name)}" onclick="{_ON_CLICK}">Copy</button>'
    )


# navigator.clipboard exists only where the page is served from this machine or by HTTPS.
_ON_CLICK = html.escape(
    "const b = this, t = b.dataset.copy;"
    "(navigator.clipboard ? navigator.clipboard.writeText(t) : Promise.reject()).catch(() => {"
    " const a = document.createElement('textarea'); a.value = t; document.body.append(a);"
    " a.select(); document.execCommand('copy'); a.remove(); }).then(() => {"
    " b.textContent = 'Copied'; setTimeout(() => { b.textContent = 'Copy'; }, 1500); })"
)
_STYLE = """<style>
.course-copy { border-collapse: collapse; color: var(--jp-ui-font-color1, inherit); }
.course-copy caption { text-align: left; font-weight: bold; padding: 4px 8px; }
.course-copy th { text-align: left; font-weight: normal; opacity: .7; padding: 8px 8px 2px; }
.course-copy td { padding: 2px 8px; text-align: left; vertical-align: top; line-height: 1.7; }
.course-copy code { overflow-wrap: anywhere; white-space: pre-wrap; user-select: all; }
.course-copy button { cursor: pointer; min-width: 5em; border-radius: 3px; padding: 2px 8px;
  color: inherit; background: var(--jp-layout-color2, rgba(128, 128, 128, .2));
  border: 1px solid var(--jp-border-color1, gray); }
</style>"""
