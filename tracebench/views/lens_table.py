"""The lens view: the top token of every layer and position as a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.trace import Trace
from tracebench.results.lens_table import LensTable
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text


class LensTableView(View):
    """Layers x tokens with the top token of each, and its trajectory over the layers."""

    stem = "lens_table"
    _esm = static_text("lens_table.js")
    _css = static_text("lens_table.css")

    @staticmethod
    def pack(lens: LensTable, trace: Trace) -> dict[str, Any]:
        """The lens tree (docs/wire.md)."""
        watched = lens.watched.coords("watched") if lens.watched is not None else ()
        mentioned = {*np.unique(np.asarray(lens.token_ids.values)).tolist(), *watched, *trace.tokens.ids[1:]}
        known = lens.vocabulary.union(_pieces(trace))
        return {
            **{
                name: wire.pack(getattr(lens, name))
                for name in ("token_ids", "probs", "entropy", "kl", "final_probs", "realised")
            },
            "watched": wire.pack(lens.watched) if lens.watched is not None else None,
            "vocab": wire.vocabulary(known, mentioned),
            "answer_layers": [lens.answer_layer(trace.position(s), trace.token_at(s).id) for s in trace.steps],
        }


def _pieces(trace: Trace) -> Any:
    from tracebench.record.tokens import Vocabulary

    special = frozenset(token.id for token in trace.tokens if token.special)
    return Vocabulary(dict(zip(trace.tokens.ids, trace.tokens.pieces, strict=True)), special)
