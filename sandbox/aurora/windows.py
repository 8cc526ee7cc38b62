"""The two windows that RDS works in: of the day for backups, of the week for maintenance.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBCluster.html
"""

import re

from moto.rds.exceptions import InvalidParameterValue

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
TIME = r"([01][0-9]|2[0-3]):([0-5][0-9])"
BACKUP = re.compile(f"{TIME}-{TIME}")
MAINTENANCE = re.compile(rf"({'|'.join(DAYS)}):{TIME}-({'|'.join(DAYS)}):{TIME}")
SHORTEST = 30  # minutes
DAY, WEEK = 24 * 60, 7 * 24 * 60


def check_windows(backup: str | None, maintenance: str | None) -> None:
    """Let two windows pass, either of which may be unknown.

    Raises:
        InvalidParameterValue: one is misspelt, too short or too long, or they overlap.
    """
    daily = _backup(backup) if backup else None
    weekly = _maintenance(maintenance) if maintenance else None
    if daily is None or weekly is None:
        return
    (start, length), (begin, duration) = daily, weekly
    for day in range(7):
        apart = (start + day * DAY - begin) % WEEK
        if apart < duration or WEEK - apart < length:
            raise InvalidParameterValue(
                "The backup window and maintenance window must not overlap."
            )


def _backup(window: str) -> tuple[int, int]:
    """When it begins, in minutes of the day, and how long it is."""
    match = BACKUP.fullmatch(window)
    if match is None:
        raise InvalidParameterValue(
            f"Invalid backup window format: {window}. Should be specified as a range "
            "hh24:mi-hh24:mi (24H Clock UTC). Example: 04:00-04:30"
        )
    hour, minute, end_hour, end_minute = map(int, match.groups())
    start = hour * 60 + minute
    length = (end_hour * 60 + end_minute - start) % DAY
    if length < SHORTEST:
        raise InvalidParameterValue(f"The backup window must be at least {SHORTEST} minutes.")
    return start, length


def _maintenance(window: str) -> tuple[int, int]:
    """When it begins, in minutes of the week, and how long it is."""
    match = MAINTENANCE.fullmatch(window)
    if match is None:
        raise InvalidParameterValue(
            f"Invalid maintenance window format: {window}. Should be specified as a range "
            "ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC). Example: Sun:23:45-Mon:00:15"
        )
    day, hour, minute, end_day, end_hour, end_minute = match.groups()
    start = DAYS.index(day) * DAY + int(hour) * 60 + int(minute)
    end = DAYS.index(end_day) * DAY + int(end_hour) * 60 + int(end_minute)
    length = (end - start) % WEEK
    if length < SHORTEST:
        raise InvalidParameterValue("The maintenance window must be at least 30 minutes.")
    if length > DAY:
        raise InvalidParameterValue("Maintenance window must be less than 24 hours.")
    return start, length
