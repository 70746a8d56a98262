"""Make the picture of a report that the README shows: the answer and the targets.

Usage: .venv/bin/python scripts/screenshot.py workspace/runs/mini/report.html docs/report.png
Needs playwright, which the tests bring, and chromium on the path.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

WIDTH = 1200


def main() -> None:
    """Open the page as wide as a desk, and keep it down to the end of the table of targets."""
    page_file, picture = map(Path, sys.argv[1:])
    with sync_playwright() as running:
        browser = running.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": 900}, color_scheme="light", offline=True
        )
        page.goto(page_file.resolve().as_uri())
        page.wait_for_selector("svg.marks")
        bottom = page.evaluate("document.querySelector('#transfer').getBoundingClientRect().bottom")
        clip = {"x": 0, "y": 0, "width": WIDTH, "height": bottom + 12}
        page.screenshot(path=picture, full_page=True, clip=clip)
        browser.close()


if __name__ == "__main__":
    main()
