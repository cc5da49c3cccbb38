"""The data of one trace for the browser. It is sent once and shared by the head and every view."""

from __future__ import annotations

from typing import Any

import anywidget
import numpy as np
import traitlets

from tracebench.record.arrays import LabeledArray
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.code import trace_code
from tracebench.sentences.generation import generation_sentence
from tracebench.sentences.title import title_of
from tracebench.widgets import wire
from tracebench.widgets.base import reject_unknown, static_text

#: Candidates per step that are sent to the browser. The trace itself keeps 100.
SHOWN = 20


class TraceData(anywidget.AnyWidget):
    """A headless widget with the data of one trace."""

    _esm = static_text("trace_data.js")
    _data = traitlets.Dict().tag(sync=True, echo_update=False)

    def __init__(self, trace: Trace, **unknown: Any) -> None:
        reject_unknown(type(self), unknown, ("trace",))
        super().__init__(_data=trace_tree(trace))
        self.trace = trace

    def __repr__(self) -> str:
        return f"TraceData({self.trace!r})"


def trace_tree(trace: Trace) -> dict[str, Any]:
    """The trace tree (docs/wire.md)."""
    scores, source = trace.candidates, trace.provenance
    ranks = min(SHOWN, len(scores.token_ids.coords("rank")))
    shown = scores.token_ids.isel(rank=slice(0, ranks))
    chosen = [trace.chosen_rank(step) for step in trace.steps]
    ids = LabeledArray.of(np.asarray(trace.tokens.ids, np.int32), token=range(len(trace.tokens)))
    return {
        "kind": "trace",
        "hash": trace.hash,
        "title": title_of(trace),
        "model": {name: getattr(source, name) for name in ("layers", "heads", "dtype", "device")}
        | {"name": source.model},
        "prompt_length": trace.prompt_length,
        "steps": len(trace.steps),
        "ids": wire.pack(ids),
        "pieces": wire.pieces(trace.tokens),
        "segments": [{"role": s.role, "start": s.start, "stop": s.stop} for s in trace.segments],
        "probs": wire.pack(scores.chosen_probs),
        "ranks": wire.pack(
            LabeledArray.of(np.asarray([-1 if rank is None else rank for rank in chosen], np.int32), step=trace.steps)
        ),
        "entropy": wire.pack(scores.entropy),
        "candidates": {"ids": wire.pack(shown), "probs": wire.pack(scores.probs.isel(rank=slice(0, ranks)))},
        "vocab": wire.vocabulary(scores.vocabulary, np.asarray(shown.values).reshape(-1).tolist()),
        "questions": [[Target(step).sentence(trace)] for step in trace.steps],
        "said": [list(generation_sentence(trace, step)) for step in trace.steps],
        "checks": wire.checks(trace.checks),
        "provenance": source.to_json(),
        "code": trace_code(trace),
    }
