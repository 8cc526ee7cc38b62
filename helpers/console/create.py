"""The form "Create table"."""

from __future__ import annotations

import ipywidgets

from helpers.console import look, requests
from helpers.console.calls import Call
from helpers.console.requests import Key
from helpers.console.shell import Screen, Shell, on_click
from helpers.console.tables import Tables

ON_DEMAND, PROVISIONED = "On-demand", "Provisioned"


class CreateTable(Screen):
    """Name, keys and capacity mode of a new table."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self.path = (("Tables", self._back), ("Create table", None))
        text, choice, number = ipywidgets.Text, ipywidgets.Dropdown, ipywidgets.BoundedIntText
        types = list(requests.KEY_TYPES)
        self.name = look.field(text, "Table name", "24em", placeholder="MusicExample")
        self.partition = look.field(text, "Partition key", placeholder="Artist")
        self.partition_type = look.field(choice, "Type", "8em", options=types)
        self.sort = look.field(text, "Sort key (optional)", placeholder="SongTitle")
        self.sort_type = look.field(choice, "Type", "8em", options=types)
        self.mode = ipywidgets.RadioButtons(
            options=[ON_DEMAND, PROVISIONED], layout={"width": "auto"}
        )
        self.read = look.field(number, "Read capacity units", "12em", value=5, min=1, max=40000)
        self.write = look.field(number, "Write capacity units", "12em", value=5, min=1, max=40000)
        self.tag = ipywidgets.Checkbox(
            description="Tag it course = aws-databases, so that cleaning up finds it",
            value=True,
            indent=False,
            layout={"width": "auto"},
        )
        self.cancel = look.button("Cancel")
        self.create = look.button("Create table", style="primary")
        self._units = look.row(self.read, self.write)
        super().__init__(self._parts())
        on_click(shell, self, self.cancel, self._back)
        on_click(shell, self, self.create, self._create)
        for each in (self.name, self.partition, self.partition_type, self.sort, self.sort_type):
            each.observe(lambda _: self._changed(), names="value")
        for each in (self.mode, self.read, self.write, self.tag):
            each.observe(lambda _: self._changed(), names="value")

    def enter(self) -> None:
        """Show what the empty form would do."""
        self._changed()

    @property
    def call(self) -> Call:
        """What the button does."""
        keys = [Key(self.partition.value, requests.KEY_TYPES[self.partition_type.value])]
        if self.sort.value:
            keys.append(Key(self.sort.value, requests.KEY_TYPES[self.sort_type.value]))
        capacity = None if self.mode.value == ON_DEMAND else (self.read.value, self.write.value)
        return requests.create_table(self.name.value, keys, capacity, self.tag.value)

    def _parts(self) -> list[ipywidgets.Widget]:
        hint = "On-demand: you pay for each request. Provisioned: for what you reserve, by hour."
        return [
            look.heading("Create table", "Only the keys are fixed: every item may have more."),
            look.panel(
                self.name,
                look.row(self.partition, self.partition_type),
                look.row(self.sort, self.sort_type),
            ),
            look.panel(
                ipywidgets.HTML(f'<b>Capacity mode</b><div class="course-hint">{hint}</div>'),
                self.mode,
                self._units,
            ),
            look.panel(ipywidgets.HTML("<b>Tags</b>"), self.tag),
            look.row(self.cancel, self.create, justify_content="flex-end"),
        ]

    def _changed(self) -> None:
        self._units.layout.display = "none" if self.mode.value == ON_DEMAND else ""
        self._shell.preview("Create table", lambda: self.call)

    def _back(self) -> None:
        self._shell.show(Tables(self._shell))

    def _create(self) -> None:
        call = self.call
        if self._shell.make("Create table", call) is None:
            return
        name = call.arguments["TableName"]
        self._shell.show(Tables(self._shell))
        self._shell.say(f"{name} is being created. When its status is Active, it takes items.")
        self._shell.code.show("Create table", call)
