"""Where attention looked: every head as a small map, one of them large, and the text as it was looked at.

What travels at once is the overview; the weights of one head, or of a mean, are a slice that is asked for by its coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.requests.code import call_code
from tracebench.requests.parameters import parsed
from tracebench.requests.request import Request
from tracebench.results.attention import Attention
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text
from tracebench.widgets.levels import compact
from tracebench.widgets.pooled import block_size, pooled

#: Bytes that the slices of one result take in a page at the most, about.
MOST = 64 * 10**6
#: Bytes of a weight in a page, about: one on the square-root scale, deflated little, or its share of a compact map; in base64.
BYTES = {"full": 0.66, "compact": 0.24}
#: Up to so many bytes of weights a page has them in full unless it is told otherwise: the demo model's of 50 tokens.
SMALL = 400_000

#: Layer and head; None is the mean over all.
Whose = tuple[int | None, int | None]


class AttentionView(View):
    """Layers x heads as small maps of query x key, the chosen one large, and the text tinted by one row of it."""

    stem = "attention"
    _esm = static_text("attention.js")
    _css = static_text("attention.css")
    shows_also = ("rollout",)

    @classmethod
    def usual_alternatives(cls, request: Request) -> list[Request]:
        """The usual rollout about the same text."""
        ((_, method),) = registry.methods_of("rollout")[:1]
        name, params = parsed(method)
        return [Request(name, params, request.traces, code=call_code(method))]

    @classmethod
    def label(cls, request: Request) -> str:
        """``rollout``, with the parameters that differ from the usual ones."""
        ((label, method),) = registry.methods_of("rollout")[:1]
        usual = parsed(method)[1]
        return ", ".join(
            [label, *(f"{name} {value}" for name, value in request.params.items() if value != usual.get(name))]
        )

    @staticmethod
    def pack(result: Attention, _trace: Trace) -> dict[str, Any]:
        """The attention tree of docs/wire.md: the overview."""
        block = block_size(result.weights.shape[-1])
        small = np.stack([pooled(maps, block) for _, maps, _ in _by_layer(result)])
        starts = range(0, block * small.shape[-1], block)
        axes = {"layer": (*result.layers, "mean"), "head": (*result.heads, "mean"), "query": starts, "key": starts}
        return {
            "layers": list(result.layers),
            "heads": list(result.heads),
            "length": result.weights.shape[-1],
            "maps": wire.pack(LabeledArray.of(small, **axes), "sqrt-u8"),
            "sinks": result.sink is not None,
            "via": result.via,
            "without": list(result.without),
        }

    @staticmethod
    def pack_slice(result: Attention, _trace: Trace, *, coords: Mapping[str, Any]) -> dict[str, Any]:
        """The slice tree of docs/wire.md in full: one head, or the mean over what is None."""
        layer, head = _checked(result, coords)
        weights, sinks = wire.within_one(np.asarray(result.map(layer, head).values)), result.sinks(layer, head)
        sink = None if sinks is None else wire.within_one(np.asarray(sinks.values))
        return _slice("full", (layer, head), sink) | _in_full(weights)

    @staticmethod
    def slices(
        result: Attention, _trace: Trace, *, detail: str | None = None
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Every slice that the view can ask for, as coordinates and tree, for a page.

        Args:
            result: the attention.
            detail: ``"full"`` has every weight on the square-root scale, ``"compact"`` at 16 levels with the largest of each row
                exact. None is full where that is small.
        """
        form = detail or ("full" if _cells(result) <= SMALL else "compact")
        _insist_on_size(result, form)
        packed = compact if form == "compact" else _in_full
        for layer, maps, sinks in _by_layer(result):
            for i, head in enumerate((*result.heads, None)):
                sink = None if sinks is None else sinks[i]
                yield {"layer": layer, "head": head}, _slice(form, (layer, head), sink) | packed(maps[i])


def _by_layer(result: Attention) -> Iterator[tuple[int | None, np.ndarray, np.ndarray | None]]:
    """Layer by layer, and then for the mean over layers (None): maps [head, query, key] and sinks [head, query].

    The last "head" is the mean over heads. One layer is in memory at a time, and the sum.
    """
    weights = np.asarray(result.weights.values)
    sinks = None if result.sink is None else np.asarray(result.sink.values)
    total, total_sinks = np.zeros_like(weights[0]), None if sinks is None else np.zeros_like(sinks[0])
    for i, layer in enumerate(result.layers):
        total += weights[i]
        if sinks is not None:
            total_sinks += sinks[i]
        yield layer, _with_mean(weights[i]), None if sinks is None else _with_mean(sinks[i])
    count = np.float32(len(result.layers))
    yield None, _with_mean(total / count), None if total_sinks is None else _with_mean(total_sinks / count)


def _with_mean(heads: np.ndarray) -> np.ndarray:
    return wire.within_one(np.concatenate([heads, heads.mean(0, keepdims=True)]))


def _in_full(weights: np.ndarray) -> dict[str, Any]:
    """The full form of a map [query, key]: what is not after its query, row by row."""
    its = weights[np.tri(len(weights), dtype=bool)]
    return {"weights": wire.pack(LabeledArray.of(its, cell=range(len(its))), "sqrt-u8")}


def _slice(form: str, whose: Whose, sink: np.ndarray | None) -> dict[str, Any]:
    """What the forms share."""
    encoding = "sqrt-u8" if form == "full" else "fixed-14"
    packed = None if sink is None else wire.pack(LabeledArray.of(sink, query=range(len(sink))), encoding)
    return {"kind": "attention_slice", "form": form, "layer": whose[0], "head": whose[1], "sink": packed}


def _checked(result: Attention, coords: Mapping[str, Any]) -> Whose:
    """Layer and head of a slice; a ``ValueError`` for what is not there."""
    if set(coords) != {"layer", "head"}:
        raise ValueError(
            f"a slice of attention has a layer and a head (a number, or null for the mean), got {dict(coords)!r}"
        )
    for name, known in (("layer", result.layers), ("head", result.heads)):
        if coords[name] is not None and coords[name] not in known:
            raise ValueError(
                f"{name} {coords[name]!r} is not in this attention, which has {', '.join(map(str, known))} (null is the mean)"
            )
    return coords["layer"], coords["head"]


def _cells(result: Attention, layers: int | None = None) -> int:
    """Weights of all slices of so many layers: of every map the lower triangle, the means among the maps."""
    has, heads, length, _ = result.weights.shape
    return ((has if layers is None else layers) + 1) * (heads + 1) * length * (length + 1) // 2


def _insist_on_size(result: Attention, form: str) -> None:
    size = BYTES[form] * _cells(result)
    if size <= MOST:
        return
    layers, heads, length, _ = result.weights.shape
    fits = int(MOST // (BYTES[form] * _cells(result, 0))) - 1
    if fits > 0:
        ask = f"ask for fewer layers, {fits} at the most, as AttentionPatterns(layers={result.layers[: min(fits, 3)]}) does"
    else:
        ask = f"ask for fewer layers and heads, as AttentionPatterns(layers=({result.layers[0]},), heads=(0,)) does"
    smaller = "" if form == "compact" else ', or save it with detail="compact"'
    raise ValueError(
        f"the attention of {layers} layers x {heads} heads x {length} x {length} tokens takes about {size / 1e6:.0f} MB in a page, "
        f"which holds {MOST / 1e6:.0f} MB of it: {ask}{smaller}"
    )
