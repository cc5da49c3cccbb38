"""Which tokens speak for it: a saved page with the network cut."""

from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tests.chromium import busy_for_less_than

pytestmark = pytest.mark.browser
VIEW = '[data-view="token_scores"]'
TEXT = f"{VIEW} .tb-text"
#: --tb-for and --tb-against in the light theme.
FOR, AGAINST = "rgb(184, 80, 15)", "rgb(33, 102, 172)"


@pytest.fixture
def opened(saved_page, tmp_path):
    """Opens a bench of these things; the view is there when it has an answer."""

    def open_bench(*things, state="ready", fragment="", **how):
        page = saved_page(tb.Workbench(things).save(tmp_path / "a.html"), fragment, **how)
        page.wait_for_selector(f'{VIEW}[data-state="{state}"]')
        return page

    return open_bench


def menu(page, item):
    root = page.locator(VIEW)
    root.get_by_role("button", name="Menu").click()
    with page.expect_download() as download:
        root.get_by_role("menuitem", name=item).click()
    return Path(download.value.path())


def test_a_click_on_a_token_marks_it_in_text_list_and_the_generation(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace))
    page.locator(f'{TEXT} [data-token="1"]').click()
    for place in (TEXT, f"{VIEW} .tb-score-rows", '[data-view="generation"]'):
        page.wait_for_selector(f'{place} [data-token="1"][aria-selected="true"]')
    page.locator(f'{VIEW} .tb-score-rows [data-token="2"]').click()
    page.wait_for_selector(f'{TEXT} [data-token="2"][aria-selected="true"]')
    assert page.locator('[data-view="generation"] [data-step="0"][aria-selected="true"]').count() > 0


def test_what_is_marked_in_the_generation_is_marked_here(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace))
    page.locator('[data-view="generation"] [data-token="1"]').click()
    page.wait_for_selector(f'{TEXT} [data-token="1"][aria-selected="true"]')
    assert "position 1" in page.locator(f"{VIEW} .tb-detail").inner_text()


def test_a_contrast_of_another_view_is_found_by_what_is_typed(opened):
    """The second view asked by exact text; the field of the first makes an id of what it knows."""
    trace = made.trace()
    page = opened(trace, made.scores(trace), made.scores(trace, token=" Paris", against=" Rome", seed=7))
    view = page.locator(VIEW).first
    ask_rather(view, "·Rome")
    page.wait_for_selector(f'{VIEW}[data-state="ready"]:has-text("rather than “·Rome” at step 0?") >> nth=0')
    assert (
        view.locator(".tb-score-value").first.inner_text()
        == page.locator(VIEW).last.locator(".tb-score-value").first.inner_text()
    )


def test_a_question_that_cannot_be_one_is_told_why_and_gets_no_code_that_refuses_it(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace))
    view = page.locator(VIEW)
    ask_rather(view, "·city·of")
    view.get_by_text("is 2 tokens in this text").wait_for()
    assert view.get_attribute("data-state") == "absent"
    assert "tb." not in view.locator(".tb-state").inner_text()
    ask_rather(view, "·Paris")
    view.get_by_text("is compared with itself").wait_for()
    ask_rather(view, "·London")
    view.get_by_text("This page cannot tell whether").wait_for()
    assert 'against=" London"' in view.locator(".tb-state").inner_text()
    view.get_by_role("button", name="Ask the first question again").click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')


def ask_rather(view, token):
    view.get_by_label("rather than this token").fill(token)
    view.get_by_role("button", name="Ask", exact=True).click()


def test_a_later_token_leads_to_its_step_and_an_absent_step_back(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace))
    page.locator(f'{TEXT} [data-token="5"]').click()
    page.wait_for_selector(f'{VIEW}[data-state="absent"]')
    page.wait_for_selector('[data-view="generation"] [data-step="2"][aria-selected="true"]')
    assert "tb.IntegratedGradients(n_steps=64)(lm, trace, tb.Target(step=2))" in page.locator(VIEW).inner_text()
    page.get_by_role("button", name="Go to step 0").click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')


