"""Work on real servers begins once the call that asks for it is on disk, and not before.

A cluster whose deletion was never acknowledged must not have lost its data.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future


class Deferred:
    """Hands work to workers: at once, or while a call is being answered, after it."""

    def __init__(self) -> None:
        self._caller: int | None = None
        self._waiting: list[tuple[Executor, Callable[[], None], Future]] = []

    def hold(self) -> None:
        """Keep back what this thread submits from now on."""
        self._caller = threading.get_ident()

    def release(self) -> None:
        """The call is on disk: hand over what waits, in the order in which it was submitted."""
        self._caller = None
        waiting, self._waiting = self._waiting, []
        for worker, work, future in waiting:
            worker.submit(_run, work, future)

    def submit(self, worker: Executor, work: Callable[[], None]) -> Future:
        """Have a worker do something; the future tells when it is done, and how it went."""
        if threading.get_ident() != self._caller:
            return worker.submit(work)
        future: Future = Future()
        self._waiting.append((worker, work, future))
        return future


def _run(work: Callable[[], None], future: Future) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        work()
    except BaseException as error:
        future.set_exception(error)
        raise
    future.set_result(None)
