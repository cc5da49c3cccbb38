"""The teacher-forced pass over a finished sequence, and what it is worth.

Internal quantities come from this pass; the generation's own numbers are the ones shown. How far the two are apart is
a check, because a cached step and a full pass are different orders of the same sums (and, in bfloat16, round differently).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tracebench.models.numerics import SAME_TEXT, largest_gap, spread
from tracebench.record.checks import Check

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
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


def check_replayable(lm: LanguageModel, length: int) -> None:
    """A ``ValueError`` where `replay_obstacle` finds one."""
    reason = replay_obstacle(lm, length)
    if reason:
        raise ValueError(reason)


def replay_obstacle(lm: LanguageModel, length: int) -> str | None:
    """Why a pass over the whole text would be a different computation than the generation was; None if it is the same.

    longrope and dynamic NTK scale positions by the *length of the input*: past the original window the whole text is
    seen with other frequencies than its first part was generated with, and the argmax flips.
    """
    config = lm.text_config
    for rope in _ropes(getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}):
        kind = rope.get("rope_type", rope.get("type"))
        original = rope.get("original_max_position_embeddings") or getattr(
            config, "original_max_position_embeddings", None
        )
        # transformers takes the window of dynamic NTK from the configuration, whatever its rope parameters say.
        window = getattr(config, "max_position_embeddings", None) if kind == "dynamic" else original
        if kind in ("longrope", "dynamic") and window and length > window:
            return (
                f"{lm.name} scales its positions by the length of the input ({kind}) past {window} tokens, so one pass over "
                f"these {length} tokens is another computation than their generation; use at most {window} tokens"
            )
    return None


def _ropes(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """One entry, or one for each kind of layer."""
    nested = [value for value in parameters.values() if isinstance(value, dict)]
    return nested or [parameters]
