"""The account as two pickles: moto's backends, which refer to each other, and what is on its way.

Users and keys are a part of their own: with them the sandbox answers its first requests, while the
other services are still being loaded. DynamoDB's items are in neither: they are rows of the
journal.
"""

import hashlib
import io
import logging
import pickle
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict, BaseBackend
from moto.core.common_models import BaseModel

from sandbox import on_demand
from sandbox.errors import SandboxError
from sandbox.pace import Pace

log = logging.getLogger("sandbox.snapshot")

IDENTITY, ACCOUNT = "identity", "account"  # the names of the parts
IDENTITY_SERVICES = ("iam", "sts")

# What reading a pickle of other classes than today's ends in.
_UNREADABLE = (
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


class Snapshots:
    """Takes the account's state as bytes, and puts it back.

    Args:
        pace: what is on its way belongs to the state.
    """

    def __init__(self, pace: Pace):
        self._pace = pace
        # Whether a service's backends can be pickled; those of a few services cannot.
        self._can: dict[str, bool] = {}
        self._rest = b""
        self._models: list[Any] = []

    @property
    def rest_is_due(self) -> bool:
        """Whether other services than the identity's wait for `put_back_rest`."""
        return bool(self._rest)

    def take(self) -> dict[str, bytes]:
        """The state of every service in use that can be kept: the parts by their names.

        Not to be called while the rest is due: the parts refer to each other.
        """
        try:
            return self._take()
        except (AttributeError, TypeError, pickle.PicklingError):
            # Something new does not pickle: find out whose it is, and go on without that service.
            self._can.clear()
            return self._take()

    def _take(self) -> dict[str, bytes]:
        kept = {
            backends.service_name: {name: dict(regions) for name, regions in backends.items()}
            for backends in _in_use()
            if self._can_keep(backends)
        }
        identity = {name: kept.pop(name) for name in IDENTITY_SERVICES if name in kept}
        # The other services may hold models of IAM's, such as an instance's profile. There they
        # are only named, so that both parts have the same ones when they are put back.
        models: list[Any] = []
        first = self._dump(identity, of=set(identity), models=models)
        numbers = {id(model): number for number, model in enumerate(models)}
        rest = self._dump((kept, self._pace.passages()), of=set(kept), known=numbers)
        header = pickle.dumps(_this_release())
        return {IDENTITY: header + first, ACCOUNT: header + pickle.dumps(list(kept)) + rest}

    def put_back(self, identity: bytes, rest: bytes) -> None:
        """Make the users and keys the account's, and leave the rest for `put_back_rest`.

        What this very release has written, it can read. What another one has written is read at
        once, so that a sandbox that cannot read it does not start.

        Args:
            identity: the part IDENTITY; empty in an account from before there were two parts.
            rest: the part ACCOUNT.

        Raises:
            SandboxError: it was written by another release, and cannot be read by this one.
        """
        self._rest = rest
        if not identity:
            with _readable(rest) as stream:
                on_demand.load_all()
                services, passages = _Unpickler(stream).load()
            self._make_so(services, passages)
            return
        with _readable(identity) as stream:
            unpickler = _Unpickler(stream)
            services, self._models = unpickler.load(), unpickler.load()
        _update(services)
        with _readable(rest):
            ours = pickle.loads(rest) == _this_release()
        if not ours:
            self.put_back_rest()

    def put_back_rest(self) -> None:
        """Make the other services' state the account's.

        Raises:
            SandboxError: as in `put_back`.
        """
        with _readable(self._rest) as stream:
            for service in pickle.load(stream):
                on_demand.load(service)  # a model may need what is put in place with its service
            services, passages = _Unpickler(stream, self._models).load()
        self._make_so(services, passages)

    def _make_so(self, services: Mapping[str, Any], passages: tuple[float, list[Any]]) -> None:
        _update(services)
        self._pace.resume(passages)
        self._rest, self._models = b"", []

    def _can_keep(self, backends: BackendDict) -> bool:
        service = backends.service_name
        if service not in self._can:
            try:
                self._dump([dict(regions) for regions in backends.values()], of={service})
                self._can[service] = True
            except (AttributeError, TypeError, pickle.PicklingError) as error:
                log.warning("%s is not kept when the sandbox stops: %s", service, error)
                self._can[service] = False
        return self._can[service]

    @staticmethod
    def _dump(
        what: Any,
        of: set[str],
        models: list[Any] | None = None,
        known: Mapping[int, int] | None = None,
    ) -> bytes:
        """Pickle it.

        Args:
            what: the state.
            of: the services whose backends belong to it; all others are named only.
            models: gets the models that are in it, and they are written behind it.
            known: models that are named only: by id(), the number of each.
        """
        stream = io.BytesIO()
        left_out = {
            id(backend): (backends.service_name, account, region)
            for backends in _in_use()
            if backends.service_name not in of
            for account, regions in backends.items()
            for region, backend in regions.items()
        }
        pickler = _Pickler(stream, left_out, models, known or {})
        pickler.dump(what)
        if models is not None:
            pickler.dump(list(models))  # by reference: a pickler knows what it has written
        return stream.getvalue()


@contextmanager
def _readable(content: bytes) -> Iterator[io.BytesIO]:
    """What comes after the header; a content that cannot be read is the release's fault."""
    stream = io.BytesIO(content)
    written_by: dict[str, str] = {}
    try:
        written_by = pickle.load(stream)
        yield stream
    except _UNREADABLE as error:
        of = ", ".join(f"{name} {number}" for name, number in written_by.items())
        raise SandboxError(
            f"The account that is kept here was written with {of or 'another release'}, and "
            f"cannot be read with moto {version('moto')} ({type(error).__name__}: {error}). "
            "Use those versions, start with another folder (--home FOLDER), or empty this "
            "one: python -m sandbox reset"
        ) from error


@cache
def _this_release() -> dict[str, str]:
    code = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        about = file.stat()
        code.update(f"{file.name} {about.st_size} {about.st_mtime_ns};".encode())
    return {
        "moto": version("moto"),
        "python": platform.python_version(),
        "sandbox": code.hexdigest()[:8],
    }


def _update(services: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    for service, accounts in services.items():
        for account, regions in accounts.items():
            get_backend(service)[account].update(regions)  # type: ignore[call-overload]


def _in_use() -> list[Any]:
    """moto's dictionaries of backends, of the services that were called."""
    return list(BackendDict._instances)  # type: ignore[misc]


class _Pickler(pickle.Pickler):
    """Names the backends and models that are left out, instead of pickling them."""

    def __init__(
        self,
        stream: io.BytesIO,
        left_out: Mapping[int, tuple[str, str, str]],
        models: list[Any] | None,
        known: Mapping[int, int],
    ):
        super().__init__(stream, protocol=5)
        self._left_out, self._models, self._known = left_out, models, known
        self._seen: set[int] = set()

    def persistent_id(self, obj: Any) -> tuple[str, str, str] | int | None:
        if isinstance(obj, BaseBackend):
            return self._left_out.get(id(obj))
        if isinstance(obj, BaseModel):
            if self._models is not None and id(obj) not in self._seen:
                self._seen.add(id(obj))
                self._models.append(obj)
            return self._known.get(id(obj))
        return None


class _Unpickler(pickle.Unpickler):
    """Finds them again by their names and numbers."""

    def __init__(self, stream: io.BytesIO, models: Sequence[Any] = ()):
        super().__init__(stream)
        self._models = models

    def persistent_load(self, pid: tuple[str, str, str] | int) -> Any:
        if isinstance(pid, int):
            return self._models[pid]
        service, account, region = pid
        return get_backend(service)[account][region]  # type: ignore[call-overload]
