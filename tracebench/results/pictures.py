"""Helpers for the plotly figures of all results: escaped text, token axes, and the question as title.

Plotly interprets some HTML in every text (``<b>``, ``<br>``, ``&amp;``), and LaTeX between two ``$`` if MathJax is loaded.
Token text can contain both, so `literal` escapes it.
"""

from __future__ import annotations

import textwrap
from typing import Any

from tracebench.record.tokens import Tokens

#: Characters per line that fit in a figure of 700 pixels: of the title, and of the subtitle.
TITLE, SUBTITLE = 70, 100
#: Characters that plotly would interpret as markup, an entity or LaTeX.
_LITERAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "$": "&#36;"})


def literal(text: str) -> str:
    """Escape a text, so that plotly shows it unchanged."""
    return text.translate(_LITERAL)


def labels(tokens: Tokens) -> list[str]:
    """One unique label per position: the position and its token."""
    return [f"{at} {literal(text)}" for at, text in enumerate(tokens.display)]


def token_axis(title: str) -> dict[str, Any]:
    """A plotly axis of `labels`. Plotly hides the labels that do not fit."""
    return {"title": {"text": title}, "type": "category"}


def title(question: str, method: str) -> dict[str, Any]:
    """A plotly title: the question that the figure answers, with the method as subtitle."""
    return {"text": _lines(question, TITLE), "subtitle": {"text": _lines(method, SUBTITLE)}}


def _lines(text: str, width: int) -> str:
    # Keep the white space in a line, because it can be part of a token.
    lines = textwrap.wrap(text, width, replace_whitespace=False, drop_whitespace=False, break_on_hyphens=False)
    return "<br>".join(literal(line.strip(" ")) for line in lines)
