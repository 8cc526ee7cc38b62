"""The fields of a condition: on the key of a query, and the filters."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import ipywidgets

from helpers.console import look, values
from helpers.console.requests import CONDITIONS, KEY_CONDITIONS, Condition, Key
from helpers.console.values import BadInput

FILTER_TYPES = ("String", "Number", "Boolean", "Null", "Binary")


class KeyFields(ipywidgets.VBox):
    """What a query asks of the partition key and of the sort key."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._keys: list[Key] = []
        text = ipywidgets.Text
        self.partition = look.field(text, "Partition key", "24em", placeholder="Enter its value")
        self.word = look.field(
            ipywidgets.Dropdown, "Sort key (optional)", "16em", options=KEY_CONDITIONS
        )
        self.value = look.field(text, "Value", "16em", placeholder="Leave empty for all")
        self.second = look.field(text, "and", "16em")
        self.descending = ipywidgets.Checkbox(
            description="Sort descending", indent=False, layout={"width": "auto"}
        )
        self._sort = look.row(
            self.word, self.value, self.second, self.descending, align_items="flex-end"
        )
        super().__init__([self.partition, self._sort])
        for each in (self.partition, self.word, self.value, self.second, self.descending):
            each.observe(lambda _: self._show(), names="value")
            each.observe(lambda _: changed(), names="value")

    def ask_for(self, keys: Sequence[Key]) -> None:
        """Ask for these keys; what was typed for others goes."""
        if list(keys) == self._keys:
            return
        self._keys = list(keys)
        self.partition.description = f"{keys[0].name} (partition key)"
        if len(keys) > 1:
            self.word.description = f"{keys[1].name} (sort key)"
        self.reset()

    def reset(self) -> None:
        """Empty the fields."""
        for field in (self.partition, self.value, self.second):
            field.value = ""
        self.word.value, self.descending.value = KEY_CONDITIONS[0], False
        self._show()

    @property
    def conditions(self) -> list[Condition]:
        """The conditions as typed; an empty sort key asks for nothing."""
        typed = [values.from_text(self._keys[0].kind, self.partition.value)]
        found = [Condition(self._keys[0].name, "Equal to", typed)]
        if len(self._keys) > 1 and self.value.value:
            name, kind = self._keys[1].name, self._keys[1].kind
            texts = (self.value.value, self.second.value)
            typed = [values.from_text(kind, text) for text in texts[: _count(self.word.value)]]
            found.append(Condition(name, self.word.value, typed))
        return found

    def _show(self) -> None:
        self._sort.layout.display = "" if len(self._keys) > 1 else "none"
        self.second.layout.display = "" if _count(self.word.value) == 2 else "none"


class Filter(ipywidgets.HBox):
    """One filter: attribute name, type, condition, value."""

    def __init__(self, changed: Callable[[], None], remove: Callable[[Filter], None]) -> None:
        text, choice = ipywidgets.Text, ipywidgets.Dropdown
        self.attribute = look.field(text, "Attribute name", "13em", placeholder="Genre")
        self.word = look.field(choice, "Condition", "13em", options=list(CONDITIONS))
        self.kind = look.field(choice, "Type", "8em", options=FILTER_TYPES)
        self.value = look.field(text, "Value", "12em")
        self.second = look.field(text, "and", "12em")
        self.remove = look.button("Remove", "Remove this filter")
        fields = (self.attribute, self.word, self.kind, self.value, self.second)
        super().__init__(
            [*fields, self.remove], layout={"overflow": "visible", "align_items": "flex-end"}
        )
        self.add_class("course-row")
        self.remove.on_click(lambda _: remove(self))
        for each in fields:
            each.observe(lambda _: self._show(), names="value")
            each.observe(lambda _: changed(), names="value")
        self._show()

    @property
    def condition(self) -> Condition:
        """The condition as typed.

        Raises:
            BadInput: the attribute has no name.
        """
        if not self.attribute.value:
            raise BadInput("A filter needs the name of an attribute; or press Remove.")
        kind = values.TYPES[self.kind.value]
        texts = (self.value.value, self.second.value)[: _count(self.word.value)]
        typed = [values.from_text(kind, text) for text in texts]
        return Condition(self.attribute.value, self.word.value, typed)

    def _show(self) -> None:
        count = _count(self.word.value)
        has_text = self.kind.value != "Null"
        self.kind.layout.display = "" if count else "none"
        self.value.layout.display = "" if count and has_text else "none"
        self.second.layout.display = "" if count == 2 and has_text else "none"
        self.value.placeholder = "true or false" if self.kind.value == "Boolean" else ""


def _count(word: str) -> int:
    """How many values the condition takes."""
    return sum(place in CONDITIONS[word] for place in ("{a}", "{b}"))
