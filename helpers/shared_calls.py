"""Ask AWS each question once while the helpers look at the whole account.

A check makes the clients that it needs, and asks what other checks have asked a moment ago. To
make a client takes 10 to 20 ms, to describe a network nine calls.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any, TypeVar

import boto3
from botocore.exceptions import BotoCoreError

LOOKS = ("Describe", "List", "Get", "BatchGet", "Query", "Scan")
T = TypeVar("T")
PATIENCE = 60.0  # seconds that one thread waits for another's answer

_lock = threading.RLock()
_sharing: _Shared | None = None


@contextmanager
def asked_once() -> Iterator[None]:
    """While this lasts, plain `boto3.client(...)` gives shared clients that remember answers.

    For a look at what is there: a call that only looks is sent once, and answered from memory
    when it is made again. All threads of this process share it. Within another one it does
    nothing.
    """
    global _sharing
    with _lock:
        outermost = _sharing is None
        if outermost:
            if boto3.DEFAULT_SESSION is None:
                boto3.setup_default_session()
            _sharing = _Shared(boto3.DEFAULT_SESSION)
    try:
        yield
    finally:
        if outermost:
            with _lock:
                assert _sharing is not None
                _sharing.end()
                _sharing = None


@contextmanager
def shared(open_it: Callable[..., AbstractContextManager[T]], *words: Any) -> Iterator[T]:
    """Open something, such as a tunnel; while `asked_once` lasts, once for all who want the same.

    Args:
        open_it: gives a context manager; it is left when `asked_once` ends.
        words: the arguments of `open_it`.
    """
    sharing = _sharing
    if sharing is not None:
        yield sharing.opened(open_it, words)
    else:
        with open_it(*words) as opened:
            yield opened


class _Shared:
    """The clients of a session, and what they were answered."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._make_client, self._make_resource = session.client, session.resource
        self._made: dict[Any, Any] = {}
        self._answers: dict[Any, Future[Any]] = {}
        self._opened: dict[Any, Future[Any]] = {}
        self._closing = ExitStack()
        session.client, session.resource = self._client, self._resource

    def end(self) -> None:
        """Have the session make its clients by itself again, and close what was opened."""
        del self._session.client, self._session.resource
        self._closing.close()

    def opened(self, open_it: Callable[..., AbstractContextManager[T]], words: Any) -> T:
        """What the first caller opens; others wait for it, and share its fault too."""
        key = (open_it, words)
        with _lock:
            first = key not in self._opened
            future = self._opened.setdefault(key, Future())
        if first:
            try:
                future.set_result(self._closing.enter_context(open_it(*words)))
            except BaseException as error:
                future.set_exception(error)
                raise
        return future.result()

    def _client(self, *words: Any, **options: Any) -> Any:
        return self._shared(self._new_client, words, options)

    def _resource(self, *words: Any, **options: Any) -> Any:
        # Clients may be used by several threads at once, resources may not:
        # https://boto3.amazonaws.com/v1/documentation/api/latest/guide/resources.html
        return self._shared(self._make_resource, words, options, threading.get_ident())

    def _shared(self, make: Any, words: Any, options: Any, owner: int = 0) -> Any:
        key = (make, repr(words), repr(options), owner)
        with _lock:
            if key not in self._made:
                self._made[key] = make(*words, **options)
            return self._made[key]

    def _new_client(self, *words: Any, **options: Any) -> Any:
        client = self._make_client(*words, **options)
        client.meta.events.register("before-call", self._before)
        client.meta.events.register("after-call", self._after)
        client.meta.events.register("after-call-error", self._failed)
        return client

    def _before(self, model: Any, params: Any, context: Any, **_: Any) -> Any:
        """Answer from memory: botocore sends nothing where this returns an answer."""
        if not model.name.startswith(LOOKS):
            self._answers.clear()
            return None
        key = repr((model.service_model.service_id, model.name, params["url"], params["body"]))
        context["asked_once"] = key
        with _lock:
            answer = self._answers.get(key)
            if answer is None:
                self._answers[key] = Future()
                return None
        try:
            http_response, parsed = answer.result(PATIENCE)
        except (BotoCoreError, TimeoutError):
            return None  # the other thread did not get through: ask for oneself
        return http_response, copy.deepcopy(parsed)

    def _after(self, http_response: Any, parsed: Any, context: Any, **_: Any) -> None:
        answer = self._answers.get(context.get("asked_once"))
        if answer is not None and not answer.done():
            answer.set_result((http_response, copy.deepcopy(parsed)))

    def _failed(self, exception: Exception, context: Any, **_: Any) -> None:
        answer = self._answers.pop(context.get("asked_once"), None)
        if answer is not None and not answer.done():
            answer.set_exception(exception)
