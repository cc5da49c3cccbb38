"""The file that ``tracebench demo`` wrote, opened with the network cut."""

import zlib
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import tracebench as tb
from tests import made
from tests.chromium import busy_for_less_than, eventually, launch

pytestmark = pytest.mark.browser
DEMO = Path(__file__).parents[2] / "demo" / "first-look.html"


def selected(page, view, axis):
    """The coordinates of an axis that a view marks as selected."""
    found = page.locator(f'[data-view="{view}"] [data-{axis}][aria-selected="true"]')
    return sorted({int(found.nth(i).get_attribute(f"data-{axis}")) for i in range(found.count())})


def ready(page):
    for view in ("generation", "lens_table"):
        page.wait_for_selector(f'[data-view="{view}"][data-state="ready"]')


@pytest.fixture
def demo(saved_page):
    page = saved_page(DEMO)
    ready(page)
    return page


def test_it_opens_with_the_summary_as_its_first_sentence(demo):
    assert "·Paris" in demo.locator('[data-view="workbench"]').inner_text()
    raw = DEMO.read_text("utf-8")
    first = raw.index("<main><p><strong>The model said “·Paris” with p = 0.702; top choice from layer ")
    assert first < raw.index("tracebench-state")


def test_a_click_in_one_view_moves_the_other(demo):
    demo.locator('[data-view="generation"] [data-step="2"]').first.click()
    assert selected(demo, "generation", "step") == [2]
    # 10 prompt tokens: step 2 is predicted at position 11.
    demo.wait_for_selector('[data-view="lens_table"] [data-token="11"][aria-selected="true"]')


def test_a_click_on_a_cell_of_the_lens_moves_the_generation(demo):
    demo.locator('[data-view="lens_table"] [data-layer="29"][data-token="12"]').first.click()
    demo.wait_for_selector('[data-view="generation"] [data-step="3"][aria-selected="true"]')


def test_the_arrow_keys_step(demo):
    demo.locator('[data-view="generation"] [data-step="0"]').first.click()
    demo.keyboard.press("ArrowRight")
    demo.wait_for_selector('[data-view="generation"] [data-step="1"][aria-selected="true"]')
    demo.keyboard.press("ArrowLeft")
    demo.wait_for_selector('[data-view="generation"] [data-step="0"][aria-selected="true"]')


def test_a_link_opens_it_there(saved_page):
    page = saved_page(DEMO, "#step=2&layer=23")
    ready(page)
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    page.wait_for_selector('[data-view="lens_table"] [data-layer="23"][data-token="11"][aria-selected="true"]')


def test_a_page_without_the_answer_says_what_would_compute_it(saved_page, tmp_path):
    trace = made.trace()
    request = tb.Request("LogitLens", {"top": 5}, (trace.hash,), code="tb.LogitLens(top=5)(lm, trace)")
    page = saved_page(tb.Workbench([trace, request]).save(tmp_path / "a.html"))
    page.wait_for_selector('[data-view="lens_table"][data-state="absent"]')
    assert "tb.LogitLens(top=5)(lm, trace)" in page.locator('[data-view="lens_table"]').inner_text()


