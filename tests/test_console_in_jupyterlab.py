"""The DynamoDB console as a student sees it: JupyterLab in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.jupyterlab import lab as lab
from tests.jupyterlab import open_and_run_all, screenshot
from tests.jupyterlab import page as page

SONGS = [("Queen", "Radio", "1984"), ("Queen", "Innuendo", "1991"), ("Bush", "Babooshka", "1980")]


def test_a_table_its_items_and_an_index_by_clicking(lab: str, page: Page) -> None:
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_and_run_all(page, lab, "2.4-the-console.ipynb")
    console = page.locator(".course-console").first
    console.scroll_into_view_if_needed()
    button = _finder(console)
    button("Refresh").click()
    expect(_cell(console, "MusicExample")).to_be_visible()
    expect(_cell(console, "Updating")).to_have_count(0)
    screenshot(console, "console-tables")

    button("Create table").click()
    console.get_by_label("Table name").fill("Songs")
    console.get_by_label("Partition key", exact=True).fill("Artist")
    console.get_by_label("Sort key (optional)").fill("SongTitle")
    expect(console.locator("pre").first).to_contain_text('"SongTitle"')
    screenshot(console, "console-create-table")
    button("Create table").click()
    expect(console.get_by_role("status")).to_contain_text("Songs is being created")
    _row(console, "Songs").get_by_role("checkbox").check()
    expect(_row(console, "Songs")).to_contain_text("Active")
    button("Open").click()

    for artist, title, year in SONGS:
        button("Create item").click()
        text = console.locator(".course-panel textarea:visible")
        text.nth(0).fill(artist)
        text.nth(1).fill(title)
        button("Add new attribute").click()
        console.locator("input[placeholder='Attribute name']:enabled").fill("Year")
        console.locator(".course-panel select:visible:enabled").select_option("Number")
        text.nth(2).fill(year)
        expect(console.locator("pre").first).to_contain_text(f'{{"N": "{year}"}}')
        if title == "Radio":
            screenshot(console, "console-item-form")
            button("JSON view").click()
            expect(console.get_by_label("The item in DynamoDB JSON")).to_have_value(
                f'{{\n  "Artist": {{\n    "S": "{artist}"\n  }},\n  "SongTitle": {{\n'
                f'    "S": "{title}"\n  }},\n  "Year": {{\n    "N": "{year}"\n  }}\n}}'
            )
            screenshot(console, "console-item-json")
        button("Create item").click()
        expect(console.get_by_role("status")).to_contain_text("Item created.")
    expect(_cell(console, "Babooshka")).to_be_visible()

    button("Query").click()
    console.get_by_label("Artist (partition key)").fill("Queen")
    button("Run").click()
    expect(console.get_by_text("Items returned: 2")).to_be_visible()
    expect(_cell(console, "Babooshka")).to_have_count(0)
    _row(console, "Radio").get_by_role("checkbox").check()
    expect(button("Edit")).to_be_enabled()
    screenshot(console, "console-query")

    console.get_by_role("tab", name="Indexes").click()
    button("Create index").click()
    console.get_by_label("Partition key", exact=True).fill("Year")
    console.get_by_label("Type", exact=True).and_(page.locator(":visible")).first.select_option(
        "Number"
    )
    screenshot(console, "console-create-index")
    button("Create index").last.click()
    expect(_row(console, "Year-index")).to_contain_text("Creating (backfilling)")
    screenshot(console, "console-index-creating")
    # Nobody presses Refresh: the console looks by itself.
    expect(_row(console, "Year-index")).to_contain_text("Active")
    screenshot(console, "console-index-active")
    console.get_by_role("tab", name="Overview").click()
    expect(console.get_by_text("1 global, 0 local")).to_be_visible()
    screenshot(console, "console-overview")

    button("Tables").click()
    _row(console, "Songs").get_by_role("checkbox").check()
    button("Delete").click()
    screenshot(console, "console-delete-table")
    button("Delete the table").click()
    expect(console.get_by_role("status")).to_contain_text("Songs is being deleted")
    expect(_row(console, "Songs")).to_have_count(0)
    button("Create table").click()
    console.get_by_label("Table name").fill("Music")
    console.get_by_label("Partition key", exact=True).fill("Artist")
    button("Create table").click()
    expect(console.get_by_role("alert")).to_contain_text("Table already exists: Music")
    screenshot(console, "console-error")
    assert not failures
    assert all(url.startswith((lab, "data:", "blob:")) for url in asked), "works offline"


def _finder(console: Locator) -> Callable[[str], Locator]:
    """Finds the visible button of that name."""
    return lambda name: console.get_by_role("button", name=name, exact=True).and_(
        console.page.locator(":visible")
    )


def _row(console: Locator, text: str) -> Locator:
    return console.get_by_role("row").filter(has_text=text)


def _cell(console: Locator, text: str) -> Locator:
    return console.get_by_role("cell", name=text, exact=True)