def test_each_step_that_was_saved_is_shown(opened):
    trace = made.trace()
    first, third = made.scores(trace), made.scores(trace, 2, seed=1)
    # Two results of one question: two views, each of which follows the step.
    page = opened(trace, first, third)
    page.get_by_role("button", name="Next step").click()
    page.wait_for_selector(f'{VIEW}[data-state="absent"]')
    page.get_by_role("button", name="Next step").click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    assert "at step 2?" in page.locator(VIEW).first.inner_text()


def test_every_step_is_a_table_whose_cells_lead_there(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace, None))
    page.locator(f'{VIEW} [role=gridcell][data-step="3"][data-token="4"]').click()
    page.wait_for_selector('[data-view="generation"] [data-step="3"][aria-selected="true"]')
    page.wait_for_selector(f'{TEXT} [data-token="4"][aria-selected="true"]')
    assert page.locator(f'{VIEW} [role=rowheader][aria-selected="true"]').inner_text().startswith("3")
    assert page.locator(f'{VIEW} [role=gridcell][data-step="0"][data-token="4"]').inner_text() == ""


def test_the_table_of_a_long_text_begins_where_the_scores_are(opened):
    trace = made.trace(*[0] * 120, prompt_length=116)
    scores = made.scores(trace, None)
    scores.scores.values[1, 90] = 30
    page = opened(trace, scores, fragment="#step=1")
    column = page.locator(f'{VIEW} .tb-matrix [role=gridcell][data-step="1"][data-token="90"]')
    column.wait_for()
    inside = """el => {
        const [cell, table] = [el, el.closest(".tb-grid")].map((each) => each.getBoundingClientRect());
        return cell.left >= table.left && cell.right <= table.right;
    }"""
    assert column.evaluate(inside)
    # Next to nothing beside 30 is quiet, and its title has the number.
    quiet = (
        page.locator(f'{VIEW} .tb-matrix [role=gridcell][data-step="1"]', has_text="0").filter(has_not_text=".").first
    )
    assert "e−" in quiet.get_attribute("title") or "0.0" in quiet.get_attribute("title")
    # Whoever goes elsewhere is not led back.
    page.locator(f"{VIEW} .tb-matrix .tb-grid").evaluate("el => { el.scrollLeft = 0; }")
    page.set_viewport_size({"width": 1000, "height": 900})
    page.wait_for_timeout(200)
    assert page.locator(f"{VIEW} .tb-matrix .tb-grid").evaluate("el => el.scrollLeft") == 0


def test_scores_that_do_not_add_up_say_so_before_anything_else(opened):
    trace = made.trace()
    wrong = (tb.Check("completeness", "measure", 0.5, 0.05, "They add up."),)
    page = opened(trace, made.scores(trace, checks=wrong))
    said = page.locator(f"{TEXT} + *")
    assert said.inner_text().startswith("! The scores do not add up: ")
    colour = "el => getComputedStyle(el).color"
    assert said.evaluate(colour) == page.locator(f"{VIEW} .tb-check-word").evaluate(colour)
    page = opened(trace, made.scores(trace))
    assert page.locator(f"{TEXT} + *").get_attribute("class") == "tb-detail"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_later_token_can_be_read(opened, scheme):
    trace = made.trace()
    page = opened(trace, made.scores(trace), made.attention(trace), scheme=scheme)
    page.wait_for_selector('[data-view="attention"] [data-later]')
    ratios = page.locator("[data-later] > .tb-token").evaluate_all(
        """all => all.map((el) => {
            const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
            const light = (colour) => {
                canvas.fillStyle = colour;
                canvas.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((x) => x / 255)
                    .map((x) => (x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
                return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05;
            };
            let faint = 1;
            for (let at = el; at; at = at.parentElement) faint *= Number(getComputedStyle(at).opacity);
            const ink = light(getComputedStyle(el).color);
            const ground = light(getComputedStyle(el.closest(".tb")).backgroundColor);
            return faint * Math.max(ink, ground) / Math.min(ink, ground);
        })"""
    )
    assert len(ratios) > 4
    assert min(ratios) >= 4.5


