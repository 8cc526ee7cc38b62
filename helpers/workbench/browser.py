"""The connected view: the schemas and their tables, a query box, the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets

from helpers.workbench import look
from helpers.workbench.login import FAILURES, Login, in_words

INDENT = "\u00a0\u00a0\u00a0\u00a0"  # ordinary spaces would be dropped by the browser
Place = tuple[str, str | None]  # a schema, and a table of it or None


class Browser(ipywidgets.VBox):
    """Looks at one server through a login; "Disconnect" hands the login back.

    Args:
        login: an open login.
        name: what the connection is called.
        disconnect: called when the button is pressed.
    """

    def __init__(self, login: Login, name: str, disconnect: Callable[[], None]) -> None:
        self._login = login
        self._proposed = ""
        self._filling = False
        self.where = ipywidgets.HTML(layout={"flex": "1 1 20em"})
        self.disconnect = ipywidgets.Button(
            description="Disconnect", tooltip="Log out and close the tunnel"
        )
        self.schemas = ipywidgets.Select(
            description="Schemas", index=None, rows=11, layout={"width": "auto"}
        )
        self.refresh = ipywidgets.Button(
            description="Refresh", tooltip="List schemas and tables again", layout={"width": "auto"}
        )
        self.columns = ipywidgets.HTML()
        self.query = ipywidgets.Textarea(
            description="Query",
            rows=6,
            placeholder="SHOW TABLES;",
            continuous_update=True,
            layout={"width": "auto"},
        )
        self.run = ipywidgets.Button(
            description="Run", button_style="primary", tooltip="Run all of the query box"
        )
        self.result = ipywidgets.HTML(layout={"width": "auto"})
        self.schemas.add_class("course-above")
        self.query.add_class("course-above")
        super().__init__([self._bar(name), self._body()])
        self.disconnect.on_click(lambda _: disconnect())
        self.refresh.on_click(lambda _: self.fill())
        self.run.on_click(lambda _: self._run())
        self.schemas.observe(self._chosen, names="value")
        self.fill()

    def __repr__(self) -> str:
        """The same for every connection."""
        return "(a connection: run the cell to see it)"

    def fill(self) -> None:
        """List the schemas and their tables again."""
        try:
            schemas, current = self._login.schemas(), self._login.schema
        except FAILURES as error:
            self.result.value = look.say(in_words(error), "bad")
            return
        options: list[tuple[str, Place]] = []
        for schema, tables in schemas.items():
            mark = " (default)" if schema == current else ""
            options.append((f"{schema}{mark}", (schema, None)))
            options += [(f"{INDENT}{name}", (schema, name)) for name in tables]
            if not tables:
                options.append((f"{INDENT}(no tables yet)", (schema, None)))
        self._filling = True
        try:
            self.schemas.options = options
            self.schemas.index = None
        finally:
            self._filling = False

    def _bar(self, name: str) -> ipywidgets.HBox:
        self.where.value = look.heading(name, self._login)
        bar = ipywidgets.HBox(
            [self.where, self.disconnect],
            layout={"padding": "8px 12px", "align_items": "center", "flex_flow": "row wrap"},
        )
        bar.add_class("course-bar")
        return bar

    def _body(self) -> ipywidgets.HBox:
        left = ipywidgets.VBox(
            [self.schemas, self.refresh, self.columns], layout={"flex": "1 1 11em"}
        )
        right = ipywidgets.VBox(
            [self.query, self.run, self.result], layout={"flex": "4 1 24em", "min_width": "0"}
        )
        return ipywidgets.HBox(
            [left, right],
            layout={"padding": "8px 12px 12px", "flex_flow": "row wrap", "grid_gap": "0 16px"},
        )

    def _chosen(self, change: dict[str, Any]) -> None:
        if self._filling or change["new"] is None:
            return
        schema, name = change["new"]
        try:
            if name is None:
                self._login.use(schema)
                self.columns.value = ""
                self.fill()
                return
            self.columns.value = look.column_list(name, self._login.columns(schema, name))
            self._propose(f"SELECT * FROM {_quoted(schema)}.{_quoted(name)} LIMIT 100;")
        except FAILURES as error:
            self.result.value = look.say(in_words(error), "bad")

    def _propose(self, query: str) -> None:
        """Put a query into the box, unless the student has written there."""
        if self.query.value.strip() in ("", self._proposed):
            self.query.value = self._proposed = query

    def _run(self) -> None:
        self.run.disabled = True
        self.run.description = "Running…"
        try:
            outcomes = self._login.run(self.query.value)
        finally:
            self.run.disabled = False
            self.run.description = "Run"
        if not outcomes:
            self.result.value = look.say("The query box is empty. Type SHOW TABLES; and press Run.")
            return
        table = next((o for o in reversed(outcomes) if o.columns is not None), None)
        lines = "".join(map(look.log_line, outcomes))
        self.result.value = lines + (look.result_table(table) if table else "")
        if any(o.columns is None and not o.error for o in outcomes):
            self.fill()


def _quoted(name: str) -> str:
    """A name as MySQL reads it, with backticks only where it needs them."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and not name[0].isdigit()
    return name if plain else f"`{name.replace('`', '``')}`"
