"""Remembers whether port 22 of an instance may be reached, until something changes that."""

from collections.abc import Callable

from helpers.network import Verdict


class EntryRules:
    """Answers the same question twice a second without a description of the account each time.

    Args:
        look: looks at the account; takes an instance id.
    """

    def __init__(self, look: Callable[[str], Verdict]):
        self._look = look
        self._known: dict[str, Verdict] = {}

    def changed(self) -> None:
        """Forget everything: a call has changed the account."""
        self._known.clear()

    def verdict(self, instance_id: str, moving: bool) -> Verdict:
        """Whether the port may be reached, and if not, why.

        Args:
            instance_id: of the instance.
            moving: whether an instance is on its way to another state by itself. What is seen
                meanwhile is not remembered.
        """
        if moving:
            self._known.clear()
            return self._look(instance_id)
        if instance_id not in self._known:
            self._known[instance_id] = self._look(instance_id)
        return self._known[instance_id]
