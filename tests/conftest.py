"""What every test may ask for. Nothing here imports torch: half of the tests must run without it."""

from __future__ import annotations

import os
import signal

import pytest

# Waiting OpenMP threads spin by default, and two busy processes on a small machine then crawl. Set before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A shell that starts a command with "&" has it pass over Ctrl-C, and so every test of interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def demo_lm():
    """The demo model, once."""
    import tracebench as tb

    return tb.load("demo")


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests: there can be no second Playwright beside the first."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
