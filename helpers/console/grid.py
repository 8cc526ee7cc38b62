"""The data grid: rows to see, sort and choose. It is itables; docs/console.md says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets
import pandas as pd
from itables import JavascriptCode
from itables.widget import ITable

# A first column of check boxes: a row can be chosen with the keyboard, and is read aloud.
CHECK_BOXES: list[Mapping[str, Any]] = [
    {
        "targets": 0,
        "orderable": False,
        "className": "dt-select",
        "render": JavascriptCode("$.fn.DataTable.render.select()"),
    },
    {"targets": "_all", "className": "dt-left"},
]
NOTHING_AROUND = dict.fromkeys(("topStart", "topEnd", "bottomStart", "bottomEnd"))


class Grid(ipywidgets.VBox):
    """Rows of text with check boxes.

    Args:
        caption: what the rows are; read aloud.
        empty: what is said where there is none.
        several: whether more than one can be chosen.

    Attributes:
        table: the ITable.
    """

    def __init__(self, caption: str, empty: str, several: bool = False) -> None:
        self._rows = 0
        self._empty = ipywidgets.HTML(f'<div class="course-none">{empty}</div>')
        # `update` forgets some of what it is not told again.
        self._options: dict[str, Any] = {
            "caption": caption,
            "classes": "display compact",
            "style": "width:100%;margin:0",
            "select": {
                "style": "multi" if several else "single",
                "selector": "tbody tr",
                "headerCheckbox": several,
                "info": False,
            },
            "columnDefs": CHECK_BOXES,
            "layout": NOTHING_AROUND,
            "paging": False,
            "showIndex": False,
            "maxBytes": 0,
            "text_in_header_can_be_selected": False,
        }
        self.table = ITable(_frame(["Name"], []), **self._options)
        super().__init__([self._empty])
        self.add_class("course-grid")

    def __repr__(self) -> str:
        """The same for every grid."""
        return "(a grid: run the cell to see it)"

    @property
    def chosen(self) -> list[int]:
        """The numbers of the chosen rows, as they were given to `fill`."""
        return [row for row in self.table.selected_rows if row < self._rows]

    @chosen.setter
    def chosen(self, rows: Sequence[int]) -> None:
        self.table.selected_rows = list(rows)

    def fill(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show these rows; none of them is chosen."""
        self._rows = len(rows)
        self.table.selected_rows = []
        if rows:
            self.table.update(_frame(columns, rows), selected_rows=[], **self._options)
        self.children = [self.table if rows else self._empty]


def _frame(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> pd.DataFrame:
    """With a first column for the check boxes; strings, since numbers are kept digit by digit."""
    frame = pd.DataFrame(rows, columns=list(columns), dtype="str")
    frame.insert(0, "", "", allow_duplicates=True)
    return frame
