"""A bench of two texts: in a saved page with the network cut, and live in a notebook."""

import pytest

import tracebench as tb
from tests import made

pytestmark = pytest.mark.browser

VIEWS = ("generation", "lens_table", "token_scores", "attention")


def two():
    """Two texts of different lengths, with different numbers of steps."""
    return made.trace(), made.trace(0, 1, 2, 10, prompt_length=2, seed=3)


def bench_of(*traces):
    results = [each for trace in traces for each in (made.lens(trace), made.scores(trace, None), made.attention(trace))]
    return tb.Workbench([*traces, *results])


def about(page, trace):
    """Wait until the head and every view are about this text."""
    head = page.locator('[data-view="workbench"]')
    for view in VIEWS:
        head.locator(f'[data-view="{view}"][data-state="ready"]').wait_for()
    page.wait_for_function(
        "count => document.querySelectorAll('[data-view=\"generation\"] .tb-piece').length === count",
        arg=len(trace.tokens),
    )
    page.wait_for_function(
        "last => { const tokens = [...document.querySelectorAll('[data-view=\"lens_table\"] [data-token]')]"
        ".map(el => Number(el.dataset.token)); return Math.max(...tokens) === last; }",
        arg=len(trace.tokens) - 1,
    )


def test_a_page_of_two_texts_follows_its_chooser_and_its_address(saved_page, tmp_path):
    first, second = two()
    page = saved_page(bench_of(first, second).save(tmp_path / "a.html"))
    about(page, first)
    page.locator('[data-view="generation"] [data-step="4"]').first.click()
    chooser = page.get_by_label("Text", exact=True)
    assert chooser.locator("option").count() == 2
    chooser.select_option("1")
    about(page, second)
    # The second text has no step 4: it is looked at from its first step on.
    page.wait_for_selector('[data-view="generation"] [data-step="0"][aria-selected="true"]')
    page.wait_for_function("location.hash === '#trace=1&step=0'")
    page.evaluate("location.hash = '#trace=0&step=2'")
    about(page, first)
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    assert chooser.input_value() == "0"


def test_a_link_opens_a_page_at_its_text(saved_page, tmp_path):
    first, second = two()
    page = saved_page(bench_of(first, second).save(tmp_path / "a.html"), "#trace=1")
    about(page, second)
    assert page.get_by_label("Text", exact=True).input_value() == "1"


def test_the_keyboard_chooses_a_text_and_stays_at_the_chooser(saved_page, tmp_path):
    first, second = two()
    page = saved_page(bench_of(first, second).save(tmp_path / "a.html"))
    about(page, first)
    chooser = page.get_by_label("Text", exact=True)
    chooser.focus()
    page.keyboard.press("ArrowDown")
    about(page, second)
    assert chooser.evaluate("el => el === document.activeElement")


def test_what_stands_above_and_below_stays_where_it_was_while_a_text_is_changed(saved_page, tmp_path):
    first, second = two()
    page = saved_page(bench_of(first, second).save(tmp_path / "a.html"))
    about(page, first)
    page.locator('[data-view="attention"]').evaluate("el => el.scrollIntoView()")
    before = page.evaluate("scrollY")
    page.get_by_label("Text", exact=True).select_option("1")
    about(page, second)
    page.get_by_label("Text", exact=True).select_option("0")
    about(page, first)
    assert abs(page.evaluate("scrollY") - before) < 300


def test_a_page_of_one_text_has_no_chooser(saved_page, tmp_path):
    first, _ = two()
    page = saved_page(bench_of(first).save(tmp_path / "a.html"))
    about(page, first)
    assert not page.get_by_label("Text", exact=True).is_visible()


LIVE = """
import tracebench as tb
lm = tb.load("demo")
first = lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=4)
bench = tb.explore(lm, first)
bench
"""


def test_a_text_that_is_added_while_the_bench_is_displayed_is_asked_about_like_the_first(lab):
    notebook = lab.open_notebook([LIVE], "several.ipynb")
    try:
        notebook.run_all()
        notebook.wait_for('[data-view="lens_table"][data-state="ready"]')
        page = notebook.page
        chooser = page.get_by_label("Text", exact=True)
        assert not chooser.is_visible()
        notebook.kernel_exec('second = lm.read("Rome is old.", prompt_length=2)\nbench.add(second)')
        chooser.wait_for()
        chooser.select_option("1")
        notebook.wait_until("bench.selection.trace == 1")
        count = int(notebook.kernel_eval("len(second.tokens)"))
        page.wait_for_function(
            "count => document.querySelectorAll('[data-view=\"generation\"] .tb-piece').length === count", arg=count
        )
        notebook.wait_for('[data-view="lens_table"][data-state="ready"]')
        notebook.wait_until("any('LogitLens' in key and second.hash in key for key in bench._answerer.known())")
        notebook.kernel_exec("bench.selection.trace = 0")
        page.wait_for_function("document.querySelectorAll('[data-view=\"generation\"] .tb-piece').length > 12")
        assert chooser.input_value() == "0"
        assert notebook.problems() == []
    finally:
        notebook.close()
