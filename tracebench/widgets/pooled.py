"""Small maps [query, key]: each block of cells becomes one cell with the largest weight."""

from __future__ import annotations

import numpy as np

#: Most blocks per side. A small map on the screen is 14 to 40 pixels wide.
SIDE = 48


def block_size(length: int) -> int:
    """Cells per side of a block, so that a map of ``length`` positions has at most `SIDE` blocks per side."""
    return max(1, -(-length // SIDE))


def pooled(maps: np.ndarray, block: int) -> np.ndarray:
    """The largest weight [map, down, across] of every block of maps [map, query, key].

    It is not the mean, because a pattern is often one thin line, which a mean would fade.
    """
    short = -maps.shape[-1] % block
    if short:
        maps = np.pad(maps, ((0, 0), (0, short), (0, short)))
    # Use strided slices, because numpy reduces a short axis slowly.
    across = np.maximum.reduce([maps[:, :, i::block] for i in range(block)])
    return np.maximum.reduce([across[:, i::block] for i in range(block)])
