"""Fixtures for all tests. Nothing here imports torch, because half of the tests must run without it."""

from __future__ import annotations

import os
import signal

import pytest

# Waiting OpenMP threads spin by default, which makes two busy processes very slow. Set this before torch loads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A shell that starts a command with "&" makes it ignore Ctrl-C, and the tests of interrupts would fail.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def demo_lm():
    """The demo model, loaded once."""
    import tracebench as tb

    return tb.load("demo")


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests, because a process can run only one Playwright."""
    from playwright.sync_api import sync_playwright

    from tests.chromium import launch

    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
