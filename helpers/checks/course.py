"""What is checked at the end of the course: that nothing of it is left."""

from collections.abc import Iterator

from helpers.checks import Item, checks_of
from helpers.cleanup import KINDS, everything


@checks_of("99")
def nothing_left() -> Iterator[Item]:
    """Nothing of any lab is in the account, of whatever kind."""
    left = everything()
    for kind in KINDS:
        names = ", ".join(left.loc[left["what"] == kind, "name"])
        yield Item(f"No {kind}", not names, f"Still there: {names}. Run page 99 from the top.")
