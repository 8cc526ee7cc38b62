"""What takes longer says what it is doing, from its first moment; a stored page has none of it."""

from typing import Any

import boto3
import nbformat
import pytest
from nbclient import NotebookClient

import helpers
from helpers import course, pages, session, working
from helpers.working import Working, watch
from tests.notebooks.record import WIDGET, tidy


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was said, and "call" for each call of AWS, in order."""
    happened: list[str] = []
    say = Working.say

    def said(self: Working, what: str) -> None:
        happened.append(what)
        say(self, what)

    monkeypatch.setattr(Working, "say", said)
    return happened


def _listen(order: list[str]) -> Any:
    def note(**_: Any) -> None:
        order.append("call")

    boto3.DEFAULT_SESSION.events.register("before-send", note)  # type: ignore[union-attr]
    return note


def test_a_catch_up_says_what_it_looks_at_and_does_before_it_does_it(sandbox, order) -> None:
    _listen(order)
    helpers.catch_up("2.3")
    assert order[0] == "Looking at what is there"
    assert order[1].startswith("Looking at 2.1")
    assert order[2] == "call"
    steps = [what for what in order if ": " in what]
    assert any(step.startswith("2.1") for step in steps)
    assert any(step.startswith("2.2") for step in steps)
    assert order[-1] == "Ready for page 2.3"


def test_progress_says_which_page_it_looks_at(sandbox, order) -> None:
    _listen(order)
    helpers.course_progress()
    assert order[0] == "Looking at the account"
    assert "Looking at the account: page 3.15" in order
    assert order[-1] == f"Looked at {len([p for p in pages.pages() if course.has_checks(p)])} pages"


@pytest.mark.own_process
def test_a_start_of_the_sandbox_is_said(start_sandbox, order) -> None:
    start_sandbox()
    assert order == ["Starting the sandbox"]
    order.clear()
    session.connect()  # it runs: there is nothing to wait for
    assert order == []


def test_a_long_load_says_how_far_it_is(order, monkeypatch) -> None:
    monkeypatch.setattr(working, "EVERY", -1)
    watch(iter(range(3)), 3, "batches written")
    assert order == [f"{number} of 3 batches written" for number in (0, 1, 2, 3)]


def test_outside_a_notebook_it_prints_nothing_into_a_file(capsys) -> None:
    with Working("one") as line:
        line.say("two")
    assert capsys.readouterr() == ("", "")


def test_in_a_notebook_it_is_shown_and_not_stored() -> None:
    code = "from helpers.working import Working\nwith Working('one') as w: w.say('<two>')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(notebook, timeout=120).execute()
    (shown,) = notebook.cells[0].outputs
    assert list(shown.data) == [WIDGET]
    states = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    assert any("✓ &lt;two&gt; (" in str(each["state"].get("value")) for each in states.values())
    tidy(notebook)
    assert notebook.cells[0].outputs == []
