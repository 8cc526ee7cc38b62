"""Ask AWS each question once while the helpers look at the whole account.

A check makes the clients that it needs, and asks what other checks have asked a moment ago. To
make a client takes 10 to 20 ms, to describe a network nine calls.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

LOOKS = ("Describe", "List", "Get", "BatchGet", "Query", "Scan")
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


class _Shared:
    """The clients of a session, and what they were answered."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._make_client, self._make_resource = session.client, session.resource
        self._made: dict[Any, Any] = {}
        self._answers: dict[Any, Future[Any]] = {}
        session.client, session.resource = self._client, self._resource

    def end(self) -> None:
        """Have the session make its clients by itself again."""
        del self._session.client, self._session.resource

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
