"""One way to start a Chromium for tests: the one on the PATH, else the one Playwright installed."""

from __future__ import annotations

import shutil

#: As root in CI, and without Chromium's own conversations with its maker.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def launch(playwright):
    """A headless browser."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    return playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))


def watch(page):
    """Collects what must not happen: console errors, uncaught exceptions, requests that leave the machine.

    Every request but the page itself, a blob or localhost is refused.
    """
    wrong = []
    page.on("console", lambda message: wrong.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(f"uncaught: {error}"))

    def decide(route):
        url = route.request.url
        if url.startswith(("file:", "blob:", "data:", "http://localhost:", "http://127.0.0.1:")):
            route.continue_()
        else:
            wrong.append(f"request: {url}")
            route.abort()

    page.route("**/*", decide)
    return wrong
