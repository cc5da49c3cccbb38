"""Where it looked: a saved page with the network cut."""

import base64
import re
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import tracebench as tb
from tests import made, tiny
from tests.chromium import eventually
from tests.made import attention
from tracebench.record.arrays import LabeledArray
from tracebench.results.attention import Attention
from tracebench.views.attention import AttentionView

pytestmark = pytest.mark.browser
VIEW = '[data-view="attention"]'
SVG = "{http://www.w3.org/2000/svg}"
HEADS = f'{VIEW} [role=grid][aria-label="Layers and heads"]'


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


def test_a_click_on_a_name_moves_the_selection_of_the_generation(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    page.locator(f'{VIEW} .tb-sheet-row[data-query="4"] > .tb-sheet-label').click()
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    assert "from position 4" in page.locator(VIEW).inner_text()
    assert "which predicts step 2" in page.locator(VIEW).inner_text()


def cell(page, row, key):
    """Where a cell of the large map is, in its row: under the name of its key."""
    line = page.locator(f"{VIEW} .tb-sheet-row{row}").bounding_box()
    name = page.locator(f'{VIEW} .tb-sheet-key[data-key="{key}"]').bounding_box()
    return name["x"] + name["width"] / 2, line["y"] + line["height"] / 2


def test_a_click_on_a_cell_sets_query_and_key_and_keys_move_on_from_there(opened):
    trace = made.trace()
    result = attention(trace)
    page = opened(trace, result, fragment="#layer=1&head=1")
    page.locator(f"{VIEW} .tb-sheet").scroll_into_view_if_needed()
    page.mouse.click(*cell(page, '[data-query="4"]', 1))
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    page.wait_for_selector(f'{VIEW} .tb-sheet-row[data-query="4"][aria-selected="true"]')
    page.wait_for_selector(f'{VIEW} .tb-sheet-key[data-key="1"][aria-selected="true"]')
    page.wait_for_selector(f'{VIEW} [role=option][data-key="1"][aria-selected="true"]')
    page.keyboard.press("ArrowDown")
    page.wait_for_selector(f'{VIEW} .tb-sheet-cursor[data-query="5"][data-key="1"]:focus-visible')
    weight = float(result.weights.sel(layer=1, head=1, query=5, key=1))
    line = page.locator(f"{VIEW} .tb-detail").inner_text()
    assert line.endswith(", from position 5")
    assert float(line.split("weight ")[1].split(",")[0]) == pytest.approx(weight, abs=0.01)
    # Only Enter selects.
    assert page.locator(f'{VIEW} .tb-sheet-row[data-query="4"][aria-selected="true"]').count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector(f'{VIEW} .tb-sheet-row[data-query="5"][aria-selected="true"]')
    page.wait_for_selector('[data-view="generation"] [data-step="3"][aria-selected="true"]')


def test_the_generation_moves_the_position_that_reads(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    page.locator('[data-view="generation"] [data-step="3"]').first.click()
    page.wait_for_selector(f'{VIEW} .tb-sheet-row[data-query="5"][aria-selected="true"]')


def test_a_head_is_chosen_by_a_click_and_by_keys(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    assert "All layers, mean over heads" in page.locator(VIEW).inner_text()
    page.locator(f'{HEADS} [role=gridcell][data-layer="1"][data-head="0"]').click()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'{HEADS} [data-layer="1"][data-head="1"][aria-selected="true"]:focus-visible')
    assert "Layer 1, head 1" in page.locator(VIEW).inner_text()
    assert page.locator(f"{HEADS} [tabindex='0']").count() == 1


def test_means_are_chosen_by_names_and_keys_and_one_layer_is_left_again(opened):
    trace = made.trace()
    page = opened(trace, attention(trace), made.rollout(trace), fragment="#layer=1&head=0")
    heading = page.locator(f"{VIEW} h3")
    assert heading.inner_text() == "Layer 1, head 0"
    page.locator(f'{HEADS} [role=columnheader][data-head="1"]').click()
    page.get_by_role("heading", name="Head 1, mean over layers").wait_for()
    page.locator(f'{HEADS} [role=rowheader][data-layer="2"]').click()
    page.get_by_role("heading", name="Layer 2, mean over heads").wait_for()
    page.keyboard.press("PageUp")
    page.get_by_role("heading", name="All layers, mean over heads").wait_for()
    assert page.locator(f'{HEADS} [role=gridcell][aria-selected="true"]').get_attribute("data-layer") is None
    page.locator(f'{HEADS} [role=rowheader][data-layer="0"]').click()
    page.locator(VIEW).get_by_role("radio", name="rollout").click()
    page.get_by_role("heading", name="After layer 0").wait_for()
    page.locator(VIEW).get_by_role("button", name="all layers").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="After layer 2, the last").wait_for()
    assert page.locator(f'{VIEW} button[aria-pressed="true"]:focus').inner_text() == "all layers"


@pytest.mark.parametrize("source", ["weights", "rollout"])
def test_a_token_of_the_text_is_the_same_selection_in_either_source(opened, source):
    trace = made.trace()
    page = opened(trace, attention(trace), made.rollout(trace), fragment="#step=2")
    page.locator(VIEW).get_by_role("radio", name=source).click()
    page.wait_for_selector(f'{VIEW}[data-source="{source}"][data-state="ready"]')
    page.locator(f'{VIEW} [role=option][data-key="1"]').click()
    page.wait_for_selector('[data-view="generation"] [data-token="1"][aria-selected="true"]')
    page.wait_for_selector(f'{VIEW} [role=option][data-key="1"][aria-selected="true"]')
    # The step and the position that reads stay.
    assert "position 4" in page.locator(f"{VIEW} .tb-att-question").inner_text()
    assert page.evaluate("location.hash").count("step=2") == 1


def test_what_fades_an_edge_is_no_style_of_the_tokens(opened):
    """Else every change of an edge, at most keys, has the style of hundreds of tokens computed anew."""
    trace = made.trace(*[n % 4 for n in range(400)], prompt_length=390)
    page = opened(trace, attention(trace), width=700)
    seen = page.locator(f"{VIEW} .tb-text").evaluate(
        "el => [el, el.querySelector('.tb-piece')].map(each => getComputedStyle(each).getPropertyValue('--tb-below'))"
    )
    assert seen == ["rgb(0 0 0 / 25%)", ""]


@pytest.mark.parametrize(("width", "beside"), [(1400, True), (900, False), (500, False)])
def test_the_width_is_used(opened, width, beside):
    """The text stands right of the maps where there is room for it, and nothing is wider than the page."""
    trace = long_trace(60)
    page = opened(trace, attention(trace, heads=range(9)), fragment="#step=1", width=width)
    boxes = [page.locator(f"{VIEW} {part}").bounding_box() for part in (".tb-att-main", ".tb-sheet", ".tb-text")]
    main, large, text = boxes
    assert (text["x"] >= large["x"] + large["width"]) == beside
    assert text["x"] + text["width"] >= main["x"] + main["width"] - 8
    assert text["x"] + text["width"] <= width
    if not beside:
        assert text["y"] >= large["y"] + large["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def in_sight(page, key):
    """Whether a token of the text is in sight, clear of what fades."""
    return page.locator(f"{VIEW} .tb-text").evaluate(
        """(list, key) => {
            const [outer, inner] = [list, list.querySelector(`[role=option][data-key="${key}"]`)].map((el) => el.getBoundingClientRect());
            return inner.top >= outer.top - 1 && inner.bottom <= outer.bottom + 1;
        }""",
        key,
    )


@pytest.mark.parametrize("at", [3, 150, 280])
def test_a_long_text_opens_where_it_is_looked_at(opened, at):
    trace = long_trace(290)
    length = len(trace.tokens)
    weights = np.tri(length, dtype=np.float32) * 0.05 / np.arange(1, length + 1, dtype=np.float32)[:, None]
    weights[at:, at] += 0.95
    axes = {"layer": [0], "head": [0], "query": range(length), "key": range(length)}
    result = Attention(
        LabeledArray.of(weights[None, None], **axes),
        None,
        trace.tokens,
        "sdpa",
        method="AttentionPatterns()",
        traces=(trace.hash,),
    )
    page = opened(trace, result, fragment="#step=2")
    assert in_sight(page, at)
    # At another width the words stand elsewhere.
    for width in (500, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        eventually(page, lambda: in_sight(page, at))


@pytest.mark.parametrize("width", [500, 900, 1100])
def test_the_checks_and_the_menu_stay_beside_the_title(opened, width):
    trace = made.trace()
    page = opened(trace, made.lens(trace), made.scores(trace), attention(trace), width=width)
    rows = page.locator("header.tb-head").evaluate_all(
        """heads => heads.map((head) => ["h2", ".tb-head-end", ":scope > :not(h2, .tb-head-end, .tb-att-slot)"].map(
            (which) => head.querySelector(which).getBoundingClientRect().toJSON()))"""
    )
    assert len(rows) == 4
    for title, end, rest in rows:
        assert end["top"] - 4 <= title["top"] <= end["bottom"]
        assert title["right"] <= end["left"]
        assert rest["top"] >= title["bottom"]


def test_figures_under_narrow_tokens_do_not_touch(saved_page, tmp_path):
    trace = made.trace(*[0] * 60, prompt_length=55)
    weights = np.tri(60, dtype=np.float32) / np.arange(1, 61, dtype=np.float32)[:, None]
    axes = {"layer": [0], "head": [0], "query": range(60), "key": range(60)}
    result = Attention(
        LabeledArray.of(weights[None, None], **axes),
        None,
        trace.tokens,
        "sdpa",
        method="AttentionPatterns()",
        traces=(trace.hash,),
    )
    page = saved_page(tb.Workbench([trace, result]).save(tmp_path / "a.html", detail="compact"), width=500)
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    boxes = page.locator(f"{VIEW} .tb-att-figure").evaluate_all(
        """all => all.filter((el) => el.firstChild).map((el) => {
            const range = document.createRange();
            range.selectNodeContents(el);
            return range.getBoundingClientRect().toJSON();
        })"""
    )
    gaps = [b["left"] - a["right"] for a, b in pairwise(boxes) if a["top"] == b["top"]]
    assert len(gaps) > 20
    assert min(gaps) >= 4


def test_a_text_that_hardly_scrolls_opens_at_its_beginning(opened):
    trace = long_trace(60)
    length = len(trace.tokens)
    weights = np.tri(length, dtype=np.float32) * 0.2 / np.arange(1, length + 1, dtype=np.float32)[:, None]
    weights[:, 0] += 0.8
    axes = {"layer": [0], "head": [0], "query": range(length), "key": range(length)}
    result = Attention(
        LabeledArray.of(weights[None, None], **axes),
        None,
        trace.tokens,
        "sdpa",
        method="AttentionPatterns()",
        traces=(trace.hash,),
    )
    page = opened(trace, result, fragment="#step=3", width=900)
    assert page.locator(f"{VIEW} .tb-text").evaluate("list => list.scrollTop") == 0


def test_a_long_page_has_the_rollout_to_the_positions_of_its_steps(opened, monkeypatch):
    monkeypatch.setattr("tracebench.views.rollout.SMALL", 0)
    trace = made.trace()
    rollout = made.rollout(trace)
    page = opened(trace, attention(trace), rollout, fragment="#query=1")
    page.locator(VIEW).get_by_role("radio", name="rollout").click()
    said = page.locator(f"{VIEW} .tb-trouble")
    said.get_by_text("Cannot show rollout to position 1: This saved page does not have this answer.").wait_for()
    assert "tb.AttentionRollout(" in said.inner_text()
    # What is not shown takes no room, and nobody finds it or gets into it.
    assert not page.locator(f"{VIEW} .tb-flow").is_visible()
    assert page.locator(f"{VIEW} .tb-flow").bounding_box()["height"] == 0
    assert not page.evaluate("""() => window.find("After layer")""")
    assert "After layer" not in page.locator(VIEW).aria_snapshot()
    page.locator(f"{VIEW} .tb-menu-button").focus()
    page.keyboard.press("Tab")
    assert page.locator(f"{VIEW} .tb-trouble button").evaluate("el => el === document.activeElement")
    page.keyboard.press("Tab")
    assert not page.locator(f"{VIEW} .tb-flow").evaluate("el => el.contains(document.activeElement)")
    page.get_by_text("all layers").evaluate("el => el.focus()")
    assert not page.locator(f"{VIEW} .tb-flow").evaluate("el => el.contains(document.activeElement)")
    page.locator('[data-view="generation"] [data-step="3"]').first.click()
    page.get_by_role("heading", name="After layer 2, the last").wait_for()
    assert said.inner_text() == ""
    assert page.evaluate("""() => window.find("After layer")""")
    row = np.asarray(rollout.reaching(5).sel(layer=2).values)
    shown = [float(text or "nan") for text in page.locator(f"{VIEW} .tb-att-figure").all_inner_texts()[:6]]
    assert shown == pytest.approx(row[:6], abs=0.01)


def test_a_token_says_its_weight_in_full(opened):
    trace = made.trace()
    result = attention(trace)
    page = opened(trace, result, fragment="#step=1&layer=2&head=1")
    page.locator(f'{VIEW} [role=option][data-key="0"]').click()
    page.wait_for_selector(f'{VIEW} [data-key="0"][aria-selected="true"]')
    line = page.locator(f"{VIEW} .tb-detail").inner_text()
    assert line.startswith("The (position 0): ")
    assert line.endswith(", layer 2, head 1")
    weight = float(result.weights.sel(layer=2, head=1, query=3, key=0))
    assert float(line.split("weight ")[1].split(",")[0]) == pytest.approx(weight, abs=0.01)
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
    table = pd.read_csv(menu(page, "Save numbers"))
    assert list(table.columns) == [
        *("layer", "head", "query", "key", "token_id", "text", "weight", "sink", "exact", "least", "most")
    ]
    assert table["sink"].to_numpy() == pytest.approx(np.full(5, 0.25), abs=0.004)
    assert table["key"].tolist() == [0, 1, 2, 3, 4]
    assert table["text"].tolist() == list(trace.tokens.texts[:5])
    row = np.asarray(result.weights.sel(layer=2, head=1, query=4).values)
    assert table["weight"].to_numpy() == pytest.approx(row[:5], abs=0.004)


def test_the_picture_is_a_picture(opened):
    trace = made.trace()
    data = menu(opened(trace, attention(trace)), "Save picture (PNG)").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(data) > 10_000


def test_the_drawing_has_text_as_text_and_the_maps_as_images(opened):
    trace = made.trace()
    page = opened(trace, attention(trace), fragment="#step=2&layer=2&head=1", scheme="dark")
    drawing = ET.parse(menu(page, "Save picture (SVG)")).getroot()
    named = {name: list(drawing.iter(f"{SVG}{name}")) for name in ("text", "image", "polyline")}
    assert drawing.tag == f"{SVG}svg"
    said = [each.text for each in named["text"]]
    assert {"Layer 2, head 1", "sink 0.25", "Where did it look?"} <= set(said)
    # The names of the keys run upwards.
    assert any("rotate(-90" in each.get("transform", "") for each in named["text"])
    assert len(named["image"]) == 2
    for image in named["image"]:
        picture = base64.b64decode(image.get("href").removeprefix("data:image/png;base64,"))
        assert picture[:4] == b"\x89PNG"
    lines = page.locator(f"{VIEW} .tb-att-lines polyline").count()
    assert len(named["polyline"]) == lines >= 2
    # It stands alone: no variable and no colour of the page's own.
    colors = {each.get(name) for each in drawing.iter() for name in ("fill", "stroke")} - {None, "none"}
    assert all(re.fullmatch(r"rgb\(\d+, \d+, \d+\)", color) for color in colors)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 700, 1400])
def test_it_fits_narrow_and_wide(opened, width, scheme):
    trace = long_trace(120)
    page = opened(trace, attention(trace, heads=range(40), sink=False), width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator(f"{VIEW} .tb-att-sink").count() == 0


def test_lines_go_to_the_keys_with_the_largest_weights_where_the_words_stand(opened):
    trace = made.trace(*[(0, 1, 2, 3, 4, 5, 9, 10, 9, 6)[n * n % 10] for n in range(40)], prompt_length=20)
    result = attention(trace, sink=False)
    page = opened(trace, result, fragment="#step=12&layer=2&head=1", width=500)
    lines = page.locator(f"{VIEW} .tb-att-lines polyline")
    row = np.asarray(result.weights.sel(layer=2, head=1, query=31).values)
    expected = [key for key in np.argsort(-row, kind="stable")[:8] if row[key] >= 0.02]

    def ends():
        return page.evaluate(
            """() => [...document.querySelectorAll(".tb-att-lines polyline")].map(line => {
                const box = at => document.querySelector(`.tb-piece[data-key="${at}"]`).getBoundingClientRect();
                const origin = line.ownerSVGElement.getBoundingClientRect();
                const [from, to] = [line.points[0], line.points[line.points.length - 1]];
                const [query, key] = [box(line.dataset.query), box(line.dataset.key)];
                return [query, key].map((b, i) => [from, to][i].x + origin.left - (b.left + b.width / 2));
            })"""
        )

    scrolls = page.locator(f"{VIEW} .tb-text").evaluate("el => el.scrollHeight > el.clientHeight + 1")
    drawn = [int(key) for key in lines.evaluate_all("all => all.map(el => el.dataset.key)")]
    assert set(drawn) <= {int(key) for key in expected}
    assert scrolls or len(drawn) == len(expected)
    assert len(drawn) >= 2
    for query, key in zip(drawn, ends(), strict=True):
        assert np.abs(key).max() < 12, query
    # Words that wrap elsewhere take their lines along.
    before = ends()
    page.set_viewport_size({"width": 1400, "height": 1000})
    eventually(page, lambda: len(ends()) == len(expected) and np.abs(np.asarray(ends())).max() < 12)
    assert len(expected) >= len(before)


def test_in_a_text_that_scrolls_only_lines_to_what_is_in_sight_are_drawn(opened):
    trace = made.trace(*[(0, 1, 2, 3, 10)[n * n % 5] for n in range(400)], prompt_length=380)
    weights = np.zeros((1, 1, 400, 400), np.float32)
    weights[0, 0, :, 0] = 1.0
    weights[0, 0, 390, [0, 200, 389]] = 0.25
    weights[0, 0, 390, 390] = 0.25
    axes = {"layer": (0,), "head": (0,), "query": range(400), "key": range(400)}
    result = Attention(
        LabeledArray.of(weights, **axes), None, trace.tokens, "sdpa", method="AttentionPatterns()", traces=(trace.hash,)
    )
    page = opened(trace, result, fragment="#step=11&layer=0&head=0")
    drawn = """() => [...document.querySelectorAll(".tb-att-lines polyline")].map(el => Number(el.dataset.key)).sort((a, b) => a - b)"""
    assert page.evaluate(drawn) == [389, 390]
    page.locator(f"{VIEW} .tb-text").evaluate("el => { el.scrollTop = 0; }")
    page.wait_for_selector(f'{VIEW} .tb-att-lines polyline[data-key="0"]', state="attached")
    assert page.evaluate(drawn) == [0]


def test_without_position_0_the_rest_is_seen(opened):
    trace = made.trace()
    result = attention(trace, sink=False)
    page = opened(trace, result, fragment="#step=3&layer=2&head=1")
    first = page.locator(f'{VIEW} [role=option][data-key="0"]')
    figures = page.locator(f"{VIEW} .tb-att-figure").all_inner_texts()
    page.locator(VIEW).get_by_role("button", name="leave out position 0").click()
    most = np.asarray(result.weights.sel(layer=2, head=1, query=5).values)[1:].max()
    note = page.locator(f"{VIEW} .tb-scale-note").inner_text()
    assert float(note.split("scale: 0 to ")[-1].split(",")[0]) == pytest.approx(most, abs=0.01)
    assert first.locator(".tb-token").evaluate("el => el.style.background") == ""
    assert page.locator(f"{VIEW} .tb-att-figure").all_inner_texts() == figures


@pytest.mark.parametrize("width", [420, 1000, 1400])
def test_leaving_out_position_0_moves_nothing(opened, width):
    trace = made.trace()
    page = opened(trace, attention(trace), width=width)
    where = f"{VIEW} :is(.tb-legend, .tb-head-end, .tb-att-main)"
    tops = "all => all.map((el) => el.getBoundingClientRect().top + scrollY)"
    before = page.locator(where).evaluate_all(tops)
    page.locator(VIEW).get_by_role("button", name="leave out position 0").click()
    page.wait_for_timeout(100)
    assert page.locator(where).evaluate_all(tops) == before


def test_enlarged_the_large_map_takes_the_room_beside_the_text(opened):
    trace = made.trace(*[0] * 30, prompt_length=25)
    page = opened(trace, attention(trace))
    size = lambda: page.locator(f"{VIEW} .tb-sheet > canvas").bounding_box()["width"]  # noqa: E731
    tops = f"{VIEW} :is(.tb-att-chosen, .tb-att-reading)"
    before = size()
    tool = page.locator('.tb-place[data-name="attention"] [data-tool="enlarge"]')
    tool.click()
    eventually(page, lambda: size() > before + 60)
    above, beside = page.locator(tops).evaluate_all("all => all.map((el) => el.getBoundingClientRect().top)")
    assert above == beside
    tool.click()
    eventually(page, lambda: size() == before)


ROLLOUT = f'{VIEW}[data-source="rollout"]'


def test_the_rollout_beside_attention_is_one_switch_away_with_python_s_numbers(opened):
    trace = made.trace()
    rollout = made.rollout(trace)
    page = opened(trace, attention(trace), rollout, fragment="#step=2&layer=1")
    page.locator(VIEW).get_by_role("radio", name="rollout").click()
    page.wait_for_selector(f'{ROLLOUT}[data-state="ready"]')
    row = np.asarray(rollout.reaching(4).sel(layer=1).values)
    shown = [float(text or "nan") for text in page.locator(f"{VIEW} .tb-att-figure").all_inner_texts()[:5]]
    assert shown == pytest.approx(row[:5], abs=0.01)
    # A cell sets the layer and the token, here and in the other views; the position that reads stays.
    page.mouse.click(*cell(page, '[data-layer="2"]', 1))
    page.wait_for_selector(f'{VIEW} .tb-sheet-row[data-layer="2"][aria-selected="true"]')
    page.wait_for_selector('[data-view="generation"] [data-token="1"][aria-selected="true"]')
    assert "After layer 2, the last" in page.locator(VIEW).inner_text()
    # The step moves it.
    page.locator('[data-view="generation"] [data-step="3"]').first.click()
    table = pd.read_csv(menu(page, "Save numbers"))
    assert list(table.columns) == ["layer", "query", "key", "token_id", "text", "share", "least", "most"]
    assert set(table["query"]) == {5}
    flow = np.asarray(rollout.reaching(5).values)[:, :6]
    assert table["share"].to_numpy().reshape(3, 6) == pytest.approx(flow, abs=0.004)
    assert table.groupby("layer")["share"].sum().to_numpy() == pytest.approx(np.ones(3), abs=0.02)


def test_a_model_with_sinks_and_its_rollout_are_shown_with_their_own_numbers(opened):
    lm = tiny.lm("gpt_oss")
    trace = lm.generate("The Eiffel Tower is", max_new_tokens=6)
    result, rollout = tb.AttentionPatterns()(lm, trace), tb.AttentionRollout(residual=0.25)(lm, trace)
    page = opened(trace, result, rollout, fragment="#step=4&layer=0&head=0")
    at = {"layer": 0, "query": trace.position(4)}
    table = pd.read_csv(menu(page, "Save numbers"))
    sink = float(result.sink.sel(head=0, **at))
    assert 0.01 < sink < 0.99
    assert table["sink"].to_numpy() == pytest.approx(np.full(len(table), sink), abs=0.004)
    assert table["weight"].sum() + sink == pytest.approx(1.0, abs=0.02)
    said = page.locator(f"{VIEW} .tb-att-sink").inner_text()
    assert float(said.removeprefix("sink ")) == pytest.approx(sink, abs=0.01)
    assert page.locator(f"{VIEW} .tb-sheet-own").inner_text() == "sink"
    assert "The small maps leave out the sinks" in page.locator(f"{VIEW} p.tb-note").inner_text()
    page.locator(VIEW).get_by_role("radio", name="rollout, residual 0.25").click()
    page.wait_for_selector(f'{ROLLOUT}[data-state="ready"]')
    table = pd.read_csv(menu(page, "Save numbers"))
    shares = table[table["layer"] == 0]["share"].to_numpy()
    row = np.asarray(rollout.flow.sel(**at).values)[: len(shares)]
    assert len(shares) == at["query"] + 1
    assert shares == pytest.approx(row, abs=0.004)


def test_a_page_of_one_token_has_no_lines_and_no_rest(opened):
    trace = made.trace(0, prompt_length=1)
    page = opened(trace, attention(trace), made.rollout(trace))
    assert page.locator(f"{VIEW} .tb-att-lines polyline").count() == 0
    page.locator(VIEW).get_by_role("radio", name="rollout").click()
    page.wait_for_selector(f'{ROLLOUT}[data-state="ready"]')
    page.locator(VIEW).get_by_role("button", name="leave out position 0").click()
    assert page.locator(f"{VIEW} .tb-att-figure").inner_text() == "1.00"


def test_a_rollout_stands_alone(opened, saved_page, tmp_path):
    trace = made.trace()
    rollout = made.rollout(trace)
    page = saved_page(tb.Workbench([trace, rollout]).save(tmp_path / "r.html"), "#step=1")
    view = page.locator('[data-view="rollout"]')
    page.wait_for_selector('[data-view="rollout"][data-state="ready"]')
    assert "After layer 2, the last" in view.inner_text()
    assert "When not to trust it" in view.inner_text()
    row = np.asarray(rollout.reaching(3).sel(layer=2).values)
    shown = [float(text or "nan") for text in view.locator(".tb-att-figure").all_inner_texts()[:4]]
    assert shown == pytest.approx(row[:4], abs=0.01)


def test_a_rollout_that_is_not_in_the_snapshot_says_which_python_computes_it(opened):
    trace = made.trace()
    page = opened(trace, attention(trace))
    page.locator(VIEW).get_by_role("radio", name="rollout").click()
    page.wait_for_selector(f'{ROLLOUT}[data-state="absent"]')
    assert (
        "tb.AttentionRollout(residual=0.5, heads='mean', first=0, last=None)(lm, trace)"
        in page.locator(VIEW).inner_text()
    )
    page.locator(VIEW).get_by_role("radio", name="weights").click()
    page.wait_for_selector(f'{VIEW}[data-source="weights"][data-state="ready"]')


def test_markup_stays_text(opened):
    trace = made.trace(0, 8, 9, 8, 4, 5, 11, 6, 7, 7, 9, prompt_length=9)
    page = opened(trace, attention(trace))
    assert page.locator(f'{VIEW} [role=option][data-key="1"]').inner_text().startswith("</script>")


def test_what_no_page_can_hold_is_a_sentence():
    trace = made.trace()
    # A view of one number, as large as it says.
    axes = {"layer": range(30), "head": range(9), "query": range(2048), "key": range(2048)}
    huge = LabeledArray.of(np.broadcast_to(np.float32(0), (30, 9, 2048, 2048)), **axes)
    result = Attention(huge, None, trace.tokens, via="sdpa", method="AttentionPatterns()", traces=(trace.hash,))
    sentence = "takes about 156 MB in a page, the limit is 64 MB: ask for at most 11 layers, as in "
    with pytest.raises(ValueError, match=sentence):
        next(AttentionView.slices(result, trace))
    with pytest.raises(ValueError, match=r'429 MB .* or save it with detail="compact"'):
        next(AttentionView.slices(result, trace, detail="full"))


def long_trace(length):
    return made.trace(*[(0, 1, 2, 3, 4, 5, 8, 9, 10, 7)[n * n % 10] for n in range(length)], prompt_length=length - 5)


@pytest.mark.parametrize("sink", [True, False])
@pytest.mark.parametrize("form", ["compact", "full"])
def test_another_head_is_shown_with_its_own_numbers(saved_page, tmp_path, form, sink):
    """Its slice is inflated on the click, from a page without a network."""
    trace = long_trace(130)
    result = attention(trace, layers=(0, 2), sink=sink)
    path = tb.Workbench([trace, result]).save(tmp_path / "a.html", detail=form)
    assert path.read_text("utf-8").count('id="tracebench-chunk-') == 9
    page = saved_page(path, "#step=1&layer=0&head=0")
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    page.locator(f'{HEADS} [role=gridcell][data-layer="2"][data-head="1"]').click()
    page.get_by_role("heading", name="Layer 2, head 1").wait_for()
    table = pd.read_csv(menu(page, "Save numbers"))
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
    assert "The 16 largest weights of each row are exact (to within 0.00004)" in words
    assert float(words.split("sum to ")[1].rstrip(".")) == pytest.approx(row[~taken].sum(), abs=0.006)
    if sink:
        assert page.locator(f"{VIEW} .tb-att-sink").inner_text() == "sink 0.25"


def test_every_mean_that_can_be_chosen_is_in_the_page(opened):
    trace = made.trace()
    result = attention(trace, layers=(0, 2))
    for layer, head in ((None, None), (2, None), (None, 1)):
        chosen = "".join(f"&{name}={at}" for name, at in (("layer", layer), ("head", head)) if at is not None)
        page = opened(trace, result, fragment=f"#step=2{chosen}")
        table = pd.read_csv(menu(page, "Save numbers"))
        row = np.asarray(result.map(layer, head).values)[4, :5]
        assert table["weight"].to_numpy() == pytest.approx(row, abs=0.004)


def test_a_single_token_is_shown(opened):
    trace = made.trace(0, prompt_length=1)
    page = opened(trace, attention(trace))
    assert page.locator(f"{VIEW} .tb-detail").inner_text().startswith("largest weight: The (position 0), 0.75,")


@pytest.mark.parametrize(("family", "layers"), [("gpt_oss", (0, 1)), ("zamba2", (1, 2))])
def test_models_with_sinks_and_models_that_attend_in_some_layers_only(saved_page, tmp_path, family, layers):
    lm = tiny.lm(family)
    trace = lm.read([5, 300, 7, 8, 250, 9, 10, 11], prompt_length=5)
    result = tb.AttentionPatterns()(lm, trace)
    assert result.layers == layers
    without = set(range(lm.layers)) - set(layers)
    bench = tb.Workbench([trace, result])
    page = saved_page(bench.save(tmp_path / "a.html", detail="compact"), "#step=1&layer=1&head=1")
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    table = pd.read_csv(menu(page, "Save numbers"))
    row = np.asarray(result.weights.sel(layer=1, head=1, query=5).values)[:6]
    assert table["exact"].all()
    assert table["weight"].to_numpy() == pytest.approx(row, abs=4e-5)
    assert (page.locator(f"{VIEW} .tb-att-sink").count() == 1) == (result.sink is not None)
    said = page.locator(f"{VIEW} p.tb-note").first.inner_text()
    assert ("Layer 0 has no attention." in said) == (without == {0}) == ("no attention" in said)


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
    own = (
        "next(r for r in bench.results if r.kind == 'attention').weights.sel(layer=17, head=4, query=trace.position(0))"
    )
    weight = float(notebook.kernel_eval(f"float({own}.values.max())"))
    assert float(re.search(r"(?:weight |\), )([\d.]+)", shown)[1]) == pytest.approx(weight, abs=0.01)
    assert "Weights are rounded by at most 0.004" in page.locator(f"{VIEW} p.tb-note").inner_text()
    assert notebook.problems() == []
    notebook.close()
