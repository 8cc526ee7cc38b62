"""One table: its overview, its indexes, its items, as tabs."""

from __future__ import annotations

from typing import Any

import ipywidgets

from helpers.console import look, requests
from helpers.console.calls import Call
from helpers.console.explore import Explore
from helpers.console.indexes import Indexes
from helpers.console.requests import Item, Key
from helpers.console.shell import Screen, Shell
from helpers.console.tables import KINDS, PASSING, Tables, capacity_mode

TABS = ("Explore items", "Indexes", "Overview")


class TableScreen(Screen):
    """A table with its tabs.

    Attributes:
        name: of the table.
        table: as DescribeTable showed it last; {} before.
        key_schema: its partition key and perhaps its sort key.
        explore, indexes, overview: the tabs.
    """

    def __init__(self, shell: Shell, name: str) -> None:
        self.shell, self.name = shell, name
        self.table: dict[str, Any] = {}
        self.key_schema: list[Key] = []
        self.path = (("Tables", lambda: shell.show(Tables(shell))), (name, None))
        self.explore, self.indexes = Explore(self), Indexes(self)
        self.overview = ipywidgets.HTML()
        self.tabs = ipywidgets.Tab(
            [self.explore, self.indexes, self.overview], titles=TABS, selected_index=0
        )
        super().__init__([self.tabs])
        self.tabs.observe(lambda _: self.open_tab(), names="selected_index")

    def enter(self) -> None:
        """Show the tab that was shown last."""
        if self.describe():
            self.explore.sources()
            self.open_tab()

    def open_tab(self) -> None:
        """Fill the tab that is shown."""
        self.shell.stop_watching()
        self.shell.message.value = ""
        if not self.table:
            return
        if self.tabs.selected_index == 0:
            self.explore.enter()
        elif self.tabs.selected_index == 1:
            self.indexes.enter()
        else:
            self._overview()

    def describe(self) -> bool:
        """Ask for the table's description; False where that failed, and the message says why."""
        answer = self.shell.look_up(self.call)
        if answer is None:
            return False
        self.table = answer["Table"]
        self.key_schema = requests.keys_of(self.table["KeySchema"], self.table)
        return True

    @property
    def call(self) -> Call:
        """DescribeTable."""
        return Call("describe_table", {"TableName": self.name})

    def edit(self, heading: str, item: Item | None) -> None:
        """Go to the form for an item."""
        from helpers.console.editor import Editor

        self.shell.show(Editor(self, heading, item))

    def _overview(self) -> None:
        answer = self.shell.make("Describe table", self.call)
        if answer is None:
            return
        self.table = answer["Table"]
        self._show_overview()
        if self.table["TableStatus"] in PASSING:
            self.shell.watch(self._still)

    def _still(self) -> bool:
        if not self.describe():
            return False
        self._show_overview()
        return self.table["TableStatus"] in PASSING

    def _show_overview(self) -> None:
        table, roles = self.table, ("Partition key", "Sort key")
        written = [f"{key.name} ({KINDS[key.kind]})" for key in self.key_schema] + ["–"]
        self.overview.value = look.facts(
            {
                **dict(zip(roles, written, strict=False)),
                "Capacity mode": capacity_mode(table),
                "Table status": table["TableStatus"].capitalize(),
                "Item count (renewed every 6 hours)": str(table.get("ItemCount", "–")),
                "Table size (renewed every 6 hours)": f"{table.get('TableSizeBytes', 0):,} bytes",
                "Indexes": f"{len(table.get('GlobalSecondaryIndexes', []))} global, "
                f"{len(table.get('LocalSecondaryIndexes', []))} local",
                "Amazon Resource Name (ARN)": table.get("TableArn", "–"),
            }
        )
