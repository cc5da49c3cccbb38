"""Which ids a target names, in this model's vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracebench.record.target import Target

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace


def target_ids(lm: LanguageModel, trace: Trace, target: Target) -> tuple[int | None, int | None]:
    """The ids of a target's token and of the one it is compared with.

    Args:
        lm: whose vocabulary decides.
        trace: whose step is meant; ``token=None`` is the token that was taken there.
        target: with a step; a target of every step has a token for each.

    Returns:
        ``(token, against)``; None where the target names none.

    Raises:
        IndexError: no such step.
        ValueError: a text that is not one token (the sentence says which tokens it is); the two are the same.
    """
    if target.step is None:
        raise ValueError("a target of every step has no one token: give a step, or ask for each step in turn")
    trace.check_step(target.step)
    if target.of == "entropy":
        return None, None
    token = trace.token_at(target.step).id if target.token is None else lm.token_id(target.token)
    against = None if target.against is None else lm.token_id(target.against)
    if token == against:
        shown = lm.vocabulary([token]).display(token)
        raise ValueError(f"“{shown}” is compared with itself: give another token as against")
    return token, against
