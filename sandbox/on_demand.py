"""Load moto's services when they are first asked for, with what the sandbox corrects in them.

moto imports a service when somebody asks for it: a request, a kept account, or another service
(RDS asks EC2 for subnets). Loading EC2 takes longer than a start of the sandbox may take. All of
them get their backends out of a `BackendDict`, so that is where a correction is put in place:
before the first backend of its service is made, whatever asks for it.
"""

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from moto.backends import get_backend
from moto.core.base_backend import BackendDict, backend_lock

T = TypeVar("T")

_corrections: dict[str, Callable[[], None]] = {}
_make_plain = BackendDict._create_account_specific_backend


def correct(service: str, install: Callable[[], None]) -> None:
    """Have `install` called when a service is first used in this process.

    Args:
        service: moto's name of it, such as "ec2".
        install: puts the sandbox's backend and operations in place of moto's own.
    """
    BackendDict._create_account_specific_backend = _make  # type: ignore[method-assign,assignment]
    with backend_lock:
        _corrections[service] = install


def load(service: str) -> None:
    """Load a service, corrected, without making a backend of it."""
    get_backend(service)  # type: ignore[call-overload]
    with backend_lock:
        _apply(service)


def load_all() -> None:
    """Load every service that the sandbox corrects."""
    for service in list(_corrections):
        load(service)


def in_use(service: str, account: str, region: str) -> Any:
    """The backend of a service; None as long as nobody has used the service there.

    Args:
        service: moto's name of it, such as "ec2".
        account: the account's number.
        region: such as "us-east-1".
    """
    for backends in list(BackendDict._instances):  # type: ignore[misc]
        if backends.service_name == service and account in backends:
            return backends[account].get(region)
    return None


def _make(backends: Any, account: str) -> None:
    # moto's own lock: a thread that finds the service being corrected waits for it.
    with backend_lock:
        _apply(backends.service_name)
        _make_plain(backends, account)


def _apply(service: str) -> None:
    install = _corrections.pop(service, None)
    if install is not None:
        with collected_later():
            install()


@contextmanager
def collected_later() -> Iterator[None]:
    """Load much at once, without a search for garbage in the middle: that takes a fourth of it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class Once(Generic[T]):
    """Something that is made when it is first asked for. May be used from several threads."""

    def __init__(self, make: Callable[[], T]):
        self._make = make
        self._lock = threading.Lock()
        self.made: T | None = None

    def get(self) -> T:
        """What was made; the first caller makes it, and others wait."""
        with self._lock:
            if self.made is None:
                self.made = self._make()
            return self.made
