"""The teacher-forced pass over a finished sequence, and what it is worth.

Internal quantities come from this pass; the generation's own numbers are the ones shown. How far the two are apart is
a check, because a cached step and a full pass are different orders of the same sums (and, in bfloat16, round differently).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from tracebench.models.numerics import SAME_TEXT, largest_gap, spread
from tracebench.record.checks import Check

if TYPE_CHECKING:
    from tracebench.record.trace import Trace

MEANING = "One pass over the whole text gives the scores that were recorded while it was generated, step by step."


def replay_check(trace: Trace, logits: torch.Tensor, dtype: torch.dtype) -> Check:
    """Recorded scores against the replay's.

    Args:
        trace: with at least one step.
        logits: [token, vocabulary] of the replay.
        dtype: the coarsest type that the model computes in.
    """
    rows = logits[trace.prompt_length - 1 : -1]
    ids = torch.from_numpy(np.array(trace.candidates.token_ids.values, dtype=np.int64)).to(rows.device)
    found = rows.gather(-1, ids).float().cpu()
    recorded = torch.from_numpy(np.array(trace.candidates.logits.values, dtype=np.float32))
    # Of the range of all logits, not only of the candidates'.
    gap = largest_gap(found, recorded) / (spread(rows) or 1.0)
    return Check("replay", "measure", gap, SAME_TEXT[dtype], MEANING, "of the logit range")


def no_replay_check(reason: str) -> Check:
    """The check of a trace that cannot be replayed: unknown, and that is amber."""
    return Check("replay", "measure", float("nan"), 0.0, f"Not known: {reason}.", "of the logit range")