def test_a_page_of_every_step_finds_the_contrast_that_another_view_came_with(opened):
    """As `tracebench explore --against " Rome" --steps all` writes it."""
    trace = made.trace()
    page = opened(trace, made.scores(trace, None), made.scores(trace, 0, against=" Rome"))
    first = page.locator(VIEW).first
    first.get_by_label("rather than this token").fill("·Rome")
    first.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"] h2:has-text("rather than")')
    assert "This saved page does not have this answer" not in page.locator("body").inner_text()
    assert page.locator(f'{VIEW} h2:has-text("rather than")').count() == 2


def test_keys_move_through_the_text_with_one_stop(opened):
    trace = made.trace()
    page = opened(trace, made.scores(trace))
    page.locator(f'{TEXT} [data-token="0"]').click()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(f'{TEXT} [data-token="1"][aria-selected="true"]:focus-visible')
    assert page.locator(f"{TEXT} [tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    # Next to the text is the order of the list, then the list: the text itself was one stop.
    assert page.evaluate("document.activeElement.closest('.tb-text')") is None


@pytest.mark.parametrize("step", [0, None], ids=["one step", "every step"])
def test_the_csv_is_what_to_pandas_gives(opened, step):
    import pandas as pd

    trace = made.trace()
    result = made.scores(trace, step)
    page = opened(trace, result)
    table = pd.read_csv(menu(page, "Save numbers"))
    expected = result.to_pandas()
    assert list(table.columns) == list(expected.columns)
    named = ["step", "token", "token_id", "text"]
    assert table[named].equals(expected[named])
    assert (table["score"].astype(np.float32) == expected["score"].astype(np.float32)).all()


def test_the_picture_is_a_picture(opened):
    trace = made.trace()
    data = menu(opened(trace, made.scores(trace, None)), "Save picture (PNG)").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[16:20]) > 600
    assert len(data) > 10_000


def test_the_bars_of_the_text_are_in_the_picture(opened):
    """Each above its line or below it, in the colour of its sign, and as high as its score is large."""
    trace = made.trace()
    result = made.scores(trace)
    page = opened(trace, result, scheme="light")
    root = ET.fromstring(menu(page, "Save picture (SVG)").read_text())
    drawn = [rect.attrib for rect in root.iter("{http://www.w3.org/2000/svg}rect")]
    scores = [float(score) for score in result.to_pandas()["score"] if not np.isnan(score)]
    # The list beside it has bars of 8 pixels.
    bars = [rect for rect in drawn if rect.get("fill") in (FOR, AGAINST) and float(rect["height"]) != 8]
    assert [rect["fill"] == FOR for rect in bars] == [score > 0 for score in scores]
    largest = max(map(abs, scores))
    for rect, score in zip(bars, scores, strict=True):
        assert float(rect["height"]) == pytest.approx(11 * abs(score) / largest, abs=1)
    lines = {float(rect["y"]) for rect in drawn if rect.get("height") == "1" and rect.get("fill") not in (FOR, AGAINST)}
    for rect in bars:
        top, end = float(rect["y"]), float(rect["y"]) + float(rect["height"])
        assert any(end == line if rect["fill"] == FOR else top == line + 1 for line in lines)


def test_markup_right_to_left_and_half_characters_stay_text(opened):
    trace = made.trace(0, 8, 9, 8, 4, 5, 11, 6, 7, 7, 9, prompt_length=9)
    page = opened(trace, made.scores(trace))
    assert page.locator(f"{TEXT} [data-token]").count() == 11
    assert page.locator(f'{TEXT} [data-token="1"]').inner_text().startswith("</script>")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 700, 1400])
