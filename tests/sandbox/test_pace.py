"""How long things take: at each pace, the states of AWS in their order."""

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
