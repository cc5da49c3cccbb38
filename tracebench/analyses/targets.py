"""The token ids that a target means in a model's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebench.record.target import Target

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace


def target_ids(lm: LanguageModel, trace: Trace, target: Target) -> tuple[int | None, int | None]:
    """The ids of a target's ``token`` and ``against``.

    Args:
        lm: the model with the vocabulary.
        trace: the trace; ``token=None`` means the realised token of the target's step.
        target: a target with a step.

    Returns:
        ``(token, against)``; both None for the entropy, and ``against`` None if the target has none.

    Raises:
        IndexError: no such step.
        ValueError: the target is for every step; a text is not one token (the message lists its tokens); or token and
            against are the same.
    """
    if target.step is None:
        raise ValueError("a target of every step has no single token: give a step, or make one target per step")
    trace.check_step(target.step)
    if target.of == "entropy":
        return None, None
    token = trace.token_at(target.step).id if target.token is None else lm.token_id(target.token)
    against = None if target.against is None else lm.token_id(target.against)
    if token == against:
        shown = lm.vocabulary([token]).display(token)
        raise ValueError(f"“{shown}” is compared with itself: give another token as against")
    return token, against
