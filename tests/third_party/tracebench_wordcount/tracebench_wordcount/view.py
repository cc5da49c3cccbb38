"""The view: a list of the tokens with their counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tracebench.record.trace import Trace
from tracebench.widgets import wire
from tracebench.widgets.base import View
from tracebench_wordcount.word_counts import WordCounts

HERE = Path(__file__).parent


class WordCountsView(View):
    """A row per token that was counted. A click selects the token."""

    stem = "word_counts"
    # Text and not a path: a saved page carries it.
    _esm = (HERE / "word_counts.js").read_text("utf-8")
    _css = (HERE / "word_counts.css").read_text("utf-8")

    @staticmethod
    def pack(result: WordCounts, trace: Trace) -> dict[str, Any]:
        """What `word_counts.js` draws."""
        return {"counts": wire.pack(result.counts), "pieces": wire.pieces(trace.tokens), "ids": list(trace.tokens.ids)}
