"""The tab "Explore items": Scan and Query with filters and pages, and what to do with an item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from helpers.console import look, requests, values
from helpers.console.calls import Call
from helpers.console.conditions import Filter, KeyFields
from helpers.console.grid import Grid
from helpers.console.requests import Item
from helpers.console.shell import on_click
from helpers.console.values import BadInput

if TYPE_CHECKING:
    from helpers.console.table import TableScreen

TABLE = "Table"


class Explore(ipywidgets.VBox):
    """The items of a table or of an index of it, a page at a time.

    Attributes:
        items: those of the page, in DynamoDB JSON, in the order of the grid's rows.
        result: the line that says what was returned and what it cost, as HTML.
    """

    def __init__(self, owner: TableScreen) -> None:
        self._owner, self._shell = owner, owner.shell
        self.items: list[Item] = []
        self._starts: list[Item | None] = [None]  # where the pages up to this one begin
        self._next: Item | None = None  # the LastEvaluatedKey
        self._filling = False
        self.mode = ipywidgets.ToggleButtons(options=["Scan", "Query"], layout={"width": "auto"})
        self.source = look.field(
            ipywidgets.Dropdown, "Table or index", "20em", options=[(TABLE, None)]
        )
        self.size = look.field(
            ipywidgets.BoundedIntText, "Items looked at per page", "14em", value=50, min=1, max=300
        )
        self.key = KeyFields(self._changed)
        self.filters = ipywidgets.VBox()
        self.add_filter = look.button("Add filter")
        self.run = look.button("Run", style="primary")
        self.reset = look.button("Reset", "Empty all fields")
        self.result = ipywidgets.HTML()
        self.previous = look.button("Previous page")
        self.next = look.button("Next page", "Go on after the LastEvaluatedKey")
        self.create = look.button("Create item", style="primary")
        self.edit = look.button("Edit", "Edit the chosen item")
        self.duplicate = look.button("Duplicate", "A new item with the values of the chosen one")
        self.delete = look.button("Delete items", "Delete the chosen items")
        self._sure = ipywidgets.HTML()
        self.confirm = look.button("Delete", style="danger")
        self.keep = look.button("Cancel")
        self._question = look.panel(self._sure, look.row(self.confirm, self.keep))
        self.grid = Grid("Items returned", "No items on this page.", several=True)
        super().__init__(self._parts())
        self._connect()

    def __repr__(self) -> str:
        """The same for every table."""
        return "(the items of a table: run the cell to see them)"

    def enter(self) -> None:
        """Show the first page of a scan, as the AWS console does; or again what was asked."""
        self._run()

    def sources(self) -> None:
        """Offer the table and its indexes as they are now."""
        table, chosen = self._owner.table, self.source.value
        indexes = [
            *table.get("GlobalSecondaryIndexes", []),
            *table.get("LocalSecondaryIndexes", []),
        ]
        names = [index["IndexName"] for index in indexes]
        options = [(f"{TABLE}: {self._owner.name}", None)]
        self._filling = True
        try:
            self.source.options = options + [(f"Index: {name}", name) for name in names]
            self.source.value = chosen if chosen in names else None
        finally:
            self._filling = False
        self._ask()

    @property
    def call(self) -> Call:
        """What "Run" does, for the page that is shown."""
        return self._call(self._starts[-1])

    def _call(self, start: Item | None) -> Call:
        query = self.mode.value == "Query"
        return requests.read(
            self._owner.name,
            index=self.source.value,
            key=self.key.conditions if query else (),
            filters=[each.condition for each in self.filters.children],
            descending=self.key.descending.value,
            limit=self.size.value,
            start=start,
        )

    def _parts(self) -> list[ipywidgets.Widget]:
        ask = look.panel(
            look.row(self.mode, self.source, self.size, align_items="flex-end"),
            self.key,
            self.filters,
            look.row(self.add_filter, self.reset, self.run),
        )
        change = look.row(self.edit, self.duplicate, self.delete, self.create)
        turn = look.row(self.previous, self.next)
        head = look.row(self.result, change, justify_content="space-between")
        return [ask, head, self._question, self.grid, turn]

    def _connect(self) -> None:
        for button, do in {
            self.run: self._run,
            self.reset: self._reset,
            self.add_filter: self._add_filter,
            self.next: self._go_on,
            self.previous: self._go_back,
            self.create: lambda: self._owner.edit("Create item", None),
            self.edit: lambda: self._edit("Edit item"),
            self.duplicate: lambda: self._edit("Duplicate item"),
            self.delete: self._ask_delete,
            self.confirm: self._delete,
            self.keep: self._unask,
        }.items():
            on_click(self._shell, self._owner, button, do)
        for each in (self.mode, self.source, self.size):
            each.observe(lambda _: self._changed(), names="value")
        self.grid.table.observe(lambda _: self._chosen(), names="selected_rows")
        self._unask()
        self._chosen()

    def _changed(self) -> None:
        if self._filling or not self._owner.table:
            return
        self._ask()
        self._shell.preview(self.mode.value, lambda: self._call(None))

    def _ask(self) -> None:
        """Ask for the keys of the chosen table or index, where it is a query."""
        self.key.layout.display = "" if self.mode.value == "Query" else "none"
        table = self._owner.table
        schemas = {None: table["KeySchema"]}
        for kind in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
            schemas |= {index["IndexName"]: index["KeySchema"] for index in table.get(kind, [])}
        self.key.ask_for(requests.keys_of(schemas[self.source.value], table))

    def _add_filter(self) -> None:
        self.filters.children = [*self.filters.children, Filter(self._changed, self._remove)]

    def _remove(self, gone: Filter) -> None:
        self.filters.children = [each for each in self.filters.children if each is not gone]
        self._changed()

    def _reset(self) -> None:
        self.filters.children = []
        self.mode.value, self.source.value, self.size.value = "Scan", None, 50
        self.key.reset()
        self._run()

    def _run(self) -> None:
        self._starts = [None]
        self._page()

    def _go_on(self) -> None:
        self._starts.append(self._next)
        if not self._page():
            self._starts.pop()

    def _go_back(self) -> None:
        self._starts = self._starts[:-1] or [None]
        self._page()

    def _page(self) -> bool:
        """Read and show the page; False where that failed."""
        self._unask()
        try:
            call = self.call
        except BadInput as error:
            self._shell.fail(error)
            return False
        answer = self._shell.make(self.mode.value, call)
        if answer is None:
            return False
        self._shell.message.value = ""
        self._show(answer)
        return True

    def _show(self, answer: dict[str, Any]) -> None:
        self.items, self._next = answer["Items"], answer.get("LastEvaluatedKey")
        columns = values.columns_of(self.items, [key.name for key in self._owner.key_schema])
        rows = [[values.shown(item.get(name)) for name in columns] for item in self.items]
        self.grid.fill(columns, rows)
        units = answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
        self.result.value = (
            f"<b>Items returned: {len(self.items)}</b> "
            f'<span class="course-hint">· page {len(self._starts)} · looked at '
            f"{answer['ScannedCount']} · consumed {units:g} read capacity units</span>"
        )
        self.next.disabled = self._next is None
        self.previous.disabled = len(self._starts) == 1
        self._chosen()

    def _chosen(self) -> None:
        count = len(self.grid.chosen)
        self.edit.disabled = self.duplicate.disabled = count != 1
        self.delete.disabled = count == 0

    @property
    def _chosen_items(self) -> list[Item]:
        return [self.items[row] for row in sorted(self.grid.chosen)]

    def _edit(self, heading: str) -> None:
        """From an index an item may come with some of its attributes only: get all of them."""
        item = self._chosen_items[0]
        if self.source.value is not None:
            key = requests.key_of(item, self._owner.key_schema)
            get = Call("get_item", {"TableName": self._owner.name, "Key": key})
            answer = self._shell.look_up(get)
            if answer is None:
                return
            item = answer.get("Item", item)
        self._owner.edit(heading, item)

    @property
    def _deletes(self) -> list[Call]:
        return requests.delete_items(self._owner.name, self._owner.key_schema, self._chosen_items)

    def _ask_delete(self) -> None:
        count = len(self.grid.chosen)
        self._sure.value = f"<b>Delete {_count(count)}?</b> There is no way back."
        self._question.layout.display = ""
        self._shell.code.show(f"Delete {_count(count)}", *self._deletes)

    def _unask(self) -> None:
        self._question.layout.display = "none"

    def _delete(self) -> None:
        count, calls = len(self.grid.chosen), self._deletes
        title = f"Delete {_count(count)}"
        self._unask()
        answer = self._shell.make(title, *calls)
        if answer is None:
            return
        self.again()
        left = sum(map(len, answer.get("UnprocessedItems", {}).values()))
        if left:
            self._shell.say(f"{_count(left)} not deleted: choose and delete again.", "bad")
        else:
            self._shell.say(f"{_count(count)} deleted.")
        self._shell.code.show(title, *calls)

    def again(self) -> None:
        """Read the same page again."""
        self._page()


def _count(items: int) -> str:
    return f"{items} item{'' if items == 1 else 's'}"
