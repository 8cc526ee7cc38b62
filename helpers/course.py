"""The whole course on one screen: what you have passed, and what the account has now."""

from helpers.checks import has_checks
from helpers.pages import is_in_place, pages, title
from helpers.records import records
from helpers.tables import Table


def course_progress() -> Table:
    """Show every page that has checks, with what was recorded and what is true now.

    A page that you have passed stays passed, when the account is emptied or you go to another
    computer's sandbox with the same folder. What is there *now* is looked up afresh, so this takes
    some seconds, on AWS a minute.

    Returns:
        A row for each page; the columns are page, title, passed (yes, no: checked but never with
        success, not yet: never checked) and in place now (yes or no). A clean-up page is in place
        when nothing is left.
    """
    kept = records()
    rows = []
    for page, file in pages().items():
        if has_checks(page):
            record = kept.get(page)
            passed = "not yet" if record is None else "yes" if record.passed else "no"
            now = "yes" if is_in_place(page) else "no"
            rows.append((page, title(file).split(" · ", 1)[1], passed, now))
    return Table(rows, columns=["page", "title", "passed", "in place now"])
