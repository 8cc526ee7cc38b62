"""How long things take: a resource passes through AWS's states before it is available.

`lesson` takes seconds, `aws` about what AWS takes, `instant` no time at all: each passing state
is then shown by exactly one describe call, so that a test sees every state and waits for none.

No method but `wait` waits for the work behind a state. `wait` is called without the account's
lock, so that a slow server keeps no other call waiting.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for_futures
from dataclasses import dataclass, field
from typing import Any, Literal

PaceName = Literal["instant", "lesson", "aws"]

# Seconds a state lasts at pace `lesson` and at pace `aws`.
SECONDS: dict[tuple[str, str], tuple[float, float]] = {
    ("Instance", "pending"): (3, 20),
    ("Instance", "stopping"): (2, 40),
    ("Instance", "shutting-down"): (2, 40),
    ("DBCluster", "creating"): (3, 60),
    ("DBCluster", "backing-up"): (2, 90),
    ("DBCluster", "resetting-master-credentials"): (2, 60),
    ("DBCluster", "modifying"): (2, 60),
    ("DBCluster", "failing-over"): (3, 30),
    ("DBCluster", "stopping"): (3, 240),
    ("DBCluster", "starting"): (4, 300),
    ("DBCluster", "deleting"): (3, 120),
    ("DBInstance", "creating"): (5, 360),
    ("DBInstance", "modifying"): (3, 180),
    ("DBInstance", "configuring-enhanced-monitoring"): (1, 30),
    ("DBInstance", "rebooting"): (3, 30),
    ("DBInstance", "stopping"): (3, 240),
    ("DBInstance", "starting"): (4, 300),
    ("DBInstance", "deleting"): (3, 180),
    ("DBClusterSnapshot", "creating"): (2, 90),
    ("Table", "CREATING"): (3, 15),
    ("Table", "UPDATING"): (2, 30),
    ("Table", "DELETING"): (3, 15),
    ("Index", "CREATING"): (6, 300),
    ("Index", "DELETING"): (2, 60),
    ("TimeToLive", "ENABLING"): (2, 60),
    ("TimeToLive", "DISABLING"): (2, 60),
    ("Backup", "CREATING"): (2, 30),
    # How long an item stays after its time to live; AWS says within a few days.
    ("Item", "expired"): (5, 600),
}

# The kinds behind which database servers work.
DATABASES = ("DBCluster", "DBInstance", "DBClusterSnapshot")

# At pace `instant`, seconds that a call waits for work before it answers with the passing state.
# Less than the 60 s after which boto3 gives up.
PATIENCE = 50.0
# So many calls may wait at once. The HTTP server has more threads: the rest serve other calls.
WAITING_CALLS = 8


def picklable(function: Any) -> Any:
    """Mark a function or method as one that an account's pickle may hold and have called."""
    function.is_picklable = True
    return function


def is_picklable(function: Any) -> bool:
    """Whether a function is marked so."""
    return getattr(function, "is_picklable", False) is True


@picklable
def set_status(model: Any, status: str) -> None:
    """Set a model's `status`: what most passages show."""
    model.status = status


