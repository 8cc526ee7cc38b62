"""AWS responses as tables that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from helpers.errors import CourseError

if TYPE_CHECKING:
    from helpers.frame import Table as Table

MISSING = object()  # what `look_up` returns for a path that leads nowhere


def __getattr__(name: str) -> Any:
    # pandas takes longer to load than all else that a page's first cell imports: it is loaded
    # with the first table that is shown.
    if name != "Table":
        raise AttributeError(f"module 'helpers.tables' has no attribute {name!r}")
    from helpers.frame import Table

    return Table


def table(rows: Iterable[Mapping[str, Any]], *columns: str, **renamed: str) -> Table:
    """Make a table of some fields of a list of resources, one row for each.

    `table(response["DBClusters"], "DBClusterIdentifier", "Status", writer="Endpoint")` has the
    headings DBClusterIdentifier, Status and writer. Without any column it shows every field.

    Args:
        rows: the list inside a describe call's response.
        columns: the fields, each a path such as "Endpoint.Address", "Tags.Name" (the value of
            the tag Name) or "DBClusterMembers.0.DBInstanceIdentifier"; the path is the heading.
            Without a number, a path goes through every element of a list.
        renamed: more fields, as heading=path; "_" in a heading becomes a space.

    Returns:
        A DataFrame: lists joined with ", ", booleans as yes or no, times in UTC, and nothing ("")
        where a resource has no such field.

    Raises:
        CourseError: `rows` is one response or one resource, not a list of them.
    """
    from helpers.frame import Table

    if isinstance(rows, Mapping):
        inside = [name for name, value in rows.items() if isinstance(value, list)]
        raise CourseError(
            "table() takes the list inside a response: response"
            f'["{inside[0] if inside else "..."}"]. For one resource, type facts(resource).'
        )
    rows = list(rows)
    paths = _headings(columns, renamed) or {name: name for row in rows for name in row}
    return Table(
        {
            heading: [_readable(look_up(row, path)) for row in rows]
            for heading, path in paths.items()
        },
        columns=list(paths),
    )


def facts(resource: Mapping[str, Any], *columns: str, **renamed: str) -> Table:
    """Make a table of one resource: a row for each field, with the headings "what" and "value".

    Args:
        resource: one element of a describe call's response.
        columns: the fields, as in `table`; without any, every field.
        renamed: more fields, as in `table`.

    Returns:
        A DataFrame with the columns what and value, both text.
    """
    from helpers.frame import Table

    paths = _headings(columns, renamed) or {
        name: name for name in resource if name != "ResponseMetadata"
    }
    values = [str(_readable(look_up(resource, path))) for path in paths.values()]
    return Table({"what": list(paths), "value": values}, columns=["what", "value"])


def look_up(value: Any, path: str) -> Any:
    """Follow a dotted path into a response.

    Args:
        value: a response or a part of one.
        path: names of fields and numbers of list elements, joined by dots. On a list of tags
            (Key, Value) the rest of the path is a tag's name; on another list, a path without a
            number is followed in every element.

    Returns:
        What is there, or `MISSING`.
    """
    if not path:
        return value
    step, _, rest = path.partition(".")
    if isinstance(value, Mapping):
        return look_up(value[step], rest) if step in value else MISSING
    if not isinstance(value, list | tuple):
        return MISSING
    if step.isdecimal():
        return look_up(value[int(step)], rest) if int(step) < len(value) else MISSING
    if _are_tags(value):
        return next((tag["Value"] for tag in value if tag["Key"] == path), MISSING)
    found = [look_up(each, path) for each in value]
    return [each for each in found if each is not MISSING]


def _are_tags(value: Sequence[Any]) -> bool:
    return bool(value) and all(
        isinstance(each, Mapping) and set(each) == {"Key", "Value"} for each in value
    )


def _headings(columns: Sequence[str], renamed: Mapping[str, str]) -> dict[str, str]:
    headings = {path: path for path in columns}
    headings.update({heading.replace("_", " "): path for heading, path in renamed.items()})
    return headings


def _readable(value: Any) -> Any:
    """The value as it is shown: numbers stay numbers, everything else becomes text."""
    if value is MISSING or value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        return utc.strftime("%Y-%m-%d %H:%M:%S UTC")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        if set(value) == {"Key", "Value"}:
            return f"{value['Key']}={value['Value']}"
        return ", ".join(f"{name}={_readable(each)}" for name, each in value.items())
    if isinstance(value, set | frozenset):
        return ", ".join(sorted(str(_readable(each)) for each in value))
    if isinstance(value, list | tuple):
        # The fields of one element are joined by ", " too: "; " keeps the elements apart.
        several = any(isinstance(each, Mapping) and len(each) > 1 for each in value)
        between = "; " if several and not _are_tags(value) else ", "
        return between.join(str(_readable(each)) for each in value)
    if isinstance(value, bytes | bytearray):
        return bytes(value).hex()
    return str(value)
