"""The browser of the browser tests: finds one on this machine, or installs one.

`python -m tests.browser install`
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find() -> str | None:
    """The path of a Chromium that Playwright can drive; None where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    if MAC.exists():
        return str(MAC)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> int:
    """Install one: Debian's chromium as root, Playwright's own elsewhere.

    Returns:
        The exit status: 0 if there is one now.
    """
    if found := find():
        print(f"browser: {found}")
        return 0
    if _is_root() and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", "-qq", *words], env=environment, stdout=subprocess.DEVNULL)
    else:
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"])
    if found := find():
        print(f"browser: {found}")
        return 0
    print(
        "There is no browser, so the browser tests will be skipped. To have one, type:\n"
        "  sudo apt-get install chromium     (Debian, Ubuntu)\n"
        "  .venv/bin/playwright install chromium"
    )
    return 1


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


if __name__ == "__main__":
    if sys.argv[1:] != ["install"]:
        sys.exit("usage: python -m tests.browser install")
    sys.exit(install())
