"""The bench as a place to work: views hidden, moved and enlarged, and a question that is kept. A saved page, network cut."""

import json
import re
import xml.dom.minidom
import zlib
from base64 import b64decode, b64encode
from dataclasses import replace
from pathlib import Path

import pytest

import tracebench as tb
from tests import made
from tests.chromium import eventually, frames
from tracebench.requests.code import request_for
from tracebench.requests.stored import Stored
from tracebench.sentences.token_scores import scores_sentence
from tracebench.sentences.words import as_text

pytestmark = pytest.mark.browser


def made_bench():
    """A made bench of three views, whose token scores were asked another question too."""
    trace = made.trace()
    first = [made.scores(trace, step, seed=step) for step in (0, 1)]
    other = [made.scores(trace, step, seed=10 + step, against=" Rome", of="log_prob") for step in (0, 1)]
    bench = tb.Workbench([trace, made.lens(trace), first[0]], answerer=Stored([made.lens(trace), *first, *other]))
    return bench, other


AMBER = tb.Check("a check with a long name", "measure", 2.0, 1.0, "It is more than it may be.")


@pytest.fixture
def opened(saved_page, tmp_path):
    def open_bench(bench, **how):
        page = saved_page(bench.save(tmp_path / "a.html"), **how)
        page.wait_for_selector('[data-view="workbench"][data-state="ready"]')
        return page

    return open_bench


def tool(page, view, what):
    return page.locator(f'.tb-place[data-name="{view}"] [data-tool="{what}"]')


def in_sight(page):
    """The views that can be seen, from the top."""
    return page.evaluate(
        """() => [...document.querySelectorAll(".tb-place")]
            .filter((place) => place.offsetHeight > 40 && getComputedStyle(place).visibility === "visible")
            .sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)
            .map((place) => place.dataset.name)"""
    )


def test_a_narrow_page_keeps_the_steps_and_the_question_alone_in_sight(opened):
    page = opened(made_bench()[0], width=420)
    page.evaluate("scrollTo(0, 1000)")
    frames(page)
    stays = page.locator(".tb-stepper, .tb-question").evaluate_all(
        "all => all.map((el) => [el.getBoundingClientRect().top, el.getBoundingClientRect().bottom])"
    )
    (top, under), (below, bottom) = stays
    assert 0 <= top < under <= below < bottom < 130
    assert page.locator(".tb-summary").evaluate("el => el.getBoundingClientRect().bottom") < 0
    # Whatever is led to begins under them.
    page.locator('.tb-place[data-name="token_scores"]').evaluate("el => el.scrollIntoView()")
    assert page.locator('[data-view="token_scores"] h2').evaluate("el => el.getBoundingClientRect().top") >= bottom


def test_a_page_that_gets_narrower_still_fits(opened):
    """As a phone that is turned: the words on checks that do not hold were as long as they could be before."""
    trace = made.trace()
    amber = replace(made.lens(trace), checks=(AMBER,))
    page = opened(
        tb.Workbench([trace, amber, replace(made.scores(trace, 0), checks=(AMBER,)), made.attention(trace)]), width=590
    )
    page.wait_for_selector('[data-view="lens_table"][data-state="ready"]')
    frames(page)
    page.set_viewport_size({"width": 360, "height": 800})
    eventually(page, lambda: page.evaluate("document.documentElement.scrollWidth") <= 360)


@pytest.mark.parametrize("width", [420, 1400])
def test_what_can_be_pressed_is_high_enough(opened, width):
    page = opened(made_bench()[0], width=width)
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]')
    low = page.locator("[data-view] :is(button, input, select)").evaluate_all(
        "all => all.filter((el) => el.offsetHeight > 0 && el.offsetHeight < 24).map((el) => el.outerHTML)"
    )
    assert low == []


def test_tab_comes_to_the_tools_of_a_view_last(opened):
    page = opened(made_bench()[0])
    page.wait_for_selector('[data-view="lens_table"][data-state="ready"]')
    page.locator('[data-view="lens_table"] [role=radio][aria-checked="true"]').focus()
    stops = []
    while "tb-tool" not in (stops or [""])[-1]:
        page.keyboard.press("Tab")
        stops.append(page.evaluate("document.activeElement.getAttribute('class')"))
    assert "tb-check-word" in stops[0]
    assert "tb-menu-button" in stops[1]
    assert page.evaluate("document.activeElement.dataset.tool") == "earlier"
    assert page.evaluate("document.activeElement.closest('.tb-place').dataset.name") == "lens_table"


def test_a_reader_hides_a_view_and_brings_it_back(opened):
    page = opened(made_bench()[0])
    tool(page, "lens_table", "hide").click()
    assert in_sight(page) == ["generation", "token_scores"]
    assert page.locator('[data-view="lens_table"]').count() == 0
    assert page.locator('.tb-place[data-hidden][data-name="lens_table"]').count() == 1
    page.get_by_role("button", name="Show lens table").click()
    page.wait_for_selector('[data-view="lens_table"][data-state="ready"]')
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]


