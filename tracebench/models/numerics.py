"""How close two computations of the same number come, per data type. Limits are set here once and never loosened."""

from __future__ import annotations

import torch

#: The largest difference of two orders of summation, relative to the range of the logits. float32: measured 2e-6 on the
#: demo model; half precision: two units in the last place at the top of the range.
LIMITS = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2 * 2**-7, torch.float16: 2 * 2**-10}


def limit(dtype: torch.dtype) -> float:
    """The limit for logits that a model of this type computes."""
    return LIMITS[dtype]


def relative_gap(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest absolute difference over the range (max - min) of what is expected; NaN if anything is NaN."""
    found, expected = found.float(), expected.float()
    # Models may mask part of a vocabulary with -inf: there both sides must say so, and it is no part of the range.
    finite = torch.isfinite(expected)
    if not torch.equal(finite, torch.isfinite(found)):
        return float("nan") if bool(torch.isnan(found).any() | torch.isnan(expected).any()) else float("inf")
    if not bool(finite.any()):
        return 0.0
    spread = expected[finite].max() - expected[finite].min()
    gap = (found[finite] - expected[finite]).abs().max()
    return float(gap / spread.clamp_min(torch.finfo(torch.float32).tiny))
