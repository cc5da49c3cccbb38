"""Numbers saved from a page and tables made in Python are the same tables: any two can be joined."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests import made
from tracebench.record.tokens import Tokens, Vocabulary

pytestmark = pytest.mark.browser

TOKEN = ["token", "token_id", "text"]

#: Texts that a table may get wrong: formulas, what CSV quotes, halves of a character, right-to-left text, what pandas takes
#: for a missing value or a number.
TEXTS = {
    0: b"=1+1",
    1: b' E"',
    2: "\U0001f5fc, b".encode(),
    3: b"\r\n",
    4: b"\xf0\x9f",
    5: b"\x97\xbc",
    6: b"<|im_end|>",
    7: b"\n",
    8: b"</script>",
    9: "שלום".encode(),
    10: b"NA",
    11: b"\x00",
}


def hard(result):
    """A made result, with these texts in place of its own."""
    known = Vocabulary(TEXTS, made.SPECIAL)
    if result.kind == "trace":
        result = replace(result, candidates=replace(result.candidates, vocabulary=known))
    elif hasattr(result, "vocabulary"):
        result = replace(result, vocabulary=known)
    ids = result.tokens.ids
    return replace(result, tokens=Tokens(ids, tuple(TEXTS[i] for i in ids), result.tokens.special))


TRACE = hard(made.trace(0, 8, 9, 8, 4, 5, 11, 1, 2, 3, 10, 6, 7, 7, 9, prompt_length=13))
LENS, SCORES = hard(made.lens(TRACE)), hard(made.scores(TRACE, None))
#: Python and a browser write 1e-7 in two ways: a page finds the rollout all the same.
ATTENTION, ROLLOUT = hard(made.attention(TRACE)), hard(made.rollout(TRACE, residual=1e-7))


def read(path):
    """As docs/wire.md says: pandas takes the texts NA and 1 for no text and for a number."""
    texts = pd.read_csv(path, dtype=str, keep_default_na=False).filter(like="text")
    return pd.read_csv(path).assign(**texts)


@pytest.fixture(scope="module")
def saved(browser, tmp_path_factory):
    """What the menu of each view saves, by view; of one head by "head"."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    folder = tmp_path_factory.mktemp("tables")
    tables = {}

    def save(page, view):
        root = page.locator(f'[data-view="{view}"][data-state="ready"]')
        root.get_by_role("button", name="Menu").click()
        with page.expect_download() as download:
            root.get_by_role("menuitem", name="Save numbers").click()
        return read(Path(download.value.path()))

    for views in ([LENS, SCORES, ATTENTION], [ROLLOUT]):
        page = context.new_page()
        page.goto(tb.Workbench([TRACE, *views]).save(folder / "a.html").resolve().as_uri())
        tables |= {view: save(page, view) for view in ("generation", *(result.kind for result in views))}
    page = context.new_page()
    path = tb.Workbench([TRACE, ATTENTION]).save(folder / "b.html").resolve()
    page.goto(path.as_uri() + "#step=1&layer=2&head=1")
    page.get_by_role("heading", name="Layer 2, head 1").wait_for()
    tables["head"] = save(page, "attention")
    context.close()
    return tables


def expected(view, table):
    """The frame of what a view shows."""
    if view == "generation":
        return TRACE.to_pandas(candidates=20)
    if view in ("head", "rollout"):
        frame = ATTENTION.to_pandas(layer=2, head=1) if view == "head" else ROLLOUT.to_pandas()
        return frame[frame["query"] == table["query"].iloc[0]].reset_index(drop=True)
    return {"lens_table": LENS, "token_scores": SCORES}[view].to_pandas()


#: What a table says beside the columns of the frame: how a number that came as a byte is known.
MORE = {"head": ["exact", "least", "most"], "rollout": ["least", "most"]}


@pytest.mark.parametrize("view", ["generation", "lens_table", "token_scores", "head", "rollout"])
def test_a_saved_table_is_the_frame_of_the_same_result(saved, view):
    table = saved[view]
    frame = expected(view, table)
    assert list(table.columns) == [*frame.columns, *MORE.get(view, [])]
    assert len(table) == len(frame) > 0
    for name in frame.columns:
        if name in ("weight", "share", "sink"):
            # They come as a byte each, on a square-root scale.
            assert np.abs(np.sqrt(table[name]) - np.sqrt(frame[name])).max() < 0.51 / 255
        elif frame[name].dtype.kind == "f":
            np.testing.assert_array_equal(table[name].astype(np.float32), frame[name].astype(np.float32), name)
        else:
            assert table[name].tolist() == frame[name].tolist(), name
    if view in MORE:
        exact = frame["weight" if view == "head" else "share"]
        assert (table["least"] - 1e-6 <= exact).all()
        assert (exact <= table["most"] + 1e-6).all()


def test_a_saved_mean_is_the_mean_of_python(saved):
    table = saved["attention"]
    assert set(table["layer"]) == set(table["head"]) == {"mean"}
    query = int(table["query"].iloc[0])
    assert table["key"].tolist() == list(range(query + 1))
    mean = np.asarray(ATTENTION.map().values)[query, : query + 1]
    assert ((table["least"] - 1e-6 <= mean) & (mean <= table["most"] + 1e-6)).all()


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
