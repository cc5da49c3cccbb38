"""The target of an analysis: the number that it explains, as data and as a question."""

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
        step: the generation step to explain; None means every step.
        token: exact text (``str``) or vocabulary id (``int``), never a position. None means the generated token.
        against: the token to compare with: text or id, as above.
        of: the number to explain: ``logit``, ``log_prob``, ``prob`` or ``entropy``. The entropy takes no token.

    Raises:
        TypeError: a step, token or against of another type.
        ValueError: an unknown ``of``, an empty text, a negative id, an entropy with a token, or a token against itself.
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

        If the record does not hold the text as one token, the question says so. Only an analysis, which has the
        tokenizer, can refuse it.

        Raises:
            IndexError: the trace has no such step.
        """
        if self.step is None:
            return "Why did the model say each of its tokens?"
        trace.check_step(self.step)
        if self.of == "entropy":
            return f"Why was the model as sure as it was at step {self.step}?"
        generated = f"“{trace.tokens.display[trace.prompt_length + self.step]}”"
        token = generated if self.token is None else self._show(self.token, trace)
        if self.against is not None:
            return f"Why {token} rather than {self._show(self.against, trace)} at step {self.step}?"
        if self.token is not None:
            return f"What speaks for {token} at step {self.step}?"
        verb = "would" if trace.was_read else "did"
        return f"Why {verb} the model say {token} at step {self.step}?"

    def __repr__(self) -> str:
        """Python that makes this target, without the fields at their defaults."""
        given = {"token": self.token, "against": self.against, "of": None if self.of == "logit" else self.of}
        keywords = "".join(f", {name}={value!r}" for name, value in given.items() if value is not None)
        return f"Target(step={self.step}{keywords})"

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
        # Without a tokenizer we cannot tell if this text is one token. Show how the trace splits it.
        parts = _as_tokens(piece, trace)
        named = ", ".join(f"“{part}”" for part in parts)
        if len(parts) > 1:
            return f"{shown} ({len(parts)} tokens in this text: {named})"
        return f"{shown} (in this text a part of {named})" if parts else f"{shown} (not in this record)"


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
    """The tokens that cover these bytes at their first place in the text; () if the text lacks them."""
    tokens, text = trace.tokens, b"".join(trace.tokens.pieces)
    at = text.find(piece)
    if at < 0:
        return ()
    stop = at + len(piece)
    return tuple(
        shown for shown, (first, last) in zip(tokens.display, tokens.offsets, strict=True) if first < stop and last > at
    )
