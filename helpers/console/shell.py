"""The console's frame: the bar, the message, one screen at a time, and the same in code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from typing import Any

import ipywidgets

from helpers.console import calls, look
from helpers.console.calls import Call
from helpers.console.words import FAILURES, in_words
from helpers.look import say

EVERY = 2.0  # seconds between two looks at something that is being created
MOST_CODE = 6000  # characters that are shown; the button copies all


class Screen(ipywidgets.VBox):
    """One screen. `path` is what the bar says; `enter` is called when it is shown."""

    path: Sequence[tuple[str, Callable[[], None] | None]] = ()

    def __repr__(self) -> str:
        """The same for every screen."""
        return "(a screen of the console: run the cell to see it)"

    def enter(self) -> None:
        """Fill it."""


class Code(ipywidgets.HTML):
    """The last action, or the one that is being filled in, as boto3 code and as an AWS CLI line.

    Attributes:
        title: what it does.
        python: a complete program.
        cli: lines for a terminal.
    """

    title = python = cli = ""

    def show(self, title: str, *shown: Call) -> None:
        """Show these calls."""
        self.title, self.python, self.cli = title, calls.python(*shown), calls.cli(*shown)
        self.value = look.code(title, {"boto3": self.python, "AWS CLI": self.cli}, MOST_CODE)


class Shell(ipywidgets.VBox):
    """The frame.

    Args:
        client: a boto3 DynamoDB client.

    Attributes:
        screen: the screen that is shown.
        message: what is said above it, as HTML.
        code: the panel below it.
    """

    def __init__(self, client: Any) -> None:
        self.client = client
        self.screen = Screen()
        self.bar = ipywidgets.HBox(
            layout={"padding": "6px 12px", "align_items": "center", "flex_flow": "row wrap"}
        )
        self.bar.add_class("course-bar")
        self.message = ipywidgets.HTML(layout={"margin": "6px 12px 0"})
        self.code = Code(layout={"margin": "0"})
        self._watcher: asyncio.Task[None] | None = None
        super().__init__(layout={"margin": "0 0 1em"})
        self.add_class("course-form")
        self.add_class("course-console")

    def __repr__(self) -> str:
        """The same for every console, because notebooks keep it."""
        return "(the DynamoDB console: run the cell to see it)"

    def show(self, screen: Screen, keep_message: bool = False) -> None:
        """Go to a screen."""
        self.stop_watching()
        self.screen = screen
        if not keep_message:
            self.message.value = ""
        self.bar.children = [self._crumb(*each) for each in [("DynamoDB", None), *screen.path]]
        style = ipywidgets.HTML(look.STYLE, layout={"display": "none"})
        screen.layout.padding = "8px 12px 12px"
        self.children = [style, self.bar, self.message, screen, self.code]
        screen.enter()

    def say(self, text: str, kind: str = "good", *more: str) -> None:
        """Say something above the screen."""
        self.message.value = say(text, kind, *more)

    def fail(self, error: Exception) -> None:
        """Say what went wrong: AWS's message, and what it means."""
        message, meaning = in_words(error)
        self.say(message, "bad", *([meaning] if meaning else []))

    def make(self, title: str, *shown: Call) -> dict[str, Any] | None:
        """Make the calls, one after the other, and show them in code.

        Returns:
            The last answer; None where one failed, and the message says why.
        """
        self.code.show(title, *shown)
        answer: dict[str, Any] = {}
        with self._busy():
            try:
                for call in shown:
                    answer = call.send(self.client)
            except FAILURES as error:
                self.fail(error)
                return None
        return answer

    def look_up(self, call: Call) -> dict[str, Any] | None:
        """Make a call that is no action of the student; it is not shown in code."""
        try:
            return call.send(self.client)
        except FAILURES as error:
            self.fail(error)
            return None

    def preview(self, title: str, make: Callable[[], Call | Sequence[Call]]) -> None:
        """Show what the button would do; as long as the fields make no call, what was shown."""
        try:
            made = make()
        except FAILURES:
            return
        self.code.show(title, *([made] if isinstance(made, Call) else made))

    def watch(self, still: Callable[[], bool]) -> None:
        """Call that every two seconds until it says no, or until another screen is shown.

        Without an event loop, which a notebook's kernel has, nothing is watched: there is Refresh.
        """
        self.stop_watching()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._watcher = loop.create_task(_again(still))

    def stop_watching(self) -> None:
        """End `watch`."""
        if self._watcher is not None:
            self._watcher.cancel()
        self._watcher = None

    def _crumb(self, name: str, go: Callable[[], None] | None) -> ipywidgets.Widget:
        if go is None:
            return ipywidgets.HTML(f'<span class="course-crumb">{escape(name)}</span>')
        button = ipywidgets.Button(description=name, tooltip=f"Go to {name}")
        button.layout.width = "auto"
        button.add_class("course-link")
        button.on_click(lambda _: go())
        return button

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """All buttons of the screen are off while AWS is asked."""
        buttons = [b for b in _buttons(self.screen) if not b.disabled]
        for button in buttons:
            button.disabled = True
        try:
            yield
        finally:
            for button in buttons:
                button.disabled = False


def on_click(shell: Shell, screen: Screen, button: ipywidgets.Button, do: Callable) -> None:
    """Call `do()` at a click; a second click that was on its way when the screen went does not."""

    def clicked(_: Any) -> None:
        if shell.screen is screen:
            do()

    button.on_click(clicked)


async def _again(still: Callable[[], bool]) -> None:
    going = True
    while going:
        await asyncio.sleep(EVERY)
        going = still()


def _buttons(widget: ipywidgets.Widget) -> Iterator[ipywidgets.Button]:
    if isinstance(widget, ipywidgets.Button):
        yield widget
    for child in getattr(widget, "children", ()):
        yield from _buttons(child)
