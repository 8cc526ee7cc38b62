"""S3 is moto's own. Corrected here: what a pickle keeps of it."""

import copyreg
from typing import Any

from moto.s3.utils import _VersionedKeyStore as Keys


def _reduce(self: Any, _: Any) -> tuple[Any, ...]:
    """Every version of each object: what moto's `items` leaves out, a pickle would leave out."""
    return copyreg.__newobj__, (type(self),), dict(self.lists())  # type: ignore[attr-defined]


def _set_state(self: Any, versions: dict[str, list[Any]]) -> None:
    for name, objects in versions.items():
        self.setlist(name, objects)


def install() -> None:
    """Correct moto's class."""
    Keys.__reduce_ex__ = _reduce  # type: ignore[method-assign]
    Keys.__setstate__ = _set_state  # type: ignore[attr-defined]
