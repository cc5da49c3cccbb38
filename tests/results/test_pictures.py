"""The plotly figure of every result has escaped text, tokens on its axes, the colours of the bench, and its question."""

import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests import made
from tracebench.record.tokens import Tokens, Vocabulary
from tracebench.results import palette
from tracebench.results.pictures import literal

JS = Path(__file__).parents[2] / "js" / "src"

#: Markup, an entity, LaTeX and a template of plotly; white space, half a character, a mark, right-to-left text.
TEXTS = {
    0: b"<s>",
    1: b" <b>x</b>",
    2: b"&amp;",
    3: b" Paris",
    4: b"\xf0\x9f",
    5: b"\x97\xbc",
    6: b"<|im_end|>",
    7: b"\n",
    8: b"<br>",
    9: "שלום".encode(),
    10: b"$x$",
    11: b"%{y}",
}


def hard(result):
    """A made result with these texts instead of its own."""
    known = Vocabulary(TEXTS, made.SPECIAL)
    if result.kind == "trace":
        result = replace(result, candidates=replace(result.candidates, vocabulary=known))
    elif hasattr(result, "vocabulary"):
        result = replace(result, vocabulary=known)
    ids = result.tokens.ids
    return replace(result, tokens=Tokens(ids, tuple(TEXTS[i] for i in ids), result.tokens.special))


TRACE = hard(made.trace(0, 1, 2, 8, 9, 4, 5, 10, 11, 3, 7, 6, prompt_length=9))
SHOWN = [f"{at} {text}" for at, text in enumerate(TRACE.tokens.display)]


def scores(step=0, **target):
    return hard(made.scores(TRACE, step, **target))


FIGURES = {
    "scores": scores(against="$x$").figure(),
    "steps": scores(None).figure(),
    "lens": hard(made.lens(TRACE)).figure(),
    "attention": hard(made.attention(TRACE)).figure(layer=1, head=0),
    "rollout": hard(made.rollout(TRACE)).figure(),
}


def texts(node):
    """Every text in a figure's JSON that plotly may read as markup."""
    if isinstance(node, dict):
        return [
            text for name, each in node.items() if name not in ("template", "hovertemplate") for text in texts(each)
        ]
    if isinstance(node, (list, tuple)):
        return [text for each in node for text in texts(each)]
    return [node] if isinstance(node, str) else []


def seen(text):
    """The text that plotly shows. There must be no markup in it."""
    assert not re.search(r"[<>$]|&(?!(amp|lt|gt|#36);)", text), text
    return html.unescape(text)


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_no_text_of_a_token_is_markup(figure):
    plain = figure.to_plotly_json()
    shown = {seen(text) for text in texts(plain)}
    assert set(SHOWN[:9]) <= shown
    # Only our own templates may contain markup.
    for trace in plain["data"]:
        assert set(re.findall(r"<[^>]*>", trace["hovertemplate"])) <= {"<br>", "<extra>", "</extra>"}


def test_markup_in_the_parameters_of_a_method_is_escaped():
    lens = replace(hard(made.lens(TRACE)), method="LogitLens(top=3, watch=('<b>', '$x$'))")
    assert seen(lens.figure().layout.title.subtitle.text) == "LogitLens(top=3, watch=('<b>', '$x$'))"


@pytest.mark.parametrize("text", ["<b>", "a & b", "&lt;", "$x$", "", "plain"])
def test_escaped_text_is_shown_unchanged(text):
    assert seen(literal(text)) == text


@pytest.mark.parametrize("name", ["attention", "rollout"])
def test_both_axes_of_a_map_show_tokens(name):
    (heat,) = FIGURES[name].data
    assert [seen(label) for label in heat.x] == [seen(label) for label in heat.y] == SHOWN
    assert FIGURES[name].layout.xaxis.type == FIGURES[name].layout.yaxis.type == "category"


def test_the_lens_shows_the_tokens_of_the_text_and_the_top_tokens():
    (heat,) = FIGURES["lens"].data
    assert [seen(label) for label in heat.x] == SHOWN
    lens = hard(made.lens(TRACE))
    assert seen(heat.text[2][4]) == lens.vocabulary.display(lens.token_ids.sel(layer=1, token=4, rank=0))