def test_it_fits_narrow_and_wide(opened, width, scheme):
    trace = made.trace(*[(0, 1, 2, 3, 4, 5, 8, 9, 10, 7)[n * n % 10] for n in range(512)], prompt_length=500)
    page = opened(trace, made.scores(trace, None), width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_text_of_which_every_token_is_explained_stays_fluid(opened):
    trace = made.trace(*[(0, 1, 2, 3, 4, 5, 8, 9, 10, 7)[n * n % 10] for n in range(512)], prompt_length=1)
    page = opened(trace, made.scores(trace, None), fragment="#step=300")
    with busy_for_less_than(page, seconds=2):
        page.get_by_role("button", name="Next step").click()
        page.wait_for_selector(f'{VIEW} [role=rowheader][data-step="301"][aria-selected="true"]')


SETUP = """
import tracebench as tb
from tracebench.analyses.base import request
from tracebench.session.session import Session
lm = tb.load("demo")
trace = lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=4)
asked = request(tb.IntegratedGradients(n_steps=16), trace, target=tb.Target(0))
bench = tb.Workbench([trace, asked], answerer=Session([(lm, trace)]))
"""


@pytest.fixture(scope="module")
def notebook(lab):
    """A notebook with a live bench."""
    book = lab.open_notebook([SETUP, "bench"])
    book.run_all()
    book.wait_for(f'{VIEW}[data-state="ready"]')
    yield book
    book.close()


def test_a_live_bench_computes_the_step_that_is_selected(notebook):
    page = notebook.page
    page.locator('[data-view="generation"] [data-step="2"]').first.click()
    page.wait_for_selector(f'{VIEW}[data-state="loading"]')
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    assert "at step 2?" in page.locator(f"{VIEW} .tb-scores-question").inner_text()
    shown = page.locator(f"{VIEW} .tb-score-row .tb-score-value").first.inner_text()
    found = "tb.IntegratedGradients(n_steps=16)(lm, trace, tb.Target(2)).to_pandas()"
    largest = float(notebook.kernel_eval(f"float({found}['score'].abs().max())"))
    assert abs(float(shown.replace("−", "-"))) == pytest.approx(largest, abs=0.005)


def test_steps_that_are_passed_are_given_up(notebook):
    page = notebook.page
    for step in (3, 1, 0):
        page.locator(f'[data-view="generation"] [data-step="{step}"]').first.click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    assert "at step 0?" in page.locator(f"{VIEW} .tb-scores-question").inner_text()


def test_a_token_that_is_selected_here_is_known_in_python(notebook):
    page = notebook.page
    page.locator(f'{TEXT} [data-token="3"]').click()
    notebook.wait_until("bench.selection.token == 3")


def test_a_live_bench_answers_another_question(notebook):
    page = notebook.page
    view = page.locator(VIEW)
    page.locator('[data-view="generation"] [data-step="0"]').first.click()
    view.get_by_label("rather than this token").fill("·Rome")
    view.get_by_label("method").select_option(label="input × gradient")
    view.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f'{VIEW} .tb-scores-question:has-text("rather than “·Rome”")')
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
    shown = view.locator(".tb-score-row .tb-score-value").first.inner_text()
    found = "tb.InputXGradient()(lm, trace, tb.Target(0, against=' Rome', of='log_prob')).to_pandas()"
    largest = float(notebook.kernel_eval(f"float({found}['score'].abs().max())"))
    assert abs(float(shown.replace("−", "-"))) == pytest.approx(largest, abs=0.005)
    # A text that is no token is a sentence, and the fields stay for another try.
    view.get_by_label("rather than this token").fill("Rome and Berlin")
    view.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f'{VIEW}[data-state="error"]:has-text("is not one token")')
    view.get_by_label("rather than this token").fill("")
    view.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector(f'{VIEW}[data-state="ready"]')
