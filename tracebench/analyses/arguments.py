"""Check the model and the trace that an analysis receives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, TypeVar, cast

from tracebench.models.core import ModelCore
from tracebench.models.language_model import LanguageModel
from tracebench.models.replayable import check_replayable
from tracebench.record.trace import Trace

Call = TypeVar("Call", bound=Callable[..., Any])


def neutral(call: Call) -> Call:
    """For ``__call__`` of an analysis: what a user has set in torch or numpy for all code changes none of its numbers."""

    @wraps(call)
    def run(analysis: Any, lm: Any, *args: Any, **kwargs: Any) -> Any:
        # What is no model is refused in the call.
        with lm.neutral() if isinstance(lm, ModelCore) else nullcontext():
            return call(analysis, lm, *args, **kwargs)

    return cast("Call", run)


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
    said = max(trace.tokens.ids[trace.prompt_length :], default=0)
    if said >= lm.scored_size:
        raise ValueError(
            f"{trace!r} has token id {said} after its prompt, {lm.name} has only {lm.scored_size} logits: it is of another model"
        )
