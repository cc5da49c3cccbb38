"""One bench in several cells of a real JupyterLab: the bench, its views alone, the bench again."""

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import tracebench as tb
from tests import made
from tracebench.requests.stored import Stored

trace = made.trace()
first = made.scores(trace, 0, of="log_prob")
rome = made.scores(trace, 0, seed=5, against=10, of="log_prob")


class Counting(Stored):
    def ask(self, request, job):
        asked.append(request.analysis)
        super().ask(request, job)


asked = []
bench = tb.Workbench([trace, made.lens(trace), first], answerer=Counting([made.lens(trace), first, rome]))
bench.arrangement = {"hidden": ["lens_table"]}
"""
#: The cells, from the top: set-up, the bench, the scores alone, the generation alone, the bench again.
CELLS = [SETUP, "bench", "bench.views[2]", "bench.views[0]", "bench"]


@pytest.fixture(scope="module")
def notebook(lab):
    book = lab.open_notebook(CELLS, name="several.ipynb")
    # All cells are in sight, so that none is put off.
    book.page.set_viewport_size({"width": 1300, "height": 5000})
    book.run_all()
    book.wait_for('.jp-Cell:nth-of-type(5) [data-view="token_scores"][data-state="ready"]')
    yield book
    book.close()


def output(notebook, cell):
    return notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(cell)


def test_a_view_alone_in_a_cell_is_linked_with_the_bench_and_with_the_others(notebook):
    output(notebook, 3).locator('[data-view="generation"] [data-step="2"]').first.click()
    for cell in (1, 4):
        output(notebook, cell).locator(
            '[data-view="generation"] [data-step="2"][aria-selected="true"]'
        ).first.wait_for()
    output(notebook, 3).locator('[data-view="generation"] [data-step="0"]').first.click()
    output(notebook, 2).locator('[data-view="token_scores"][data-state="ready"]').wait_for()
    output(notebook, 2).locator('.tb-text [data-token="1"]').click()
    for cell in (1, 3, 4):
        output(notebook, cell).locator('[data-token="1"][aria-selected="true"]').first.wait_for()
    assert notebook.kernel_eval("bench.selection.step, bench.selection.token") == "(0, 1)"


def test_a_hidden_view_asks_nothing_before_it_is_brought_back(notebook):
    assert notebook.kernel_eval("'LogitLens' in asked") == "False"
    assert output(notebook, 1).locator('[data-view="lens_table"]').count() == 0
    output(notebook, 1).get_by_role("button", name="Show lens table").click()
    # Both displays of the bench show it, and Python knows.
    for cell in (1, 4):
        output(notebook, cell).locator('[data-view="lens_table"][data-state="ready"]').wait_for()
    notebook.wait_until("bench.arrangement['hidden'] == []")
    assert notebook.kernel_eval("'LogitLens' in asked") == "True"


def test_python_arranges_every_display(notebook):
    notebook.kernel_exec("bench.arrangement = {'order': ['token_scores'], 'enlarged': 'token_scores'}")
    for cell in (1, 4):
        output(notebook, cell).locator('[data-enlarged][data-name="token_scores"]').wait_for()
    tools = output(notebook, 4).locator('[data-name="token_scores"] [data-tool="enlarge"]')
    tools.press("Escape")
    notebook.wait_until("bench.arrangement['enlarged'] is None")
    order = output(notebook, 1).locator(".tb-place").evaluate_all("places => places.map((place) => place.dataset.name)")
    assert order == ["token_scores", "generation", "lens_table"]


def test_a_question_asked_in_one_cell_is_asked_in_all_and_leads_the_head(notebook):
    alone = output(notebook, 2).locator('[data-view="token_scores"]')
    alone.get_by_label("rather than this token").fill("·Rome")
    alone.get_by_role("button", name="Ask", exact=True).click()
    for cell in (1, 4):
        head = output(notebook, cell).locator('.tb-question:has-text("Why “·Paris” rather than “·Rome” at step 0?")')
        head.wait_for()
        field = output(notebook, cell).get_by_label("rather than this token")
        assert field.input_value() == "·Rome"
    notebook.wait_until("bench.views[2].request.target.against == 10")
    said = notebook.kernel_eval("bench.summary(0)").strip("'").replace("“", "").replace("”", "")
    assert " ".join(output(notebook, 1).locator(".tb-summary").inner_text().split()) == said
    notebook.kernel_exec("bench.views[2].request = None")
    output(notebook, 4).locator('.tb-question:has-text("Why would the model say")').wait_for()


def test_a_page_may_not_say_what_cannot_be(notebook):
    """A page that is older than the kernel's bench: what it says is ignored, and it is told what is."""
    notebook.kernel_exec(
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as ignored:\n"
        "    warnings.simplefilter('always')\n"
        "    bench.set_state({'arrangement': {'hidden': ['radar']}})\n"
        "    bench.views[2].set_state({'_asked': {'analysis': 'Radar'}})"
    )
    assert notebook.kernel_eval("len(ignored), bench.arrangement['hidden'], bench.views[2]._asked") == "(2, [], None)"


def test_the_save_button_says_how_large_the_page_will_be(notebook):
    button = output(notebook, 1).get_by_role("button", name="Save")
    button.hover()
    expected = output(notebook, 1).locator('.tb-expected:has-text("One file, about")')
    expected.wait_for()
    assert "code" in expected.inner_text()


def test_without_the_cell_of_the_bench_a_view_alone_goes_on(notebook):
    page = notebook.page
    for cell in (1, 4):
        output(notebook, cell).locator(".jp-InputArea-editor").click()
        page.get_by_role("menuitem", name="Edit", exact=True).click()
        page.get_by_text("Clear Cell Output", exact=True).click()
        output(notebook, cell).locator('[data-view="workbench"]').wait_for(state="detached")
    output(notebook, 3).locator('[data-view="generation"] [data-step="3"]').first.click()
    notebook.wait_until("bench.selection.step == 3")
    output(notebook, 3).locator('[data-view="generation"] [data-step="0"]').first.click()
    scores = output(notebook, 2).locator('[data-view="token_scores"][data-state="ready"]')
    scores.locator('.tb-text [data-token="2"]').click()
    output(notebook, 3).locator('[data-token="2"][aria-selected="true"]').first.wait_for()
    notebook.wait_until("bench.selection.token == 2")