def test_a_reader_moves_views_by_the_keyboard(opened):
    page = opened(made_bench()[0])
    tool(page, "token_scores", "enlarge").focus()
    for key in ("ArrowLeft", "ArrowLeft", "Enter", "Enter"):
        page.keyboard.press(key)
    assert in_sight(page) == ["token_scores", "generation", "lens_table"]
    # The button that was pressed still has the focus, and it is seen.
    assert page.evaluate("document.activeElement.dataset.tool") == "earlier"
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    assert in_sight(page) == ["generation", "token_scores", "lens_table"]


def carry(page, view, to, release=True):
    """Take a view by its handle and move it to the upper end of another place (or the lower, by ``(view, 1)``)."""
    target, down = to if isinstance(to, tuple) else (to, 0)
    handle = page.locator(f'.tb-place[data-name="{view}"] > .tb-grip')
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 30, box["y"] + 30, steps=3)
    place = page.locator(f'.tb-place[data-name="{target}"]')
    for _ in range(200):
        # Near the end of the window the page scrolls on by itself.
        box = place.bounding_box()
        y = box["y"] + (box["height"] - 6 if down else 6)
        if 260 < y < 840:
            break
        page.mouse.move(60, 70 if y < 260 else 985)
        frames(page)
    page.mouse.move(60, y, steps=3)
    frames(page)
    if release:
        page.mouse.up()


def test_a_reader_drags_a_view_by_its_handle(opened):
    page = opened(made_bench()[0])
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]')
    carry(page, "token_scores", "generation", release=False)
    line = page.locator(".tb-landing")
    assert line.inner_text() == "before generation"
    assert abs(line.bounding_box()["y"] - page.locator('[data-name="generation"]').bounding_box()["y"]) < 6
    page.mouse.up()
    assert in_sight(page) == ["token_scores", "generation", "lens_table"]
    assert page.locator(".tb-landing, [data-carried]").count() == 0
    carry(page, "token_scores", ("lens_table", 1))
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]


def test_escape_lets_a_carried_view_stay_where_it_was(opened):
    page = opened(made_bench()[0])
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]')
    carry(page, "lens_table", "generation", release=False)
    page.keyboard.press("Escape")
    assert page.locator(".tb-landing, [data-carried]").count() == 0
    page.mouse.up()
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]


def test_a_finger_carries_a_view_and_does_not_scroll(opened):
    page = opened(made_bench()[0])
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]')
    page.evaluate("scrollTo(0, 0)")
    handle = page.locator('.tb-place[data-name="lens_table"] > .tb-grip')
    handle.scroll_into_view_if_needed()
    box, before = handle.bounding_box(), page.evaluate("scrollY")
    start = {"x": box["x"] + 8, "y": box["y"] + 8}
    top = page.locator('.tb-place[data-name="generation"]').bounding_box()["y"] + 30
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", start)
    for share in (0.3, 0.6, 1):
        touch("touchMove", {"x": start["x"], "y": start["y"] + share * (top - start["y"])})
    assert page.locator(".tb-landing").inner_text() == "before generation"
    touch("touchEnd")
    assert in_sight(page) == ["lens_table", "generation", "token_scores"]
    assert before >= 0


def test_an_enlarged_view_is_alone_the_others_stay_linked_and_escape_gives_it_back(opened):
    page = opened(made_bench()[0])
    tool(page, "token_scores", "enlarge").click()
    assert in_sight(page) == ["token_scores"]
    page.get_by_role("button", name="Next step").click()
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]:has-text("at step 1?")')
    page.locator('[data-view="token_scores"] .tb-text [data-token="1"]').click()
    page.keyboard.press("Escape")
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]
    page.wait_for_selector('[data-view="generation"] [data-step="1"][aria-selected="true"]')
    page.wait_for_selector('[data-view="lens_table"] [data-token="3"][aria-selected="true"]')


def test_a_page_opens_as_it_was_arranged(opened):
    bench, _ = made_bench()
    bench.arrangement = {"order": ["lens_table"], "hidden": ["generation"]}
    page = opened(bench)
    assert in_sight(page) == ["lens_table", "token_scores"]
    assert page.locator('[data-view="generation"]').count() == 0


def test_a_page_opens_with_one_view_enlarged(opened):
    bench, _ = made_bench()
    bench.arrangement = {"enlarged": "lens_table"}
    page = opened(bench)
    page.wait_for_selector('[data-view="lens_table"][data-state="ready"]')
    assert in_sight(page) == ["lens_table"]
    tool(page, "lens_table", "enlarge").click()
    # What was out of the way was drawn at its full width all the same.
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]
    width = page.locator('[data-view="generation"]').bounding_box()["width"]
    assert width == page.locator('[data-view="lens_table"]').bounding_box()["width"]


