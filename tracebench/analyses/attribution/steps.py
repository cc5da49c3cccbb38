"""Run an attribution method at one step or at every step, and collect its scores in a `TokenScores`."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text
from tracebench.analyses.attribution.baseline import NothingToExplain
from tracebench.analyses.attribution.decision import Decision, Method
from tracebench.models.memory import fitting
from tracebench.record.arrays import LabeledArray
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.results.token_scores import TokenScores
from tracebench.runtime import progress

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace


def explain(
    lm: LanguageModel, trace: Trace, target: Target | None, method: Method, *, name: str, baseline: str
) -> TokenScores:
    """Run a method at the steps of a target.

    Args:
        lm: the model that made the trace.
        trace: the trace to explain.
        target: the number to explain; None is the realised token's logit at step 0.
        method: computes the scores of one step.
        name: repr of the analysis.
        baseline: the baseline in words; "" if the method has none.

    Returns:
        Scores [token], or [step, token] for a target of every step. A step whose baseline is the text itself scores 0.

    Raises:
        IndexError: no such step, or no steps.
        NothingToExplain: at every step, the baseline is the text itself.
        TypeError: the target is no `Target`.
        ValueError: the trace does not fit the model, or a gradient is not finite.
    """
    started = time.perf_counter()
    target = Target() if target is None else target
    if not isinstance(target, Target):
        raise TypeError(f"expected a target, e.g. tb.Target(step=0), got a {type(target).__name__}")
    insist_on_text(lm, trace)
    steps = trace.steps if target.step is None else (target.step,)
    if not steps:
        raise IndexError("this trace has no steps to explain: every token is prompt")
    trace.check_step(steps[0])
    scores = np.full((len(steps), len(trace.tokens)), np.nan, np.float32)
    values, baselines, explained = (np.full(len(steps), np.nan, np.float32) for _ in range(3))
    checks: list[Check] = []
    nothing: list[NothingToExplain] = []
    for row, step in enumerate(steps):
        length = trace.position(step) + 1
        with fitting(
            f"explaining {length} tokens does not fit the memory of {lm.device}: free some, or explain an earlier step or a "
            "shorter text"
        ):
            decision = Decision.at(lm, trace, step, target)
            with progress.part(row, len(steps)):
                try:
                    found, baselines[row], more = method(decision)
                except NothingToExplain as error:
                    nothing.append(error)
                    found, baselines[row], more = torch.zeros_like(decision.own), np.nan, []
            _refuse_nan(found, lm)
            scores[row, :length] = found.sum(-1).float().cpu().numpy()
            recorded = float(np.asarray(trace.candidates.realised.values)[step])
            values[row], proofs = decision.proved(recorded, trace.token_at(step).id)
        explained[row] = -1 if decision.token is None else decision.token
        checks += proofs + more
    # Single steps without anything to explain score 0, such as the first step of a text that was read.
    if len(nothing) == len(steps):
        raise nothing[0]
    mentioned = {int(i) for i in explained if i >= 0} | ({decision.against} if decision.against is not None else set())
    token = range(len(trace.tokens))
    return TokenScores(
        LabeledArray.of(scores, step=steps, token=token)
        if target.step is None
        else LabeledArray.of(scores[0], token=token),
        LabeledArray.of(values, step=steps),
        LabeledArray.of(baselines, step=steps),
        LabeledArray.of(explained.astype(np.int32), step=steps),
        lm.vocabulary(mentioned),
        trace.tokens,
        target,
        baseline,
        method=name,
        traces=(trace.hash,),
        cost=time.perf_counter() - started,
        checks=worst(checks),
    )


def worst(checks: Iterable[Check]) -> tuple[Check, ...]:
    """For each check name, the check with the largest value; NaN counts as the largest."""
    found: dict[str, Check] = {}
    for check in checks:
        other = found.get(check.name)
        if other is None or math.isnan(check.value) or check.value > other.value:
            found[check.name] = check
    return tuple(found.values())


def _refuse_nan(found: torch.Tensor, lm: LanguageModel) -> None:
    if not bool(torch.isfinite(found).all()):
        raise ValueError(
            f"the gradients of {lm.name} are not finite here (its dtype is {str(lm.dtype).removeprefix('torch.')}): "
            "load it in float32 or bfloat16"
        )
