"""Start a Chromium for tests: the one on the PATH, or else the one of Playwright."""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
import time
from contextlib import contextmanager

#: Run as root in CI, and stop Chromium's own network requests.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

ELSEWHERE = re.compile(r"^(https?|wss?)://(?!localhost[:/]|127\.0\.0\.1[:/])")


@functools.cache
def on_the_path():
    """The first Chromium on the PATH that runs. Some systems have a stub of that name without a browser."""
    for path in filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        if subprocess.run([path, "--version"], capture_output=True, check=False).returncode == 0:
            return path
    return None


def launch(chromium, **options):
    """A headless browser.

    Args:
        chromium: a Playwright, or its Chromium.
        options: passed on to Playwright's ``launch``.
    """
    return getattr(chromium, "chromium", chromium).launch(
        executable_path=on_the_path(), args=list(ARGUMENTS), **options
    )


def watch(page):
    """A list that collects console errors, uncaught exceptions, and requests to other machines, which are refused."""
    wrong = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))

    def refuse(route):
        wrong.append(f"request: {route.request.url}")
        route.abort()

    # Route only requests to other machines, so that a test that waits in Python does not block the page.
    page.route(ELSEWHERE, refuse)
    return wrong


def eventually(page, holds, seconds=120):
    """Wait until it holds: a page is drawn anew some frames later, and on a busy machine later than that."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        page.wait_for_timeout(20)


def frames(page, count=2):
    """Wait until the page has drawn so many frames."""
    for _ in range(count):
        page.evaluate("() => new Promise((drawn) => requestAnimationFrame(drawn))")


@contextmanager
def busy_for_less_than(page, seconds):
    """The page's own thread computes for less than that meanwhile: not the time on a clock, which other programs take too."""
    session = page.context.new_cdp_session(page)

    def computed():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = computed()
    yield
    assert computed() - before < seconds
    session.detach()


if __name__ == "__main__":
    # scripts/browser.sh runs this to check for a Chromium.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launch(playwright).close()
