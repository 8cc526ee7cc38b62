"""JupyterLab in a real browser, for the tests that look at a page as a student sees it.

A test module imports the fixtures `lab` and `page`, and uses `open_and_run_all` and `screenshot`.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from tests import browser
from tests.notebooks.record import PROJECT, fresh_sandbox

SCREENSHOTS = PROJECT / "test-results"
NO_BROWSER = "no browser: python -m tests.browser install"
SLOW = 90_000  # ms; a kernel, a sandbox and a database start in that time on a busy machine


@pytest.fixture(scope="module")
def lab() -> Iterator[str]:
    """A JupyterLab server with a sandbox of its own; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with fresh_sandbox() as environment:
        home = Path(environment["SANDBOX_HOME"]).parent
        environment["JUPYTER_CONFIG_DIR"] = str(home / "jupyter")
        environment["JUPYTERLAB_SETTINGS_DIR"] = str(_quiet_settings(home / "settings"))
        environment["JUPYTERLAB_WORKSPACES_DIR"] = str(home / "workspaces")
        command = [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root"]
        command += ["--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="]
        # Copies: JupyterLab saves what it shows.
        for folder in ("notebooks", "data"):
            shutil.copytree(PROJECT / folder, home / "course" / folder)
        command += [f"--ServerApp.root_dir={home / 'course'}"]
        process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(f"{address}/api")
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


@pytest.fixture
def page() -> Iterator[Page]:
    """A browser window; on CI there always is one, elsewhere the test is skipped without."""
    path = browser.find()
    if path is None:
        assert not os.environ.get("CI"), NO_BROWSER
        pytest.skip(NO_BROWSER)
    flags = ["--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=[*flags, *(["--no-sandbox"] if os.name == "posix" else [])]
        )
        window = chromium.new_page(viewport={"width": 1280, "height": 1500})
        window.set_default_timeout(SLOW)
        yield window
        chromium.close()


def open_and_run_all(page: Page, lab: str, name: str) -> None:
    """Open a page in simple mode, run all its cells, and wait until the last one has ended."""
    page.goto(f"{lab}/doc/tree/notebooks/{name}")
    page.get_by_text("Recap").last.wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    # JupyterLab shows [*] for a cell that waits or runs.
    page.wait_for_function(
        """() => {
            const prompts = [...document.querySelectorAll('.jp-InputPrompt')].map(p => p.innerText)
            const code = prompts.filter(p => p.includes('['))
            return code.length > 0 && code.every(p => /\\[\\d+\\]/.test(p))
        }"""
    )


def screenshot(shown: Page | Locator, name: str) -> None:
    """Keep what the browser shows, or one part of it, in test-results/."""
    SCREENSHOTS.mkdir(exist_ok=True)
    shown.screenshot(path=SCREENSHOTS / f"{name}.png")


def _quiet_settings(folder: Path) -> Path:
    """JupyterLab's settings with the question about news answered."""
    file = folder / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    file.parent.mkdir(parents=True)
    file.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    return folder


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"JupyterLab does not answer at {address}")
