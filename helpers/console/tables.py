"""The list of tables, and from it: create, delete, open."""

from __future__ import annotations

from typing import Any

import ipywidgets

from helpers.console import look, requests
from helpers.console.calls import Call
from helpers.console.grid import Grid
from helpers.console.shell import Screen, Shell, on_click
from helpers.console.words import FAILURES

LIST = Call("list_tables")
COLUMNS = ["Name", "Status", "Partition key", "Sort key", "Indexes", "Capacity mode", "Items"]
PASSING = ("CREATING", "UPDATING", "DELETING")
KINDS = {"S": "String", "N": "Number", "B": "Binary"}


class Tables(Screen):
    """The account's tables in this region.

    Attributes:
        names: the tables' names, in the order of the grid's rows.
    """

    path = (("Tables", None),)

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.names: list[str] = []
        self.grid = Grid("Tables", "There are no tables in this region yet. Press Create table.")
        self.open_table = look.button("Open", "Open the chosen table")
        self.delete = look.button("Delete", "Delete the chosen table")
        self.refresh = look.button("Refresh", "List the tables again")
        self.create = look.button("Create table", style="primary")
        self.confirm = look.button("Delete the table", style="danger")
        self.cancel = look.button("Cancel")
        self._sure = ipywidgets.HTML()
        self._question = look.panel(self._sure, look.row(self.confirm, self.cancel))
        self._question.layout.display = "none"
        buttons = look.row(self.refresh, self.open_table, self.delete, self.create)
        title = look.heading("Tables", f"Region {shell.client.meta.region_name}")
        head = look.row(title, buttons, justify_content="space-between")
        super().__init__([head, self._question, self.grid])
        for button, do in {
            self.open_table: self._open,
            self.delete: self._ask,
            self.refresh: self.fill,
            self.create: self._create,
            self.confirm: self._delete,
            self.cancel: self._unask,
        }.items():
            on_click(shell, self, button, do)
        self.grid.table.observe(lambda _: self._chosen(), names="selected_rows")

    def enter(self) -> None:
        """List the tables."""
        self._unask()
        self.fill()

    def fill(self) -> None:
        """List the tables, and go on looking while one is on its way."""
        answer = self._shell.make("List tables", LIST)
        if answer is None:
            return
        if self._list(answer["TableNames"]):
            self._shell.watch(self._still)

    def _still(self) -> bool:
        answer = self._shell.look_up(LIST)
        if answer is None:
            return False
        passing = self._list(answer["TableNames"])
        if not passing:
            self._shell.message.value = ""
        return passing

    def _list(self, names: list[str]) -> bool:
        """Fill the grid; returns whether a table is in a passing state."""
        chosen = self._name
        found = [table for name in names if (table := self._describe(name))]
        self.names = [table["TableName"] for table in found]
        self.grid.fill(COLUMNS, [_row(table) for table in found])
        if chosen in self.names:
            self.grid.chosen = [self.names.index(chosen)]
        self._chosen()
        return any(table["TableStatus"] in PASSING for table in found)

    def _describe(self, name: str) -> dict[str, Any] | None:
        call = Call("describe_table", {"TableName": name})
        try:
            return call.send(self._shell.client)["Table"]
        except self._shell.client.exceptions.ResourceNotFoundException:
            return None  # it went since it was listed
        except FAILURES as error:
            self._shell.fail(error)
            return None

    @property
    def _name(self) -> str | None:
        chosen = self.grid.chosen
        return self.names[chosen[0]] if chosen else None

    def _chosen(self) -> None:
        self.open_table.disabled = self.delete.disabled = self._name is None

    def _open(self) -> None:
        from helpers.console.table import TableScreen

        if self._name is not None:
            self._shell.show(TableScreen(self._shell, self._name))

    def _create(self) -> None:
        from helpers.console.create import CreateTable

        self._shell.show(CreateTable(self._shell))

    def _ask(self) -> None:
        name = self._name
        if name is None:
            return
        self._sure.value = (
            f"<b>Delete {name}?</b> Its items and its indexes go with it. There is no way back, "
            "except from a backup."
        )
        self._question.layout.display = ""
        self._shell.code.show("Delete table", Call("delete_table", {"TableName": name}))

    def _unask(self) -> None:
        self._question.layout.display = "none"

    def _delete(self) -> None:
        name = self._name
        self._unask()
        if name is None:
            return
        call = Call("delete_table", {"TableName": name})
        if self._shell.make("Delete table", call) is None:
            return
        self._shell.say(f"{name} is being deleted.")
        self._look_again()

    def _look_again(self) -> None:
        """Without the code of the list: what was done stays shown."""
        answer = self._shell.look_up(LIST)
        if answer is not None and self._list(answer["TableNames"]):
            self._shell.watch(self._still)


def _row(table: dict[str, Any]) -> list[str]:
    keys = requests.keys_of(table["KeySchema"], table)
    indexes = [
        *table.get("GlobalSecondaryIndexes", []),
        *table.get("LocalSecondaryIndexes", []),
    ]
    written = [f"{key.name} ({key.kind})" for key in keys]
    return [
        table["TableName"],
        table["TableStatus"].capitalize(),
        written[0],
        written[1] if len(written) > 1 else "–",
        str(len(indexes)),
        capacity_mode(table),
        str(table.get("ItemCount", "–")),
    ]


def capacity_mode(table: dict[str, Any]) -> str:
    """In the AWS console's words, with the units where they are provisioned."""
    units = requests.capacity_of(table)
    return "On-demand" if units is None else f"Provisioned ({units[0]} read, {units[1]} write)"
