"""What a reader does with a saved page. Runs where the package is installed (tests/browser/test_third_party.py)."""

from __future__ import annotations

import pytest
from tracebench_wordcount.word_count import WordCount

import tracebench as tb
from tests.browser.conftest import saved_page  # noqa: F401 - a fixture
from tests.contracts.samples import lm, trace

pytestmark = pytest.mark.browser


def test_word_counts_are_linked_with_the_views_of_tracebench(saved_page, tmp_path):  # noqa: F811
    bench = tb.Workbench([trace("hard"), WordCount()(lm(), trace("hard"))])
    page = saved_page(bench.save(tmp_path / "a.html"))
    bench.close()
    row = page.locator('[data-view="word_counts"][data-state="ready"] [data-token="2"]')
    row.get_by_role("rowheader").click()
    assert row.get_attribute("aria-selected") == "true"
    assert page.evaluate("location.hash").endswith("token=2")
