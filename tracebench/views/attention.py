"""Where attention looked: every head as a small map, one of them large, and the text as it was looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tracebench.arrays import LabeledArray
from tracebench.request import Request, parsed
from tracebench.results.attention import Attention
from tracebench.trace import Trace
from tracebench.views import wire
from tracebench.views.base import View, static_text
from tracebench.views.generation import trace_code
from tracebench.views.text import text_tree

#: Bytes of weights, one each, that travel to a browser at the most.
MOST = 64 * 10**6

#: The rollout that the view offers: the repr of the analysis, which this wing does not import (a test compares them).
ROLLOUT = "AttentionRollout(residual=0.5, heads='mean', first=0, last=None)"


class AttentionView(View):
    """Layers x heads as small maps of query x key, the chosen one large, and the text tinted by one row of it."""

    stem = "attention"
    _esm = static_text("attention.js")
    _css = static_text("attention.css")
    also = ("rollout",)

    @staticmethod
    def data(trace: Trace) -> dict[str, Any]:
        """The text, and the rollout that can be asked for instead."""
        name, params = parsed(ROLLOUT)
        return {
            **text_tree(trace),
            **AttentionView.beside([Request(name, params, trace.hash, code=f"tb.{ROLLOUT}(lm, trace)\n")]),
        }

    @staticmethod
    def beside(requests: Iterable[Request]) -> dict[str, Any]:
        """The rollouts that can be asked for instead, each with a name."""
        return {"rollouts": [{"label": _label(request), "request": request.to_json()} for request in requests]}

    @staticmethod
    def pack(result: Attention, trace: Trace) -> dict[str, Any]:
        """The attention tree of docs/architecture.md; a ``ValueError`` where it is more than a page can hold."""
        _insist_on_size(result)
        return {
            "kind": "attention",
            "trace": result.trace,
            "layers": list(result.layers),
            "heads": list(result.heads),
            "weights": wire.pack(_in_bounds(result.weights), "sqrt-u8"),
            "sink": wire.pack(_in_bounds(result.sink), "sqrt-u8") if result.sink is not None else None,
            "via": result.via,
            "checks": wire.checks(result.checks),
            "method": result.method,
            "code": trace_code(trace) + f"attention = tb.{result.method}(lm, trace)\n",
            "cost": result.cost,
        }


def _label(request: Request) -> str:
    """``rollout``, and in what it differs from the one that is offered."""
    usual = parsed(ROLLOUT)[1]
    other = [f"{name} {value}" for name, value in request.params.items() if value != usual.get(name)]
    return ", ".join(["rollout", *other])


def _in_bounds(array: LabeledArray) -> LabeledArray:
    """A softmax may be a rounding above one."""
    values = np.asarray(array.values)
    # What is further off than rounding stays as it is, and is refused when it is packed.
    near = (values > 1) & (values < 1 + 1e-5)
    return LabeledArray(np.where(near, np.float32(1), values), array.axes) if near.any() else array


def _insist_on_size(result: Attention) -> None:
    layers, heads, length, _ = result.weights.shape
    size = layers * heads * length**2
    if size <= MOST:
        return
    fits = MOST // (heads * length**2)
    if fits:
        ask = f"ask for fewer layers, {fits} at the most, as AttentionPatterns(layers={result.layers[: min(fits, 3)]}) does"
    else:
        ask = f"ask for fewer layers and heads, as AttentionPatterns(layers=({result.layers[0]},), heads=(0,)) does"
    raise ValueError(
        f"the attention of {layers} layers x {heads} heads x {length} x {length} tokens is {size / 1e6:.0f} MB, and a page "
        f"holds {MOST / 1e6:.0f} MB: {ask}"
    )
