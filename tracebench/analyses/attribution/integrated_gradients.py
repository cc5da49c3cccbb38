"""Integrated gradients: the decision's change on the way from a baseline to the text, shared out among the tokens.

Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017; computed by Captum on the straight path
between the embeddings. That the points belong where the number changes: Bhat and Raychowdhury, "Non-Uniform Interpolation in
Integrated Gradients for Low-Latency Explainable-AI", 2023; Swain and Singhi, "Riemann Sum Optimization for Accurate Integrated
Gradients Computation", 2024.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text, neutral
from tracebench.analyses.attribution.adaptive import Look, Walk, walk
from tracebench.analyses.attribution.baseline import Baseline, baseline_embeddings, baseline_words, check_baseline
from tracebench.analyses.attribution.decision import Decision, differentiated, with_gradients
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

#: The number at some points: [point, token, feature] -> [point].
Number = Callable[[torch.Tensor], torch.Tensor]

#: Tokens that go through the model at once, with gradients: more take memory and gain little on a CPU.
TOKENS = 256

#: By how much the scores may miss the difference that they share out before the check turns amber.
COMPLETE = 0.05

#: The same piece by piece.
BETWEEN = 0.05

#: A piece of the path that is no wider is cut only where there is no other: float32 embeddings have few digits left there.
FINEST = 2.0**-16


@dataclass(frozen=True)
class IntegratedGradients:
    """Scores of tokens by integrated gradients: ``IntegratedGradients(n_steps=64)(lm, trace, tb.Target(step=0))``.

    The scores of a step add up to the number for the text minus the number for the baseline.

    Args:
        n_steps: points on the path; more come closer to the integral.
        baseline: what the text is compared with: ``"eos"``, ``"pad"`` (that token in place of every one), ``"zero"`` or
            ``"mean"`` (the mean embedding).
        keep_first: the first token keeps its own embedding, hence score 0. Attention rests on it in most models, with or
            without a BOS: to take it away breaks the model in jumps, which no number of points follows (on the demo
            model the scores then miss their sum by several times).
        keep_special: special tokens (BOS, the marks of a chat template) keep their own likewise.
        quadrature: where the points are. ``"gauss-legendre"``: where Captum has them by default, the same for every text.
            ``"adaptive"``: a quarter of them evenly, both ends among them, and the others where the change of the number is not
            yet accounted for; for texts on whose path the number jumps, as it did with the chat template that was measured
            (docs/attribution.md). It takes ``n_steps`` points too, and no pass beside them.
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
                "adaptive quadrature looks at both ends of the path: n_steps is a whole number from 2, got 1"
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
            target: which number is explained; None is the realised token's logit at step 0.

        Returns:
            A `TokenScores` in the target's unit.

        Raises:
            IndexError: no such step.
            ValueError: a text that is not one token; no such baseline, or it is the text itself; no gradient reaches the
                embeddings.
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
        # A norm of nothing is as steep as its epsilon allows, and a norm after it as much steeper again: that slope is not the piece's.
        open_start = bool(((base == 0).all(-1) & (decision.own != 0).any(-1)).any())

        def along_the_path(number: Number, rows: int) -> Walk:
            look = _looking(number, base, decision.own, rows)
            return walk(look, self.n_steps, FINEST, rounding=rounding, open_start=open_start)

        walked = self._counted(lm, decision, along_the_path)
        before, after = float(walked.numbers[0]), float(walked.numbers[-1])
        checks = [self._complete(float(walked.scores.sum()), after - before, lm), self._between(walked, lm)]
        return torch.from_numpy(walked.scores)[:, None], before, checks

    def _counted(self, lm: LanguageModel, decision: Decision, along_the_path: Callable[[Number, int], T]) -> T:
        """What is found along the path, with progress, by as many points at once as fit the memory."""
        done = 0

        def number(embeds: torch.Tensor) -> torch.Tensor:
            nonlocal done
            # Not inside a scope: here a waiting cell gets the model.
            lm.breathe(min(done, self.n_steps), self.n_steps, "attributing")
            done += len(embeds)
            return decision(embeds)

        def attempt(rows: int) -> T:
            nonlocal done
            done = 0
            with differentiated(lm):
                return along_the_path(number, rows)

        rows = max(1, min(self.n_steps, TOKENS // len(decision.ids)))
        _, found = halving(attempt, rows, with_gradients(decision))
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
            f"{self._closer(gap, COMPLETE, lm)}",
            "of that difference",
        )

    def _between(self, walked: Walk, lm: LanguageModel) -> Check:
        """The same piece by piece: what is missed up here and down there adds up to nothing, and is missed all the same."""
        share, worst = walked.unaccounted()
        start, stop = (f"{100 * at:.6g}" for at in worst)
        closer = self._closer(share, BETWEEN, lm)
        if share > BETWEEN and walked.open_start and worst[1] < 2 * FINEST:
            closer = (
                f"There the norms of a zero embedding jump, which no points follow: another baseline may.{_rounded(lm)}"
            )
        return Check(
            "completeness between points",
            "measure",
            share,
            BETWEEN,
            "Between any two neighbouring points on the path the scores add up to the change of the number there; what is missed "
            f"counts here without regard to sign. It is most between {start} % and {stop} % of the way. {closer}",
            "of all changes on the way",
        )

    def _closer(self, value: float, limit: float, lm: LanguageModel) -> str:
        """What brings the sums closer."""
        unless = "except under mixture-of-experts routing, which is not smooth"
        if value <= limit:
            return f"More n_steps bring them closer, {unless}."
        if math.isnan(value):
            return f"Here nothing changes, or by no finite number: ask for another target or baseline.{_rounded(lm)}"
        if self.quadrature == "adaptive":
            said = f"More points bring them closer, e.g. n_steps={2 * self.n_steps}, {unless}."
        else:
            other = replace(self, n_steps=max(self.n_steps, 64), quadrature="adaptive")
            said = f"Points where the number changes bring them closer, e.g. {other}, {unless}."
        return said + _rounded(lm)


def _rounded(lm: LanguageModel) -> str:
    """What a model in few digits may owe to them."""
    if torch.finfo(lm.coarsest).bits >= 32:
        return ""
    dtype = str(lm.coarsest).removeprefix("torch.")
    return f" Part of that may be the rounding of {dtype}: load the model in float32 to see how much."


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


def _looking(number: Number, base: torch.Tensor, own: torch.Tensor, rows: int) -> Look:
    """Looks at points between the baseline and the text, so many at once."""
    from captum.attr import Saliency as Captum

    def look(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        numbers: list[torch.Tensor] = []
        slopes: list[torch.Tensor] = []

        def noted(embeds: torch.Tensor) -> torch.Tensor:
            values = number(embeds)
            numbers.append(values.detach())
            return values

        for few in torch.tensor(at, dtype=own.dtype, device=own.device).split(rows):
            embeds = torch.lerp(base, own, few[:, None, None]).requires_grad_()
            gradients = Captum(noted).attribute(embeds, abs=False)
            slopes.append((gradients * (own - base)).sum(-1).detach())
        return torch.cat(numbers).cpu().double().numpy(), torch.cat(slopes).cpu().double().numpy()

    return look
