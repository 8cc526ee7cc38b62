"""What happened to clusters, instances and snapshots, in AWS's words.

https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from moto.core.utils import utcnow
from moto.rds.exceptions import InvalidParameterCombination
from moto.rds.models import RDSBackend

from sandbox.digits import whole_number

KEPT = timedelta(days=14)
SHOWN = 60  # minutes, unless the call says otherwise

SOURCES = {
    "DBCluster": "db-cluster",
    "DBClusterSnapshot": "db-cluster-snapshot",
    "DBInstance": "db-instance",
}

# Category and message, when a passing state begins and when it is over.
BEGUN = {
    ("DBClusterSnapshot", "creating"): ("backup", "Creating manual cluster snapshot"),
    ("DBInstance", "rebooting"): ("availability", "DB instance shutdown"),
}
OVER = {
    ("DBCluster", "creating"): ("creation", "DB cluster created"),
    ("DBCluster", "deleting"): ("deletion", "DB cluster deleted"),
    ("DBCluster", "resetting-master-credentials"): (
        "configuration change",
        "Reset master credentials",
    ),
    ("DBCluster", "starting"): ("notification", "DB cluster started"),
    ("DBCluster", "stopping"): ("notification", "DB cluster stopped"),
    ("DBClusterSnapshot", "creating"): ("backup", "Manual cluster snapshot created"),
    ("DBInstance", "creating"): ("creation", "DB instance created"),
    ("DBInstance", "deleting"): ("deletion", "DB instance deleted"),
    ("DBInstance", "rebooting"): ("availability", "DB instance restarted"),
    ("DBInstance", "starting"): ("notification", "DB instance started"),
    ("DBInstance", "stopping"): ("notification", "DB instance stopped"),
}
# What is said, with the reason, when the work behind a passing state has failed.
FAILED = {
    "DBCluster": "The DB cluster could not do what was asked",
    "DBClusterSnapshot": "The DB cluster snapshot failed",
    "DBInstance": "The DB instance has failed",
}
# The category, by the status that it leads to.
CATEGORY = {"failed": "failure", "storage-full": "low storage"}


@dataclass(frozen=True)
class Happened:
    """One event, with the names that moto's answers look for."""

    source_identifier: str
    source_type: str
    source_arn: str
    event_categories: list[str]
    message: str
    date: datetime = field(default_factory=utcnow)


class Events(RDSBackend):
    """Keeps what happened, and tells it."""

    events: list[Any]  # moto's own and those of this module

    def note(self, kind: str, model: Any, said: tuple[str, str] | None) -> None:
        """Keep an event, given as category and message, of a cluster, an instance, a snapshot."""
        if said is not None:
            category, message = said
            self.events.append(
                Happened(model.resource_id, SOURCES[kind], model.arn, [category], message)
            )
            self.events = [event for event in self.events if event.date > utcnow() - KEPT]

    def describe_events(
        self,
        source_identifier: str | None = None,
        source_type: str | None = None,
        start_time: datetime | str | None = None,
        end_time: datetime | str | None = None,
        duration: int | None = None,
        event_categories: list[str] | None = None,
        **_: Any,
    ) -> list[Any]:
        """The events of the last hour, or of the time asked for; the oldest first.

        https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeEvents.html
        """
        if source_identifier is not None and source_type is None:
            raise InvalidParameterCombination(
                "Cannot specify source identifier without source type"
            )
        end = _utc(end_time) or utcnow()
        start = _utc(start_time) or end - timedelta(minutes=whole_number(str(duration or SHOWN)))
        return [
            event
            for event in self.events
            if start <= event.date <= end
            and source_identifier in (None, event.source_identifier)
            and source_type in (None, event.source_type)
            and (not event_categories or set(event_categories) & set(event.event_categories))
        ]


def _utc(time: datetime | str | None) -> datetime | None:
    """Without a time zone, as moto keeps its times."""
    moment = datetime.fromisoformat(time) if isinstance(time, str) else time
    if moment is not None and moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment
