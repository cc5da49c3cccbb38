"""Adaptive quadrature along a path: more points where the slopes do not account for how the number changes.

Between two neighbouring points the trapezoid rule gives a change of the number, and the numbers at the two points say what the
change is. So what the rule misses is known piece by piece, where quadrature can only estimate it as a rule, and the piece that misses
most is halved first (globally adaptive, as in QUADPACK: Piessens et al., 1983). No point is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

#: Of the points so many are spread evenly first, so that nothing long goes unseen.
SPREAD = 1 / 4

#: The others are placed in about so many rounds, each after a look at what is missed.
ROUNDS = 12


@dataclass(frozen=True)
class Walk:
    """What was seen on a path.

    Args:
        at: [point], from 0 to 1, rising.
        numbers: [point], the number there.
        slopes: [point, token], its change per path, the part of each token.
    """

    at: np.ndarray
    numbers: np.ndarray
    slopes: np.ndarray

    @property
    def scores(self) -> np.ndarray:
        """[token], the integral of the slopes by the trapezoid rule."""
        return _trapezoids(self.at, self.slopes).sum(0)

    @property
    def changes(self) -> np.ndarray:
        """[piece], by how much the number changes between neighbouring points."""
        return np.diff(self.numbers)

    @property
    def missed(self) -> np.ndarray:
        """[piece], by how much the slopes miss that change."""
        return _trapezoids(self.at, self.slopes.sum(1)) - self.changes


#: Looks at points of the path: their numbers [point], and the slopes [point, token].
Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def walk(look: Look, n_points: int, finest: float) -> Walk:
    """Looks at so many points of a path, both ends among them.

    Args:
        look: is asked for each point once.
        n_points: at least 2.
        finest: a piece that is no wider is halved only where there is no other.
    """
    at = np.linspace(0, 1, max(2, int(n_points * SPREAD)))
    seen = Walk(at, *look(at))
    each = max(1, (n_points - len(at)) // ROUNDS)
    while len(seen.at) < n_points:
        wanted = min(each, n_points - len(seen.at))
        order = np.lexsort((-np.abs(seen.missed), np.diff(seen.at) <= finest))[:wanted]
        seen = _with(seen, look, (seen.at[order] + seen.at[order + 1]) / 2)
    return seen


def _with(seen: Walk, look: Look, at: np.ndarray) -> Walk:
    numbers, slopes = look(at)
    order = np.argsort(np.append(seen.at, at), kind="stable")
    return Walk(
        np.append(seen.at, at)[order],
        np.append(seen.numbers, numbers)[order],
        np.concatenate([seen.slopes, slopes])[order],
    )


def _trapezoids(at: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """[piece, ...] of [point, ...]: the area over each piece."""
    widths = np.diff(at).reshape(-1, *[1] * (heights.ndim - 1))
    return widths * (heights[1:] + heights[:-1]) / 2
