"""Integrated gradients: distribute the change of a number between a baseline and the text over the tokens.

``score = (x - b) * integral over t from 0 to 1 of d number / d embedding at b + t (x - b)``, summed over features.

Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017; computed by Captum on the straight path
between the embeddings.

Points where the number changes (``quadrature="adaptive"``): Bhat and Raychowdhury, "Non-Uniform Interpolation in Integrated
Gradients for Low-Latency Explainable-AI", 2023; Swain and Singhi, "Riemann Sum Optimization for Accurate Integrated Gradients
Computation", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text, neutral
from tracebench.analyses.attribution.adaptive import Evaluate, Walk, walk
from tracebench.analyses.attribution.baseline import Baseline, baseline_embeddings, baseline_words, check_baseline
from tracebench.analyses.attribution.decision import Decision, differentiated, gradients_do_not_fit
from tracebench.analyses.attribution.steps import explain
from tracebench.models.memory import halving
from tracebench.record.arrays import whole
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.results.token_scores import TokenScores
from tracebench.runtime import progress

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace

Quadrature = Literal["gauss-legendre", "adaptive"]

T = TypeVar("T")

#: The number to explain, for the embeddings at some points: [point, token, feature] -> [point].
Number = Callable[[torch.Tensor], torch.Tensor]

#: Maximum tokens per forward pass with gradients: more need memory and gain little time on a CPU.
TOKENS = 256

#: Limit of the check "completeness", as a share of the difference between text and baseline.
COMPLETE = 0.05

#: Limit of the check "completeness between points", as a share of all changes on the path.
BETWEEN = 0.05

#: Do not split segments below this width unless no other is left: float32 embeddings barely differ over it.
FINEST = 2.0**-16


@dataclass(frozen=True)
class IntegratedGradients:
    """Scores of tokens by integrated gradients: ``IntegratedGradients(n_steps=64)(lm, trace, tb.Target(step=0))``.

    The scores of a step add up to the number for the text minus the number for the baseline.

    Args:
        n_steps: number of points on the path; more points come closer to the integral.
        baseline: replaces the text's tokens: ``"eos"`` or ``"pad"`` (that token), ``"zero"`` (zeros) or ``"mean"`` (the mean
            embedding).
        keep_first: keep the first token's embedding, so that its score is 0. Most models attend strongly to the first token.
            Replacing it makes the number jump along the path, and on the demo model the scores then miss the difference
            by several times its size.
        keep_special: keep the embeddings of special tokens (BOS, the marks of a chat template) likewise.
        quadrature: the placement of the points. ``"gauss-legendre"``, Captum's default, is the same for every text.
            ``"adaptive"`` spaces a quarter of the points evenly and places the others where the error is largest. Use it
            where the number jumps along the path, as in chats (docs/attribution.md). Both take ``n_steps`` points.
    """

    n_steps: int = 64
    baseline: Baseline = "eos"
    keep_first: bool = True
    keep_special: bool = True
    quadrature: Quadrature = "gauss-legendre"

    def __post_init__(self) -> None:
        n_steps = whole(self.n_steps)
        if n_steps is None or n_steps < 1:
            raise ValueError(f"n_steps is a whole number from 1, got {self.n_steps!r}")
        object.__setattr__(self, "n_steps", n_steps)
        check_baseline(self.baseline)
        if self.quadrature not in get_args(Quadrature):
            raise ValueError(f"quadrature is one of {', '.join(get_args(Quadrature))}, got {self.quadrature!r}")
        if self.quadrature == "adaptive" and n_steps < 2:
            raise ValueError(
                "adaptive quadrature evaluates both ends of the path: n_steps is a whole number from 2, got 1"
            )
        for name in ("keep_first", "keep_special"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} is True or False, got {getattr(self, name)!r}")

    @progress.shown("attributing")
    @neutral
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> TokenScores:
        """Explain a step (or every step) of a trace.

        Args:
            lm: the model that made the trace.
            trace: any trace with steps.
            target: the number to explain; None is the realised token's logit at step 0.

        Returns:
            A `TokenScores` in the target's unit: scores [token], or [step, token] for a target of every step.

        Raises:
            IndexError: no such step.
            ValueError: a text in the target is not one token; the tokenizer has no such baseline token; no gradient reaches
                the embeddings.
            NothingToExplain: the baseline is the text itself.
            DoesNotFit: memory runs out.
        """
        insist_on_text(lm, trace)
        kept = {"keep_first": self.keep_first, "keep_special": self.keep_special}
        words = baseline_words(lm, self.baseline, **kept)

        def method(decision: Decision) -> tuple[torch.Tensor, float, list[Check]]:
            base = baseline_embeddings(lm, trace, decision.own, self.baseline, **kept)
            integrate = self._adaptive if self.quadrature == "adaptive" else self._gauss_legendre
            return integrate(lm, decision, base)

        return explain(lm, trace, target, method, name=repr(self), baseline=words)

    def _gauss_legendre(
        self, lm: LanguageModel, decision: Decision, base: torch.Tensor
    ) -> tuple[torch.Tensor, float, list[Check]]:
        def along_the_path(number: Number, rows: int) -> torch.Tensor:
            return (
                _captum(number)
                .attribute(decision.own[None], base[None], n_steps=self.n_steps, internal_batch_size=rows)[0]
                .detach()
            )

        found = self._counted(lm, decision, along_the_path)
        with torch.no_grad():
            before, after = (float(decision(x[None])[0]) for x in (base, decision.own))
        return found, before, [self._complete(float(found.sum()), after - before, lm)]

    def _adaptive(
        self, lm: LanguageModel, decision: Decision, base: torch.Tensor
    ) -> tuple[torch.Tensor, float, list[Check]]:
        rounding = torch.finfo(lm.coarsest).eps
        # A norm of a zero vector has an extreme slope, limited only by its epsilon; it does not represent the first piece.
        open_start = bool(((base == 0).all(-1) & (decision.own != 0).any(-1)).any())

        def along_the_path(number: Number, rows: int) -> Walk:
            evaluate = _evaluator(number, base, decision.own, rows)
            return walk(evaluate, self.n_steps, FINEST, rounding=rounding, open_start=open_start)

        walked = self._counted(lm, decision, along_the_path)
        before, after = float(walked.numbers[0]), float(walked.numbers[-1])
        checks = [self._complete(float(walked.scores.sum()), after - before, lm), self._between(walked, lm)]
        return torch.from_numpy(walked.scores)[:, None], before, checks

    def _counted(self, lm: LanguageModel, decision: Decision, along_the_path: Callable[[Number, int], T]) -> T:
        """Run ``along_the_path(number, rows)`` with progress, and with as many points at once as fit the memory."""
        done = 0

        def number(embeds: torch.Tensor) -> torch.Tensor:
            nonlocal done
            # No hooks are registered here, so a waiting cell may use the model.
            lm.breathe(min(done, self.n_steps), self.n_steps, "attributing")
            done += len(embeds)
            return decision(embeds)

        def attempt(rows: int) -> T:
            nonlocal done
            done = 0
            with differentiated(lm):
                return along_the_path(number, rows)

        rows = max(1, min(self.n_steps, TOKENS // len(decision.ids)))
        _, found = halving(attempt, rows, gradients_do_not_fit(decision))
        lm.breathe(self.n_steps, self.n_steps, "attributing")
        return found

    def _complete(self, total: float, difference: float, lm: LanguageModel) -> Check:
        gap = abs(total - difference) / abs(difference) if difference else float("nan")
        return Check(
            "completeness",
            "measure",
            gap,
            COMPLETE,
            "The scores add up to the number for the text minus the number for the baseline. "
            f"{self._advice(gap, COMPLETE, lm)}",
            "of that difference",
        )

    def _between(self, walked: Walk, lm: LanguageModel) -> Check:
        """Completeness piece by piece, which also finds errors of opposite sign that cancel in the sum."""
        share, worst = walked.missing_share()
        start, stop = (f"{100 * at:.6g}" for at in worst)
        advice = self._advice(share, BETWEEN, lm)
        if share > BETWEEN and walked.open_start and worst[1] < 2 * FINEST:
            advice = (
                "There the norms of a zero embedding jump, and more points do not help: try another baseline."
                f"{_rounding_note(lm)}"
            )
        return Check(
            "completeness between points",
            "measure",
            share,
            BETWEEN,
            "Between neighbouring points on the path, the scores add up to the change of the number. Absolute errors count here. "
            f"The largest is between {start} % and {stop} % of the way. {advice}",
            "of all changes on the way",
        )

    def _advice(self, value: float, limit: float, lm: LanguageModel) -> str:
        """How to bring the sum of the scores closer to the difference."""
        unless = "except under mixture-of-experts routing, which is not smooth"
        if value <= limit:
            return f"More n_steps reduce the error, {unless}."
        if math.isnan(value):
            return (
                "Here the number does not change, or is not finite: choose another target or baseline."
                f"{_rounding_note(lm)}"
            )
        if self.quadrature == "adaptive":
            advice = f"More points reduce the error, e.g. n_steps={2 * self.n_steps}, {unless}."
        else:
            adaptive = replace(self, n_steps=max(self.n_steps, 64), quadrature="adaptive")
            advice = f"Points where the number changes reduce the error, e.g. {adaptive}, {unless}."
        return advice + _rounding_note(lm)


def _rounding_note(lm: LanguageModel) -> str:
    """A note on the rounding error of a half precision model; "" for float32 and wider."""
    if torch.finfo(lm.coarsest).bits >= 32:
        return ""
    dtype = str(lm.coarsest).removeprefix("torch.")
    return f" Part of the error may be the rounding of {dtype}: load the model in float32 to see how much."


def _captum(number: Number) -> Any:
    """Captum's integrated gradients, with widths of its steps that do not depend on torch's default dtype."""
    from captum.attr import IntegratedGradients as Captum

    class Exact(Captum):
        def _attribute(self, *args: Any, step_sizes_and_alphas: Any, **kwargs: Any) -> Any:
            # Captum makes a tensor of them, of the default dtype if they are a list.
            sizes, alphas = step_sizes_and_alphas
            exact: Any = (np.asarray(sizes), alphas)
            return super()._attribute(*args, step_sizes_and_alphas=exact, **kwargs)

    return Exact(number)


def _evaluator(number: Number, base: torch.Tensor, own: torch.Tensor, rows: int) -> Evaluate:
    """A function that evaluates points between the baseline and the text, ``rows`` at a time."""
    from captum.attr import Saliency as Captum

    def evaluate(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers: list[torch.Tensor] = []
        slopes: list[torch.Tensor] = []

        def recorded(embeds: torch.Tensor) -> torch.Tensor:
            values = number(embeds)
            numbers.append(values.detach())
            return values

        for batch in torch.tensor(at, dtype=own.dtype, device=own.device).split(rows):
            embeds = torch.lerp(base, own, batch[:, None, None]).requires_grad_()
            gradients = Captum(recorded).attribute(embeds, abs=False)
            slopes.append((gradients * (own - base)).sum(-1).detach())
        return torch.cat(numbers).cpu().double().numpy(), torch.cat(slopes).cpu().double().numpy()

    return evaluate
