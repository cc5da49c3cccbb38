"""A map of query x key in few bytes: 16 levels, the largest weights of each row exact, and what the rest of a row sums to.

Twin of ``js/src/attention/levels.ts``; ``tests/fixtures/attention.json`` proves that they agree. What compresses well was
measured on the demo model (docs/attention.md): cells run down the columns, because a position that is looked at is looked
at by many; whether a cell is exact stands in the place of its level; as many cells share a byte as fit.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.widgets import wire

#: Levels of the square root of a weight: level n is ``(n / 15) ** 2``, and the nearest is taken.
LEVELS = 16
#: Weights of each row that are kept as they are.
EXACT = 16


def compact(weights: np.ndarray) -> dict[str, Any]:
    """The compact form of a map float [query, key]; what comes after a query is not looked at.

    It is ``{"base", "cells": u1[cell], "exact": fixed-14 [cell], "rest": fixed-14 [query]}``. Cells are symbols, as many
    to a byte as powers of ``base`` fit, the first one the most significant: the last symbol, ``base - 1``, is a cell whose
    weight stands in ``exact``, the others are levels. Both follow the columns: key by key, the queries from it on.
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
    """Where the ``count`` largest of each row are; of equal ones the first. By values alone, so that it is the same everywhere."""
    least = np.partition(rows, -count, axis=-1)[:, -count, None]
    above, equal = rows > least, rows == least
    return above | (equal & (np.cumsum(equal, -1, dtype=np.int32) <= count - above.sum(-1, keepdims=True)))


def _together(symbols: np.ndarray, base: int) -> np.ndarray:
    """Symbols below ``base`` as bytes of several."""
    each = per_byte(base)
    groups = np.pad(symbols.astype(np.int32), (0, -len(symbols) % each)).reshape(-1, each)
    return (groups @ base ** np.arange(each)[::-1]).astype(np.uint8)


def per_byte(base: int) -> int:
    """How many symbols below ``base`` a byte holds."""
    each = 1
    while base ** (each + 1) <= 256:
        each += 1
    return each


def _named(values: np.ndarray, axis: str) -> LabeledArray:
    return LabeledArray.of(values, **{axis: range(len(values))})
