"""The whole course on one screen: what you have passed, and what the account has now."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from helpers.checks import has_checks
from helpers.pages import is_in_place, pages, title
from helpers.records import records
from helpers.shared_calls import asked_once
from helpers.working import Working

if TYPE_CHECKING:
    from helpers.frame import Table

AT_ONCE = 6  # most of the time goes into waiting: for AWS, for an SSH login, for the AWS CLI


def course_progress() -> Table:
    """Show every page that has checks, with what was recorded and what is true now.

    A page that you have passed stays passed, when the account is emptied or you go to another
    computer's sandbox with the same folder. What is there *now* is looked up at every call, so
    this takes some seconds, on AWS more; a line says which page is being looked at.

    Returns:
        A row for each page; the columns are page, title, passed (yes, no: checked but never with
        success, not yet: never checked) and in place now (yes or no). A clean-up page is in place
        when nothing is left.
    """
    with Working("Looking at the account") as working:
        from helpers.frame import Table

        files = {page: file for page, file in pages().items() if has_checks(page)}
        with asked_once(), ThreadPoolExecutor(AT_ONCE) as pool:
            looks = {page: pool.submit(is_in_place, page) for page in files}
            in_place = {}
            for page, look in looks.items():
                working.say(f"Looking at the account: page {page}")
                in_place[page] = look.result()
        working.say(f"Looked at {len(files)} pages")
    kept = records()
    rows = []
    for page, file in files.items():
        record = kept.get(page)
        passed = "not yet" if record is None else "yes" if record.passed else "no"
        now = "yes" if in_place[page] else "no"
        rows.append((page, title(file).split(" · ", 1)[1], passed, now))
    return Table(rows, columns=["page", "title", "passed", "in place now"])
