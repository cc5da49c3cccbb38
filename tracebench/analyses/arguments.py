"""Check the model and the trace that an analysis receives."""

from __future__ import annotations

from typing import Any

from tracebench.models.language_model import LanguageModel
from tracebench.models.replayable import check_replayable
from tracebench.record.trace import Trace


def insist_on_text(lm: Any, trace: Any) -> None:
    """Check that ``lm`` is a model, and ``trace`` a trace that it can replay in one pass.

    Raises:
        TypeError: no `LanguageModel`, or no `Trace`.
        ValueError: the trace has ids outside the model's vocabulary, or one pass differs from its generation.
    """
    if not isinstance(lm, LanguageModel):
        raise TypeError(
            f"an analysis takes the model first and then the trace, got a {type(lm).__name__} first: make a model with "
            "tb.load(name) or tb.LanguageModel(model, tokenizer)"
        )
    if not isinstance(trace, Trace):
        raise TypeError(
            f"an analysis takes a trace after the model, got a {type(trace).__name__}: make one with lm.generate(prompt) or "
            "lm.read(text)"
        )
    insist_on_vocabulary(lm, trace)
    check_replayable(lm, len(trace.tokens))


def insist_on_vocabulary(lm: LanguageModel, trace: Trace) -> None:
    """Raise a ``ValueError`` for a trace with token ids outside the model's vocabulary."""
    most = max(trace.tokens.ids)
    if most >= lm.vocabulary_size:
        raise ValueError(
            f"{trace!r} has token id {most}, {lm.name} has only {lm.vocabulary_size}: it is of another model"
        )
