"""Maps of query x key made small: blocks of cells, of each the largest weight."""

from __future__ import annotations

import numpy as np

#: Blocks along each side at the most. A small map on a screen is 14 to 40 pixels wide.
SIDE = 48


def block_size(length: int) -> int:
    """Cells along each side of a block, so that a map of ``length`` positions has at most `SIDE` blocks along each."""
    return max(1, -(-length // SIDE))


def pooled(maps: np.ndarray, block: int) -> np.ndarray:
    """The largest weight [map, down, across] of every block of maps [map, query, key].

    The largest and not the mean: what a head does is often one thin line, which a mean would fade away.
    """
    short = -maps.shape[-1] % block
    if short:
        maps = np.pad(maps, ((0, 0), (0, short), (0, short)))
    # Strided slices, because numpy is slow along an axis of a few cells.
    across = np.maximum.reduce([maps[:, :, i::block] for i in range(block)])
    return np.maximum.reduce([across[:, i::block] for i in range(block)])
