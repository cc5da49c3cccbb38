"""Input x gradient: the first-order contribution of each embedding feature, ``embedding * d number / d embedding``.

Source: Shrikumar et al., "Not Just a Black Box", 2016; computed by Captum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from tracebench.analyses.arguments import neutral
from tracebench.analyses.attribution.decision import Decision, differentiated, gradients_do_not_fit
from tracebench.analyses.attribution.steps import explain
from tracebench.models.memory import fitting
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.results.token_scores import TokenScores
from tracebench.runtime import progress

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.trace import Trace


@dataclass(frozen=True)
class InputXGradient:
    """Scores of tokens by embedding times gradient: ``InputXGradient()(lm, trace, tb.Target(step=0))``.

    One forward and one backward pass per step. There is no baseline, and the sum of the scores has no meaning.
    """

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
            ValueError: a text in the target is not one token; no gradient reaches the embeddings.
            DoesNotFit: memory runs out.
        """

        def method(decision: Decision) -> tuple[torch.Tensor, float, list[Check]]:
            from captum.attr import InputXGradient as Captum

            def number(embeds: torch.Tensor) -> torch.Tensor:
                lm.breathe(0, 1, "attributing")
                return decision(embeds)

            own = decision.own[None].clone().requires_grad_()
            with fitting(gradients_do_not_fit(decision)), differentiated(lm):
                found = Captum(number).attribute(own)
            lm.breathe(1, 1, "attributing")
            return found[0].detach(), float("nan"), []

        return explain(lm, trace, target, method, name=repr(self), baseline="")
