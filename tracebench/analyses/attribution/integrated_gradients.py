"""Integrated gradients: the decision's change on the way from a baseline to the text, shared out among the tokens.

Source: Sundararajan, Taly and Yan, "Axiomatic Attribution for Deep Networks", 2017; computed by Captum with
Gauss-Legendre quadrature on the straight path between the embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tracebench import progress
from tracebench.analyses.attribution.baseline import Baseline, baseline_embeddings, baseline_words, check_baseline
from tracebench.analyses.attribution.decision import Decision, differentiated, with_gradients
from tracebench.analyses.attribution.steps import explain
from tracebench.arrays import whole
from tracebench.checks import Check
from tracebench.models.memory import halving
from tracebench.results.token_scores import TokenScores
from tracebench.target import Target

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.trace import Trace

#: Tokens that go through the model at once, with gradients: more take memory and gain little on a CPU.
TOKENS = 256

#: By how much the scores may miss the difference that they share out before the check turns amber.
COMPLETE = 0.05


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
    """

    n_steps: int = 64
    baseline: Baseline = "eos"
    keep_first: bool = True
    keep_special: bool = True

    def __post_init__(self) -> None:
        n_steps = whole(self.n_steps)
        if n_steps is None or n_steps < 1:
            raise ValueError(f"n_steps is a whole number from 1, got {self.n_steps!r}")
        object.__setattr__(self, "n_steps", n_steps)
        check_baseline(self.baseline)
        for name in ("keep_first", "keep_special"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} is True or False, got {getattr(self, name)!r}")

    @progress.shown("attributing")
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
        kept = {"keep_first": self.keep_first, "keep_special": self.keep_special}
        words = baseline_words(lm, self.baseline, **kept)

        def method(decision: Decision) -> tuple[torch.Tensor, float, list[Check]]:
            base = baseline_embeddings(lm, trace, decision.own, self.baseline, **kept)
            found = self._integrate(lm, decision, base)
            with torch.no_grad():
                before, after = (float(decision(x[None])[0]) for x in (base, decision.own))
            return found, before, [_complete(found.sum(-1), after - before)]

        return explain(lm, trace, target, method, name=repr(self), baseline=words)

    def _integrate(self, lm: LanguageModel, decision: Decision, base: torch.Tensor) -> torch.Tensor:
        from captum.attr import IntegratedGradients as Captum

        done = 0

        def number(embeds: torch.Tensor) -> torch.Tensor:
            nonlocal done
            # Not inside a scope: here a waiting cell gets the model.
            lm.breathe(min(done, self.n_steps), self.n_steps, "attributing")
            done += len(embeds)
            return decision(embeds)

        def along_the_path(rows: int) -> torch.Tensor:
            nonlocal done
            done = 0
            with differentiated(lm):
                return Captum(number).attribute(
                    decision.own[None], base[None], n_steps=self.n_steps, internal_batch_size=rows
                )

        rows = max(1, min(self.n_steps, TOKENS // len(decision.ids)))
        _, found = halving(along_the_path, rows, with_gradients(decision))
        lm.breathe(self.n_steps, self.n_steps, "attributing")
        return found[0].detach()


def _complete(scores: torch.Tensor, difference: float) -> Check:
    gap = abs(float(scores.sum()) - difference) / abs(difference) if difference else float("nan")
    return Check(
        "completeness",
        "measure",
        gap,
        COMPLETE,
        "The scores add up to the number for the text minus the number for the baseline. More n_steps bring them closer, "
        "except under mixture-of-experts routing, which is not smooth.",
        "of that difference",
    )