def test_a_reader_asks_rather_than_and_reads_the_summary_of_that_in_the_head(opened):
    """The made answer is to " Rome" by its id, which is what the field makes of a token that is on offer."""
    trace = made.trace()
    rome = made.scores(trace, 0, seed=5, against=10, of="log_prob")
    first = made.scores(trace, 0, of="log_prob")
    page = opened(tb.Workbench([trace, first], answerer=Stored([first, rome])))
    before = page.locator(".tb-summary").inner_text()
    view = page.locator('[data-view="token_scores"]')
    view.get_by_label("rather than this token").fill("·Rome")
    view.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector('.tb-question:has-text("rather than “·Rome” at step 0?")')
    assert plain(page.locator(".tb-summary").inner_text()) == plain(as_text(scores_sentence(trace, rome, 0)))
    view.get_by_label("rather than this token").fill("")
    view.get_by_role("button", name="Ask", exact=True).click()
    page.wait_for_selector('.tb-question:has-text("Why would the model say")')
    assert page.locator(".tb-summary").inner_text() == before


def test_a_page_opens_with_the_question_that_was_asked(opened):
    bench, other = made_bench()
    bench.views[2].request = request_for(other[0])
    page = opened(bench)
    summary = page.locator(".tb-summary")
    page.wait_for_selector('.tb-question:has-text("rather than “·Rome” at step 0?")')
    assert (
        plain(summary.inner_text())
        == plain(bench.summary(0))
        == plain(as_text(scores_sentence(bench.trace, other[0], 0)))
    )
    assert page.locator('[data-view="token_scores"]').get_by_label("rather than this token").input_value() == "·Rome"
    # The next step, whose answer is there too, and one whose answer is not.
    page.get_by_role("button", name="Next step").click()
    page.wait_for_selector('.tb-question:has-text("rather than “·Rome” at step 1?")')
    assert plain(summary.inner_text()) == plain(bench.summary(1))
    page.get_by_role("button", name="Next step").click()
    page.wait_for_selector('[data-view="token_scores"][data-state="absent"]')
    assert "rather than" not in page.locator(".tb-question").inner_text()


def plain(sentence):
    """Without the marks around tokens, which a page shows by their ground."""
    return " ".join(sentence.replace("“", " ").replace("”", " ").split())


def test_an_old_question_and_an_old_arrangement_are_passed_over(saved_page, tmp_path):
    """A page of another version: an arrangement of other views, and a question that is none."""
    bench, _ = made_bench()
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    found = re.search(r'id="tracebench-state">([^<]*)</script>', page)
    raw = zlib.decompress(b64decode(found[1]))
    size = int.from_bytes(raw[:4], "little")
    state = json.loads(raw[4 : 4 + size])
    for widget in state["widgets"].values():
        if "arrangement" in widget["state"]:
            widget["state"]["arrangement"] = {"order": ["radar"], "hidden": ["radar"], "enlarged": "radar"}
        if "_asked" in widget["state"]:
            widget["state"]["_asked"] = {"analysis": "Radar"}
    text = json.dumps(state).encode()
    packed = b64encode(zlib.compress(len(text).to_bytes(4, "little") + text + raw[4 + size :])).decode()
    (tmp_path / "old.html").write_text(page.replace(found[1], packed), "utf-8")
    page = saved_page(tmp_path / "old.html")
    page.wait_for_selector('[data-view="token_scores"][data-state="ready"]')
    assert in_sight(page) == ["generation", "lens_table", "token_scores"]
    assert "The saved question does not fit this text" in page.locator('[data-view="token_scores"]').inner_text()
    assert "does not fit the views of this bench" in page.locator(".tb-away").inner_text()


@pytest.mark.parametrize("view", ["generation", "lens_table", "token_scores"])
def test_the_svg_of_every_view_is_a_picture_with_text(opened, view):
    page = opened(made_bench()[0])
    page.wait_for_selector(f'[data-view="{view}"][data-state="ready"]')
    root = page.locator(f'[data-view="{view}"]')
    root.get_by_role("button", name="Menu").click()
    with page.expect_download() as download:
        root.get_by_role("menuitem", name="Save picture (SVG)").click()
    text = Path(download.value.path()).read_text("utf-8")
    picture = xml.dom.minidom.parseString(text)
    written = " ".join(node.firstChild.data for node in picture.getElementsByTagName("text") if node.firstChild)
    assert root.locator("h2").inner_text() in written
    assert "Paris" in written
    # Whoever opens it has no style sheet of ours.
    assert "var(" not in text
    assert "light-dark" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [500, 1800])
def test_it_fits_narrow_and_wide(opened, width, scheme):
    bench, other = made_bench()
    bench.views[2].request = request_for(other[0])
    bench.arrangement = {"hidden": ["generation"]}
    page = opened(bench, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # No tool lies over something else that can be pressed.
    assert page.evaluate(
        """() => [...document.querySelectorAll(".tb-place:not([hidden]) .tb-tool")].every((tool) => {
            tool.scrollIntoView({ block: "center" });
            const { left, top, width, height } = tool.getBoundingClientRect();
            return tool.contains(document.elementFromPoint(left + width / 2, top + height / 2));
        })"""
    )
