"""What has come to a position by attention: layers x input tokens, and the text tinted by one layer's row."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.arrays import LabeledArray
from tracebench.results.attention import Rollout
from tracebench.trace import Trace
from tracebench.views import wire
from tracebench.views.base import View, static_text
from tracebench.views.generation import trace_code

#: Bytes of shares, one each, that travel to a browser at the most.
MOST = 64 * 10**6
#: By how much rounding may take a share below 0 or above 1; what is further off is refused when it is packed.
ROUNDING = 1e-5


class RolloutView(View):
    """Layers x input tokens for the position that reads: how much of each token has come there by attention."""

    stem = "rollout"
    _esm = static_text("rollout.js")
    _css = static_text("rollout.css")

    @staticmethod
    def pack(result: Rollout, trace: Trace) -> dict[str, Any]:
        """The rollout tree of docs/architecture.md; a ``ValueError`` where it is more than a page can hold."""
        _insist_on_size(result)
        return {
            "kind": "rollout",
            "trace": result.trace,
            "layers": list(result.layers),
            "flow": wire.pack(_in_bounds(result.flow), "sqrt-u8"),
            "via": result.via,
            "checks": wire.checks(result.checks),
            "method": result.method,
            "code": trace_code(trace) + f"rollout = tb.{result.method}(lm, trace)\n",
            "cost": result.cost,
        }


def _in_bounds(array: LabeledArray) -> LabeledArray:
    """Products of rounded rows may be a rounding outside of [0, 1]."""
    values = np.asarray(array.values)
    if values.min() < -ROUNDING or values.max() > 1 + ROUNDING:
        return array
    return LabeledArray(np.clip(values, np.float32(0), np.float32(1)), array.axes)


def _insist_on_size(result: Rollout) -> None:
    layers, length, _ = result.flow.shape
    size = layers * length**2
    if size <= MOST:
        return
    fits = MOST // length**2
    first, last = result.layers[0], result.layers[0] + max(1, fits) - 1
    ask = (
        f"ask for {fits} layers at the most, as AttentionRollout(first={first}, last={last}) does"
        if fits
        else "read a shorter text"
    )
    raise ValueError(
        f"the rollout of {layers} layers x {length} x {length} tokens is {size / 1e6:.0f} MB, and a page holds {MOST / 1e6:.0f} MB: {ask}"
    )