@pytest.mark.parametrize(
    "ids",
    [(0,), (0, 1), (0, 8, 9, 8, 4, 5, 11, 6, 7, 7, 9)],
    ids=["one token", "one step", "script, right-to-left, half characters, NUL"],
)
def test_strange_and_small_traces_are_shown(saved_page, tmp_path, ids):
    trace = made.trace(*ids, prompt_length=1)
    page = saved_page(tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html"))
    ready(page)
    assert page.locator('[data-view="generation"] [data-token]').count() >= len(ids)


def test_markup_in_a_model_name_stays_text(saved_page, tmp_path):
    from dataclasses import replace

    trace = made.trace()
    evil = "<img src=x onerror=alert(1)>${1}</script>"
    trace = replace(trace, provenance=replace(trace.provenance, model=evil))
    page = saved_page(tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html"))
    ready(page)
    assert evil in page.locator('[data-view="workbench"]').inner_text()
    assert page.locator("img[src=x]").count() == 0


def menu(page, view, item):
    """Choose from a view's menu, and give what was downloaded."""
    root = page.locator(f'[data-view="{view}"]')
    root.get_by_role("button", name="Menu").click()
    with page.expect_download() as download:
        root.get_by_role("menuitem", name=item).click()
    return Path(download.value.path())


def test_the_csv_of_the_lens_has_the_exact_numbers(demo):
    import pandas as pd

    lens = tb.open(DEMO.with_suffix(".trace")).results[0]
    table = pd.read_csv(menu(demo, "lens_table", "Save numbers"))
    expected = lens.to_pandas()
    assert len(table) == len(expected)
    for name in ("layer", "token", "token_id", "rank", "candidate_token_id", "prob", "entropy", "kl"):
        # The browser writes a float32 as the double that it is: equal to the bit.
        assert (table[name].astype(expected[name].dtype) == expected[name]).all(), name


def test_the_csv_of_the_generation_names_its_steps(demo):
    import pandas as pd

    table = pd.read_csv(menu(demo, "generation", "Save numbers"))
    assert {"step", "prob"} <= set(table.columns)


@pytest.mark.parametrize("view", ["generation", "lens_table"])
def test_the_picture_of_a_view_is_a_picture(demo, view):
    data = menu(demo, view, "Save picture (PNG)").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(data[16:20]), int.from_bytes(data[20:24])
    assert width > 600
    assert height > 200
    assert len(set(pixels(data))) > 50  # an empty picture has one colour


@pytest.mark.parametrize("view", ["generation", "lens_table", "token_scores"])
def test_the_drawing_of_a_view_says_what_it_shows_and_stands_alone(demo, view):
    heading = demo.locator(f'[data-view="{view}"] h2').inner_text()
    drawing = ET.parse(menu(demo, view, "Save picture (SVG)")).getroot()
    said = [each.text for each in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert heading in said
    assert len(said) > 20
    assert not any("var(" in value for each in drawing.iter() for value in each.attrib.values())


def test_copy_code_gives_python_that_makes_it_again(demo):
    # Many hosts refuse the clipboard: then the text is shown, to be copied by hand.
    demo.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    demo.locator('[data-view="lens_table"]').get_by_role("button", name="Menu").click()
    demo.locator('[data-view="lens_table"]').get_by_role("menuitem", name="Copy code").click()
    text = demo.locator("dialog textarea").input_value()
    assert "tb.LogitLens(top=5, watch=())(lm, trace)" in text
    demo.locator("dialog").get_by_role("button", name="Close").click()


def pixels(png):
    """The filtered bytes of a PNG's image, unpacked from its chunks."""
    at, packed = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            packed += png[at + 8 : at + 8 + length]
        at += 12 + length
    return zlib.decompress(packed)


@pytest.mark.parametrize("width", [700, 1000, 1800])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_narrow_and_wide(saved_page, width, scheme):
    page = saved_page(DEMO, width=width, scheme=scheme)
    ready(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_long_text_stays_fluid(saved_page, tmp_path):
    """512 tokens: it opens, and a step redraws the linked views without a pause that a person would feel."""
    ids = [(0, 1, 2, 3, 4, 5, 8, 9, 10, 7)[n * n % 10] for n in range(512)]
    trace = made.trace(*ids, prompt_length=256)
    page = saved_page(tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html"))
    ready(page)
    page.locator('[data-view="generation"] [data-step="0"]').first.click()
    for step in range(1, 6):
        with busy_for_less_than(page, seconds=2):
            page.keyboard.press("ArrowRight")
            page.wait_for_selector(f'[data-view="lens_table"] [data-token="{255 + step}"][aria-selected="true"]')


def test_a_prompt_that_is_unfolded_stays_where_it_was(browser, tmp_path):
    """In a browser whose bars to scroll by take room, as most have: one that comes makes the text narrower."""
    trace = made.trace(*[(1, 2, 3)[n % 3] for n in range(402)], prompt_length=400)
    path = tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html")
    classic = launch(browser.browser_type, ignore_default_args=["--hide-scrollbars"])
    try:
        page = classic.new_page(viewport={"width": 1000, "height": 1000})
        page.goto(path.resolve().as_uri())
        ready(page)
        view = page.locator('[data-view="generation"]')
        text = view.locator(".tb-text").first
        wide = text.evaluate("el => el.clientWidth")
        view.get_by_role("button", name="Show").first.click()
        eventually(page, lambda: text.evaluate("el => el.clientWidth") < wide)
        assert text.evaluate("el => el.scrollTop") == 0
    finally:
        classic.close()


def test_a_snapshot_in_a_cell_output_is_the_whole_bench(saved_page, tmp_path):
    trace = made.trace()
    page = tmp_path / "notebook.html"
    shown = tb.snapshot(tb.Workbench([trace, made.lens(trace)]))._repr_html_()
    page.write_text(f"<!doctype html><meta charset=utf-8><body>{shown}", "utf-8")
    frame = saved_page(page).frame_locator("iframe")
    frame.locator('[data-view="lens_table"][data-state="ready"]').wait_for()
    frame.locator('[data-view="generation"] [data-step="2"]').first.click()
    frame.locator('[data-view="lens_table"] [data-token="4"][aria-selected="true"]').first.wait_for()
    # As tall as the bench: one scroll bar, that of the notebook.
    assert frame.locator("html").evaluate("html => html.scrollHeight <= innerHeight")
