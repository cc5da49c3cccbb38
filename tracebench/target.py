"""Which number is explained: the target of an analysis, as data and as a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from tracebench.tokens import display_piece

if TYPE_CHECKING:
    from tracebench.trace import Trace

Quantity = Literal["logit", "log_prob", "prob", "entropy"]
QUANTITIES = ("logit", "log_prob", "prob", "entropy")


@dataclass(frozen=True)
class Target:
    """``Target(step=0, token=" Paris", against=" Rome")``: why Paris rather than Rome?

    Args:
        step: the generation step whose decision is explained; None means every step.
        token: exact text (``str``) or vocabulary id (``int``), never a position; None is the realised token.
        against: the token to compare with, given likewise.
        of: the number explained: ``logit``, ``log_prob``, ``prob`` or ``entropy`` (which names no token).
    """

    step: int | None = 0
    token: str | int | None = None
    against: str | int | None = None
    of: Quantity = "logit"

    def __post_init__(self) -> None:
        if self.of not in QUANTITIES:
            raise ValueError(f"a target is the {', '.join(QUANTITIES)} of a token, got of={self.of!r}")
        if self.of == "entropy" and (self.token is not None or self.against is not None):
            raise ValueError("the entropy of a step belongs to no token: leave out token and against")
        for name, value in (("token", self.token), ("against", self.against)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, (str, int))):
                raise TypeError(f"{name} is exact text (str) or a vocabulary id (int), got {value!r}")
        if self.step is not None and (isinstance(self.step, bool) or not isinstance(self.step, int)):
            raise TypeError(f"step is a whole number or None (every step), got {self.step!r}")

    def sentence(self, trace: Trace) -> str:
        """The target as a question: ``Why did the model say “·Paris” at step 0?``"""
        if self.step is None:
            return "Why did the model say each of its tokens?"
        trace.check_step(self.step)
        if self.of == "entropy":
            return f"Why was the model as sure as it was at step {self.step}?"
        said = self._show(self.token, trace) or trace.tokens.display[trace.prompt_length + self.step]
        if self.against is not None:
            return f"Why “{said}” rather than “{self._show(self.against, trace)}” at step {self.step}?"
        if self.token is not None:
            return f"What speaks for “{said}” at step {self.step}?"
        verb = "would" if trace.was_read else "did"
        return f"Why {verb} the model say “{said}” at step {self.step}?"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Target:
        return cls(**data)

    @staticmethod
    def _show(token: str | int | None, trace: Trace) -> str:
        if token is None:
            return ""
        if isinstance(token, str):
            return display_piece(token.encode("utf-8", "surrogatepass"))
        known = trace.candidates.vocabulary
        return known.display(token) if token in known else f"token {token}"
