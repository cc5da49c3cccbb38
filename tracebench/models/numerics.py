"""How close two computations of the same number come, per data type. Limits are set here once and never loosened."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

#: The same modules on the same stream, in another order of summation, relative to the range of the logits. float32:
#: measured 2e-6 on the demo model; half precision: one unit in the last place at the top of the range.
SAME_STREAM = {torch.float32: 1e-5, torch.float64: 1e-13, torch.bfloat16: 2**-7, torch.float16: 2**-10}

#: A pass over the whole text against the same text token by token: every layer sums and rounds differently.
SAME_TEXT = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2 * 2**-7, torch.float16: 2 * 2**-10}

#: Rows compared at once, so that comparing takes no memory to speak of.
ROWS = 8


def relative_gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    """`largest_gap` over the range (max - min) of what is expected."""
    return largest_gap(found, expected) / max(spread(expected), torch.finfo(torch.float32).tiny)


def largest_gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest absolute difference; NaN if anything is NaN.

    Models may mask part of a vocabulary with -inf: there both sides must say so.
    """
    found, expected = found.reshape(-1, found.shape[-1]), expected.reshape(-1, expected.shape[-1])
    gap = 0.0
    for one, other in zip(found.split(ROWS), expected.split(ROWS), strict=True):
        wide = torch.float64 if other.dtype == torch.float64 else torch.float32
        # A model spread over devices gives its logits where the text went in, its unembedding where that is.
        mine = one.to(other.device)
        difference = mine.to(wide) - other.to(wide)
        # inf - inf is NaN, and here the two agree.
        difference.masked_fill_((mine == other) & torch.isinf(mine), 0.0)
        gap = max(gap, float(difference.abs().max()), key=_nan_first)
    return gap


def spread(logits: torch.Tensor) -> float:
    """max - min of what is finite; 0 where nothing is."""
    low, high = float("inf"), float("-inf")
    for rows in logits.reshape(-1, logits.shape[-1]).split(ROWS):
        ends = torch.stack(rows.aminmax()).tolist()
        if all(map(math.isfinite, ends)):
            low, high = min(low, ends[0]), max(high, ends[1])
            continue
        finite = torch.isfinite(rows)
        if bool(finite.any()):
            low = min(low, float(rows.masked_fill(~finite, float("inf")).min()))
            high = max(high, float(rows.masked_fill(~finite, float("-inf")).max()))
    return max(high - low, 0.0)


def coarsest(types: Iterable[torch.dtype]) -> torch.dtype:
    """The one with the fewest digits, of those that have limits here: it decides how close two sums can come."""
    return max(set(types) & set(SAME_TEXT), key=SAME_TEXT.__getitem__)


def _nan_first(number: float) -> float:
    return float("inf") if number != number else number  # noqa: PLR0124 - that is what NaN is
