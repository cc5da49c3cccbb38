"""The view of another maker's package opens in a saved page, and is linked with ours."""

from __future__ import annotations

import pytest

from tests.third_party.installed import install, run_tests

pytestmark = pytest.mark.browser


def test_its_view_is_shown_and_linked(tmp_path):
    folder = install(tmp_path / "installed")
    assert run_tests(folder, "tests/browser/test_kinds.py", "tests/third_party/in_a_page.py", "-k", "word_counts") == 3
