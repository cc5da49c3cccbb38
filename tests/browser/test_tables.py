"""Numbers saved from a page and tables made in Python name positions and tokens alike: any two can be joined."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests import made

pytestmark = pytest.mark.browser

TOKEN = ["token", "token_id", "text"]
#: Markup, right-to-left text, white space, half a character and the same token twice.
TRACE = made.trace(0, 8, 9, 8, 4, 5, 11, 6, 7, 7, 9, prompt_length=9)
LENS, SCORES = made.lens(TRACE), made.scores(TRACE, None)
ATTENTION, ROLLOUT = made.attention(TRACE), made.rollout(TRACE)


def read(path):
    """As docs/wire.md says."""
    return pd.read_csv(path, converters=dict.fromkeys(["text", "candidate_text", "final_text"], json.loads))


@pytest.fixture(scope="module")
def saved(browser, tmp_path_factory):
    """What the menu of each view saves, by view."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    folder = tmp_path_factory.mktemp("tables")
    tables = {}
    for views in ([LENS, SCORES, ATTENTION], [ROLLOUT]):
        page = context.new_page()
        page.goto(tb.Workbench([TRACE, *views]).save(folder / "a.html").resolve().as_uri())
        for view in ("generation", *(result.kind for result in views)):
            root = page.locator(f'[data-view="{view}"][data-state="ready"]')
            root.get_by_role("button", name="Menu").click()
            with page.expect_download() as download:
                root.get_by_role("menuitem", name="Save numbers").click()
            tables[view] = read(Path(download.value.path()))
    context.close()
    return tables


def text():
    """The text as a table, from the record alone."""
    return pd.DataFrame({"token": range(len(TRACE.tokens)), "token_id": TRACE.tokens.ids, "text": TRACE.tokens.texts})


@pytest.mark.parametrize(
    ("view", "result", "position"),
    [
        ("generation", TRACE, "token"),
        ("lens_table", LENS, "token"),
        ("token_scores", SCORES, "token"),
        ("attention", ATTENTION, "key"),
        ("rollout", ROLLOUT, "key"),
    ],
)
def test_every_table_names_its_tokens_as_the_text_has_them(saved, view, result, position):
    for table in (saved[view], result.to_pandas()):
        named = table.rename(columns={position: "token"})
        found = named[TOKEN].drop_duplicates()
        assert len(found.merge(text(), on=TOKEN)) == len(found) > 0
    # What Python has is in what the page saved, under the same name.
    assert set(result.to_pandas().columns) - set(saved[view].columns) == set()


def test_scores_and_attention_of_a_page_are_joined_by_their_tokens(saved):
    attention = saved["attention"].rename(columns={"key": "token"})
    both = saved["token_scores"].merge(attention, on=TOKEN)
    query = int(attention["query"].iloc[0])
    assert len(both) == len(SCORES.steps) * (query + 1)
    at = both[(both.step == 1) & (both.token == 3)].iloc[0]
    assert at.score == SCORES.scores.sel(step=1, token=3)
    exact = np.asarray(ATTENTION.weights.sel(query=query, key=3).values).mean()
    assert at.weight == pytest.approx(exact, abs=0.004)


def test_a_table_of_a_page_is_joined_with_one_of_python(saved):
    both = saved["token_scores"].merge(LENS.to_pandas(), on=TOKEN)
    assert len(both) == len(SCORES.to_pandas()) * LENS.probs.shape[0] * LENS.probs.shape[2]
    # Where a step is read is the `query` of the generation, the `token` of the lens.
    read_at = saved["generation"].merge(
        saved["lens_table"], left_on=["query", "rank"], right_on=["token", "rank"], suffixes=("", "_lens")
    )
    assert set(read_at["query"]) == {TRACE.position(step) for step in TRACE.steps}
    assert (read_at["text_lens"] == [TRACE.tokens.texts[at] for at in read_at["query"]]).all()
