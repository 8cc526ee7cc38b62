"""The form for an item: create, edit, duplicate; attribute by attribute or as DynamoDB JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import ipywidgets

from helpers.console import look, requests, values
from helpers.console.calls import Call, to_json
from helpers.console.requests import Item, Key
from helpers.console.shell import Screen, on_click
from helpers.console.values import BadInput

if TYPE_CHECKING:
    from helpers.console.table import TableScreen

FORM, JSON = "Form", "JSON view"
LINES = {"L": 5, "M": 5, "SS": 3, "NS": 3, "BS": 3}
HINTS = {
    "L": '[{"S": "text"}, {"N": "1"}]',
    "M": '{"name": {"S": "text"}}',
    "SS": "one member in each line",
    "NS": "one number in each line",
    "B": "in base64",
    "BS": "in base64, one in each line",
}
WORDS = {kind: word for word, kind in values.TYPES.items()}


class Attribute(ipywidgets.HBox):
    """A row of the form: name, type, value.

    Args:
        key: for a key attribute, whose name and type are fixed.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        remove: Callable[[Attribute], None],
        key: Key | None = None,
        role: str = "",
    ) -> None:
        self.is_key = key is not None
        self.name = ipywidgets.Text(
            value=key.name if key else "",
            disabled=key is not None,
            placeholder="Attribute name",
            tooltip="Attribute name",
            layout={"width": "13em"},
        )
        self.kind = ipywidgets.Dropdown(
            options=list(values.TYPES),
            value=WORDS[key.kind] if key else "String",
            disabled=key is not None,
            tooltip="Type",
            layout={"width": "8em"},
        )
        self.text = ipywidgets.Textarea(
            rows=1, tooltip="Value", layout={"width": "auto", "flex": "1 1 14em"}
        )
        self.choice = ipywidgets.Dropdown(options=["true", "false"], tooltip="Value")
        self.choice.layout.width = "8em"
        self.remove = look.button("Remove", "Remove this attribute")
        last: ipywidgets.Widget = ipywidgets.HTML(role) if key else self.remove
        last.layout.width = "8em"
        super().__init__(
            [self.name, self.kind, self.text, self.choice, last],
            layout={"overflow": "visible", "align_items": "center"},
        )
        self.add_class("course-row")
        self.remove.on_click(lambda _: remove(self))
        self.kind.observe(lambda _: self._show(), names="value")
        for each in (self.name, self.kind, self.text, self.choice):
            each.observe(lambda _: changed(), names="value")
        self._show()

    @property
    def value(self) -> dict[str, Any]:
        """The value as typed; raises `BadInput`."""
        kind = values.TYPES[self.kind.value]
        return values.from_text(kind, self.choice.value if kind == "BOOL" else self.text.value)

    def set(self, name: str, value: dict[str, Any]) -> None:
        """Show this attribute."""
        kind, text = next(iter(value)), values.to_text(value)
        self.name.value, self.kind.value = name, WORDS[kind]
        if kind == "BOOL":
            self.choice.value = text
        else:
            self.text.value = text

    def _show(self) -> None:
        kind = values.TYPES[self.kind.value]
        self.text.rows, self.text.placeholder = LINES.get(kind, 1), HINTS.get(kind, "Value")
        self.text.disabled = kind == "NULL"
        self.text.layout.display = "none" if kind == "BOOL" else ""
        self.choice.layout.display = "" if kind == "BOOL" else "none"


