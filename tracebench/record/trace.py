"""The record of one generation, or of a given text that was read as if it had been generated.

Coordinates: ``step`` counts from 0; ``position(step) = prompt_length + step - 1`` is the row of the replay that
predicts the token at ``prompt_length + step``. Other modules call `Trace.position` and never repeat this arithmetic.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.checks import Check
from tracebench.record.counts import counted
from tracebench.record.files import Record, prefixed
from tracebench.record.provenance import Provenance
from tracebench.record.tokens import Token, Tokens, Vocabulary

#: Candidates that a trace keeps per step.
RANKS = 100
_SCORES = ("token_ids", "logits", "logsumexp", "entropy", "realised")


@dataclass(frozen=True, eq=False)
class Candidates:
    """The most likely tokens of each step, before temperature, top-k and top-p.

    Args:
        token_ids: int32 [step, rank], most likely first.
        logits: float32 [step, rank]: raw logits, not normalised.
        logsumexp: float32 [step], over the whole vocabulary, so ``exp(logits - logsumexp)`` is the exact probability.
        entropy: float32 [step], nats: the entropy of the whole distribution.
        realised: float32 [step]: the raw logit of the generated token.
        vocabulary: the pieces of every id in ``token_ids``.
    """

    token_ids: LabeledArray
    logits: LabeledArray
    logsumexp: LabeledArray
    entropy: LabeledArray
    realised: LabeledArray
    vocabulary: Vocabulary

    @property
    def probs(self) -> LabeledArray:
        """[step, rank]: raw probabilities."""
        with np.errstate(under="ignore"):  # an underflow gives 0, also if the user has set numpy to raise
            values = np.exp(np.asarray(self.logits.values) - np.asarray(self.logsumexp.values)[:, None])
        return LabeledArray(values, self.logits.axes)

    @property
    def chosen_probs(self) -> LabeledArray:
        """[step]: the raw probability of the generated token."""
        with np.errstate(under="ignore"):
            values = np.exp(np.asarray(self.realised.values) - np.asarray(self.logsumexp.values))
        return LabeledArray(values, self.realised.axes)


@dataclass(frozen=True)
class Segment:
    """The tokens ``[start, stop)`` of one message of a chat, with its role."""

    role: str
    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Trace:
    """One sequence: a prompt, its continuation, and the alternatives at each step.

    Args:
        tokens: prompt and continuation.
        prompt_length: number of tokens in the prompt, BOS included; at least 1.
        candidates: the alternatives, one row per step.
        provenance: the model and the call that made it.
        checks: checks of the recording, e.g. replay against the recorded scores.
        segments: the messages of a chat; empty for plain text.

    Raises:
        ValueError: ``prompt_length`` does not fit the tokens, or the candidates do not fit the steps.
    """

    tokens: Tokens
    prompt_length: int
    candidates: Candidates
    provenance: Provenance
    checks: tuple[Check, ...] = ()
    segments: tuple[Segment, ...] = ()

    kind = "trace"

    def __post_init__(self) -> None:
        if not 1 <= self.prompt_length <= len(self.tokens):
            raise ValueError(
                f"prompt_length is {self.prompt_length}, expected 1 to {len(self.tokens)} (the number of tokens)"
            )
        recorded = len(self.candidates.token_ids.coords("step"))
        if recorded != len(self.steps):
            raise ValueError(
                f"the candidates have {counted(recorded, 'step')}, expected {len(self.steps)} (the tokens after the prompt)"
            )

    @property
    def steps(self) -> range:
        return range(len(self.tokens) - self.prompt_length)

    @property
    def text(self) -> str:
        return self.tokens.text

    @property
    def prompt(self) -> str:
        return b"".join(self.tokens.pieces[: self.prompt_length]).decode("utf-8", "replace")

    @property
    def completion(self) -> str:
        return b"".join(self.tokens.pieces[self.prompt_length :]).decode("utf-8", "replace")

    @property
    def was_read(self) -> bool:
        """Whether the text was given (`LanguageModel.read`) and not generated."""
        return self.provenance.settings.get("how") == "read"

    def check_step(self, step: int) -> int:
        """The step as an ``int``.

        Raises:
            TypeError: no whole number.
            IndexError: the trace has no such step.
        """
        found = whole(step)
        if found is None:
            raise TypeError(f"a step is a whole number, got {step!r} (see trace.steps)")
        if not len(self.steps):
            raise IndexError(f"step {found} was asked for, but this trace has no steps: every token is prompt")
        if found not in self.steps:
            raise IndexError(f"step {found} is not there; the steps are 0 to {self.steps[-1]} (see trace.steps)")
        return found

    def position(self, step: int) -> int:
        """The token position whose row of the replay predicts this step's token."""
        return self.prompt_length + self.check_step(step) - 1

    def token_at(self, step: int) -> Token:
        """The token that was generated at this step."""
        return self.tokens[self.prompt_length + self.check_step(step)]

    def chosen_rank(self, step: int) -> int | None:
        """The rank of the generated token, from 0; None if it is past the recorded ranks."""
        row = np.asarray(self.candidates.token_ids.values[self.check_step(step)])
        found = np.flatnonzero(row == self.token_at(step).id)
        return int(found[0]) if len(found) else None

    @cached_property
    def hash(self) -> str:
        """Content hash (16 hex digits) of the tokens, the prompt length, the recorded scores and the model."""
        digest = hashlib.sha256()
        source = self.provenance
        about = [
            self.tokens.ids,
            self.prompt_length,
            source.model,
            source.weights,
            source.dtype,
            source.settings,
            source.seed,
        ]
        digest.update(json.dumps(about, sort_keys=True, default=str).encode())
        for array in (self.candidates.token_ids, self.candidates.logits, self.candidates.realised):
            digest.update(np.ascontiguousarray(array.values).tobytes())
        return digest.hexdigest()[:16]

    def to_pandas(self, candidates: int = 0):  # noqa: ANN201 - pandas is imported where it is used
        """A table with one row per step: the generated token, its probability and rank, and the entropy (nats).

        ``token`` is the position of the token, as in every table. ``query`` is the position that predicts it: the
        ``query`` of its attention, and its ``token`` in a lens.

        Args:
            candidates: if it is above 0, each step has this many rows, one per most likely token, with its ``rank``,
                ``candidate_token_id``, ``candidate_text`` and ``prob``. The CSV of the view has up to 20.
        """
        import pandas as pd

        ranks = whole(candidates)
        if ranks is None or ranks < 0:
            raise ValueError(f"candidates is the number of tokens to list per step, 0 or more, got {candidates!r}")
        start = self.prompt_length
        frame = pd.DataFrame(
            {
                "step": list(self.steps),
                "query": [self.position(step) for step in self.steps],
                "token": [start + step for step in self.steps],
                "token_id": self.tokens.ids[start:],
                "text": self.tokens.texts[start:],
                "chosen_prob": np.asarray(self.candidates.chosen_probs.values),
                "chosen_rank": [self.chosen_rank(step) for step in self.steps],
                "entropy": np.asarray(self.candidates.entropy.values),
            }
        )
        return self._with_candidates(frame, ranks) if ranks else frame

    def _with_candidates(self, frame: Any, ranks: int) -> Any:
        """Repeat each row of the table by step, once for each of its most likely tokens."""
        scores = self.candidates
        ids = np.asarray(scores.token_ids.values)[:, :ranks]
        rows = frame.loc[frame.index.repeat(ids.shape[1])].reset_index(drop=True)
        rows["rank"] = np.tile(np.arange(ids.shape[1]), len(ids))
        rows["candidate_token_id"] = ids.reshape(-1)
        rows["candidate_text"] = [scores.vocabulary.text(i) for i in ids.reshape(-1).tolist()]
        rows["prob"] = np.asarray(scores.probs.values)[:, :ranks].reshape(-1)
        return rows

    def to_record(self) -> Record:
        scores = self.candidates
        arrays = {name: getattr(scores, name) for name in _SCORES}
        arrays |= prefixed("tokens", self.tokens.to_arrays()) | prefixed("vocabulary", scores.vocabulary.to_arrays())
        about = {
            "prompt_length": self.prompt_length,
            "provenance": self.provenance.to_json(),
            "checks": [check.to_json() for check in self.checks],
            "segments": [[s.role, s.start, s.stop] for s in self.segments],
        }
        return Record(self.kind, about, arrays)

    @classmethod
    def from_record(cls, record: Record) -> Trace:
        scores: dict[str, Any] = {name: record.labeled(name) for name in _SCORES}
        vocabulary = Vocabulary.from_arrays(record.group("vocabulary"))
        vocabulary.check_ids(np.unique(scores["token_ids"].values).tolist())
        return cls(
            Tokens.from_arrays(record.group("tokens")),
            record.json["prompt_length"],
            Candidates(**scores, vocabulary=vocabulary),
            Provenance.from_json(record.json["provenance"]),
            tuple(Check.from_json(check) for check in record.json["checks"]),
            tuple(Segment(*segment) for segment in record.json["segments"]),
        )

    def __repr__(self) -> str:
        shown = self.completion if len(self.completion) <= 40 else self.completion[:39] + "…"
        prompt, steps = counted(self.prompt_length, "prompt token"), counted(len(self.steps), "step")
        return f"Trace({self.provenance.model}: {prompt}, {steps}, {shown!r})"
