"""How long things take: at each pace, the states of AWS in their order."""

import pickle
import threading
import time
from concurrent.futures import Future

import pytest

from sandbox import pace as pace_module
from sandbox.pace import Pace, Passage


def _begin(pace: Pace, work: Future | None = None) -> list[str]:
    shown: list[str] = []
    pace.begin(
        Passage("DBInstance", "one", ["creating", "backing-up"], "available", shown.append, work)
    )
    return shown


def _look(pace: Pace) -> None:
    pace.settle()
    pace.mark_seen("DBInstance", lambda name: name == "one")


def test_instant_shows_each_passing_state_to_exactly_one_look() -> None:
    pace = Pace("instant")
    shown, seen = _begin(pace), []
    for _ in range(4):
        _look(pace)
        seen.append(shown[-1])
    assert seen == ["creating", "backing-up", "available", "available"]


def test_instant_does_not_move_on_without_a_look() -> None:
    pace = Pace("instant")
    shown = _begin(pace)
    for _ in range(3):
        pace.settle()
    assert shown[-1] == "creating"


def test_a_look_at_another_resource_does_not_count() -> None:
    pace = Pace("instant")
    shown = _begin(pace)
    pace.mark_seen("DBInstance", lambda name: name == "other")
    pace.mark_seen("DBCluster", lambda name: name == "one")
    pace.settle()
    assert shown[-1] == "creating"


def test_traffic_does_not_wait_for_a_look() -> None:
    pace = Pace("instant")
    shown = _begin(pace)
    pace.hurry(["DBInstance"])
    assert shown[-1] == "available"


def test_lesson_takes_its_seconds_and_waits_for_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now[0])
    pace, work = Pace("lesson"), Future()
    shown: list[str] = []
    pace.begin(
        Passage("DBInstance", "one", ["creating"], "available", shown.append, work, since=100.0)
    )
    for now[0], expected in [(101.0, "creating"), (106.0, "creating")]:
        pace.settle()
        assert shown[-1] == expected
    work.set_result(None)
    pace.settle()
    assert shown[-1] == "available"


def test_aws_is_slower_than_a_lesson() -> None:
    assert all(aws > lesson > 0 for lesson, aws in pace_module.SECONDS.values())


def test_what_fails_behind_it_is_shown_as_failed() -> None:
    work: Future = Future()
    work.set_exception(RuntimeError("no disk"))
    pace = Pace("instant")
    shown = _begin(pace, work)
    pace.hurry(["DBInstance"])
    assert shown[-1] == "failed"


@pytest.mark.parametrize("name", ["instant", "lesson", "aws"])
def test_settle_never_waits_for_the_work(name, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now[0])
    pace, work = Pace(name), Future()
    shown: list[str] = []
    pace.begin(Passage("DBInstance", "one", ["creating"], "available", shown.append, work))
    monkeypatch.setattr(work, "exception", _no_wait(work.exception))
    for now[0] in (101.0, 10_000.0, 20_000.0):
        _look(pace)
        pace.hurry(["DBInstance"])
        assert shown[-1] == "creating"
    work.set_result(None)
    pace.settle()
    assert shown[-1] == "available"


def _no_wait(exception):
    def checked(timeout=None):
        assert timeout == 0, "it would wait with the account locked"
        return exception(timeout)

    return checked


def test_instant_waits_for_the_work_of_what_was_seen() -> None:
    pace, work = Pace("instant"), Future()
    shown: list[str] = []
    pace.begin(Passage("DBInstance", "one", ["creating"], "available", shown.append, work))
    pace.wait(["DBInstance"])  # Not seen yet: `creating` is to be shown first.
    _look(pace)
    begun = threading.Timer(0.2, work.set_result, [None])
    begun.start()
    pace.wait(["Instance", "Table"])  # Other kinds wait for nothing.
    assert not work.done()
    pace.wait(["DBInstance"])
    assert work.done()
    _look(pace)
    assert shown[-1] == "available"


def test_the_patience_with_one_piece_of_work_ends_once_for_all(monkeypatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr(pace_module, "wait_for_futures", lambda _, seconds: waited.append(seconds))
    now = [100.0]
    monkeypatch.setattr(pace_module.time, "monotonic", lambda: now[0])
    pace = Pace("instant")
    pace.begin(Passage("DBInstance", "one", ["creating"], "available", str, Future()))
    _look(pace)
    for now[0] in (100.0, 120.0, 1000.0):
        pace.wait(["DBInstance"])
    assert waited == [50.0, 30.0, -850.0]


def test_only_some_calls_wait_at_once() -> None:
    """The HTTP server has threads left for others."""
    pace, work = Pace("instant"), Future()
    pace.begin(Passage("DBInstance", "one", ["creating"], "available", str, work))
    _look(pace)
    waiting = [
        threading.Thread(target=pace.wait, args=[["DBInstance"]])
        for _ in range(pace_module.WAITING_CALLS)
    ]
    for thread in waiting:
        thread.start()
    while pace._waiting._value:
        time.sleep(0.01)
    pace.wait(["DBInstance"])  # One more does not wait.
    assert all(thread.is_alive() for thread in waiting)
    work.set_result(None)
    for thread in waiting:
        thread.join()


def test_a_failure_is_told_once_with_its_reason() -> None:
    pace, work = Pace("instant"), Future()
    told: list[BaseException] = []
    pace.begin(
        Passage("DBInstance", "one", ["creating"], "available", str, work, failed=told.append)
    )
    work.set_exception(RuntimeError("no disk"))
    for _ in range(3):
        _look(pace)
    assert [str(error) for error in told] == ["no disk"]
    assert pace.passage("DBInstance", "one") is None


def test_cancelled_work_counts_as_failed() -> None:
    pace, work = Pace("instant"), Future()
    shown = _begin(pace, work)
    work.cancel()
    pace.hurry(["DBInstance"])
    assert shown[-1] == "failed"


def test_the_work_and_the_patience_are_not_kept() -> None:
    passage = Passage("DBInstance", "one", ["creating"], "available", str, Future(), deadline=1.0)
    kept = pickle.loads(pickle.dumps(passage))
    assert (kept.work, kept.deadline, kept.passing) == (None, None, ["creating"])
