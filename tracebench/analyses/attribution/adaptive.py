"""Adaptive quadrature along a path: more points where the slopes do not account for how the number changes.

Between two neighbouring points the trapezoid rule gives a change of the number, and the numbers at the two points say what the
change is. So what the rule misses is known piece by piece, where quadrature can only estimate it as a rule, and the piece that misses
most is halved first (globally adaptive, as in QUADPACK: Piessens et al., 1983). No point is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

#: Of the points so many are spread evenly first, so that nothing long goes unseen.
SPREAD = 1 / 4

#: The others are placed in about so many rounds, each after a look at what is missed.
ROUNDS = 12

#: Of how much rounding a change is told apart from it: a number in few digits differs from point to point without changing.
TOLD_APART = 8


class Stretch(NamedTuple):
    """A part of a path, from where to where; by how much the number changes over it, and by how much the slopes miss that."""

    start: float
    stop: float
    change: float
    missed: float


@dataclass(frozen=True)
class Walk:
    """What was seen on a path.

    Args:
        at: [point], from 0 to 1, rising.
        numbers: [point], the number there.
        slopes: [point, token], its change per path, the part of each token.
        rounding: to how much of their size the numbers are known.
        open_start: whether the slopes at 0 say nothing about the piece after it; then those at its end stand for it.
    """

    at: np.ndarray
    numbers: np.ndarray
    slopes: np.ndarray
    rounding: float = 0.0
    open_start: bool = False

    @property
    def scores(self) -> np.ndarray:
        """[token], the integral of the slopes by the trapezoid rule."""
        return self._areas(self.slopes).sum(0)

    @property
    def missed(self) -> np.ndarray:
        """[piece], by how much the slopes miss the change of the number between neighbouring points."""
        with np.errstate(invalid="ignore"):  # a number that is infinite has no change
            return self._areas(self.slopes.sum(1)) - np.diff(self.numbers)

    @property
    def grain(self) -> float:
        """By how much two numbers may differ because they are rounded."""
        finite = self.numbers[np.isfinite(self.numbers)]
        return self.rounding * float(np.abs(finite).max(initial=0.0))

    def unaccounted(self) -> tuple[float, tuple[float, float]]:
        """What is missed between neighbouring points, without regard to sign, of all changes on the way, and where most is.

        NaN where no change is told from rounding.

        Piece by piece, what is missed of numbers in few digits would be their rounding, and more the more points there are. So
        it is told stretch by stretch; and of a piece what is more than the rounding of both its ends, because within a stretch
        one piece may miss what another has too much.
        """
        stretches = self.stretches()
        changes = sum(abs(each.change) for each in stretches)
        worst = max(stretches, key=lambda each: abs(each.missed))
        if not changes > 0 or (len(stretches) == 1 and changes < TOLD_APART * self.grain):
            return float("nan"), (worst.start, worst.stop)
        by_stretch = sum(abs(each.missed) for each in stretches)
        by_piece = np.maximum(np.abs(self.missed) - 2 * self.grain, 0)
        if by_piece.sum() <= by_stretch:
            return float(by_stretch / changes), (worst.start, worst.stop)
        piece = int(by_piece.argmax())
        return float(by_piece.sum() / changes), (float(self.at[piece]), float(self.at[piece + 1]))

    def stretches(self) -> list[Stretch]:
        """The pieces; those over which the number changes by no more than its rounding, with what follows them."""
        edges, blur = [0], TOLD_APART * self.grain
        with np.errstate(invalid="ignore"):
            for point in range(1, len(self.at) - 1):
                if not abs(self.numbers[point] - self.numbers[edges[-1]]) < blur:
                    edges.append(point)
            stops = [*edges[1:], len(self.at) - 1]
            changes = self.numbers[stops] - self.numbers[edges]
        missed = np.add.reduceat(self.missed, edges)
        return [Stretch(*row) for row in zip(self.at[edges], self.at[stops], changes, missed, strict=True)]

    def _areas(self, heights: np.ndarray) -> np.ndarray:
        """[piece, ...] of [point, ...]: the area over each piece, by the trapezoid rule."""
        if self.open_start:
            heights = np.concatenate([heights[1:2], heights[1:]])
        widths = np.diff(self.at).reshape(-1, *[1] * (heights.ndim - 1))
        return widths * (heights[1:] + heights[:-1]) / 2


#: Looks at points of the path: their numbers [point], and the slopes [point, token].
Look = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def walk(look: Look, n_points: int, finest: float, *, rounding: float = 0.0, open_start: bool = False) -> Walk:
    """Looks at so many points of a path, both ends among them.

    Args:
        look: is asked for each point once.
        n_points: at least 2.
        finest: a piece that is no wider is halved only where there is no other.
        rounding: to how much of their size the numbers are known: what is missed by less is not looked for.
        open_start: whether the slopes at 0 say nothing about the piece after it.
    """
    at = np.linspace(0, 1, max(2, int(n_points * SPREAD)))
    seen = Walk(at, *look(at), rounding=rounding, open_start=open_start)
    each = max(1, (n_points - len(at)) // ROUNDS)
    while len(seen.at) < n_points:
        wanted = min(each, n_points - len(seen.at))
        widths = np.diff(seen.at)
        order = np.lexsort((-widths, -np.maximum(np.abs(seen.missed) - seen.grain, 0), widths <= finest))[:wanted]
        seen = _with(seen, look, (seen.at[order] + seen.at[order + 1]) / 2)
    return seen


def _with(seen: Walk, look: Look, at: np.ndarray) -> Walk:
    numbers, slopes = look(at)
    order = np.argsort(np.append(seen.at, at), kind="stable")
    return replace(
        seen,
        at=np.append(seen.at, at)[order],
        numbers=np.append(seen.numbers, numbers)[order],
        slopes=np.concatenate([seen.slopes, slopes])[order],
    )
