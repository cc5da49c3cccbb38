"""A figure in a browser: plotly shows the text of tokens as it is."""

import pytest

from tests.results.test_pictures import FIGURES, SHOWN

pytestmark = pytest.mark.browser

#: Stands for MathJax: plotly asks for its version when it takes a text for LaTeX.
MATHJAX = """
window.isTypeset = false
window.MathJax = {get version() { window.isTypeset = true; return "3.0.0" }}
"""


@pytest.fixture(scope="module")
def page(browser, tmp_path_factory):
    context = browser.new_context(viewport={"width": 1300, "height": 800}, offline=True)
    context.add_init_script(MATHJAX)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_shows_the_text_of_tokens_as_it_is(page, tmp_path, name):
    FIGURES[name].write_html(tmp_path / "a.html", include_plotlyjs=True)
    page.goto((tmp_path / "a.html").as_uri())
    page.wait_for_selector(".gtitle")
    shown = page.locator(".xtick text").all_text_contents()
    assert shown == (SHOWN[:9] if name == "scores" else SHOWN)
    assert not page.evaluate("isTypeset")
    if name == "scores":
        assert page.locator(".gtitle").text_content() == "Why “·Paris” rather than “$x$” at step 0?"
        page.mouse.move(*centre(page, ".barlayer path", 1))
        page.wait_for_selector(".hovertext")
        said = page.locator(".hovertext").first.text_content()
        assert said.startswith("1 ·<b>x</b>score ")
        assert page.locator(".hovertext [style*=bold]").count() == 0
    if name == "attention":
        assert page.locator(".ytick text").all_text_contents() == SHOWN[::-1]
    if name == "lens":
        cells = page.locator(".heatmap-label text").all_text_contents()
        assert {"<s>", "·<b>x</b>", "&amp;", "<br>", "$x$", "%{y}"} <= set(cells)


def centre(page, selector, at):
    box = page.locator(selector).nth(at).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
