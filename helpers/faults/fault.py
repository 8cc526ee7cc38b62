"""What a fault is, and what all of them need.

A fault has three steps. `remember` looks at what is there and changes nothing; its answer, which
goes into a JSON file, is given to the other two. `plant` and `repair` may be run again after they
were interrupted, and `repair` keeps what the student has put right already.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.errors import CourseError
from helpers.existing import COURSE, find

Memory = dict[str, Any]


@dataclass(frozen=True)
class Fault(ABC):
    """Something to break.

    Attributes:
        story: what is seen of it, and nothing of its cause.
    """

    story: str

    def works_here(self) -> bool:
        """Whether it can be planted on this machine."""
        return True

    @abstractmethod
    def remember(self) -> Memory:
        """What must be known to undo it."""

    @abstractmethod
    def plant(self, memory: Memory) -> None:
        """Break it."""

    @abstractmethod
    def repair(self, memory: Memory) -> None:
        """Undo it."""


def our_cluster() -> dict[str, Any] | None:
    """The course's cluster; None if there is none, or if it has not the course's tag."""
    for cluster in boto3.client("rds").describe_db_clusters()["DBClusters"]:
        if cluster["DBClusterIdentifier"] == "bookstore" and COURSE in cluster["TagList"]:
            return cluster
    return None


def must_find_cluster() -> dict[str, Any]:
    """The course's cluster.

    Raises:
        CourseError: there is none.
    """
    cluster = our_cluster()
    if cluster is None:
        raise CourseError(
            "There is no DB cluster bookstore with the course's tag. Build what this page needs: "
            'catch_up("1.8")'
        )
    return cluster


def must_find(kind: str, name: str) -> str:
    """The id of a resource of the course, as `find` knows it.

    Raises:
        CourseError: there is none.
    """
    found = find(kind, name)
    if found is None:
        raise CourseError(
            f"There is no {kind} {name} with the course's tag. Build what this page needs: "
            'catch_up("1.8")'
        )
    return found


@contextmanager
def passing(*codes: str) -> Iterator[None]:
    """Go on after these errors of AWS: what was to be done is done, or has no object any more."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
