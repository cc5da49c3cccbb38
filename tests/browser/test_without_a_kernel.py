"""What stays when nobody answers any more: the kernel died, the notebook was reopened, the notebook was exported."""

import os
import signal

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

pytestmark = pytest.mark.browser
STEMS = ("generation", "lens_table", "token_scores", "attention")
SETUP = """
import os
import tracebench as tb
lm = tb.load("demo")
trace = lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=4)
bench = tb.explore(lm, trace, tb.InputXGradient())
"""
LOST = "The kernel cannot be reached"


def view(page, stem):
    return page.locator(f'[data-view="{stem}"]')


def head(page, layer, number):
    return view(page, "attention").locator(f'[role=gridcell][data-layer="{layer}"][data-head="{number}"]')


@pytest.fixture(scope="module")
def notebook(lab):
    """A bench of four answered views, saved; then its kernel is killed, and the server starts another that knows nothing."""
    book = lab.open_notebook([SETUP, "bench"], "dead.ipynb")
    book.run_all()
    for stem in STEMS:
        book.wait_for(f'[data-view="{stem}"][data-state="ready"]')
    # One head is looked at while there is somebody to ask.
    head(book.page, 23, 5).click()
    book.page.get_by_text("Layer 23, head 5").first.wait_for()
    head(book.page, 0, 0).click()
    book.page.get_by_text("Layer 0, head 0").first.wait_for()
    book.save()
    os.kill(int(book.kernel_eval("os.getpid()")), signal.SIGKILL)
    book.kernel_ended = True
    book.page.get_by_role("dialog").get_by_role("button", name="Ok").click()
    yield book
    book.close()


def test_what_was_answered_stays_and_stays_linked(notebook):
    page = notebook.page
    view(page, "generation").locator('[data-step="1"]').first.click()
    # 10 prompt tokens: step 1 is predicted at position 10.
    page.wait_for_selector('[data-view="lens_table"] [data-token="10"][aria-selected="true"]')
    page.wait_for_selector('[data-view="attention"] [data-query="10"][aria-selected="true"]')
    # A head that was looked at is here.
    head(page, 23, 5).click()
    view(page, "attention").get_by_text("Layer 23, head 5").first.wait_for()
    for stem in ("generation", "lens_table", "attention"):
        assert view(page, stem).get_attribute("data-state") == "ready"
    # What the bench says of the step is in it already.
    assert "Why did the model say “,” at step 1?" in page.locator(".tb-bench-top").inner_text()


def test_a_head_that_was_not_looked_at_says_that_nobody_answers(notebook):
    attention = view(notebook.page, "attention")
    head(notebook.page, 11, 3).click()
    attention.get_by_text(LOST).first.wait_for()
    assert "Layer 23, head 5" in attention.inner_text()  # what is shown says whose it is
    head(notebook.page, 23, 5).click()
    attention.get_by_text(LOST).first.wait_for(state="hidden")


def test_whatever_is_asked_anew_is_told_that_nobody_answers(notebook):
    page = notebook.page
    scores, lens = view(page, "token_scores"), view(page, "lens_table")
    view(page, "generation").locator('[data-step="2"]').first.click()
    notebook.page.wait_for_selector(f'[data-view="token_scores"][data-state="error"]:has-text("{LOST}")')
    # What was shown before is not lost: back, and away again.
    view(page, "generation").locator('[data-step="0"]').first.click()
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]:has-text("at step 0?")')
    view(page, "generation").locator('[data-step="2"]').first.click()
    page.wait_for_selector(f'[data-view="token_scores"][data-state="error"]:has-text("{LOST}")')
    # Another question, and another: the fields are not left waiting.
    for method in ("integrated gradients", "input × gradient"):
        scores.get_by_label("rather than this token").fill("·Rome")
        scores.get_by_label("method").select_option(label=method)
        scores.get_by_role("button", name="Ask", exact=True).click()
        page.wait_for_selector(f'[data-view="token_scores"][data-state="error"]:has-text("{LOST}")')
        assert scores.get_by_role("button", name="Ask", exact=True).is_enabled()
    lens.get_by_label("watch a token").fill("·Rome")
    lens.get_by_role("button", name="Watch", exact=True).click()
    lens.get_by_text(LOST).wait_for()
    assert lens.get_attribute("data-state") == "ready"
    assert lens.get_by_role("button", name="Watch", exact=True).is_enabled()


