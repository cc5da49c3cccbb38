"""What was said, step by step, and what else could have been said."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text
from tracebench.widgets.text import text_tree

#: Alternatives per step that travel to the browser; the trace itself keeps 100.
SHOWN = 20


class GenerationView(View):
    """Tokens with their probabilities, and the alternatives at the selected step."""

    stem = "generation"
    _esm = static_text("generation.js")
    _css = static_text("generation.css")

    @staticmethod
    def pack(trace: Trace, _trace: Trace | None = None) -> dict[str, Any]:
        """The trace tree of docs/architecture.md."""
        scores, source = trace.candidates, trace.provenance
        ranks = min(SHOWN, len(scores.token_ids.coords("rank")))
        shown = scores.token_ids.isel(rank=slice(0, ranks))
        chosen = [trace.chosen_rank(step) for step in trace.steps]
        return {
            "kind": "trace",
            "hash": trace.hash,
            "model": {name: getattr(source, name) for name in ("layers", "heads", "dtype", "device")}
            | {"name": source.model},
            **text_tree(trace),
            "segments": [{"role": s.role, "start": s.start, "stop": s.stop} for s in trace.segments],
            "probs": wire.pack(scores.chosen_probs),
            "ranks": wire.pack(
                LabeledArray.of(
                    np.asarray([-1 if rank is None else rank for rank in chosen], np.int32), step=trace.steps
                )
            ),
            "entropy": wire.pack(scores.entropy),
            "candidates": {"ids": wire.pack(shown), "probs": wire.pack(scores.probs.isel(rank=slice(0, ranks)))},
            "vocab": wire.vocabulary(scores.vocabulary, np.asarray(shown.values).reshape(-1).tolist()),
            "checks": wire.checks(trace.checks),
            "provenance": source.to_json(),
            "code": trace_code(trace),
        }


def trace_code(trace: Trace) -> str:
    """Python that makes this trace again, from the settings in its provenance."""
    settings = dict(trace.provenance.settings)
    how = settings.pop("how", "read")
    load = f"import tracebench as tb\n\n{trace.provenance.code}"
    if how == "chat":
        given = settings.pop("messages", [])
    elif how == "generate":
        given = settings.pop("prompt", trace.prompt)
    else:
        given = settings.pop("text", list(trace.tokens.ids))
    arguments = "".join(f", {name}={value!r}" for name, value in settings.items() if value is not None)
    seed = f", seed={trace.provenance.seed}" if trace.provenance.seed is not None else ""
    return f"{load}trace = lm.{how}({given!r}{arguments}{seed})\n"
