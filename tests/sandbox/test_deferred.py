"""Work that waits for the call that asks for it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from sandbox.deferred import Deferred


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
