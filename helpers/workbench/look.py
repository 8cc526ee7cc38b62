"""How the form looks: its style sheet, its messages, a result as an HTML table."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape
from typing import Any

from helpers.look import STYLE as COMMON
from helpers.look import say as say
from helpers.workbench.login import MOST_ROWS, Login, Outcome

TOO_LONG = 300  # characters of one value that are shown

STYLE = (
    COMMON
    + """
<style>
.course-fields { display: grid; grid-template-columns: minmax(0, 1fr) 13em; gap: 2px 12px;
  align-items: center; }
@container (max-width: 640px) {
  .course-fields { grid-template-columns: minmax(0, 1fr); }
  .course-fields > .course-hint { display: none; }
}
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
)


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