@dataclass
class Passage:
    """One resource on its way through passing states to a lasting one.

    Attributes:
        kind: such as "Instance", "DBCluster", "DBInstance", "Table" or "Index".
        name: its id.
        passing: the states still to come, the present one first; empty when it has arrived.
        lasting: the state it ends in.
        show: tells moto's model the state to show. Like `arrived` and `failed` it is a function or
            a method that is marked `picklable`, or a `partial` of one.
        work: what must be done behind the state before it may end (a server that starts). The
            resource stays in its last passing state until it is done.
        arrived: called once, at the end.
        failed: called instead, with the exception, when the work has failed; it shows the state.
            Without it the state is `failed`.
        deadline: until when calls wait for the work; None until the first call waits.
    """

    kind: str
    name: str
    passing: list[str]
    lasting: str
    show: Callable[[str], None]
    work: Future | None = None
    arrived: Callable[[], None] | None = None
    since: float = field(default_factory=time.monotonic)
    seen: bool = False
    failed: Callable[[BaseException], None] | None = None
    deadline: float | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the work: recovery submits it again. The clock starts with a process."""
        elapsed = time.monotonic() - self.since
        return {**vars(self), "work": None, "since": elapsed, "deadline": None}

    @property
    def state(self) -> str:
        """The state to show now."""
        return self.passing[0] if self.passing else self.lasting

    @property
    def is_working(self) -> bool:
        """Whether the work behind the state is still under way."""
        return self.work is not None and not self.work.done()

    @property
    def is_due(self) -> bool:
        """Whether the last passing state has been seen, so that only the work is missing."""
        return self.seen and len(self.passing) == 1


class Pace:
    """Keeps all passages of the account, and moves them on.

    Attributes:
        moved: whether anything has changed since this was last set to False.
    """

    def __init__(self, name: PaceName = "lesson"):
        self.name = name
        self.moved = False
        self._passages: dict[tuple[str, str], Passage] = {}
        self._waiting = threading.BoundedSemaphore(WAITING_CALLS)

    def passages(self) -> tuple[float, list[Passage]]:
        """What is on its way, with the time of day: to be pickled."""
        return time.time(), list(self._passages.values())

    def resume(self, passages: tuple[float, list[Passage]]) -> None:
        """Go on with what was on its way; the time in between counts, as on AWS."""
        then, on_their_way = passages
        between = max(0.0, time.time() - then)  # the clock may have been set back
        for passage in on_their_way:
            passage.since = time.monotonic() - passage.since - between
            self._passages[passage.kind, passage.name] = passage

    def passage(self, kind: str, name: str) -> Passage | None:
        """What a resource is going through, if anything."""
        return self._passages.get((kind, name))

    def begin(self, passage: Passage) -> None:
        """Start a passage; one that the same resource was on before is given up."""
        self._passages[passage.kind, passage.name] = passage
        passage.show(passage.state)
        self.moved = True

    def settle(self) -> None:
        """Move everything on to where it is by now. To be called before each request."""
        for passage in list(self._passages.values()):
            while len(passage.passing) > 1 and self._may_leave(passage):
                passage.passing.pop(0)
                self.moved = True
                passage.since, passage.seen = time.monotonic(), False
            if self._may_leave(passage) and not passage.is_working:
                self._arrive(passage)
            else:
                passage.show(passage.state)

    def mark_seen(self, kind: str, shown: Callable[[str], bool]) -> None:
        """Note which passing states a describe call has shown; `shown(name)` tells."""
        for passage in self._passages.values():
            if passage.kind == kind and not passage.seen and shown(passage.name):
                passage.seen = self.moved = True

    def hurry(self, kinds: Iterable[str], name: str | None = None) -> None:
        """At pace `instant`, end passages that nobody looked at: traffic waits for no look.

        One whose work is not done ends at a later call of `settle`.

        Args:
            kinds: of these resources.
            name: of this one only.
        """
        if self.name != "instant":
            return
        for passage in list(self._passages.values()):
            if passage.kind in kinds and name in (None, passage.name):
                del passage.passing[:-1]
                passage.seen = True
                if not passage.is_working:
                    self._arrive(passage)

    def wait(self, kinds: Iterable[str], patience: float = PATIENCE) -> None:
        """At pace `instant`, wait for the work that is all that a resource still needs.

        To be called without the account's lock, before `settle`. A caller waits no longer than
        `patience` seconds after the first that waited for the same work, and not at all when
        many wait already.

        Args:
            kinds: of these resources.
            patience: seconds.
        """
        if self.name != "instant":
            return
        awaited = [
            passage
            for passage in list(self._passages.values())
            if passage.kind in kinds and passage.is_due and passage.is_working
        ]
        if not awaited or not self._waiting.acquire(blocking=False):
            return
        try:
            for passage in awaited:
                if passage.deadline is None:
                    passage.deadline = time.monotonic() + patience
                if passage.work is not None:
                    wait_for_futures([passage.work], passage.deadline - time.monotonic())
        finally:
            self._waiting.release()

    def _may_leave(self, passage: Passage) -> bool:
        if self.name == "instant":
            return passage.seen
        if passage.state == passage.lasting:
            return True  # Nothing to be seen: it only waits for the work.
        lesson, aws = SECONDS.get((passage.kind, passage.state), (1, 30))
        wanted = lesson if self.name == "lesson" else aws
        return time.monotonic() - passage.since >= wanted

    def _arrive(self, passage: Passage) -> None:
        """End a passage; its work is done."""
        self.moved = True
        self._passages.pop((passage.kind, passage.name), None)
        error = _error_of(passage.work)
        if error is None:
            passage.passing.clear()
            passage.show(passage.lasting)
            if passage.arrived:
                passage.arrived()
        elif passage.failed:
            passage.failed(error)
        else:
            passage.show("failed")


def _error_of(work: Future | None) -> BaseException | None:
    if work is None:
        return None
    try:
        return work.exception(timeout=0)
    except CancelledError as error:
        return error
