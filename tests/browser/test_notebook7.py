"""The bench live in a real Jupyter Notebook 7: the committed notebook of the four views, as a person runs it."""

from pathlib import Path

import pytest

from tests.browser.lab import NOTEBOOK, Lab

pytestmark = pytest.mark.browser
BOOK = Path(__file__).parents[2] / "notebooks" / "02_four_views.ipynb"
STEMS = ("generation", "lens_table", "token_scores", "attention")


@pytest.fixture(scope="module")
def notebook(browser, tmp_path_factory):
    with Lab(browser, tmp_path_factory.mktemp("notebook"), NOTEBOOK).running() as server:
        book = server.open_content(BOOK.name, BOOK.read_text("utf-8"))
        book.run_all()
        book.wait_for('[data-view="workbench"][data-state="ready"]')
        book.wait_idle()
        yield book
        book.close()


def test_every_view_answers(notebook):
    bench = '[data-view="workbench"]'
    for stem in STEMS:
        notebook.wait_for(f'{bench} [data-view="{stem}"][data-state="ready"]')
    page = notebook.page
    assert page.locator(f'{bench} [data-view="generation"] [data-step="0"]').first.text_content() == "·Paris0.702"
    assert page.locator(".tracebench-static").count() == 1
    assert not page.locator(".tracebench-static").is_visible()


def test_a_click_in_one_view_moves_the_others_and_python(notebook):
    page = notebook.page
    page.locator('[data-view="generation"] [data-step="2"]').first.click()
    # 10 prompt tokens: step 2 is predicted at position 11.
    page.wait_for_selector('[data-view="lens_table"] [data-token="11"][aria-selected="true"]')
    page.wait_for_selector('[data-view="attention"] [data-query="11"][aria-selected="true"]')
    notebook.wait_for('[data-view="token_scores"][data-state="ready"]:has-text("at step 2?")')
    assert notebook.kernel_eval("bench.selection.step, bench.selection.query") == "(2, 11)"


def test_a_view_in_a_cell_of_its_own_is_linked_to_the_bench(notebook):
    page = notebook.page
    alone = page.locator('[data-view="attention"]').last
    assert page.locator('[data-view="attention"]').count() == 2
    assert alone.evaluate("""view => view.closest('[data-view="workbench"]') === null""")
    alone.locator('[role=gridcell][data-layer="23"][data-head="5"]').click()
    page.wait_for_selector(
        '[data-view="workbench"] [data-view="attention"] [data-layer="23"][data-head="5"][aria-selected="true"]'
    )
    notebook.wait_until("(bench.selection.layer, bench.selection.head) == (23, 5)")
