"""The attention view: every head as a small map, one head as a large map, and the text tinted by its weights.

The first message has the overview. The weights of one head, or of a mean, are a slice that the page requests by coordinates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.record.counts import counted
from tracebench.record.trace import Trace
from tracebench.requests.code import call_code
from tracebench.requests.parameters import parsed
from tracebench.requests.request import Request
from tracebench.results.attention import Attention
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text
from tracebench.widgets.levels import compact
from tracebench.widgets.pooled import block_size, pooled

#: Limit in bytes for the slices of one result in a page.
MAX_BYTES = 64 * 10**6
#: Measured bytes per weight in a page, after compression and base64.
BYTES_PER_WEIGHT = {"full": 0.66, "compact": 0.24}
#: Up to this many weights, a page has full slices by default. The demo model reaches it at about 50 tokens.
SMALL = 400_000

#: Layer and head; None means the mean over all.
LayerAndHead = tuple[int | None, int | None]


class AttentionView(View):
    """A small map [query, key] for each layer and head, the selected one large, and the text tinted by one of its rows."""

    stem = "attention"
    _esm = static_text("attention.js")
    _css = static_text("attention.css")
    shows_also = ("rollout",)

    @classmethod
    def usual_alternatives(cls, request: Request) -> list[Request]:
        """The rollout with default parameters, about the same trace."""
        ((_, method),) = registry.methods_of("rollout")[:1]
        name, params = parsed(method)
        return [Request(name, params, request.traces, code=call_code(method))]

    @classmethod
    def label(cls, request: Request) -> str:
        """``rollout``, with the parameters that differ from the defaults."""
        ((label, method),) = registry.methods_of("rollout")[:1]
        usual = parsed(method)[1]
        return ", ".join(
            [label, *(f"{name} {value}" for name, value in request.params.items() if value != usual.get(name))]
        )

    @staticmethod
    def pack(result: Attention, _trace: Trace) -> dict[str, Any]:
        """The attention tree (docs/wire.md): the overview."""
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
        """The full slice tree (docs/wire.md) of one layer and head; None means the mean over that axis."""
        layer, head = _checked(result, coords)
        weights, sinks = wire.within_one(np.asarray(result.map(layer, head).values)), result.sinks(layer, head)
        sink = None if sinks is None else wire.within_one(np.asarray(sinks.values))
        return _slice("full", (layer, head), sink) | _in_full(weights)

    @staticmethod
    def slices(
        result: Attention, _trace: Trace, *, detail: str | None = None
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Every slice for a saved page, as (coordinates, tree).

        Args:
            result: the attention.
            detail: ``"full"`` has every weight in one byte. ``"compact"`` has 16 levels, and the largest weights of each row
                exact. None means full up to `SMALL` weights, else compact.

        Raises:
            ValueError: the slices are too large for a page.
        """
        form = detail or ("full" if _cells(result) <= SMALL else "compact")
        _check_size(result, form)
        packed = compact if form == "compact" else _in_full
        for layer, maps, sinks in _by_layer(result):
            for i, head in enumerate((*result.heads, None)):
                sink = None if sinks is None else sinks[i]
                yield {"layer": layer, "head": head}, _slice(form, (layer, head), sink) | packed(maps[i])


def _by_layer(result: Attention) -> Iterator[tuple[int | None, np.ndarray, np.ndarray | None]]:
    """For each layer, and last for their mean (None): maps [head, query, key] and sinks [head, query].

    The last "head" is the mean over heads. Memory holds one layer at a time, and the sum.
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
    """The full form of a map [query, key]: the cells with key <= query, row by row."""
    cells = weights[np.tri(len(weights), dtype=bool)]
    return {"weights": wire.pack(LabeledArray.of(cells, cell=range(len(cells))), "sqrt-u8")}


def _slice(form: str, at: LayerAndHead, sink: np.ndarray | None) -> dict[str, Any]:
    """The fields that both forms have."""
    encoding = "sqrt-u8" if form == "full" else "fixed-14"
    packed = None if sink is None else wire.pack(LabeledArray.of(sink, query=range(len(sink))), encoding)
    return {"kind": "attention_slice", "form": form, "layer": at[0], "head": at[1], "sink": packed}


def _checked(result: Attention, coords: Mapping[str, Any]) -> LayerAndHead:
    """The layer and head of a slice. Raises a ``ValueError`` if the result lacks them."""
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
    """The number of cells with key <= query in the maps of this many layers (None means all), means included."""
    all_layers, heads, length, _ = result.weights.shape
    return ((all_layers if layers is None else layers) + 1) * (heads + 1) * length * (length + 1) // 2


def _check_size(result: Attention, form: str) -> None:
    size = BYTES_PER_WEIGHT[form] * _cells(result)
    if size <= MAX_BYTES:
        return
    layers, heads, length, _ = result.weights.shape
    fits = int(MAX_BYTES // (BYTES_PER_WEIGHT[form] * _cells(result, 0))) - 1
    if fits > 0:
        fewer = f"at most {counted(fits, 'layer')}, as in AttentionPatterns(layers={result.layers[: min(fits, 3)]})"
    else:
        fewer = f"fewer layers and heads, as in AttentionPatterns(layers=({result.layers[0]},), heads=(0,))"
    smaller = "" if form == "compact" else ', or save it with detail="compact"'
    maps = f"{counted(layers, 'layer')} x {counted(heads, 'head')} x {length} x {counted(length, 'token')}"
    raise ValueError(
        f"the attention of {maps} takes about {size / 1e6:.0f} MB in a page, the limit is {MAX_BYTES / 1e6:.0f} MB: "
        f"ask for {fewer}{smaller}"
    )
