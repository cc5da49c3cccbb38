"""A compact map [query, key]: 16 levels, the largest weights of each row exact, and the sum of the other weights of a row.

Twin of ``js/src/attention/levels.ts``; ``tests/fixtures/attention.json`` proves that they agree. The layout was measured to
compress well on the demo model (docs/attention.md). Cells run down the columns, because many queries look at the same key.
An exact cell has its own symbol instead of a level. A byte holds as many cells as fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.widgets import wire

#: Levels of the square root of a weight: level n stands for the weight ``(n / 15) ** 2``.
LEVELS = 16
#: Exact weights per row.
EXACT = 16


def compact(weights: np.ndarray) -> dict[str, Any]:
    """The compact form of a map, float [query, key] in [0, 1]. Cells with key > query are ignored.

    It is ``{"base", "cells": u1[cell], "exact": fixed-14 [cell], "rest": fixed-14 [query]}``. Cells are symbols below
    ``base``; a byte holds `per_byte` of them, the first one most significant. The symbol ``base - 1`` means that the weight
    is in ``exact``; other symbols are levels. Both lists run key by key, each with its queries from ``query = key`` on.
    """
    length = len(weights)
    seen = np.tri(length, dtype=bool)
    chosen = _largest(np.where(seen, weights, -1.0), min(EXACT, length)) & seen
    levels = np.rint(np.sqrt(weights) * (LEVELS - 1)).astype(np.uint8).T[seen.T]
    taken = chosen.T[seen.T]
    base = int(levels[~taken].max(initial=0)) + 2
    rest = np.where(chosen | ~seen, 0.0, weights).sum(-1, dtype=np.float64)
    return {
        "base": base,
        "cells": wire.pack(_named(_together(np.where(taken, base - 1, levels), base), "cell")),
        "exact": wire.pack(_named(weights.T[chosen.T], "cell"), "fixed-14"),
        "rest": wire.pack(_named(wire.within_one(rest), "query"), "fixed-14"),
    }


def _largest(rows: np.ndarray, count: int) -> np.ndarray:
    """A mask of the ``count`` largest values of each row. Of equal values it takes the first, on every platform."""
    least = np.partition(rows, -count, axis=-1)[:, -count, None]
    above, equal = rows > least, rows == least
    return above | (equal & (np.cumsum(equal, -1, dtype=np.int32) <= count - above.sum(-1, keepdims=True)))


def _together(symbols: np.ndarray, base: int) -> np.ndarray:
    """Symbols below ``base``, several to a byte."""
    each = per_byte(base)
    groups = np.pad(symbols.astype(np.int32), (0, -len(symbols) % each)).reshape(-1, each)
    return (groups @ base ** np.arange(each)[::-1]).astype(np.uint8)


def per_byte(base: int) -> int:
    """The number of symbols below ``base`` that a byte holds."""
    each = 1
    while base ** (each + 1) <= 256:
        each += 1
    return each


def _named(values: np.ndarray, axis: str) -> LabeledArray:
    return LabeledArray.of(values, **{axis: range(len(values))})
