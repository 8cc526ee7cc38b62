"""Throttling of provisioned capacity: what a table or an index may consume now.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/burst-adaptive-capacity.html

A bucket for reads and one for writes, of the table and of each global secondary index, fills at the
provisioned rate and holds what 300 seconds bring: AWS's burst capacity. A call is let in while a
unit is left, however much it then takes; what it takes too much is paid back before the next.

It is off, so that a page does not wait, except at pace `aws` or on a table with the tag
`throttle` = `on`. A table that is paid on demand is never throttled.
"""

import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.dynamodb.errors import DynamoDBError

BURST_SECONDS = 300
SWITCH = {"Key": "throttle", "Value": "on"}
OF_TABLE = (
    "The level of configured provisioned throughput for the table was exceeded. Consider "
    "increasing your provisioning level with the UpdateTable API."
)
OF_INDEX = (
    "The level of configured provisioned throughput for one or more global secondary indexes of "
    "the table was exceeded. Consider increasing your provisioning level for the under-provisioned "
    "global secondary indexes with the UpdateTable API"
)


@dataclass
class Bucket:
    """Capacity that is left.

    Attributes:
        units: how much; below zero it is owed.
        since: when that was so, in seconds since 1970: a restart does not empty or fill it.
    """

    units: float
    since: float = field(default_factory=time.time)

    def fill(self, rate: float) -> None:
        """Let it fill for the time that has passed, at a rate in units per second."""
        now = time.time()
        gained = max(0.0, now - self.since) * rate
        self.units = min(self.units + gained, rate * BURST_SECONDS)
        self.since = now


class Throttle:
    """The buckets of one table.

    Args:
        table: its provisioned capacity, its indexes and its tags.
    """

    def __init__(self, table: Any):
        self._table = table
        # Full at first. On AWS a new table has less; a page would teach chance.
        self._buckets: dict[tuple[str, str | None], Bucket] = {}

    @property
    def is_on(self) -> bool:
        """Whether this table is throttled."""
        table = self._table
        if table.billing_mode == "PAY_PER_REQUEST":
            return False
        return table.pace_name() == "aws" or SWITCH in table.tags

    def check(self, kind: str, index: str | None = None, reserved: float = 0.0) -> None:
        """Let a call in.

        Args:
            kind: "Read" or "Write".
            index: a global secondary index; None for the table.
            reserved: units that other parts of the same request will take.

        Raises:
            DynamoDBError: ProvisionedThroughputExceededException.
        """
        if self.is_on and self._bucket(kind, index).units - reserved < 1:
            raise self._exceeded(kind, index)

    def take(self, kind: str, units: float, index: str | None = None) -> None:
        """Note what a call consumed; `kind` and `index` as above."""
        if self.is_on:
            self._bucket(kind, index).units -= units

    def _bucket(self, kind: str, index: str | None) -> Bucket:
        record = self._table if index is None else self._table.index_named(index)
        rate = float(record.throughput[f"{kind}CapacityUnits"])
        bucket = self._buckets.setdefault((kind, index), Bucket(rate * BURST_SECONDS))
        bucket.fill(rate)
        return bucket

    def _exceeded(self, kind: str, index: str | None) -> DynamoDBError:
        arn = self._table.table_arn
        what, message = ("Table", OF_TABLE) if index is None else ("Index", OF_INDEX)
        reason = {
            "reason": f"{what}{kind}ProvisionedThroughputExceeded",
            "resource": arn if index is None else f"{arn}/index/{index}",
        }
        return DynamoDBError(
            "ProvisionedThroughputExceededException", message, ThrottlingReasons=[reason]
        )


class Charge(NamedTuple):
    """What an operation takes from a table, or from one of its global secondary indexes."""

    table: Any
    kind: str
    units: float
    index_name: str | None = None


class Admission:
    """Lets the parts of one request in, in order, before any of them is done.

    Each part that is let in leaves less for those after it. Nothing is taken from the tables: that
    follows when the parts are done.
    """

    def __init__(self) -> None:
        self._reserved: dict[tuple[int, str, str | None], float] = defaultdict(float)

    def admit(self, charges: Iterable[Charge]) -> None:
        """Let one part in with all that it takes, or with nothing.

        Raises:
            DynamoDBError: ProvisionedThroughputExceededException.
        """
        taken = [charge for charge in charges if charge.table.throttle.is_on]
        for table, kind, _, index in taken:
            table.throttle.check(kind, index, self._reserved[id(table), kind, index])
        for table, kind, units, index in taken:
            self._reserved[id(table), kind, index] += units
