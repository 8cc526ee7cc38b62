"""Work that waits for the call that asks for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.deferred import CallFailed, Deferred


def test_nothing_begins_before_the_call_is_on_disk() -> None:
    deferred, done = Deferred(), []
    with ThreadPoolExecutor(1) as worker:
        deferred.hold()
        futures = [deferred.submit(worker, lambda n=n: done.append(n)) for n in range(3)]
        worker.submit(lambda: None).result()
        assert done == []
        assert not any(future.done() for future in futures)
        deferred.release()
        for future in futures:
            future.result(timeout=10)
    assert done == [0, 1, 2]


def test_what_others_submit_does_not_wait() -> None:
    deferred, done = Deferred(), []
    with ThreadPoolExecutor(1) as worker:
        deferred.hold()
        other = threading.Thread(
            target=lambda: deferred.submit(worker, lambda: done.append("other")).result(timeout=10)
        )
        other.start()
        other.join()
        assert done == ["other"]
        deferred.release()
        deferred.submit(worker, lambda: done.append("free")).result(timeout=10)


def test_a_failure_is_told() -> None:
    deferred = Deferred()

    def fail() -> None:
        raise ValueError("so")

    with ThreadPoolExecutor(1) as worker:
        deferred.hold()
        future = deferred.submit(worker, fail)
        deferred.release()
        with pytest.raises(ValueError, match="so"):
            future.result(timeout=10)


def test_what_a_failed_call_submitted_is_given_up_and_not_done_by_the_next() -> None:
    deferred, done = Deferred(), []
    with ThreadPoolExecutor(1) as worker:
        with pytest.raises(OSError, match="disk"), deferred:
            future = deferred.submit(worker, lambda: done.append("failed"))
            raise OSError("disk")
        with pytest.raises(CallFailed):
            future.result(timeout=10)
        # Nothing is held any more, and the next call does its own work alone.
        deferred.submit(worker, lambda: done.append("free")).result(timeout=10)
        with deferred:
            future = deferred.submit(worker, lambda: done.append("next"))
        future.result(timeout=10)
    assert done == ["free", "next"]


def test_what_was_due_before_the_call_outlives_its_failure() -> None:
    deferred, done = Deferred(), []
    with ThreadPoolExecutor(1) as worker:
        with deferred:
            due = deferred.submit(worker, lambda: done.append("due"))
            deferred.keep()
            own = deferred.submit(worker, lambda: done.append("own"))
            deferred.give_up()
        due.result(timeout=10)
        with pytest.raises(CallFailed):
            own.result(timeout=10)

        with pytest.raises(OSError, match="disk"), deferred:
            later = deferred.submit(worker, lambda: done.append("later"))
            deferred.keep()
            raise OSError("disk")
        assert not later.done()
        with deferred:
            pass
        later.result(timeout=10)
    assert done == ["due", "later"]


def test_a_worker_that_is_gone_leaves_nobody_waiting() -> None:
    deferred, gone = Deferred(), ThreadPoolExecutor(1)
    gone.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"), deferred:
        futures = [deferred.submit(gone, lambda: None) for _ in range(2)]
    for future in futures:
        with pytest.raises(CallFailed):
            future.result(timeout=10)
