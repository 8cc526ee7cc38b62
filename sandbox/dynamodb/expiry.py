"""Time to live: items go some time after the moment that one of their attributes names.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

import math
from functools import partial
from typing import Any

from sortedcontainers import SortedList

from sandbox.dynamodb.errors import invalid
from sandbox.dynamodb.storage import TableItems
from sandbox.dynamodb.values import Item
from sandbox.pace import SECONDS, Passage, picklable

# An item whose time is longer past than this is taken for a mistake, and kept.
LONGEST_PAST = 5 * 365 * 24 * 3600


class Expiry:
    """When the items of a table expire.

    Args:
        attribute: its number, in seconds since 1970, is the item's last moment.
    """

    def __init__(self, attribute: str):
        self.attribute = attribute
        self.on = False
        self._due: SortedList = SortedList()

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows from the items."""
        return {**vars(self), "_due": SortedList()}

    def fill(self, items: TableItems) -> None:
        """Take over the items that are there."""
        for key, record in items.range(b"", None):
            self.note(key, None, record.item())

    def note(self, key: bytes, before: Item | None, now: Item | None) -> None:
        """Keep in step with a write."""
        old, new = self._time(before), self._time(now)
        if old is not None:
            self._due.discard((old, key))
        if new is not None:
            self._due.add((new, key))

    def due(self, moment: float) -> list[bytes]:
        """The keys of the items that had expired at a moment, and not too long before it."""
        low = (math.nextafter(moment - LONGEST_PAST, math.inf),)
        high = (math.nextafter(moment, math.inf),)
        return [key for _, key in self._due.irange(low, high, inclusive=(True, False))]

    def _time(self, item: Item | None) -> float | None:
        number = (item or {}).get(self.attribute, {}).get("N")
        return None if number is None else float(number)


def expire(table: Any, pace: str, now: float) -> None:
    """Remove the items of a table that expired long enough ago for this pace."""
    if not table.expiry.on:
        return
    store = table.store  # reading it fills in when its items expire
    lesson, aws = SECONDS["Item", "expired"]
    delay = {"instant": 0.0, "lesson": lesson}.get(pace, aws)
    for key in table.expiry.due(now - delay):
        record = store.get(key)
        if record is not None:
            item = record.item()
            steps = store.plan(key, item, None, None)
            table.store_item(key, item, None, None, steps, expired=True)


def update_time_to_live(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html"""
    table = db.table_named(request["TableName"])
    db.check_idle(table, ("CREATING", "DELETING"))
    wanted = request["TimeToLiveSpecification"]
    is_on = table.ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
    if wanted["Enabled"] == is_on:
        raise invalid(f"TimeToLive is already {'enabled' if is_on else 'disabled'}")
    if is_on and wanted["AttributeName"] != table.ttl["AttributeName"]:
        raise invalid("TimeToLive is active on a different AttributeName: current AttributeName is "
                      f"{table.ttl['AttributeName']}")  # fmt: skip
    passing, lasting = ("ENABLING", "ENABLED") if wanted["Enabled"] else ("DISABLING", "DISABLED")
    if wanted["Enabled"]:
        table.expiry = Expiry(wanted["AttributeName"])
        table.expiry.fill(table.store)
    show = partial(_show, table, wanted["AttributeName"])
    arrived = partial(_arrived, table, lasting)
    db.pace.begin(Passage("TimeToLive", table.table_arn, [passing], lasting, show, None, arrived))
    return {"TimeToLiveSpecification": wanted}


@picklable
def _show(table: Any, attribute: str, state: str) -> None:
    table.ttl = {"TimeToLiveStatus": state}
    if state != "DISABLED":
        table.ttl["AttributeName"] = attribute


@picklable
def _arrived(table: Any, lasting: str) -> None:
    if lasting == "ENABLED":
        table.expiry.on = True
    else:
        table.expiry = None


def describe_time_to_live(db: Any, request: dict[str, Any]) -> dict[str, Any]:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTimeToLive.html"""
    table = db.table_named(request["TableName"])
    answer = {"TimeToLiveDescription": dict(table.ttl)}
    db.pace.mark_seen("TimeToLive", lambda name: name == table.table_arn)
    return answer
