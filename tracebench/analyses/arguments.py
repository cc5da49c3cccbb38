"""What an analysis is called with, a model and a trace of it: taken, or refused in a sentence that says what to give."""

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
    """Refuses what is no model, no trace, or a trace that this model cannot have made or cannot read in one pass.

    Raises:
        TypeError: of other types.
        ValueError: the trace is of another vocabulary; one pass over it would be another computation.
    """
    if not isinstance(lm, LanguageModel):
        raise TypeError(
            f"an analysis takes the model first and then the trace, got a {type(lm).__name__} first: tb.load(name) makes a model, "
            "and so does tb.LanguageModel(model, tokenizer)"
        )
    if not isinstance(trace, Trace):
        raise TypeError(
            f"an analysis takes a trace after the model, got a {type(trace).__name__}: lm.generate(prompt) and lm.read(text) make one"
        )
    insist_on_vocabulary(lm, trace)
    check_replayable(lm, len(trace.tokens))


def insist_on_vocabulary(lm: LanguageModel, trace: Trace) -> None:
    """A ``ValueError`` for a trace with ids that this model has not."""
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