def test_the_bench_says_that_nobody_answers_and_that_nothing_was_saved(notebook):
    head = notebook.page.locator(".tb-bench-top")
    head.get_by_text("The kernel does not answer").wait_for()
    head.get_by_role("button", name="Save").click()
    head.get_by_text(f"Not saved: {LOST}").wait_for()


def test_the_reopened_notebook_shows_the_summary_and_the_tinted_text(notebook):
    """The last test of this notebook: its live bench is gone after this."""
    notebook.reopen()
    page = notebook.page
    static = page.locator(".tracebench-static").first
    static.wait_for()
    # The layers were asked for after the cell had run, and so were the scores.
    said_and_tinted(static, "The model said “·Paris” with p = 0.702; top choice from layer 27 to 29")
    assert "By input × gradient" in static.inner_text()
    assert page.locator(".tracebench-static").count() == 1
    # As many outputs as the cell had: what was known at first was replaced.
    outputs = notebook.outputs(1)
    assert sorted(outputs[0]["data"]) == ["text/html", "text/plain"]
    assert len(outputs) == 2
    body, _ = HTMLExporter().from_filename(str(notebook.lab.folder / "work" / notebook.name))
    assert "top choice from layer 27 to 29" in body
    assert not page.locator("[data-view]").count()
    # The bar that transformers shows while it loads is a widget of another cell.
    lost = page.locator(".jp-Notebook .jp-CodeCell").nth(1).get_by_text("Error displaying widget")
    lost.wait_for(state="attached")
    assert not lost.is_visible()


def said_and_tinted(static, summary):
    """The summary in a sentence, and the more likely a token was, the stronger its tint."""
    assert static.inner_text().startswith(summary)
    said = [static.locator(f'span[title^="step {step}:"]').first for step in range(3)]
    assert [token.inner_text() for token in said] == ["·Paris", ",", "·France"]
    tints = [
        float(token.evaluate("el => getComputedStyle(el).backgroundColor.split(',')[3].slice(0, -1)")) for token in said
    ]
    assert tints[1] < tints[0] < tints[2]


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """What `jupyter nbconvert --to html --execute` makes of a notebook with a bench and its snapshot."""
    cells = [
        nbformat.v4.new_code_cell(source) for source in (SETUP, "bench.save('a.trace')\nbench", "tb.snapshot(bench)")
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    folder = tmp_path_factory.mktemp("exported")
    NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}).execute()
    body, _ = HTMLExporter().from_notebook_node(book)
    (folder / "book.html").write_text(body, "utf-8")
    return folder / "book.html"


@pytest.fixture
def offline(browser, exported):
    """The exported notebook, opened with the network cut; nbconvert's own page asks for scripts that do not come."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000}, offline=True)
    page = context.new_page()
    page.goto(exported.as_uri())
    yield page
    context.close()


def test_the_exported_notebook_shows_the_summary_without_a_network(offline):
    static = offline.locator(".tracebench-static").first
    assert static.is_visible()
    said_and_tinted(static, "The model said “·Paris” with p = 0.702; top choice from layer 27 to 29")


def test_a_snapshot_in_the_exported_notebook_is_four_linked_views(offline):
    frame = offline.frame_locator("iframe[srcdoc]")
    for stem in STEMS:
        frame.locator(f'[data-view="{stem}"][data-state="ready"]').wait_for()
    frame.locator('[data-view="generation"] [data-step="2"]').first.click()
    frame.locator('[data-view="lens_table"] [data-token="11"][aria-selected="true"]').first.wait_for()
    frame.locator('[data-view="attention"] [data-query="11"][aria-selected="true"]').first.wait_for()
    # The scores of one step were computed: the page says what would compute those of another.
    absent = frame.locator('[data-view="token_scores"][data-state="absent"]')
    absent.wait_for()
    assert "tb.Target(step=2, of='log_prob')" in absent.inner_text().replace('"', "'")
    absent.get_by_role("button", name="Go to step 0").click()
    frame.locator('[data-view="token_scores"][data-state="ready"]').wait_for()
