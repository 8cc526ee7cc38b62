"""A waiter you can watch: it asks AWS for a resource's state until it is the one you want."""

from __future__ import annotations

import html
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError
from IPython import get_ipython
from IPython.display import display

from helpers.errors import CourseError
from helpers.tables import MISSING, look_up

GONE = "gone"
GOING = frozenset({"deleting", "deleted", "shutting-down", "terminated", "DELETING"})
# States that RDS, EC2 and DynamoDB do not leave by themselves.
FAILED = frozenset(
    {
        "failed",
        "incompatible-network",
        "incompatible-parameters",
        "incompatible-restore",
        "insufficient-capacity",
        "inaccessible-encryption-credentials",
        "restore-error",
        "storage-full",
        "INACCESSIBLE_ENCRYPTION_CREDENTIALS",
        "ARCHIVED",
    }
)


class StillWaiting(CourseError):
    """The time is over, or you stopped, and the wanted state has not come."""


class WentWrong(CourseError):
    """The resource is in a state from which the wanted one does not come."""


def wait_for(
    describe: Callable[..., Mapping[str, Any]],
    state: str,
    want: str,
    *,
    name: str | None = None,
    failed: Iterable[str] | None = None,
    every: float | None = None,
    timeout: float = 1800,
    **arguments: Any,
) -> None:
    """Call `describe` again and again until the state is `want`; then print one line.

        wait_for(rds.describe_db_clusters, "DBClusters.0.Status", "available",
                 DBClusterIdentifier="bookstore")

    prints "bookstore: available". In a notebook a line shows the states passed so far and the
    seconds; what is printed has no times in it.

    Args:
        describe: a boto3 method.
        state: the path of the state in its response, as in `helpers.tables.look_up`. When the
            path leads to several (no number after a list), all must be as wanted.
        want: the state to wait for, or "gone": AWS finds no such resource any more (or an EC2
            instance is terminated).
        name: what to call the resource; None takes the first identifier in the arguments.
        failed: the states to give up at; None takes those that RDS, EC2 and DynamoDB do not
            leave by themselves.
        every: seconds between two calls; None asks twice a second on this machine, and on AWS
            after 5 seconds, slowly growing to 15.
        timeout: seconds.
        arguments: the arguments of `describe`.

    Raises:
        WentWrong: a failed state came, or there is no such resource.
        StillWaiting: the timeout passed, or the kernel was interrupted.
        CourseError: the response has no such path.

    The waiting times are of the order of boto3's own waiters:
    https://boto3.amazonaws.com/v1/documentation/api/latest/guide/clients.html#waiters.
    """
    name = name or _name(arguments) or "it"
    give_up = _give_up_at(want) if failed is None else frozenset(failed)
    pause = every or (0.2 if _local() else 5.0)
    # AWS may not show a new resource for some seconds.
    patience = 0 if _local() else 30
    started = time.monotonic()
    view = _View(name, want)
    now = "not asked yet"
    try:
        while True:
            states = _states(describe, state, arguments)
            now = ", ".join(states) or GONE
            view.saw(now)
            elapsed = time.monotonic() - started
            if _reached(states, want):
                view.end("done")
                break
            if any(each in give_up for each in states) or (not states and elapsed >= patience):
                raise WentWrong(_went_wrong(name, now, want, describe, arguments))
            if elapsed >= timeout:
                raise StillWaiting(
                    f'{name} is "{now}" and not yet "{want}" after {timeout:g} seconds; AWS goes '
                    "on with it. Run this cell again to wait longer."
                )
            _sleep(min(pause, timeout - elapsed), view)
            if every is None and not _local():
                pause = min(pause * 1.2, 15.0)
    except KeyboardInterrupt:
        view.end("stopped")
        raise StillWaiting(
            f'You stopped waiting for {name}, which was "{now}"; AWS goes on with it. Run this '
            "cell again to watch it again."
        ) from None
    finally:
        view.end("failed")  # unless it has ended
    print(f"{name}: {want}")  # noqa: T201


def _states(
    describe: Callable[..., Mapping[str, Any]], path: str, arguments: Mapping[str, Any]
) -> list[str]:
    """The different states at the path, in order; none when AWS finds no such resource."""
    try:
        response = describe(**arguments)
    except ClientError as error:
        if _is_not_found(error):
            return []
        raise
    found = look_up(response, path)
    if found is MISSING or found == []:
        if _ends_at_an_empty_list(response, path):
            return []
        fields = ", ".join(key for key in response if key != "ResponseMetadata")
        raise CourseError(
            f'The response has nothing at "{path}" (it has {fields}). Look at it and correct the '
            f"path: {_call(describe, arguments)}"
        )
    return list(dict.fromkeys(map(str, found if isinstance(found, list) else [found])))


def _ends_at_an_empty_list(response: Mapping[str, Any], path: str) -> bool:
    """Whether the path stops at a list without that element, or one that AWS leaves out."""
    steps = path.split(".")
    for place, step in enumerate(steps):
        before = look_up(response, ".".join(steps[:place]))
        if isinstance(before, list) and (
            not before or (step.isdecimal() and int(step) >= len(before))
        ):
            return True
        if isinstance(before, Mapping) and step not in before:
            # The outermost field is always there, if only as an empty list.
            return place > 0 and place + 1 < len(steps) and steps[place + 1].isdecimal()
    return False


