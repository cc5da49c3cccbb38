"""Measurements of the attention of one pass, and the checks that they support."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from tracebench.models.numerics import SAME_STREAM, SAME_TEXT
from tracebench.record.checks import Check


@dataclass
class Watching:
    """Measurements of one pass, layer by layer.

    Args:
        via: layer -> the implementation that computed it; ``"eager"`` also where a module returned its weights itself.
        gaps: layer -> largest difference between pattern @ values and the output of the attention call, as a share of the
            output's range. Only where the values were seen.
        sums: layer -> largest difference between one and the sum of a row with its sink.
        future: layer -> largest weight on a key after its query. Only where a module returned its weights.
        types: dtypes of the calls and patterns.
    """

    via: dict[int, str] = field(default_factory=dict)
    gaps: dict[int, float] = field(default_factory=dict)
    sums: dict[int, float] = field(default_factory=dict)
    future: dict[int, float] = field(default_factory=dict)
    types: set[torch.dtype] = field(default_factory=set)


def requested_check(gap: float, dtype: torch.dtype) -> Check:
    """The check that requesting the attention weights leaves the logits unchanged.

    Args:
        gap: largest difference from the logits of a plain pass, relative to their range.
        dtype: the least precise dtype of the model.
    """
    return Check(
        "asking for weights leaves the model alone",
        "identity",
        gap,
        SAME_TEXT[dtype],
        "This family computes its attention weights only on request, in another order of summation. Its logits stay those "
        "of a plain pass.",
        "of the logit range",
    )


def identities(watching: Watching) -> tuple[Check, ...]:
    """The checks of the patterns of one pass, each with the worst layer's value."""
    limit = max(SAME_STREAM[dtype] for dtype in watching.types)
    checks = [
        Check(
            "rows sum to one",
            "identity",
            _worst(watching.sums),
            limit,
            "Every row of every pattern, with its sink where the model has one, sums to one.",
        )
    ]
    if watching.gaps:
        checks.append(
            Check(
                "pattern @ values = attention",
                "identity",
                _worst(watching.gaps),
                limit,
                "Each pattern, applied to the values, gives the output of the layer's own attention call (in 15 mixtures of their features).",
                "of the output range",
            )
        )
    if watching.future:
        checks.append(
            Check(
                "no weight on later tokens",
                "identity",
                _worst(watching.future),
                0.0,
                "The model returned these weights itself, so they cannot be checked against its values. No weight is on a key "
                "after its query.",
            )
        )
    return tuple(checks)


def _worst(numbers: dict[int, float]) -> float:
    """The largest number; NaN if any is NaN."""
    return max(numbers.values(), key=lambda number: float("inf") if number != number else number)  # noqa: PLR0124
