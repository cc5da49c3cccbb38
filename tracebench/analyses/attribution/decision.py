"""The number that is explained, as a function of the embeddings of the text before it."""

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
    """One step of a trace, ready to be explained.

    Args:
        lm: the model that decides.
        ids: the text before the decision; later tokens cannot have a say.
        own: [token, feature], its embeddings.
        of: the number that is explained.
        token: its token id; None for the entropy.
        against: the id it is compared with, or None.
    """

    lm: LanguageModel
    ids: tuple[int, ...]
    own: torch.Tensor
    of: Quantity
    token: int | None
    against: int | None

    @classmethod
    def at(cls, lm: LanguageModel, trace: Trace, step: int, target: Target) -> Decision:
        """The decision of a step that a target names."""
        token, against = target_ids(lm, trace, replace(target, step=step))
        ids = trace.tokens.ids[: trace.position(step) + 1]
        return cls(lm, ids, embed(lm, ids), target.of, token, against)

    def __call__(self, embeds: torch.Tensor) -> torch.Tensor:
        """[batch, token, feature] -> [batch], differentiable."""
        return self.number(last_logits(self.lm, self.ids, embeds))

    def number(self, logits: torch.Tensor) -> torch.Tensor:
        """[batch, vocabulary] -> [batch]."""
        wide = logits.to(torch.promote_types(logits.dtype, torch.float32))
        if self.of == "entropy":
            return torch.distributions.Categorical(logits=wide).entropy()
        found = {"logit": lambda x: x, "log_prob": lambda x: x.log_softmax(-1), "prob": lambda x: x.softmax(-1)}[
            self.of
        ](wide)
        value = found[:, self.token]
        return value if self.against is None else value - found[:, self.against]

    def proved(self, recorded: float, realised: int) -> tuple[float, list[Check]]:
        """The number, with the checks that the exchange changes nothing and that this pass gives what was recorded.

        Args:
            recorded: the raw logit of the realised token, as the trace has it.
            realised: its id.
        """
        with torch.no_grad():
            plain, put_in = last_logits(self.lm, self.ids), last_logits(self.lm, self.ids, self.own[None])
            number = float(self.number(plain)[0])
        gap = 0.0 if torch.equal(plain, put_in) else float((plain - put_in).abs().max()) / (spread(plain) or 1.0)
        # As it is recorded: in float32.
        again = abs(float(plain[0, realised].float()) - recorded) / (spread(plain) or 1.0)
        return number, [
            Check(
                "own embeddings put in",
                "identity",
                gap,
                0.0,
                "With the text's own embeddings put in place of its tokens the model's logits are the same, bit for bit.",
                "of the logit range",
            ),
            Check(
                "score as recorded",
                "measure",
                again,
                SAME_TEXT[self.lm.coarsest],
                "The pass that is explained gives the score that was recorded with the trace.",
                "of the logit range",
            ),
        ]


@contextmanager
def differentiated(lm: LanguageModel) -> Generator[None]:
    """Says in a sentence that a model gives no gradients, where torch says it in its own words."""
    if torch.is_inference_mode_enabled():
        raise ValueError(
            "attribution follows gradients, and torch.inference_mode() is on, which switches them off: ask outside of it"
        )
    try:
        yield
    except RuntimeError as error:
        if is_out_of_memory(error) or not any(words in str(error) for words in _NO_GRADIENT):
            raise
        raise ValueError(
            f"no gradient reaches the embeddings of {lm.name} (quantised without them, most often): load it unquantised, or "
            "use an analysis without gradients, e.g. tb.LogitLens()"
        ) from error


def with_gradients(decision: Decision) -> str:
    """The sentence for a decision whose gradients need more memory than there is."""
    return (
        f"{len(decision.ids)} tokens do not fit the memory of {decision.lm.device} with gradients, one text at a time: explain "
        "an earlier step or a shorter text"
    )


#: How torch says that there is no way back from the logits to the embeddings.
_NO_GRADIENT = (
    "does not require grad",
    "not have been used in the graph",
    "derivative for",
    "not implemented for autograd",
)

#: What an attribution method does at one step: scores [token, feature], the baseline's number, more checks.
Method = Callable[[Decision], tuple[torch.Tensor, float, list[Check]]]
