"""A package of another maker adds a kind by entry points alone, and keeps every contract."""

from __future__ import annotations

import pytest

from tests.third_party.installed import install, run_tests


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return install(tmp_path_factory.mktemp("installed"))


def test_its_rows_keep_every_contract(folder):
    """Live, in a saved page, in a file, and as code to copy."""
    contracts = [f"tests/contracts/test_{name}.py" for name in ("analyses", "results", "wire", "views")]
    named = "WordCount or word_counts or in_python"
    assert run_tests(folder, *contracts, "tests/third_party/in_python.py", "-k", named) > 80
