"""The number that an attribution explains, as a function of the embeddings of the text before it."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from tracebench.analyses.targets import target_ids
from tracebench.models.memory import is_out_of_memory
from tracebench.models.numerics import SAME_TEXT, spread
from tracebench.models.watch.embeddings import embed, last_logits
from tracebench.record.checks import Check

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.target import Quantity, Target
    from tracebench.record.trace import Trace


@dataclass(frozen=True)
class Decision:
    """One step of a trace, as a differentiable function of embeddings.

    Args:
        lm: the model.
        ids: the text before the step; later tokens cannot influence it.
        own: [token, feature], the embeddings of ``ids``.
        of: the quantity to explain.
        token: the token id that the quantity is about; None for the entropy.
        against: the token id to subtract, or None.
    """

    lm: LanguageModel
    ids: tuple[int, ...]
    own: torch.Tensor
    of: Quantity
    token: int | None
    against: int | None

    @classmethod
    def at(cls, lm: LanguageModel, trace: Trace, step: int, target: Target) -> Decision:
        """The decision at a step; the target names the quantity and tokens."""
        token, against = target_ids(lm, trace, replace(target, step=step))
        ids = trace.tokens.ids[: trace.position(step) + 1]
        return cls(lm, ids, embed(lm, ids), target.of, token, against)

    def __call__(self, embeds: torch.Tensor) -> torch.Tensor:
        """The number for embeddings of the text: [batch, token, feature] -> [batch], differentiable."""
        return self.number(last_logits(self.lm, self.ids, embeds))

    def number(self, logits: torch.Tensor) -> torch.Tensor:
        """The number for logits at the last position: [batch, vocabulary] -> [batch]."""
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if self.of == "entropy":
            return torch.distributions.Categorical(logits=wide).entropy()
        found = {"logit": lambda x: x, "log_prob": lambda x: x.log_softmax(-1), "prob": lambda x: x.softmax(-1)}[
            self.of
        ](wide)
        value = found[:, self.token]
        return value if self.against is None else value - found[:, self.against]

    def proved(self, recorded: float, realised: int) -> tuple[float, list[Check]]:
        """The number and two checks: the text's own embeddings give the same logits, and the logit equals the recorded one.

        Args:
            recorded: the raw logit of the realised token in the trace.
            realised: the id of that token.
        """
        with torch.no_grad():
            plain, replaced = last_logits(self.lm, self.ids), last_logits(self.lm, self.ids, self.own[None])
            number = float(self.number(plain)[0])
        gap = 0.0 if torch.equal(plain, replaced) else float((plain - replaced).abs().max()) / (spread(plain) or 1.0)
        # Compare in float32, because the trace stores float32.
        recorded_gap = abs(float(plain[0, realised].float()) - recorded) / (spread(plain) or 1.0)
        return number, [
            Check(
                "own embeddings put in",
                "identity",
                gap,
                0.0,
                "With the text's own embeddings as input, the model's logits are the same as with its tokens, bit for bit.",
                "of the logit range",
            ),
            Check(
                "score as recorded",
                "measure",
                recorded_gap,
                SAME_TEXT[self.lm.coarsest],
                "The explained pass gives the score that the trace recorded.",
                "of the logit range",
            ),
        ]


@contextmanager
def differentiated(lm: LanguageModel) -> Generator[None]:
    """Within this scope, torch's errors about missing gradients become a ``ValueError`` with the next step.

    Raises:
        ValueError: no gradient reaches the embeddings, or ``torch.inference_mode()`` is on.
    """
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "attribution needs gradients, and torch.inference_mode() switches them off: call it outside of inference_mode"
        )
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error) or not any(words in str(error) for words in _NO_GRADIENT):
            raise
        raise ValueError(
            f"no gradient reaches the embeddings of {lm.name} (many quantised models have none): load it unquantised, or "
            "use an analysis without gradients, e.g. tb.LogitLens()"
        ) from error


def gradients_do_not_fit(decision: Decision) -> str:
    """The error message for a decision whose gradients exceed the memory."""
    return (
        f"{len(decision.ids)} tokens do not fit the memory of {decision.lm.device} with gradients, even one text at a time: "
        "explain an earlier step or a shorter text"
    )


#: Parts of torch's error messages when no gradient can flow from the logits to the embeddings.
_NO_GRADIENT = (
    "does not require grad",
    "not have been used in the graph",
    "derivative for",
    "not implemented for autograd",
)

#: An attribution method at one step: gives scores [token, feature], the number for the baseline (or NaN), and checks.
Method = Callable[[Decision], tuple[torch.Tensor, float, list[Check]]]
