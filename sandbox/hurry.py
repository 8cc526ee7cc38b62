"""Lets passing states pass at once for a while: for a catch-up, where nobody watches them."""

import time

from sandbox.pace import Pace

SECONDS = 30.0


class Hurry:
    """Changes the pace and changes it back.

    It ends by itself after SECONDS, in case the notebook that asked for it is gone. To be used
    under the front door's lock.

    Args:
        pace: the sandbox's, which is at the pace that the sandbox was started with.
    """

    def __init__(self, pace: Pace):
        self.usual = pace.name
        self._pace = pace
        self._until: float | None = None

    def begin(self) -> None:
        """Hurry for SECONDS from now on, as at pace `instant`."""
        self._until = time.monotonic() + SECONDS
        self._pace.name = "instant"

    def end(self) -> None:
        """Go on at the usual pace."""
        self._until = None
        self._pace.name = self.usual

    @property
    def is_over(self) -> bool:
        """Whether it should end now."""
        return self._until is not None and time.monotonic() > self._until
