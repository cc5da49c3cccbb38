"""What every kind promises in a saved page: its view is there by its stem, and its CSV is its `to_pandas()`.

What CSV makes of text is in test_tables.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests.contracts import rows, samples
from tests.contracts.test_results import COORDINATES

pytestmark = pytest.mark.browser

every_kind = pytest.mark.parametrize("kind", rows.KINDS, ids=str)

#: By how much the square root of a weight may differ that travels as a byte (`sqrt-u8`, see `pack` in wire.py).
ROUNDED = 0.51 / 255
#: What a page writes where it shows a mean; nothing is selected then.
MEAN = "mean"
#: One layer and one head are selected, so that no view shows a mean.
SELECTED = "#step={}&layer=1&head=2"


def shown(kind):
    """The results of one analysis of a kind, each alone in a page beside the text."""
    if kind == rows.TRACE:
        return [[]]
    analysis = next(analysis for analysis in rows.ANALYSES if analysis.gives == kind.name)
    return [[result] for result in samples.found(analysis, "hard")]


def open_view(saved_page, kind, things, folder, fragment=""):
    """The page of these, and the root of the kind's view once it is ready."""
    bench = tb.Workbench([samples.trace("hard"), *things])
    path = bench.save(folder / "page.html")
    bench.close()
    page = saved_page(path, fragment)
    root = page.locator(f'[data-view="{kind.view.stem}"]')
    page.wait_for_selector(f'[data-view="{kind.view.stem}"][data-state="ready"]')
    return page, root


def rounded(kind, result):
    """Whether its numbers travel in few bits."""
    about = samples.trace("hard")
    trees = [kind.pack(result, about), *(baked for _, baked, _ in kind.slices(result, about))]
    encodings = [
        node["encoding"] for tree in trees for node in tree.values() if isinstance(node, dict) and "$array" in node
    ]
    return any(encoding != "plain" for encoding in encodings)


@every_kind
def test_its_view_is_found_by_its_stem_and_says_its_state(kind, saved_page, tmp_path):
    for things in shown(kind):
        page, root = open_view(saved_page, kind, things, tmp_path)
        assert root.count() == 1
        assert root.get_attribute("data-state") == "ready"
        assert root.evaluate("root => root.getBoundingClientRect().height") > 0
        # No token became markup.
        assert page.evaluate("document.images.length") == 0
        # Every element that stands for a position stands for one of this text.
        count = len(samples.trace("hard").tokens)
        positions = root.evaluate(
            "root => [...root.querySelectorAll('[data-token]')].map((e) => Number(e.dataset.token))"
        )
        assert set(positions) <= set(range(count))


@every_kind
def test_its_csv_is_its_table(kind, saved_page, tmp_path):
    for things in shown(kind):
        result = things[0] if things else samples.trace("hard")
        step = getattr(getattr(result, "target", None), "step", None) or 0
        page, root = open_view(saved_page, kind, things, tmp_path, SELECTED.format(step))
        root.get_by_role("button", name="Menu").click()
        with page.expect_download() as download:
            root.get_by_role("menuitem", name="Save numbers").click()
        saved = pd.read_csv(Path(download.value.path()))
        table = result.to_pandas()
        assert set(table.columns) <= set(saved.columns)

        # The place of a number has one name on both sides. A view may show a part of the table, and several lines a row.
        where = [name for name in table.columns if name in COORDINATES]
        assert MEAN not in saved[where].to_numpy().tolist()
        lines = saved.drop_duplicates(where)
        there = table.merge(lines[where], on=where)
        assert len(there) == len(lines) > 0
        # It is the whole table at what it selects.
        within = np.logical_and.reduce([table[name].isin(set(lines[name])) for name in where])
        assert within.sum() == len(lines)

        both = table.merge(lines, on=where, suffixes=("", " saved"))
        for name in set(table.columns) - set(where):
            if table[name].dtype.kind in "iuf":
                expected, found = both[name].astype(float), both[f"{name} saved"].astype(float)
                if rounded(kind, result):
                    expected, found, tolerance = np.sqrt(expected), np.sqrt(found), ROUNDED
                else:
                    tolerance = 1e-9
                np.testing.assert_allclose(found, expected, rtol=2e-6, atol=tolerance, err_msg=name)
