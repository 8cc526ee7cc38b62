"""What a check has found, as a table."""

from helpers.frame import Table


class Result(Table):
    """The table of a check."""

    @property
    def passed(self) -> bool:
        """Whether everything is done."""
        return bool((self["done"] == "yes").all())
