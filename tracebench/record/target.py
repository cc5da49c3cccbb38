"""Which number is explained: the target of an analysis, as data and as a sentence."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from tracebench.record.arrays import whole
from tracebench.record.tokens import display_piece

if TYPE_CHECKING:
    from tracebench.record.trace import Trace

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
        if self.step is not None:
            object.__setattr__(self, "step", _step(self.step))
        for name in ("token", "against"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _token(name, value))
        if self.token is not None and self.token == self.against:
            raise ValueError(f"{self.token!r} is compared with itself: give another token as against")

    def sentence(self, trace: Trace) -> str:
        """The target as a question: ``Why did the model say “·Paris” at step 0?``

        A text that is no token of the record is said to be none; an analysis, which has the tokenizer, refuses it.

        Raises:
            IndexError: no such step.
        """
        if self.step is None:
            return "Why did the model say each of its tokens?"
        trace.check_step(self.step)
        if self.of == "entropy":
            return f"Why was the model as sure as it was at step {self.step}?"
        taken = f"“{trace.tokens.display[trace.prompt_length + self.step]}”"
        said = taken if self.token is None else self._show(self.token, trace)
        if self.against is not None:
            return f"Why {said} rather than {self._show(self.against, trace)} at step {self.step}?"
        if self.token is not None:
            return f"What speaks for {said} at step {self.step}?"
        verb = "would" if trace.was_read else "did"
        return f"Why {verb} the model say {said} at step {self.step}?"

    def __repr__(self) -> str:
        """Python that makes it again, without what goes without saying."""
        said = {"token": self.token, "against": self.against, "of": None if self.of == "logit" else self.of}
        named = "".join(f", {name}={value!r}" for name, value in said.items() if value is not None)
        return f"Target(step={self.step}{named})"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Target:
        return cls(**data)

    @staticmethod
    def _show(token: str | int, trace: Trace) -> str:
        known = trace.candidates.vocabulary
        if isinstance(token, int):
            return f"“{known.display(token)}”" if token in known else f"token {token}"
        piece = token.encode("utf-8", "surrogatepass")
        shown = f"“{display_piece(piece)}”"
        if known.find(token) is not None or piece in trace.tokens.pieces:
            return shown
        # Whether it is one token of the model's only a tokenizer knows; a record knows where the text has it.
        parts = _as_tokens(piece, trace)
        named = ", ".join(f"“{part}”" for part in parts)
        if len(parts) > 1:
            return f"{shown} ({len(parts)} tokens in this text: {named})"
        return f"{shown} (in this text a part of {named})" if parts else f"{shown} (which this record does not mention)"


def _step(given: Any) -> int:
    step = whole(given)
    if step is None:
        raise TypeError(f"step is a whole number or None (every step), got {given!r}")
    return step


def _token(name: str, given: Any) -> str | int:
    token = given if isinstance(given, str) else whole(given)
    if token is None:
        raise TypeError(f"{name} is exact text (str) or a vocabulary id (int), got {given!r}")
    if token == "" or (isinstance(token, int) and token < 0):
        raise ValueError(f"{name} is exact text, not empty, or a vocabulary id from 0, got {given!r}")
    return token


def _as_tokens(piece: bytes, trace: Trace) -> tuple[str, ...]:
    """The tokens that a stretch of bytes is where the trace has it; () where it does not."""
    tokens, text = trace.tokens, b"".join(trace.tokens.pieces)
    at = text.find(piece)
    if at < 0:
        return ()
    stop = at + len(piece)
    return tuple(
        shown for shown, (first, last) in zip(tokens.display, tokens.offsets, strict=True) if first < stop and last > at
    )
