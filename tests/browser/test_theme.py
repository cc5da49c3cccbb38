"""A view is as light or dark as the page around it, whatever the system prefers."""

import pytest

from tracebench.widgets.base import static_text

pytestmark = pytest.mark.browser
MAKE = """([css, shadow]) => {
    const host = document.body.appendChild(document.createElement("div"));
    const root = shadow ? host.attachShadow({ mode: "open" }) : host;
    root.innerHTML = `<style>${css}</style><section class="tb"></section>`;
    const probe = root.querySelector(".tb").appendChild(document.createElement("span"));
    probe.style.color = "light-dark(white, black)";
    return getComputedStyle(probe).color === "rgb(0, 0, 0)" ? "dark" : "light";
}"""


@pytest.fixture
def themed(browser):
    """The theme that a view finds: what the system prefers, what the page says, whether a shadow tree is between."""
    context = browser.new_context()

    def find(system, page_says, shadow):
        page = context.new_page()
        page.emulate_media(color_scheme=system)
        page.set_content(f"<!doctype html><html><body {page_says}></body></html>")
        return page.evaluate(MAKE, [static_text("workbench.css"), shadow])

    yield find
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_page_that_says_its_theme_is_followed(themed, system, theme):
    assert themed(system, f'data-theme="{theme}"', shadow=False) == theme
    assert themed(system, f'data-jp-theme-light="{str(theme == "light").lower()}"', shadow=False) == theme
    # Attributes do not reach into a shadow tree; the page's own scheme does.
    assert themed(system, f'data-theme="{theme}" style="color-scheme: {theme}"', shadow=True) == theme


@pytest.mark.parametrize("system", ["light", "dark"])
def test_a_page_that_says_nothing_leaves_it_to_the_system(themed, system):
    assert themed(system, "", shadow=False) == system
