"""The generation view: the text step by step, and the alternatives."""

from __future__ import annotations

from typing import Any

from tracebench.record.trace import Trace
from tracebench.widgets.base import View, static_text
from tracebench.widgets.trace_data import trace_tree


class GenerationView(View):
    """Tokens with their probabilities, and the alternatives at the selected step."""

    stem = "generation"
    _esm = static_text("generation.js")
    _css = static_text("generation.css")

    @staticmethod
    def pack(trace: Trace) -> dict[str, Any]:
        """The trace tree (docs/wire.md)."""
        return trace_tree(trace)
