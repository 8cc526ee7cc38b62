"""The account as one pickle: moto's backends, which refer to each other, and what is on its way.

DynamoDB's items are not in it: they are rows of the journal.
"""

import io
import logging
import pickle
import platform
from importlib.metadata import version
from typing import Any

from moto.backends import get_backend
from moto.core.base_backend import BackendDict

from sandbox.errors import SandboxError
from sandbox.migrations import ADVICE
from sandbox.pace import Pace
from sandbox.unpickle import ForbiddenPickleError, Pickler, Unpickler, check_passages

log = logging.getLogger("sandbox.snapshot")

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

    def take(self) -> bytes:
        """The state of every service in use that can be kept."""
        try:
            return self._take()
        except (AttributeError, TypeError, pickle.PickleError):
            # Something new does not pickle: find out whose it is, and go on without that service.
            self._can.clear()
            return self._take()

    def _take(self) -> bytes:
        services = {
            backends.service_name: {name: dict(regions) for name, regions in backends.items()}
            for backends in _in_use()
            if self._can_keep(backends)
        }
        written_by = {"moto": version("moto"), "python": platform.python_version()}
        return pickle.dumps(written_by) + self._dump((services, self._pace.passages()))

    def put_back(self, content: bytes) -> None:
        """Make the state the account's.

        Raises:
            SandboxError: it was written by another release, and cannot be read by this one.
        """
        stream = io.BytesIO(content)
        written_by: dict[str, str] = {}
        try:
            written_by = {str(k): str(v) for k, v in Unpickler(stream).load().items()}
            services, passages = Unpickler(stream).load()
            check_passages(passages[1])
        except ForbiddenPickleError as error:
            raise SandboxError(
                f"The account in this folder was not opened: {error}, which no sandbox writes. "
                "Nothing in it was run. If somebody gave you this folder, do not use it: "
                f"{ADVICE}."
            ) from error
        except _UNREADABLE as error:
            of = ", ".join(f"{name} {number}" for name, number in written_by.items())
            moto = written_by.get("moto", version("moto"))
            raise SandboxError(
                f"The account that is kept here was written with {of or 'another release'}, and "
                f"cannot be read with moto {version('moto')} ({type(error).__name__}: {error}). "
                f"Install that version (python -m pip install moto=={moto}), {ADVICE}."
            ) from error
        for service, accounts in services.items():
            for account, regions in accounts.items():
                get_backend(service)[account].update(regions)
        self._pace.resume(passages)

    def _can_keep(self, backends: BackendDict) -> bool:
        service = backends.service_name
        if service not in self._can:
            try:
                self._dump([dict(regions) for regions in backends.values()], but=service)
                self._can[service] = True
            except (AttributeError, TypeError, pickle.PickleError) as error:
                log.warning("%s is not kept when the sandbox stops: %s", service, error)
                self._can[service] = False
        return self._can[service]

    def _dump(self, what: Any, but: str = "") -> bytes:
        stream = io.BytesIO()
        left_out = {
            id(backend): (backends.service_name, account, region)
            for backends in _in_use()
            if backends.service_name != but and (but or not self._can.get(backends.service_name))
            for account, regions in backends.items()
            for region, backend in regions.items()
        }
        Pickler(stream, left_out).dump(what)
        return stream.getvalue()


def _in_use() -> list[Any]:
    """moto's dictionaries of backends, of the services that were called."""
    return list(BackendDict._instances)  # type: ignore[misc]