def test_every_step_is_named_by_its_token():
    (heat,) = FIGURES["steps"].data
    assert [seen(label) for label in heat.y] == ["0 ·Paris", "1 ↵", "2 <|im_end|>"]
    assert [seen(label) for label in heat.x] == SHOWN
    np.testing.assert_array_equal(heat.z, scores(None).scores.values)


def test_the_bars_are_the_scores_of_the_tokens_read_so_far():
    (bars,) = FIGURES["scores"].data
    assert [seen(label) for label in bars.x] == SHOWN[:9]
    np.testing.assert_array_equal(bars.y, scores().at(0)[:9])


@pytest.mark.parametrize(
    ("result", "question"),
    [
        (scores(), "Why “·Paris” at step 0?"),
        (scores(against="$x$"), "Why “·Paris” rather than “$x$” at step 0?"),
        (scores(against=2), "Why “·Paris” rather than “&amp;” at step 0?"),
        (scores(against=99), "Why “·Paris” rather than “token 99” at step 0?"),
        (scores(token="<br>", against=" Rome"), "Why “<br>” rather than “·Rome” at step 0?"),
        (scores(2, token=10), "What speaks for “$x$” at step 2?"),
        (scores(of="entropy"), "Why was the model as sure as it was at step 0?"),
        (scores(None), "Why did the model say each of its tokens?"),
        (scores(None, against=10), "Why each token rather than “$x$” at each step?"),
        (scores(None, token=10), "What speaks for “$x$” at each step?"),
        (scores(None, of="entropy"), "Why was the model as sure as it was at each step?"),
        (hard(made.lens(TRACE)), "When did the answer form?"),
        (hard(made.attention(TRACE)), "Where did it look? Mean of all layers, mean of all heads"),
        (hard(made.rollout(TRACE)), "What has come to each position by attention? After layer 2"),
    ],
)
def test_the_title_is_the_question_with_the_method_beneath(result, question):
    title = result.figure().layout.title
    assert seen(title.text) == question
    assert seen(title.subtitle.text) == result.method


def test_long_titles_have_several_lines():
    method = "IntegratedGradients(n_steps=64, baseline='eos', keep_first=True, keep_special=True, quadrature='gauss-legendre')"
    lines = replace(scores(), method=method).figure().layout.title.subtitle.text.split("<br>")
    assert len(lines) == 2
    assert " ".join(lines) == method


def test_positive_scores_are_orange_and_negative_ones_blue():
    (bars,) = FIGURES["scores"].data
    (heat,) = FIGURES["steps"].data
    for scale in (bars.marker.colorscale, heat.colorscale):
        assert scale[0] == (0.0, f"rgb{palette.BELOW[-1]}")
        assert scale[2] == (0.5, f"rgb{palette.ABOVE[0]}")
        assert scale[4] == (1.0, f"rgb{palette.ABOVE[-1]}")
    assert bars.marker.cmin == -bars.marker.cmax
    assert heat.zmin == -heat.zmax
    edges = {value > 0: edge for value, edge in zip(bars.y, bars.marker.line.color, strict=True)}
    assert edges == {True: f"rgb{palette.ABOVE[-1]}", False: f"rgb{palette.BELOW[-1]}"}


def test_the_colours_are_those_of_the_bench():
    """The figures have the palette of the front end in light mode."""
    (source,) = JS.rglob("color.ts")
    code = source.read_text("utf-8")

    def stops(text):
        numbers = [int(number) for number in re.findall(r"\d+", text)]
        return tuple(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))

    assert stops(re.search(r"const LIGHT[^=]*= \[(.*?)\];", code, re.DOTALL)[1]) == palette.AMOUNT
    light = re.search(r"SIGNED = \{\s*light: \{(.*?)\n  \},", code, re.DOTALL)[1]
    above, below = re.fullmatch(r"\s*above: (.*)below: (.*)", light, re.DOTALL).groups()
    assert (stops(above), stops(below)) == (palette.ABOVE, palette.BELOW)
    assert palette.ABOVE[0] == palette.BELOW[0]
    for name in ("lens", "attention", "rollout"):
        assert FIGURES[name].data[0].colorscale == tuple(palette.sequential())
