"""The table that the helpers show: a pandas DataFrame, in a module that is loaded when needed."""

from __future__ import annotations

import pandas as pd


class Table(pd.DataFrame):
    """A DataFrame that is shown without its row numbers and never shortened.

    Everything else is pandas; what is computed from it is an ordinary DataFrame again.
    """

    def __repr__(self) -> str:
        text = pd.DataFrame(self).to_string(index=False)
        return f"{'  '.join(map(str, self.columns))}\n(none)" if self.empty else text

    def _repr_html_(self) -> str:
        html = pd.DataFrame(self).to_html(index=False, border=0, justify="left")
        # JupyterLab puts cells to the right, which suits figures and not names.
        html = html.replace("<td>", '<td style="text-align: left">')
        html = html.replace("<th>", '<th style="text-align: left">')
        if self.empty:
            none = (
                f'<tr><td colspan="{len(self.columns)}" style="text-align: left">(none)</td></tr>'
            )
            html = html.replace("<tbody>", f"<tbody>\n    {none}")
        return html
