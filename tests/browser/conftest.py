"""One JupyterLab server for all browser tests, and pages that must want nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.browser.lab import Lab
from tests.chromium import watch

FAILURES = Path(__file__).parent / "failures"

#: What a saved page consists of: itself, and what it carries.
OWN = ("file:", "blob:", "data:", "about:")


@pytest.fixture
def saved_page(browser, request):
    """Opens a saved file by its path; at the end nothing may have been requested, and the console is clean."""
    opened = []

    def open_page(path, fragment="", width=1400, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme, offline=True)
        page = context.new_page()
        page.set_default_timeout(120_000)
        wrong = watch(page)
        opened.append((page, wrong))
        # Stricter than in JupyterLab: a saved page may not even ask this machine.
        page.on("request", lambda request: None if request.url.startswith(OWN) else wrong.append(request.url))
        page.goto(Path(path).resolve().as_uri() + fragment)
        return page

    yield open_page
    keep_pictures(request, [page for page, _ in opened])
    problems = [problem for _, wrong in opened for problem in wrong]
    for page, _ in opened:
        page.context.close()
    assert not problems


@pytest.fixture(scope="session")
def lab(browser, tmp_path_factory):
    """A real JupyterLab 4 with this environment's kernel."""
    lab = Lab(browser, tmp_path_factory.mktemp("lab"))
    with lab.running():
        yield lab


@pytest.fixture(autouse=True)
def _lab_is_clean(request):
    """After each test on a notebook: a picture if it failed; nothing left the machine, and the console is clean."""
    yield
    if "notebook" in request.fixturenames:
        notebook = request.getfixturevalue("notebook")
        keep_pictures(request, [notebook.page])
        assert notebook.problems() == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


OUTCOME = pytest.StashKey[bool]()


def keep_pictures(request, pages):
    """After a failure, what the page looked like."""
    if not request.node.stash.get(OUTCOME, False):
        return
    FAILURES.mkdir(exist_ok=True)
    for number, page in enumerate(pages):
        path = FAILURES / f"{request.node.name[:80].replace('/', '_')}-{number}.png"
        page.screenshot(path=path, full_page=True)
        print(f"what the page looked like: {path}")