class Editor(Screen):
    """The form.

    Args:
        owner: the table's screen; the form goes back to it.
        heading: "Create item", "Edit item" or "Duplicate item".
        item: the values to begin with; None for an empty item.

    Attributes:
        rows: the attributes of the form.
        json: the JSON view.
    """

    def __init__(self, owner: TableScreen, heading: str, item: Item | None) -> None:
        self._owner, self._shell, self._before = owner, owner.shell, item
        self._title, self._saves = heading, heading == "Edit item"
        crumb = (owner.name, self._back)
        self.path = (owner.path[0], crumb, (heading, None))
        self._filling = False
        self.view = ipywidgets.ToggleButtons(options=[FORM, JSON], tooltips=["", "DynamoDB JSON"])
        self.rows = ipywidgets.VBox()
        self.add = look.button("Add new attribute")
        self.add.layout.align_self = "flex-start"
        self.json = ipywidgets.Textarea(
            description="The item in DynamoDB JSON: each value with its type",
            rows=14,
            layout={"width": "auto"},
        )
        self.json.add_class("course-above")
        self.cancel = look.button("Cancel")
        self.save = look.button("Save changes" if self._saves else "Create item", style="primary")
        self._form = ipywidgets.VBox([self.rows, self.add])
        head = look.row(look.heading(heading), self.view, justify_content="space-between")
        end = look.row(self.cancel, self.save, justify_content="flex-end")
        super().__init__([head, look.panel(self._form, self.json), end])
        self._fill(item if item is not None else _empty(owner.key_schema))
        self._show_view()
        for button, do in {
            self.cancel: self._back,
            self.save: self._save,
            self.add: self._add_row,
        }.items():
            on_click(self._shell, self, button, do)
        self.view.observe(self._switch, names="value")
        self.json.observe(lambda _: self._changed(), names="value")

    def enter(self) -> None:
        """Show what the button would do."""
        self._changed()

    @property
    def item(self) -> Item:
        """The item as typed, in the view that is shown; raises `BadInput`."""
        return values.parse_item(self.json.value) if self.view.value == JSON else self._typed()

    @property
    def call(self) -> Call:
        """What the button does."""
        if self._saves and self._before is not None:
            return requests.save_item(
                self._owner.name, self._owner.key_schema, self._before, self.item
            )
        return requests.create_item(self._owner.name, self._owner.key_schema, self.item)

    def _typed(self) -> Item:
        item: Item = {}
        for row in self.rows.children:
            name = row.name.value
            if not name and not row.text.value:
                continue  # a row that was added and not filled in
            if name in item:
                raise BadInput(f"The attribute {name} is there twice.")
            item[name] = row.value
        return item

    def _fill(self, item: Item) -> None:
        roles = ("Partition key", "Sort key")
        rows = []
        for key, role in zip(self._owner.key_schema, roles, strict=False):
            row = Attribute(self._changed, self._remove, key, role)
            value = item.get(key.name, {key.kind: ""})
            # A key of another type, typed as JSON, is for AWS to refuse: the row shows it.
            row.set(key.name, value)
            rows.append(row)
        names = {key.name for key in self._owner.key_schema}
        for name, value in item.items():
            if name not in names:
                row = Attribute(self._changed, self._remove)
                row.set(name, value)
                rows.append(row)
        self.rows.children = rows
        self.json.value = to_json(item, indent=2)

    def _add_row(self) -> None:
        self.rows.children = [*self.rows.children, Attribute(self._changed, self._remove)]

    def _remove(self, gone: Attribute) -> None:
        self.rows.children = [row for row in self.rows.children if row is not gone]
        self._changed()

    def _switch(self, change: dict[str, Any]) -> None:
        """Take what was typed over into the other view; where it cannot be read, stay."""
        if self._filling:
            return
        self._filling = True
        try:
            self._fill(self._typed() if change["new"] == JSON else _readable(self.json.value))
        except BadInput as error:
            self.view.value = change["old"]
            self._shell.fail(error)
        finally:
            self._filling = False
        self._show_view()
        self._changed()

    def _show_view(self) -> None:
        self._form.layout.display = "" if self.view.value == FORM else "none"
        self.json.layout.display = "" if self.view.value == JSON else "none"

    def _changed(self) -> None:
        if not self._filling:
            self._shell.preview(self._title, lambda: self.call)

    def _back(self) -> None:
        self._shell.show(self._owner)

    def _save(self) -> None:
        try:
            call = self.call
        except BadInput as error:
            self._shell.fail(error)
            return
        if self._shell.make(self._title, call) is None:
            return
        self._shell.show(self._owner)
        self._shell.say("Changes saved." if self._saves else "Item created.")
        self._shell.code.show(self._title, call)


def _empty(keys: list[Key]) -> Item:
    return {key.name: {key.kind: b"" if key.kind == "B" else ""} for key in keys}


def _readable(text: str) -> Item:
    """The item, where the form can show it: every value has one type that there is."""
    item = values.parse_item(text)
    for name, value in item.items():
        if not isinstance(value, dict) or len(value) != 1 or next(iter(value)) not in WORDS:
            raise BadInput(f'{name} has no type. Write {{"{name}": {{"S": "…"}}}}, for instance.')
    return item
