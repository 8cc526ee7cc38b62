"""A page as a student sees it: JupyterLab in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.jupyterlab import lab as lab
from tests.jupyterlab import open_and_run_all, screenshot
from tests.jupyterlab import page as page

pytestmark = pytest.mark.database


def test_connect_page_runs_and_the_form_connects(lab: str, page: Page) -> None:
    open_and_run_all(page, lab, "1.4-connect.ipynb")
    form = page.get_by_role("button", name="Test Connection")
    form.scroll_into_view_if_needed()
    form.click()
    expect(page.get_by_text(re.compile("Successfully made the MySQL connection"))).to_be_visible()
    screenshot(page, "connection-form")
    page.get_by_role("button", name=re.compile("^(Connect|OK)$")).click()
    page.get_by_placeholder("SHOW TABLES;").fill("SELECT 6 * 7 * 1001 AS answer")
    page.get_by_role("button", name="Run", exact=True).last.click()
    expect(page.get_by_role("cell", name="42042", exact=True)).to_be_visible()
    screenshot(page, "connected")
