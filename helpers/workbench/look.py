"""How the form looks: its style sheet, its messages, a result as an HTML table."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from typing import Any

from helpers.workbench.login import MOST_ROWS, Login, Outcome

TOO_LONG = 300  # characters of one value that are shown

# JupyterLab's theme has the colours, light and dark; what follows a comma is for other programs.
STYLE = """<style>
.course-form { --line: var(--jp-border-color1, #bdbdbd); --soft: var(--jp-border-color2, #e0e0e0);
  --text: var(--jp-ui-font-color1, inherit); --hint: var(--jp-ui-font-color2, #757575);
  border: 1px solid var(--line); border-radius: 6px; overflow: hidden;
  width: 100%; box-sizing: border-box; container-type: inline-size;
  color: var(--text); background: var(--jp-layout-color1, transparent); }
.course-form .widget-html, .course-form .widget-html-content { line-height: 1.4; height: auto;
  color: var(--text); }
.course-form .widget-html > .widget-html-content { flex: 1 1 0; min-width: 0; }
.course-bar { background: var(--jp-layout-color2, rgba(128, 128, 128, .12));
  border-bottom: 1px solid var(--soft); }
.course-bar button { border: 1px solid var(--line); background: var(--jp-layout-color1, #fff); }
.course-fields { display: grid; grid-template-columns: minmax(0, 1fr) 13em; gap: 2px 12px;
  align-items: center; }
@container (max-width: 640px) {
  .course-fields { grid-template-columns: minmax(0, 1fr); }
  .course-fields > .course-hint { display: none; }
}
.course-form .course-hint, .course-form .course-hint .widget-html-content { color: var(--hint);
  font-size: 12px; }
.course-say { border-left: 4px solid var(--line); padding: 6px 10px; overflow-wrap: anywhere;
  background: var(--jp-layout-color2, rgba(128, 128, 128, .08)); }
.course-say.course-good { border-color: var(--jp-success-color1, #2e7d32); }
.course-say.course-bad { border-color: var(--jp-error-color1, #d32f2f); }
.course-above { flex-direction: column; height: auto; }
.course-above > .widget-label { text-align: left; width: auto; height: 24px; line-height: 24px;
  font-weight: 600; }
.course-form .course-above > select, .course-form .course-above > textarea { width: 100%;
  box-sizing: border-box; }
.course-form textarea { font-family: var(--jp-code-font-family, monospace);
  font-size: var(--jp-code-font-size, 13px); resize: vertical; }
.course-form :is(button, input, select, textarea):focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
.course-result { max-height: 22em; max-width: 100%; width: fit-content;
  overflow: auto; border: 1px solid var(--soft); }
.course-result table { border-collapse: collapse; margin: 0; font-size: 12px; }
.course-result th { position: sticky; top: 0; text-align: left; font-weight: 600;
  background: var(--jp-layout-color2, #eee); }
.course-result :is(th, td) { padding: 3px 10px; border-right: 1px solid var(--soft);
  border-bottom: 1px solid var(--soft); white-space: pre; }
.course-result td.course-number { text-align: right; font-variant-numeric: tabular-nums; }
.course-result i { color: var(--hint); }
.course-columns { margin: 0; padding: 4px 0 0; list-style: none; font-size: 12px; }
.course-columns small { color: var(--hint); }
.course-log { font-size: 12px; padding: 2px 0; overflow-wrap: anywhere; }
</style>"""


def say(text: str, kind: str = "", *more: str) -> str:
    """A message under the form.

    Args:
        text: its first line, in bold where more follow.
        kind: "good", "bad" or "" for neither.
        more: further lines.
    """
    first = f"<b>{escape(text)}</b>" if more else escape(text)
    lines = "<br>".join([first, *map(escape, more)])
    mark = f" course-{kind}" if kind else ""
    role = "alert" if kind == "bad" else "status"
    return f'<div class="course-say{mark}" role="{role}">{lines}</div>'


def heading(name: str, login: Login) -> str:
    """What the connected view is connected to."""
    settings = login.settings
    leads_to = f" → {escape(login.leads_to)}" if login.leads_to else ""
    return (
        f"<b>{escape(name)}</b> · connected as {escape(settings.user)}"
        f'<div class="course-hint">{escape(settings.mysql_host)}{leads_to} · '
        f"{escape(login.version)}</div>"
    )


def log_line(outcome: Outcome) -> str:
    """What one statement did, in a line."""
    if outcome.error:
        return say(outcome.error, "bad")
    if outcome.columns is None:
        did = f"{_count(outcome.affected)} affected"
    elif outcome.more:
        did = f"the first {MOST_ROWS:,} rows returned, and there are more"
    else:
        did = f"{_count(len(outcome.rows))} returned"
    start = " ".join(outcome.statement.split())
    start = start if len(start) <= 60 else start[:59] + "…"
    return (
        f'<div class="course-log" role="status">✓ {did} in {outcome.seconds:.2f} s · '
        f"<code>{escape(start)}</code></div>"
    )


def result_table(outcome: Outcome) -> str:
    """The rows of a result; figures stand to the right, NULL is told from the text "NULL"."""
    if outcome.columns is None:
        return ""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in outcome.columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in outcome.rows)
    return (
        '<div class="course-result" tabindex="0" role="region" aria-label="Result">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def column_list(table: str, columns: Iterable[tuple[str, str, str]]) -> str:
    """The columns of a table, with their types and keys."""
    keys = {"PRI": " · primary key", "UNI": " · unique", "MUL": " · indexed"}
    lines = "".join(
        f"<li>{escape(name)} <small>{escape(kind)}{keys.get(key, '')}</small></li>"
        for name, kind, key in columns
    )
    return f'<b>{escape(table)}</b><ul class="course-columns">{lines}</ul>'


def _cell(value: Any) -> str:
    if value is None:
        return "<td><i>NULL</i></td>"
    if isinstance(value, int | float | Decimal):
        return f'<td class="course-number">{value}</td>'
    text = f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
    return f"<td>{escape(text if len(text) <= TOO_LONG else text[:TOO_LONG] + '…')}</td>"


def _count(rows: int) -> str:
    return f"{rows:,} row{'' if rows == 1 else 's'}"
