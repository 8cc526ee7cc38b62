"""The tab "Indexes": the list with each index's status; create and delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from helpers.console import look, requests
from helpers.console.calls import Call
from helpers.console.grid import Grid
from helpers.console.requests import Key
from helpers.console.shell import on_click

if TYPE_CHECKING:
    from helpers.console.table import TableScreen

COLUMNS = ["Name", "Type", "Status", "Partition key", "Sort key", "Attributes", "Items"]
PROJECTIONS = {"All": "ALL", "Only keys": "KEYS_ONLY", "Include": "INCLUDE"}


class Indexes(ipywidgets.VBox):
    """The indexes of a table.

    Attributes:
        names: the indexes' names, in the order of the grid's rows.
    """

    def __init__(self, owner: TableScreen) -> None:
        self._owner, self._shell = owner, owner.shell
        self.names: list[str] = []
        self._global: set[str] = set()
        text, choice = ipywidgets.Text, ipywidgets.Dropdown
        types = list(requests.KEY_TYPES)
        self.grid = Grid("Indexes", "This table has no index yet. Press Create index.")
        self.refresh = look.button("Refresh", "Look at the indexes again")
        self.delete = look.button("Delete", "Delete the chosen global index")
        self.new = look.button("Create index", style="primary")
        self.partition = look.field(text, "Partition key", placeholder="Genre")
        self.partition_type = look.field(choice, "Type", "8em", options=types)
        self.sort = look.field(text, "Sort key (optional)", placeholder="Year")
        self.sort_type = look.field(choice, "Type", "8em", options=types)
        self.name = look.field(text, "Index name", "24em", placeholder="Genre-Year-index")
        self.projection = look.field(
            choice, "Attribute projections", "12em", options=list(PROJECTIONS)
        )
        self.include = look.field(
            text, "Attributes to include", "20em", placeholder="AlbumTitle, Price"
        )
        self.create = look.button("Create index", style="primary")
        self.cancel = look.button("Cancel")
        self._sure = ipywidgets.HTML()
        self.confirm = look.button("Delete the index", style="danger")
        self.keep = look.button("Cancel")
        self._question = look.panel(self._sure, look.row(self.confirm, self.keep))
        self._form = self._new_form()
        head = look.row(
            look.heading("Indexes", "The same items under another key"),
            look.row(self.refresh, self.delete, self.new),
            justify_content="space-between",
        )
        super().__init__([head, self._form, self._question, self.grid])
        for button, do in {
            self.refresh: self.enter,
            self.delete: self._ask,
            self.new: self._open_form,
            self.create: self._create,
            self.cancel: self.enter,
            self.confirm: self._delete,
            self.keep: self.enter,
        }.items():
            on_click(self._shell, owner, button, do)
        for each in (self.partition, self.partition_type, self.sort, self.sort_type, self.name):
            each.observe(lambda _: self._changed(), names="value")
        for each in (self.projection, self.include):
            each.observe(lambda _: self._changed(), names="value")
        self.grid.table.observe(lambda _: self._chosen(), names="selected_rows")
        self._show_only(None)
        self._chosen()

    def __repr__(self) -> str:
        """The same for every table."""
        return "(the indexes of a table: run the cell to see them)"

    def enter(self) -> None:
        """List the indexes; DescribeTable shows them."""
        self._show_only(None)
        answer = self._shell.make("Describe table", self._owner.call)
        if answer is not None:
            self._owner.table = answer["Table"]
            self._fill()

    @property
    def call(self) -> Call:
        """What "Create index" does."""
        keys = [Key(self.partition.value, requests.KEY_TYPES[self.partition_type.value])]
        if self.sort.value:
            keys.append(Key(self.sort.value, requests.KEY_TYPES[self.sort_type.value]))
        included = [each.strip() for each in self.include.value.split(",") if each.strip()]
        return requests.create_index(
            self._owner.table,
            self.name.value or "-".join([*(key.name for key in keys), "index"]),
            keys,
            PROJECTIONS[self.projection.value],
            included,
        )

    def _fill(self) -> None:
        if self._list():
            self._shell.watch(self._still)

    def _still(self) -> bool:
        if not self._owner.describe():
            return False
        passing = self._list()
        if not passing:
            self._shell.message.value = ""
        return passing

    def _list(self) -> bool:
        """Fill the grid; returns whether an index is on its way."""
        table, chosen = self._owner.table, self._name
        of_table = table.get("GlobalSecondaryIndexes", [])
        rows = [_row(index, table, "Global") for index in of_table]
        rows += [_row(index, table, "Local") for index in table.get("LocalSecondaryIndexes", [])]
        self.names = [row[0] for row in rows]
        self._global = {index["IndexName"] for index in of_table}
        self.grid.fill(COLUMNS, rows)
        if chosen in self.names:
            self.grid.chosen = [self.names.index(chosen)]
        self._chosen()
        self._owner.explore.sources()
        return any(index["IndexStatus"] != "ACTIVE" for index in of_table)

    @property
    def _name(self) -> str | None:
        chosen = self.grid.chosen
        return self.names[chosen[0]] if chosen else None

    def _chosen(self) -> None:
        # A local index lives as long as its table.
        self.delete.disabled = self._name not in self._global

    def _new_form(self) -> ipywidgets.VBox:
        return look.panel(
            ipywidgets.HTML("<b>Create global secondary index</b>"),
            look.row(self.partition, self.partition_type, self.sort, self.sort_type),
            look.row(self.name, self.projection, self.include),
            look.row(self.cancel, self.create, justify_content="flex-end"),
        )

    def _open_form(self) -> None:
        self._show_only(self._form)
        self._changed()

    def _changed(self) -> None:
        self.include.layout.display = "" if self.projection.value == "Include" else "none"
        self._shell.preview("Create index", lambda: self.call)

    def _create(self) -> None:
        call = self.call
        if self._shell.make("Create index", call) is None:
            return
        for text in (self.partition, self.sort, self.name, self.include):
            text.value = ""
        name = call.arguments["GlobalSecondaryIndexUpdates"][0]["Create"]["IndexName"]
        self._done(f"{name} is being created: the table's items are filled into it.")
        self._shell.code.show("Create index", call)

    def _ask(self) -> None:
        if self._name is None:
            return
        self._sure.value = f"<b>Delete {self._name}?</b> The table's items stay as they are."
        self._show_only(self._question)
        self._shell.code.show("Delete index", requests.delete_index(self._owner.name, self._name))

    def _delete(self) -> None:
        name = self._name
        if name is None:
            return
        call = requests.delete_index(self._owner.name, name)
        if self._shell.make("Delete index", call) is not None:
            self._done(f"{name} is being deleted.")

    def _done(self, said: str) -> None:
        self._show_only(None)
        self._shell.say(said)
        if self._owner.describe():
            self._fill()

    def _show_only(self, part: ipywidgets.Widget | None) -> None:
        for each in (self._form, self._question):
            each.layout.display = "" if each is part else "none"


def _row(index: Mapping[str, Any], table: Mapping[str, Any], kind: str) -> list[str]:
    keys = [f"{key.name} ({key.kind})" for key in requests.keys_of(index["KeySchema"], table)]
    partition, sort = keys if len(keys) == 2 else (keys[0], "–")
    status = index.get("IndexStatus", "ACTIVE").capitalize()
    if index.get("Backfilling"):
        status += " (backfilling)"
    words = {value: word for word, value in PROJECTIONS.items()}
    projected = words[index["Projection"]["ProjectionType"]]
    if more := index["Projection"].get("NonKeyAttributes"):
        projected += f": {', '.join(more)}"
    items = str(index.get("ItemCount", "–"))
    return [index["IndexName"], kind, status, partition, sort, projected, items]
