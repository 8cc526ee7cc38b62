"""How the console looks: its style sheet, its parts, the panel with the code."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import ipywidgets

from helpers import look
from helpers.copyable import copy_button

STYLE = (
    look.STYLE
    + """
<style>
.course-console { font-size: 13px; }
.course-crumb { font-weight: 600; }
/* The second content says that the mark is not to be read aloud. */
.course-bar > * + *::before { content: "\u203a"; content: "\u203a" / ""; padding: 0 6px;
  color: var(--hint); display: inline-block; }
.course-bar button.course-link { border: none; background: none; box-shadow: none; margin: 0;
  padding: 0; line-height: 1.6; height: auto; color: var(--jp-content-link-color, #1565c0); }
.course-bar button.course-link:hover { text-decoration: underline; }
.course-heading { display: flex; }
.course-heading h3 { margin: 0; font-size: 16px; font-weight: 600; line-height: 1.5; }
.course-none { padding: 18px; text-align: center; color: var(--hint);
  border: 1px dashed var(--line); border-radius: 4px; }
.course-grid { overflow: auto; max-height: 380px; }
.course-grid .itables_anywidget, .course-grid table { color: var(--text); width: 100%; }
.course-grid caption { font-size: 12px; color: var(--hint); padding: 2px 4px; text-align: left; }
.course-console .course-grid table.dataTable { font-size: 12px; border-collapse: collapse; }
.course-console .course-grid table.dataTable td { max-width: 22em; overflow-wrap: anywhere;
  text-align: left; white-space: normal; }
.course-console .course-grid table.dataTable th { text-align: left; white-space: nowrap; }
.course-console .course-grid table.dataTable :is(td, th).dt-select { width: 2em;
  text-align: center; }
.course-console .course-above > select { flex: none; height: 28px; }
.course-row { flex-flow: row wrap; grid-gap: 4px 8px; }
.course-console .widget-button { width: auto; padding: 0 12px; }
.course-panel { border: 1px solid var(--soft); border-radius: 4px; padding: 6px 10px 8px;
  margin: 4px 0; }
.course-console dl.course-facts { width: 100%; display: grid; gap: 10px 24px; margin: 8px 0;
  grid-template-columns: repeat(auto-fill, minmax(17em, 1fr)); }
.course-console .course-facts :is(dt, dd) { float: none; display: block; width: auto; margin: 0;
  padding: 0; overflow-wrap: anywhere; }
.course-console .course-facts dt { color: var(--hint); font-size: 12px; font-weight: 400; }
.course-code { border-top: 1px solid var(--soft); padding: 8px 12px 12px;
  background: var(--jp-layout-color2, rgba(128, 128, 128, .06)); }
.course-code h4 { margin: 0 0 4px; font-size: 13px; font-weight: 600; }
.course-code > div { display: flex; align-items: baseline; justify-content: space-between;
  margin-top: 4px; }
.course-code > div span { color: var(--hint); font-size: 12px; }
.course-code pre { margin: 2px 0 0; padding: 8px 10px; max-height: 27em; overflow: auto;
  background: var(--jp-layout-color0, #fff); border: 1px solid var(--soft); border-radius: 4px;
  font-family: var(--jp-code-font-family, monospace); font-size: 12px; line-height: 1.45;
  color: var(--text); }
.course-code pre.course-wrap { white-space: pre-wrap; overflow-wrap: anywhere; }
.course-code button { cursor: pointer; min-width: 5em; border-radius: 3px; padding: 2px 8px;
  color: inherit; background: var(--jp-layout-color1, #fff); border: 1px solid var(--line); }
</style>"""
)


def code(title: str, languages: Mapping[str, str], longest: int) -> str:
    """The panel: the same thing in several languages, each with a button that copies it."""
    parts = []
    for name, text in languages.items():
        more = f"\n… and {len(text) - longest:,} characters more: Copy takes all"
        shown = escape(text if len(text) <= longest else text[:longest] + more)
        wrap = ' class="course-wrap"' if name != "boto3" else ""
        parts.append(
            f"<div><span>{escape(name)}</span>{copy_button(f'{title}: {name}', text)}</div>"
            f'<pre{wrap} tabindex="0" aria-label="{escape(name)}">{shown}</pre>'
        )
    heading = f"<h4>{escape(title)}: the same in code</h4>"
    return f'<div class="course-code">{heading}{"".join(parts)}</div>'


def heading(text: str, hint: str = "") -> ipywidgets.HTML:
    """A screen's heading."""
    below = f'<div class="course-hint">{escape(hint)}</div>' if hint else ""
    return ipywidgets.HTML(f'<div class="course-heading"><h3>{escape(text)}</h3></div>{below}')


def row(*parts: ipywidgets.Widget, **layout: Any) -> ipywidgets.HBox:
    """Parts beside each other, in more lines where there is no room."""
    box = ipywidgets.HBox(parts, layout={"overflow": "visible", "align_items": "center", **layout})
    box.add_class("course-row")
    return box


def panel(*parts: ipywidgets.Widget) -> ipywidgets.VBox:
    """Parts in a frame."""
    box = ipywidgets.VBox(parts)
    box.add_class("course-panel")
    return box


def button(text: str, tooltip: str = "", style: str = "") -> ipywidgets.Button:
    """A button as wide as its text."""
    return ipywidgets.Button(
        description=text,
        tooltip=tooltip or text,
        button_style=style,
        layout={"width": "auto"},
    )


def field(kind: Any, label: str, width: str = "16em", **more: Any) -> Any:
    """An input with its label above."""
    made = kind(description=label, layout={"width": width}, **more)
    made.add_class("course-above")
    return made


def facts(values: Mapping[str, str]) -> str:
    """Names and values in columns."""
    parts = "".join(
        f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in values.items()
    )
    return f'<dl class="course-facts">{parts}</dl>'
