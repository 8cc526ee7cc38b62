"""Takes the whole course away, by running what the clean-up pages run, and looks again."""

from typing import Any

import boto3
from botocore.exceptions import ClientError

from helpers.errors import CourseError
from helpers.explain import in_plain_words
from helpers.lab3_resources import KINDS as OF_LABS_2_AND_3
from helpers.lab3_resources import leftovers
from helpers.pages import pages, run_cell, sections
from helpers.resources import KINDS as OF_LAB_1
from helpers.resources import OUR_NAMES, Inventory, inventory

CLEAN_UP = "clean-up"
# The pages that delete, in the order in which they do it here. DynamoDB first: it is quick.
PAGES = ("3.19", "1.9", "99")
KINDS = (*OF_LABS_2_AND_3, *OF_LAB_1, "budget")
# AWS bills these because they exist, if not always: a stopped instance still has its disk.
BILLED = frozenset(
    {
        "backup",
        "table",
        "index",
        "DB instance",
        "DB cluster",
        "cluster snapshot",
        "secret",
        "EC2 instance",
    }
)
DENIED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


class StillThere(CourseError):
    """Something of the course is left in the account."""


def everything() -> Inventory:
    """Ask AWS for everything of the course, of all labs, in the client's region.

    Returns:
        A row for each thing, in the order in which they are deleted; the columns are what, name,
        state and billed (yes or no).
    """
    found = [
        *leftovers()[["what", "name", "state"]].values,
        *(
            (what, name or its_id, state)
            for what, name, its_id, state in inventory()[["what", "name", "id", "state"]].values
        ),
        *(("budget", budget["BudgetName"], "") for budget in _budgets()),
    ]
    rows = [(what, name, state, "yes" if what in BILLED else "no") for what, name, state in found]
    return Inventory.of(rows, ["what", "name", "state", "billed"], KINDS)


def clean_up(*only: str) -> None:
    """Delete everything of the course, of all labs, and look again.

    It runs the cells tagged `clean-up` of the pages that teach it, and prints the steps as it goes.
    They delete what has the course's tag, and nothing else. A step that AWS refuses is told, and
    the next ones are done all the same: whatever costs money should go. Interrupted half-way, or
    refused, it can be run again; on an empty account it does nothing.

    Args:
        only: the pages to run, such as "1.9"; without any, all of them, and at the end it says that
            it is done, or what is left.

    Raises:
        StillThere: something of the course is left (not with `only`).
    """
    refused: list[str] = []
    for page in only or PAGES:
        file = pages()[page]
        namespace: dict[str, Any] = {"__name__": "__main__"}
        for heading, cells in sections(file, CLEAN_UP):
            where = f"Page {page}, {heading}"
            if not heading.startswith(f"{page} "):  # under the title stands connect() only
                print(where)  # noqa: T201
            try:
                for cell in cells:
                    run_cell(cell, file, namespace)
            except (ClientError, CourseError) as error:
                refused.append(f"{where}: {in_plain_words(error)}")
                print(f"Not done. {in_plain_words(error)}")  # noqa: T201
    if not only:
        prove_clean(refused)


def prove_clean(refused: list[str] | None = None) -> None:
    """Search the account once more; print that it is done only if nothing is left.

    Args:
        refused: what AWS refused on the way, to be told with what is left.

    Raises:
        StillThere: something of the course is left; the message names it.
    """
    left = everything()
    if left.empty:
        print("Done: nothing of the course is left in this account and region.")  # noqa: T201
        return
    billed = left[left["billed"] == "yes"]
    lines = [f"Not done. Still there: {_named(left)}."]
    if len(billed):
        lines.append(f"Of these AWS bills: {_named(billed)}.")
    lines.extend(refused or [])
    lines.append(
        "What is on its way out needs some minutes. Then run clean_up() again: it takes up where "
        "it stopped."
    )
    raise StillThere("\n".join(lines))


def _named(things: Inventory) -> str:
    return ", ".join(f"{row[0]} {row[1]}" for row in things[["what", "name"]].values)


def _budgets() -> list[dict[str, Any]]:
    """The budgets with the course's name; none where you may not look: they cost nothing."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    try:
        answer = boto3.client("budgets").describe_budgets(AccountId=account)
    except ClientError as error:
        if error.response["Error"]["Code"] not in DENIED:
            raise
        return []
    return [each for each in answer.get("Budgets", []) if each["BudgetName"].startswith(OUR_NAMES)]
