"""What a person does with the package. Runs where it is installed (tests/contracts/test_third_party.py)."""

from __future__ import annotations

import re

import numpy as np
import pytest
from tracebench_wordcount.view import WordCountsView
from tracebench_wordcount.word_count import WordCount
from tracebench_wordcount.word_counts import WordCounts

import tracebench as tb
from tests.bench.test_workbench import state_of
from tests.contracts import rows
from tests.contracts.samples import lm, trace


@pytest.fixture
def bench():
    bench = tb.explore(lm(), trace("hard"), WordCount(least=1))
    yield bench
    bench.close()


def test_a_bench_of_a_model_asks_for_it_and_shows_it(bench):
    (view,) = [view for view in bench.views if isinstance(view, WordCountsView)]
    assert view.request.analysis == "WordCount"
    assert view.request.params == {"least": 1, "leave_out": ()}
    assert {"lens_table", "token_scores", "attention"} <= {each.stem for each in bench.views}


def test_its_code_names_its_import_path(bench):
    (view,) = [view for view in bench.views if isinstance(view, WordCountsView)]
    assert view.request.code == (
        "from tracebench_wordcount.word_count import WordCount\nWordCount(least=1, leave_out=())(lm, trace)\n"
    )


def test_a_saved_page_carries_its_view_and_its_answer(bench, tmp_path):
    state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    assert WordCountsView._esm.strip() in {code.strip() for code in state["code"].values()}
    (key,) = [key for key, tree in state["baked"].items() if tree.get("kind") == "word_counts"]
    assert '"WordCount"' in key


def test_a_file_gives_it_back(tmp_path):
    found = WordCount(least=1)(lm(), trace("hard"))
    opened = tb.open(tb.save(tmp_path / "a.trace", trace("hard"), found))
    (again,) = opened.results
    assert type(again) is WordCounts
    np.testing.assert_array_equal(again.counts.values, found.counts.values)
    bench = tb.Workbench([*opened])
    assert bench.views[-1].stem == "word_counts"
    bench.close()


def test_its_sentence_is_whole():
    """It adds to the head, so it has its own full stop."""
    every, frequent = WordCount(least=1)(lm(), trace("hard")), WordCount(least=1000)(lm(), trace("hard"))
    for found, end in ((every, r" occurs \d+ times?\."), (frequent, r" was not counted\.")):
        assert found.says == "adds"
        assert all(re.fullmatch(end, found.sentence(trace("hard"), step)[-1]) for step in trace("hard").steps)


def test_its_rows_are_among_ours():
    assert {"WordCount", "LogitLens"} <= {row.name for row in rows.ANALYSES}
    assert {"word_counts", "trace"} <= {row.name for row in rows.KINDS}
