"""How RDS answers lists: in pages, filtered, with AWS's complaints about both."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from moto.rds.exceptions import InvalidParameterValue

from sandbox.digits import is_digits, whole_number


def page(items: Sequence[Any], params: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """One page of a list, and the marker of the next; None after the last.

    Args:
        items: all of them, in an order that stays.
        params: the request's, of which MaxRecords (20 to 100) and Marker count.

    Raises:
        InvalidParameterValue: either is not as AWS wants it.
    """
    size = whole_number(str(params.get("MaxRecords") or 100))
    if not 20 <= size <= 100:
        raise InvalidParameterValue(
            f"Invalid value {size} for MaxRecords. Must be between 20 and 100"
        )
    start = _position(params.get("Marker"))
    end = start + size
    return list(items[start:end]), _marker(end) if end < len(items) else None


def filtered(
    items: Sequence[dict[str, Any]], params: Mapping[str, Any], fields: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Those that meet all of the request's Filters.

    Args:
        items: what to choose from.
        params: the request's, of which Filters count.
        fields: the filters that the operation knows, and the field each of them looks at.

    Raises:
        InvalidParameterValue: another filter is asked for.
    """
    chosen = list(items)
    for wanted in params.get("Filters") or []:
        name, values = wanted["Name"], wanted["Values"]
        if name not in fields:
            raise InvalidParameterValue(f"Unrecognized filter name: {name}")
        chosen = [item for item in chosen if _words(item.get(fields[name])) & _words(values)]
    return chosen


def _words(value: Any) -> set[str]:
    # Both "READER" and the "reader" of AWS's documentation find the reader endpoints.
    every = value if isinstance(value, list) else [value]
    return {str(each).lower() for each in every}


def _marker(position: int) -> str:
    return base64.urlsafe_b64encode(f"from:{position}".encode()).decode()


def _position(marker: str | None) -> int:
    if not marker:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(marker.encode()).decode().partition(":")
        if word == "from" and is_digits(number):
            return whole_number(number)
    except ValueError:
        pass
    raise InvalidParameterValue("Invalid Marker")
