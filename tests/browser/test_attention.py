"""Where it looked: a saved page with the network cut."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests import made, tiny
from tests.made import attention
from tracebench.arrays import LabeledArray
from tracebench.results.attention import Attention
from tracebench.views.attention import AttentionView

pytestmark = pytest.mark.browser
VIEW = '[data-view="attention"]'
HEADS = f"{VIEW} [role=grid]"


@pytest.fixture
def opened(saved_page, tmp_path):
    """Opens a bench of these things; the view is there when it has an answer."""

    def open_bench(*things, fragment="", **how):
        page = saved_page(tb.Workbench(things).save(tmp_path / "a.html"), fragment, **how)
        page.wait_for_selector(f'{VIEW}[data-state="ready"]')
        return page

    return open_bench


def menu(page, item):
    root = page.locator(VIEW)
    root.get_by_role("button", name="Menu").click()
    with page.expect_download() as download:
        root.get_by_role("menuitem", name=item).click()
    return Path(download.value.path())


def test_a_click_on_a_row_moves_the_selection_of_the_generation(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    page.locator(f'{VIEW} [data-query="4"] > .tb-att-label').click()
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    assert "from position 4" in page.locator(VIEW).inner_text()
    assert "which predicts step 2" in page.locator(VIEW).inner_text()


def test_the_generation_moves_the_position_that_reads(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    page.locator('[data-view="generation"] [data-step="3"]').first.click()
    page.wait_for_selector(f'{VIEW} [data-query="5"][aria-selected="true"]')


def test_a_head_is_chosen_by_a_click_and_by_keys(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    assert "All layers, mean over heads" in page.locator(VIEW).inner_text()
    page.locator(f'{HEADS} [role=gridcell][data-layer="1"][data-head="0"]').click()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'{HEADS} [data-layer="1"][data-head="1"][aria-selected="true"]:focus-visible')
    assert "Layer 1, head 1" in page.locator(VIEW).inner_text()
    assert page.locator(f"{HEADS} [tabindex='0']").count() == 1


def test_a_token_says_its_weight_in_full(opened):
    trace = made.trace()
    result = attention(trace)
    page = opened(trace, result, fragment="#step=1&layer=2&head=1")
    page.locator(f'{VIEW} [role=option][data-key="0"]').click()
    page.wait_for_selector(f'{VIEW} [data-key="0"][aria-selected="true"]')
    line = page.locator(f"{VIEW} .tb-detail").inner_text()
    assert line.startswith("position 0 The: ")
    assert line.endswith(" of the attention of layer 2, head 1")
    weight = float(result.weights.sel(layer=2, head=1, query=3, key=0))
    assert float(line.split(": ")[1].split()[0]) == pytest.approx(weight, abs=0.01)
    assert page.locator(f"{VIEW} .tb-att-sink").inner_text() == "sink 0.25"


def test_the_maps_are_drawn(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    painted = """canvas => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let i = 0; i < data.length; i += 4) seen.add(data.slice(i, i + 4).join());
        return seen.size;
    }"""
    canvases = page.locator(f"{VIEW} canvas")
    assert canvases.count() == 2
    for number in range(2):
        # Nothing, and many shades.
        assert canvases.nth(number).evaluate(painted) > 10


def test_the_csv_is_the_row_of_the_head(opened):
    trace = made.trace()
    result = attention(trace)
    page = opened(trace, result, fragment="#step=2&layer=2&head=1")
    table = pd.read_csv(menu(page, "Save numbers"), converters={"text": json.loads})
    assert list(table.columns) == ["layer", "head", "query", "key", "text", "weight", "exact", "least", "most"]
    assert table["key"].tolist() == [0, 1, 2, 3, 4]
    assert table["text"].tolist() == list(trace.tokens.display[:5])
    row = np.asarray(result.weights.sel(layer=2, head=1, query=4).values)
    assert table["weight"].to_numpy() == pytest.approx(row[:5], abs=0.004)


def test_the_picture_is_a_picture(opened):
    trace = made.trace()
    data = menu(opened(trace, attention(trace)), "Save picture").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(data) > 10_000


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 700, 1400])
def test_it_fits_narrow_and_wide(opened, width, scheme):
    trace = long_trace(120)
    page = opened(trace, attention(trace, heads=range(40), sink=False), width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(f"{VIEW} .tb-att-sink").count() == 0


def test_markup_stays_text(opened):
    trace = made.trace(0, 8, 9, 8, 4, 5, 11, 6, 7, 7, 9, prompt_length=9)
    page = opened(trace, attention(trace))
    assert page.locator(f'{VIEW} [role=option][data-key="1"]').inner_text().startswith("</script>")


def test_what_no_page_can_hold_is_a_sentence():
    trace = made.trace()
    # A view of one number, as large as it says.
    axes = {"layer": range(30), "head": range(9), "query": range(2048), "key": range(2048)}
    huge = LabeledArray.of(np.broadcast_to(np.float32(0), (30, 9, 2048, 2048)), **axes)
    result = Attention(huge, None, via="sdpa", method="AttentionPatterns()", trace=trace.hash)
    sentence = "takes about 156 MB in a page, which holds 64 MB of it: ask for fewer layers, 11 at the most, as "
    with pytest.raises(ValueError, match=sentence):
        next(AttentionView.slices(result, trace))
    with pytest.raises(ValueError, match=r'429 MB .* or save it with attention="compact"'):
        next(AttentionView.slices(result, trace, "full"))


def long_trace(length):
    return made.trace(*[(0, 1, 2, 3, 4, 5, 8, 9, 10, 7)[n * n % 10] for n in range(length)], prompt_length=length - 5)


@pytest.mark.parametrize("sink", [True, False])
@pytest.mark.parametrize("form", ["compact", "full"])
def test_another_head_is_shown_with_its_own_numbers(saved_page, tmp_path, form, sink):
    """Its slice is inflated on the click, from a page without a network."""
    trace = long_trace(130)
    result = attention(trace, layers=(0, 2), sink=sink)
    path = tb.Workbench([trace, result]).save(tmp_path / "a.html", attention=form)
    assert path.read_text("utf-8").count('id="tracebench-chunk-') == 9
    page = saved_page(path, "#step=1&layer=0&head=0")
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    page.locator(f'{HEADS} [role=gridcell][data-layer="2"][data-head="1"]').click()
    page.get_by_role("heading", name="Layer 2, head 1").wait_for()
    table = pd.read_csv(menu(page, "Save numbers"), converters={"text": json.loads})
    query = trace.position(1)
    row = np.asarray(result.weights.sel(layer=2, head=1, query=query).values)[: query + 1].astype(float)
    assert table["layer"].unique().tolist() == [2]
    assert ((table["least"] - 1e-5 <= row) & (row <= table["most"] + 1e-5)).all()
    if form == "full":
        assert table["weight"].to_numpy() == pytest.approx(row, abs=0.004)
        return
    taken = table["exact"] == 1
    assert set(table["key"][taken]) == set(np.argsort(-row, kind="stable")[:16])
    assert table["weight"][taken].to_numpy() == pytest.approx(row[taken], abs=4e-5)
    words = page.locator(f"{VIEW} p.tb-note").inner_text()
    assert "16 levels; the 16 largest of each row are exact (to within 0.00003)" in words
    assert float(words.split("sums to ")[1].rstrip(".")) == pytest.approx(row[~taken].sum(), abs=0.006)
    if sink:
        assert page.locator(f"{VIEW} .tb-att-sink").inner_text() == "sink 0.25"


def test_every_mean_that_can_be_chosen_is_in_the_page(opened):
    trace = made.trace()
    result = attention(trace, layers=(0, 2))
    for layer, head in ((None, None), (2, None), (None, 1)):
        chosen = "".join(f"&{name}={at}" for name, at in (("layer", layer), ("head", head)) if at is not None)
        page = opened(trace, result, fragment=f"#step=2{chosen}")
        table = pd.read_csv(menu(page, "Save numbers"), converters={"text": json.loads})
        row = np.asarray(result.map(layer, head).values)[4, :5]
        assert table["weight"].to_numpy() == pytest.approx(row, abs=0.004)


def test_a_single_token_is_shown(opened):
    trace = made.trace(0, prompt_length=1)
    page = opened(trace, attention(trace))
    assert page.locator(f"{VIEW} .tb-detail").inner_text().startswith("position 0 The: 0.75 of the attention")


@pytest.mark.parametrize(("family", "layers"), [("gpt_oss", (0, 1)), ("zamba2", (1, 2))])
def test_models_with_sinks_and_models_that_attend_in_some_layers_only(saved_page, tmp_path, family, layers):
    lm = tiny.lm(family)
    trace = lm.read([5, 300, 7, 8, 250, 9, 10, 11], prompt_length=5)
    result = tb.AttentionPatterns()(lm, trace)
    assert result.layers == layers
    bench = tb.Workbench([trace, result])
    page = saved_page(bench.save(tmp_path / "a.html", attention="compact"), "#step=1&layer=1&head=1")
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    table = pd.read_csv(menu(page, "Save numbers"), converters={"text": json.loads})
    row = np.asarray(result.weights.sel(layer=1, head=1, query=5).values)[:6]
    assert table["exact"].all()
    assert table["weight"].to_numpy() == pytest.approx(row, abs=4e-5)
    assert (page.locator(f"{VIEW} .tb-att-sink").count() == 1) == (result.sink is not None)


LIVE = """
import tracebench as tb
lm = tb.load("demo")
trace = lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=4)
bench = tb.explore(lm, trace)
"""


def test_in_a_notebook_another_head_comes_from_the_kernel_which_computes_nothing_again(lab):
    notebook = lab.open_notebook([LIVE, "bench"], name="attention.ipynb")
    notebook.run_all()
    notebook.wait_idle()
    page = notebook.page
    notebook.wait_for(f'{VIEW}[data-state="ready"]')
    # From now on whoever ran the model would fail.
    notebook.kernel_exec("lm.model.forward = None")
    page.locator(f'{HEADS} [role=gridcell][data-layer="17"][data-head="4"]').click()
    page.get_by_role("heading", name="Layer 17, head 4").wait_for()
    assert notebook.kernel_eval("bench.selection.layer, bench.selection.head") == "(17, 4)"
    shown = page.locator(f"{VIEW} .tb-detail").inner_text()
    own = "next(r for r in bench._results() if r.kind == 'attention').weights.sel(layer=17, head=4, query=trace.position(0))"
    weight = float(notebook.kernel_eval(f"float({own}.values.max())"))
    assert float(shown.split(": ")[1].split()[0]) == pytest.approx(weight, abs=0.01)
    assert "weights here are right to within 0.004" in page.locator(f"{VIEW} p.tb-note").inner_text()
    assert notebook.problems() == []
    notebook.close()
