"""The look that the course's widgets share: a style sheet and a message."""

from html import escape

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
.course-form .course-hint, .course-form .course-hint .widget-html-content { color: var(--hint);
  font-size: 12px; }
.course-say { border-left: 4px solid var(--line); padding: 6px 10px; overflow-wrap: anywhere;
  background: var(--jp-layout-color2, rgba(128, 128, 128, .08)); }
.course-say.course-good { border-color: var(--jp-success-color1, #2e7d32); }
.course-say.course-bad { border-color: var(--jp-error-color1, #d32f2f); }
.course-above { flex-direction: column; height: auto; }
.course-above > .widget-label { text-align: left; width: auto; height: 24px; line-height: 24px;
  font-weight: 600; }
.course-form .course-above > :is(select, textarea, input) { width: 100%; box-sizing: border-box; }
.course-form textarea { font-family: var(--jp-code-font-family, monospace);
  font-size: var(--jp-code-font-size, 13px); resize: vertical; }
.course-form :is(button, input, select, textarea):focus-visible {
  outline: 2px solid var(--jp-brand-color1, #1976d2); outline-offset: 1px; }
</style>"""


def say(text: str, kind: str = "", *more: str) -> str:
    """A message in a widget, as HTML.

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
