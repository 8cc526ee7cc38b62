"""Work on real servers begins once the call that asks for it is on disk, and not before.

A cluster whose deletion was never acknowledged must not have lost its data.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Self

Work = tuple[Executor, Callable[[], None], Future]


class CallFailed(Exception):
    """The call that asked for some work has failed, so the work was never begun."""


class Deferred:
    """Hands work to workers: at once, or, while a call is being answered, after it.

    Use it as a context manager around the answering of a call. At its end the work is handed
    over. Where the call fails, its work is given up, and its future raises `CallFailed`.
    """

    def __init__(self) -> None:
        self._caller: int | None = None
        self._waiting: list[Work] = []
        self._due = 0  # So many of them are due whatever becomes of the call.

    def __enter__(self) -> Self:
        self.hold()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.release()
        else:
            self._caller = None
            self.give_up()  # What is due waits for the next call that ends up on disk.

    def hold(self) -> None:
        """Keep back what this thread submits from now on."""
        self._caller = threading.get_ident()

    def release(self) -> None:
        """The call is on disk: hand over what waits, in the order in which it was submitted."""
        self._caller = None
        waiting, self._waiting, self._due = self._waiting, [], 0
        while waiting:
            worker, work, future = waiting[0]
            try:
                worker.submit(_run, work, future)
            except RuntimeError:  # The worker has been shut down.
                _fail(waiting)
                raise
            waiting.pop(0)

    def keep(self) -> None:
        """Make what waits so far due: it is the work of earlier calls, which have succeeded."""
        self._due = len(self._waiting)

    def give_up(self) -> None:
        """Forget what the call has submitted since `keep`: the call has failed."""
        given_up = self._waiting[self._due :]
        del self._waiting[self._due :]
        _fail(given_up)

    def submit(self, worker: Executor, work: Callable[[], None]) -> Future:
        """Have a worker do something; the future tells when it is done, and how it went."""
        if threading.get_ident() != self._caller:
            return worker.submit(work)
        future: Future = Future()
        self._waiting.append((worker, work, future))
        return future


def _fail(waiting: list[Work]) -> None:
    for _, _, future in waiting:
        if future.set_running_or_notify_cancel():
            future.set_exception(CallFailed("the call that asked for it has failed"))


def _run(work: Callable[[], None], future: Future) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:
        future.set_exception(error)
        raise
    future.set_result(None)
