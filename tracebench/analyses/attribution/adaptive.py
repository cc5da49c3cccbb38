"""Adaptive quadrature along a path: place more points where the trapezoid rule has the largest error.

Between two neighbouring points, the trapezoid rule integrates the slopes, and the numbers at the two points give the true
change. So the error of each piece is known exactly; other quadratures can only estimate it. The piece with the largest
error is halved first, and all points are used.

Source: globally adaptive quadrature as in QUADPACK, Piessens et al., 1983.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

#: Share of the points that are evenly spaced at first, so that no long feature of the path stays unseen.
SPREAD = 1 / 4

#: Number of rounds, about, in which the other points are placed; each round uses the errors of the last one.
ROUNDS = 12

#: Ignore changes below 8 x the rounding error: they are noise.
NOISE = 8


class Segment(NamedTuple):
    """A part of a path: its ends, the change of the number over it, and the error of the integrated slopes there."""

    start: float
    stop: float
    change: float
    missed: float


@dataclass(frozen=True)
class Walk:
    """The points of a path that were evaluated.

    Args:
        at: [point], positions from 0 to 1, rising.
        numbers: [point], the number at each point.
        slopes: [point, token], each token's part of the derivative of the number along the path.
        rounding: relative rounding error of the numbers.
        open_start: ignore the slopes at 0 and use those at the end of the first piece for the whole piece.
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
        """[piece], the error of the integrated slopes between neighbouring points."""
        with np.errstate(invalid="ignore"):  # infinite numbers give NaN
            return self._areas(self.slopes.sum(1)) - np.diff(self.numbers)

    @property
    def rounding_error(self) -> float:
        """The difference that rounding alone can cause between two numbers."""
        finite = self.numbers[np.isfinite(self.numbers)]
        return self.rounding * float(np.abs(finite).max(initial=0.0))

    def missing_share(self) -> tuple[float, tuple[float, float]]:
        """The sum of absolute errors as a share of the sum of absolute changes, and the ends of the worst part.

        The share is NaN if the number does not change by more than its rounding.

        The errors are summed in two ways, and the larger sum counts:

        - By segment, because piece by piece rounding errors would add up, the more the more points there are.
        - By piece, minus the rounding error of both ends, because within a segment errors of opposite sign cancel.
        """
        segments = self.segments()
        changes = sum(abs(segment.change) for segment in segments)
        worst = max(segments, key=lambda segment: abs(segment.missed))
        if not changes > 0 or (len(segments) == 1 and changes < NOISE * self.rounding_error):
            return float("nan"), (worst.start, worst.stop)
        by_segment = sum(abs(segment.missed) for segment in segments)
        by_piece = np.maximum(np.abs(self.missed) - 2 * self.rounding_error, 0)
        if by_piece.sum() <= by_segment:
            return float(by_segment / changes), (worst.start, worst.stop)
        piece = int(by_piece.argmax())
        return float(by_piece.sum() / changes), (float(self.at[piece]), float(self.at[piece + 1]))

    def segments(self) -> list[Segment]:
        """The pieces; a piece over which the number changes by less than the noise is merged with the next one."""
        edges, noise = [0], NOISE * self.rounding_error
        with np.errstate(invalid="ignore"):
            for point in range(1, len(self.at) - 1):
                if not abs(self.numbers[point] - self.numbers[edges[-1]]) < noise:
                    edges.append(point)
            stops = [*edges[1:], len(self.at) - 1]
            changes = self.numbers[stops] - self.numbers[edges]
        missed = np.add.reduceat(self.missed, edges)
        return [Segment(*row) for row in zip(self.at[edges], self.at[stops], changes, missed, strict=True)]

    def _areas(self, heights: np.ndarray) -> np.ndarray:
        """The integral over each piece by the trapezoid rule: [point, ...] -> [piece, ...]."""
        if self.open_start:
            heights = np.concatenate([heights[1:2], heights[1:]])
        widths = np.diff(self.at).reshape(-1, *[1] * (heights.ndim - 1))
        return widths * (heights[1:] + heights[:-1]) / 2


#: Evaluates points of the path: [point] -> the numbers [point] and the slopes [point, token].
Evaluate = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def walk(evaluate: Evaluate, n_points: int, finest: float, *, rounding: float = 0.0, open_start: bool = False) -> Walk:
    """Evaluate ``n_points`` points of a path, both ends among them.

    Args:
        evaluate: evaluates points; each point is passed once.
        n_points: number of points, at least 2.
        finest: width at which a piece is halved only if no wider piece is left.
        rounding: relative rounding error of the numbers; errors below it do not attract points.
        open_start: as in `Walk`.
    """
    at = np.linspace(0, 1, max(2, int(n_points * SPREAD)))
    path = Walk(at, *evaluate(at), rounding=rounding, open_start=open_start)
    per_round = max(1, (n_points - len(at)) // ROUNDS)
    while len(path.at) < n_points:
        count = min(per_round, n_points - len(path.at))
        widths = np.diff(path.at)
        errors = np.maximum(np.abs(path.missed) - path.rounding_error, 0)
        order = np.lexsort((-widths, -errors, widths <= finest))[:count]
        path = _with(path, evaluate, (path.at[order] + path.at[order + 1]) / 2)
    return path


def _with(path: Walk, evaluate: Evaluate, at: np.ndarray) -> Walk:
    """The path with further points, in order."""
    numbers, slopes = evaluate(at)
    order = np.argsort(np.append(path.at, at), kind="stable")
    return replace(
        path,
        at=np.append(path.at, at)[order],
        numbers=np.append(path.numbers, numbers)[order],
        slopes=np.concatenate([path.slopes, slopes])[order],
    )
