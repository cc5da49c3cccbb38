"""The bench live in a real JupyterLab, with the demo model."""

import pytest

pytestmark = pytest.mark.browser

SETUP = """
import warnings
import tracebench as tb
lm = tb.load("demo")
trace = lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=4)
bench = tb.explore(lm, trace)
"""


#: A cell that shows something else all the time, for a while after the views were given the scores of step 3.
MEANWHILE = """
import time
from IPython.display import clear_output
for n in range(200):
    if any('"step":3' in key for key in bench._answers.kept.by_request()):
        break
    clear_output(wait=True)
    print("not yet")
    time.sleep(0.1)
for n in range(20):
    clear_output(wait=True)
    print(n)
    time.sleep(0.1)
"""


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook with a live bench, its lens computed."""
    book = lab.open_notebook([SETUP, "bench", "import time; time.sleep(6)"])
    book.run_all()
    yield book
    book.close()


@pytest.fixture
def page(notebook):
    for view in ("generation", "lens_table"):
        notebook.wait_for(f'[data-view="{view}"][data-state="ready"]')
    return notebook.page


def click_step(page, step):
    page.locator(f'[data-view="generation"] [data-step="{step}"]').first.click()


def test_a_click_made_while_a_cell_below_runs_reaches_python(notebook):
    """After "Run All" with a 6 s cell below the bench."""
    page = notebook.page
    notebook.wait_for('[data-view="generation"][data-state="ready"]')
    click_step(page, 2)
    assert notebook.is_busy()
    notebook.wait_idle()
    assert notebook.kernel_eval("bench.selection.step, bench.selection.query") == "(2, 11)"


def test_a_click_in_one_view_moves_the_other_and_python(notebook, page):
    click_step(page, 1)
    page.wait_for_selector('[data-view="lens_table"] [data-token="10"][aria-selected="true"]')
    assert notebook.kernel_eval("bench.selection.step") == "1"


def test_python_leads(notebook, page):
    notebook.kernel_exec("bench.selection.step = 3")
    page.wait_for_selector('[data-view="generation"] [data-step="3"][aria-selected="true"]')
    page.wait_for_selector('[data-view="lens_table"] [data-token="12"][aria-selected="true"]')


def test_python_hears_of_every_click(notebook, page):
    notebook.kernel_exec("heard = []\nbench.selection.observe(lambda change: heard.append(change['new']), 'step')")
    click_step(page, 0)
    click_step(page, 2)
    notebook.wait_until("heard == [0, 2]")


def test_a_watched_token_gets_its_line_and_a_wrong_one_a_sentence(notebook, page):
    view = page.locator('[data-view="lens_table"]')
    view.get_by_label("watch a token").fill("·Rome")
    view.get_by_role("button", name="Watch", exact=True).click()
    view.get_by_text("watched", exact=True).first.wait_for()
    view.get_by_label("watch a token").fill("Eiffel Tower")
    view.get_by_role("button", name="Watch", exact=True).click()
    view.get_by_text("is not one token of this vocabulary").first.wait_for()


def test_only_the_live_bench_is_seen_while_it_lives(page):
    assert page.locator(".tracebench-static").count() == 1
    assert not page.locator(".tracebench-static").is_visible()


def test_the_rollout_is_computed_when_it_is_chosen_and_goes_into_what_is_saved(notebook, page):
    # Before anything is saved in this file: saving computes it too.
    asked = "any('AttentionRollout' in key for key in bench._answerer.known())"
    notebook.wait_for('[data-view="attention"][data-state="ready"]')
    assert notebook.kernel_eval(asked) == "False"
    view = page.locator('[data-view="attention"]')
    view.get_by_role("radio", name="rollout").click()
    notebook.wait_for('[data-view="attention"][data-source="rollout"][data-state="ready"]')
    notebook.wait_until(asked)
    notebook.kernel_exec("flow = tb.AttentionRollout()(lm, trace).reaching(trace.position(0)).isel(layer=-1).values")
    first = float(notebook.kernel_eval("float(flow[0])"))
    assert float(view.locator(".tb-att-figure").first.inner_text()) == pytest.approx(first, abs=0.01)
    assert notebook.kernel_eval("any('AttentionRollout' in key for key in bench.baked())") == "True"


def test_saving_from_the_bench_writes_a_file(notebook, page):
    page.locator('[data-view="workbench"]').get_by_role("button", name="Save").click()
    notebook.wait_until("len(__import__('glob').glob('*.html')) == 1")


def test_a_cell_that_runs_meanwhile_keeps_its_output_to_itself(notebook, page):
    """The static part of the bench is made anew when an answer arrives, and nothing of that is in another cell."""
    outputs = page.locator(".jp-Notebook .jp-CodeCell").nth(1).locator(".jp-OutputArea-output")
    before = outputs.count()
    click_step(page, 3)
    notebook.add_and_run(MEANWHILE)
    last = page.locator(".jp-Notebook .jp-CodeCell").last.locator(".jp-OutputArea-output")
    last.get_by_text("19", exact=True).wait_for()
    page.wait_for_function(
        "lead => document.querySelector('.tracebench-static strong').textContent === lead",
        arg=notebook.kernel_eval("bench.summary(3)").strip("'\""),
    )
    assert outputs.count() == before
    assert [each.strip() for each in last.all_inner_texts()] == ["19"]


def test_a_cell_and_a_job_share_the_model_and_leave_it_alone(notebook, page):
    """A job of a view is under way, a cell runs on the model, the job is cancelled: the logits are as before, bit for bit."""
    notebook.kernel_exec(
        "import torch\n"
        "ids = torch.tensor([trace.tokens.ids])\n"
        "with torch.inference_mode(): before = lm.model(ids).logits\n"
        "long = lm.read('The tower was built by many people over a long time. ' * 40)\n"
        "slow = tb.explore(lm, long)"
    )
    notebook.add_and_run("slow")
    view = page.locator('[data-view="lens_table"]').last
    view.locator('xpath=self::*[@data-state="loading"]').wait_for()
    notebook.kernel_exec("with torch.inference_mode(): during = lm.model(ids).logits")
    view.get_by_role("button", name="Cancel").click()
    view.locator('xpath=self::*[@data-state!="loading"]').wait_for()
    notebook.kernel_exec("with torch.inference_mode(): after = lm.model(ids).logits")
    assert notebook.kernel_eval("torch.equal(before, during), torch.equal(before, after)") == "(True, True)"
    # The view is told at once; the worker stops at the end of the pass that it is in.
    notebook.wait_until("sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in lm.model.modules()) == 0")


def test_an_edited_weight_is_a_new_answer_and_an_untouched_one_is_remembered(notebook, page):
    notebook.kernel_exec(
        "from tracebench.offline.bake import answer\n"
        "def ask(): return answer(bench._answerer, bench.requests[0])\n"
        "first = ask()"
    )
    assert notebook.kernel_eval("ask() is first") == "True"
    # The data alone: no version counter is bumped.
    notebook.kernel_exec("weight = lm.layout.blocks[3].mlp.down_proj.weight\nweight.data[0, 0] += 1")
    notebook.kernel_exec("edited = ask()")
    assert notebook.kernel_eval("edited is first, (edited.kl.values == first.kl.values).all()") == "(False, np.False_)"
    notebook.kernel_exec("weight.data[0, 0] -= 1")


def test_a_dead_kernel_leaves_the_bench_readable_and_says_so(notebook, page):
    """Last but one in this file: the kernel is gone after this."""
    notebook.kernel_exec("bench.selection.step = 0")
    page.wait_for_function(
        "document.querySelector('.tracebench-static strong').textContent.includes('p = 0.702; top choice')"
    )
    notebook.save()
    notebook.shutdown_kernel()
    click_step(page, 1)
    page.get_by_text("The kernel does not answer").first.wait_for(timeout=120_000)
    page.wait_for_selector('[data-view="lens_table"] [data-token="10"][aria-selected="true"]')


def test_a_reopened_notebook_shows_something_true(notebook):
    notebook.reopen()
    static = notebook.page.locator(".tracebench-static").first
    static.wait_for()
    assert "“·Paris” with p = 0.702; top choice from layer 27 to 29" in static.inner_text()
    # The bar that transformers shows while it loads is a widget of another cell.
    lost = notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(1).get_by_text("Error displaying widget")
    lost.wait_for(state="attached")
    assert not lost.is_visible()
