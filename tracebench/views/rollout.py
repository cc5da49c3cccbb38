"""What has come to a position by attention: layers x input tokens, and the text tinted by one layer's row.

What travels at once is what the rollout is; the shares in one position, after every layer, are a slice that is asked for
by the position.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.results.rollout import Rollout
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text

#: Bytes that the slices of one result take in a page at the most, about.
MOST = 64 * 10**6
#: Bytes of a share in a page, about: one on the square-root scale, deflated, in base64.
BYTES = 0.3
#: Up to so many shares a page has every position: the demo model's of 182 tokens.
SMALL = 500_000
#: By how much rounding may take a share below 0 or above 1; what is further off is refused when it is packed.
ROUNDING = 1e-5


class RolloutView(View):
    """Layers x input tokens for the position that reads: how much of each token has come there by attention."""

    stem = "rollout"
    _esm = static_text("rollout.js")
    _css = static_text("rollout.css")

    @staticmethod
    def pack(result: Rollout, _trace: Trace) -> dict[str, Any]:
        """The rollout tree of docs/wire.md: what it is, without its shares."""
        return {
            "layers": list(result.layers),
            "length": _length(result),
            "via": result.via,
        }

    @staticmethod
    def pack_slice(result: Rollout, _trace: Trace, *, coords: Mapping[str, Any]) -> dict[str, Any]:
        """The slice tree of docs/wire.md: the shares in one position, after every layer."""
        return _slice(result, _checked(result, coords))

    @staticmethod
    def slices(
        result: Rollout,
        trace: Trace,
        *,
        detail: str | None = None,  # noqa: ARG004 - shares have one form
    ) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """The slices that a page has, as coordinates and tree: of every position where that is little, else of those that
        predict a step, and of the last. A ``ValueError`` where it is more than a page can hold.
        """
        positions = _baked(result, trace)
        _insist_on_size(result, positions)
        for query in positions:
            yield {"query": query}, _slice(result, query)


def _length(result: Rollout) -> int:
    return result.flow.shape[-1]


def _slice(result: Rollout, query: int) -> dict[str, Any]:
    shares = np.asarray(result.reaching(query).values)[:, : query + 1]
    # Key by key: from one layer to the next a share changes little, and so it deflates to two thirds.
    its = LabeledArray.of(_in_bounds(shares).T, key=range(query + 1), layer=result.layers)
    return {"kind": "rollout_slice", "query": query, "flow": wire.pack(its, "sqrt-u8")}


def _in_bounds(values: np.ndarray) -> np.ndarray:
    """Products of rounded rows may be a rounding outside of [0, 1]."""
    if values.min() < -ROUNDING or values.max() > 1 + ROUNDING:
        return values
    return np.clip(values, np.float32(0), np.float32(1))


def _checked(result: Rollout, coords: Mapping[str, Any]) -> int:
    """The position of a slice; a ``ValueError`` for what is not there."""
    query, last = coords.get("query"), _length(result) - 1
    if set(coords) != {"query"} or type(query) is not int or not 0 <= query <= last:
        raise ValueError(
            f"a slice of a rollout has a query, which is a position from 0 to {last}, got {dict(coords)!r}"
        )
    return query


def _baked(result: Rollout, trace: Trace) -> list[int]:
    """The positions that a page has."""
    length = _length(result)
    if _shares(result, range(length)) <= SMALL:
        return list(range(length))
    return sorted({*(trace.position(step) for step in trace.steps), length - 1})


def _shares(result: Rollout, positions: range | list[int]) -> int:
    return len(result.layers) * sum(query + 1 for query in positions)


def _insist_on_size(result: Rollout, positions: list[int]) -> None:
    size = BYTES * _shares(result, positions)
    if size <= MOST:
        return
    fits = int(MOST // (size / len(result.layers)))
    first = result.layers[0]
    ask = (
        f"ask for {fits} layers at the most, as AttentionRollout(first={first}, last={first + fits - 1}) does"
        if fits
        else "read a shorter text"
    )
    raise ValueError(
        f"the rollout of {len(result.layers)} layers to {len(positions)} of {_length(result)} positions takes about "
        f"{size / 1e6:.0f} MB in a page, which holds {MOST / 1e6:.0f} MB of it: {ask}"
    )
