"""What the plotly pictures of all results share: text as it is, axes of tokens, the question as title.

Plotly reads a part of HTML in every text (``<b>``, ``<br>``, ``&amp;``) and, where MathJax is there, LaTeX between two ``$``.
Token text comes from prompts and vocabularies: it passes `literal` and is shown as it is.
"""

from __future__ import annotations

import textwrap
from typing import Any

from tracebench.record.tokens import Tokens

#: Letters in a line of a title, and of what stands beneath it, that a figure of 700 pixels has room for.
TITLE, BENEATH = 70, 100
#: What plotly would read as markup, an entity or LaTeX.
_LITERAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def literal(text: str) -> str:
    """Text that plotly shows as it is."""
    return text.translate(_LITERAL)


def labels(tokens: Tokens) -> list[str]:
    """A label for every position, none twice: the position and the token that stands there."""
    return [f"{at} {literal(text)}" for at, text in enumerate(tokens.display)]


def token_axis(title: str) -> dict[str, Any]:
    """An axis of such labels; plotly leaves out those that have no room."""
    return {"title": {"text": title}, "type": "category"}


def title(question: str, method: str) -> dict[str, Any]:
    """The question that a picture answers, and beneath it the method."""
    return {"text": _lines(question, TITLE), "subtitle": {"text": _lines(method, BENEATH)}}


def _lines(text: str, width: int) -> str:
    # White space within a line stays: a token may be shown by it.
    lines = textwrap.wrap(text, width, replace_whitespace=False, drop_whitespace=False, break_on_hyphens=False)
    return "<br>".join(literal(line.strip(" ")) for line in lines)