def _is_not_found(error: ClientError) -> bool:
    # DBClusterNotFoundFault, DBInstanceNotFound, ResourceNotFoundException,
    # InvalidInstanceID.NotFound, NoSuchEntity
    code = error.response["Error"]["Code"]
    for ending in ("Fault", "Exception"):
        code = code.removesuffix(ending)
    return code.endswith("NotFound") or code == "NoSuchEntity"


def _reached(states: list[str], want: str) -> bool:
    if want == GONE:
        return all(each == "terminated" for each in states)
    return states == [want]


def _give_up_at(want: str) -> frozenset[str]:
    going = frozenset() if want == GONE or want in GOING else GOING
    if want in ("running", "available"):
        going |= {"stopped"}  # and it stays so until somebody starts it
    return (FAILED | going) - {want}


def _went_wrong(
    name: str, now: str, want: str, describe: Callable[..., Any], arguments: Mapping[str, Any]
) -> str:
    seen = "was not found" if now == GONE else f'is "{now}"'
    return (
        f'{name} {seen}, so it will not become "{want}". See what AWS says of it: '
        f"{_call(describe, arguments)}"
    )


def _call(describe: Callable[..., Any], arguments: Mapping[str, Any]) -> str:
    """The call as one would type it."""
    client = getattr(getattr(describe, "__self__", None), "meta", None)
    service = f"{client.service_model.service_name}." if client else ""
    typed = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    return f"{service}{getattr(describe, '__name__', 'describe')}({typed})".replace("'", '"')


def _name(arguments: Mapping[str, Any]) -> str | None:
    """The first identifier among a call's arguments: "bookstore", or "i-0a1, i-0b2"."""
    for value in arguments.values():
        if isinstance(value, str):
            return value
        if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
            return ", ".join(value)
    return None


def _local() -> bool:
    """Whether AWS is a program on this machine, which may be asked more often."""
    host = urlsplit(os.environ.get("AWS_ENDPOINT_URL", "")).hostname
    return host in ("127.0.0.1", "localhost", "::1")


def _sleep(seconds: float, view: _View) -> None:
    """Sleep, while the seconds on the screen go on."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.5))
        view.draw()


class _View:
    """The line in a notebook: a moving bar, the states so far, the seconds. Elsewhere nothing.

    It is a widget because nbval compares what a cell displays and prints, and neither a
    widget's view nor its later changes.
    """

    def __init__(self, name: str, want: str) -> None:
        self.started = time.monotonic()
        self.seen: list[str] = []
        self.outcome = ""
        self.shown = False
        if getattr(get_ipython(), "kernel", None) is None:
            return
        import ipywidgets

        self.shown = True
        self.want = want
        # Two parts, because a new text would start the bar's movement again.
        self.mark = ipywidgets.HTML(_STYLE + '<div class="course-wait"><i></i></div>')
        self.text = ipywidgets.HTML()
        self.box = ipywidgets.HBox([self.mark, self.text])
        # In place of the widget's own text, which has its parts in it.
        bundle = {**self.box._repr_mimebundle_(), "text/plain": f"waiting for {name}: {want}"}
        display(bundle, raw=True)

    def saw(self, state: str) -> None:
        if not self.seen or self.seen[-1] != state:
            self.seen.append(state)
        self.draw()

    def end(self, outcome: str) -> None:
        """Stop the bar with "done", "failed" or "stopped"; only the first call counts."""
        if self.outcome:
            return
        self.outcome = outcome
        if self.shown:
            sign = {"done": "✓", "failed": "✗", "stopped": "■"}[outcome]
            self.mark.value = f'{_STYLE}<div class="course-wait course-{outcome}">{sign}</div>'
            self.draw()

    def draw(self) -> None:
        if not self.shown:
            return
        chips = [f"<span>{html.escape(each)}</span>" for each in self.seen]
        if not self.outcome:
            chips.append(f'<span class="course-want">{html.escape(self.want)}</span>')
        seconds = f"<small>{time.monotonic() - self.started:.0f} s</small>"
        states = f"{' → '.join(chips)} {seconds}"
        self.text.value = f'<div class="course-states" role="status">{states}</div>'


_STYLE = """<style>
.course-wait { width: 6em; height: 2em; display: flex; align-items: center; overflow: hidden;
  font-weight: bold; color: var(--jp-ui-font-color1, inherit); }
.course-wait i { display: block; width: 100%; height: 4px; border-radius: 2px;
  background: linear-gradient(90deg, transparent, var(--jp-brand-color1, #1976d2), transparent)
  0 0 / 50% 100% no-repeat, var(--jp-layout-color3, rgba(128, 128, 128, .3));
  animation: course-move 1.4s ease-in-out infinite alternate; }
@keyframes course-move { to { background-position: 100% 0, 0 0; } }
@media (prefers-reduced-motion: reduce) { .course-wait i { animation: none; } }
.course-done, .course-failed, .course-stopped { width: 1.5em; }
.course-done { color: var(--jp-success-color1, #2e7d32); }
.course-failed { color: var(--jp-error-color1, #d32f2f); }
.course-states { color: var(--jp-ui-font-color1, inherit); line-height: 2em; }
.course-states span { padding: 2px 8px; border-radius: 10px;
  background: var(--jp-layout-color2, rgba(128, 128, 128, .2)); }
.course-states .course-want { background: none;
  outline: 1px dashed var(--jp-border-color1, gray); opacity: .7; }
.course-states small { opacity: .7; margin-left: .5em; }
</style>"""
