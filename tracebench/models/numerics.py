"""Tolerances for two computations of the same number, per dtype. Limits are set here once and never loosened."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch

#: Tolerance for the same modules on the same stream in another order of summation, relative to the range of the logits.
#: float32: measured 2e-6 on the demo model. Half precision: one unit in the last place at the top of the range.
SAME_STREAM = {torch.float32: 1e-5, torch.float64: 1e-13, torch.bfloat16: 2**-7, torch.float16: 2**-10}

#: Tolerance for one pass over the whole text against token-by-token passes: every layer sums and rounds differently.
SAME_TEXT = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2 * 2**-7, torch.float16: 2 * 2**-10}

#: Rows compared at once, so that a comparison needs little memory.
ROWS = 8


def relative_gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    """`largest_gap` divided by the range (max - min) of ``expected``."""
    return largest_gap(found, expected) / max(spread(expected), torch.finfo(torch.float32).tiny)


def largest_gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest absolute difference over all elements; NaN if any element is NaN.

    Where both sides are the same infinity, the difference is 0: models may mask part of a vocabulary with -inf.
    """
    found, expected = found.reshape(-1, found.shape[-1]), expected.reshape(-1, expected.shape[-1])
    gap = 0.0
    for one, other in zip(found.split(ROWS), expected.split(ROWS), strict=True):
        wide = torch.float64 if other.dtype == torch.float64 else torch.float32
        # A model spread over devices may give logits on one device while its unembedding is on another.
        moved = one.to(other.device)
        difference = moved.to(wide) - other.to(wide)
        # inf - inf is NaN, but here both sides agree.
        difference.masked_fill_((moved == other) & torch.isinf(moved), 0.0)
        gap = max(gap, float(difference.abs().max()), key=_nan_first)
    return gap


def spread(logits: torch.Tensor) -> float:
    """max - min over the finite elements; 0 if there are none."""
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
    """The least precise of these dtypes, among those with limits here: it decides which tolerance applies."""
    return max(set(types) & set(SAME_TEXT), key=SAME_TEXT.__getitem__)


def _nan_first(number: float) -> float:
    return float("inf") if number != number else number  # noqa: PLR0124 - only NaN differs from itself
