"""The rollout view: the shares of the input tokens in one position, layer by layer, and the text tinted by one layer.

The first message has no shares. The shares in one position, after every layer, are a slice that the page requests.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.counts import counted
from tracebench.record.trace import Trace
from tracebench.results.rollout import Rollout
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text

#: Limit in bytes for the slices of one result in a page.
MAX_BYTES = 64 * 10**6
#: Measured bytes per share in a page, after compression and base64.
BYTES_PER_SHARE = 0.3
#: Up to this many shares, a page has the slices of all positions. The demo model reaches it at 182 tokens.
SMALL = 500_000
#: Rounding errors below 0 and above 1 up to this size are clipped. `wire.pack` refuses larger ones.
ROUNDING = 1e-5


class RolloutView(View):
    """The share [layer, token] of each input token in the selected position."""

    stem = "rollout"
    _esm = static_text("rollout.js")
    _css = static_text("rollout.css")

    @staticmethod
    def pack(result: Rollout, _trace: Trace) -> dict[str, Any]:
        """The rollout tree (docs/wire.md), without shares."""
        return {
            "layers": list(result.layers),
            "length": _length(result),
            "via": result.via,
        }

    @staticmethod
    def pack_slice(result: Rollout, _trace: Trace, *, coords: Mapping[str, Any]) -> dict[str, Any]:
        """The slice tree (docs/wire.md): the shares in one position, after every layer."""
        return _slice(result, _checked(result, coords))

    @staticmethod
    def slices(
        result: Rollout,
        trace: Trace,
        *,
        detail: str | None = None,  # noqa: ARG004 - shares have one form
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """The slices for a saved page, as (coordinates, tree).

        Up to `SMALL` shares these are all positions, else the positions that predict a step, and the last one.

        Raises:
            ValueError: the slices are too large for a page.
        """
        positions = _positions(result, trace)
        _check_size(result, positions)
        for query in positions:
            yield {"query": query}, _slice(result, query)


def _length(result: Rollout) -> int:
    return result.flow.shape[-1]


def _slice(result: Rollout, query: int) -> dict[str, Any]:
    shares = np.asarray(result.reaching(query).values)[:, : query + 1]
    # Store key by key: a share changes little from layer to layer, so this order saves a third after compression.
    flow = LabeledArray.of(_clipped(shares).T, key=range(query + 1), layer=result.layers)
    return {"kind": "rollout_slice", "query": query, "flow": wire.pack(flow, "sqrt-u8")}


def _clipped(values: np.ndarray) -> np.ndarray:
    """Clip rounding errors to [0, 1]. Larger errors stay, and `wire.pack` refuses them."""
    if values.min() < -ROUNDING or values.max() > 1 + ROUNDING:
        return values
    return np.clip(values, np.float32(0), np.float32(1))


def _checked(result: Rollout, coords: Mapping[str, Any]) -> int:
    """The position of a slice. Raises a ``ValueError`` if the result lacks it."""
    query, last = coords.get("query"), _length(result) - 1
    if set(coords) != {"query"} or type(query) is not int or not 0 <= query <= last:
        raise ValueError(
            f"a slice of a rollout has a query, which is a position from 0 to {last}, got {dict(coords)!r}"
        )
    return query


def _positions(result: Rollout, trace: Trace) -> list[int]:
    """The positions with slices in a page."""
    length = _length(result)
    if _shares(result, range(length)) <= SMALL:
        return list(range(length))
    return sorted({*(trace.position(step) for step in trace.steps), length - 1})


def _shares(result: Rollout, positions: range | list[int]) -> int:
    return len(result.layers) * sum(query + 1 for query in positions)


def _check_size(result: Rollout, positions: list[int]) -> None:
    size = BYTES_PER_SHARE * _shares(result, positions)
    if size <= MAX_BYTES:
        return
    fits = int(MAX_BYTES // (size / len(result.layers)))
    first = result.layers[0]
    advice = (
        f"ask for at most {counted(fits, 'layer')}, as in AttentionRollout(first={first}, last={first + fits - 1})"
        if fits
        else "read a shorter text"
    )
    shares = f"{counted(len(result.layers), 'layer')} x {len(positions)} of {counted(_length(result), 'position')}"
    raise ValueError(
        f"the rollout of {shares} takes about {size / 1e6:.0f} MB in a page, the limit is {MAX_BYTES / 1e6:.0f} MB: {advice}"
    )
