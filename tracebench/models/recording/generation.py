"""Generate with the model's own cache and no hooks, and record what could have been said.

transformers' ``generate`` does the decoding. The model's own processors are set aside (a repetition penalty would change the
scores that are recorded; see `own_settings`); a recorder sees the raw logits first, and temperature, top-k and top-p come after it.
"""

from __future__ import annotations

import difflib
import math
import secrets
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tracebench.models.layout.steady import steady
from tracebench.models.memory import fitting
from tracebench.models.recording.origin import provenance
from tracebench.models.recording.own_settings import set_aside, set_aside_check, settings_aside
from tracebench.models.recording.scores import ScoreRows
from tracebench.record.arrays import whole
from tracebench.record.checks import Check
from tracebench.record.trace import Segment, Trace
from tracebench.runtime import progress
from tracebench.runtime.interrupts import Scope

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore

#: The lowest temperature: scores of a thousand divided by less than this leave float32's range on the way to a probability.
COLDEST = 1e-30


@dataclass(frozen=True)
class Sampling:
    """How the next token is chosen, and when to end; see `LanguageModel.generate`."""

    max_new_tokens: int = 32
    temperature: float | None = None
    top_k: int | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: str | Sequence[str] | None = ()

    def __post_init__(self) -> None:
        checked = {
            "max_new_tokens": _count("max_new_tokens", self.max_new_tokens, "; lm.read(...) takes a text as it is"),
            "temperature": None if self.temperature is None else _temperature(self.temperature),
            "top_k": None if self.top_k is None else _count("top_k", self.top_k),
            "top_p": None if self.top_p is None else _share(self.top_p),
            "seed": None if self.seed is None else _seed(self.seed),
            "stop": () if self.stop is None else _texts(self.stop),
        }
        if self.temperature is None and (self.top_k is not None or self.top_p is not None):
            raise ValueError(
                "top_k and top_p choose among samples: give a temperature too (1.0 samples as the model says)"
            )
        if self.temperature is not None and self.seed is None:
            # Drawn from the system, not from torch: the user's random state stays as it was, and the record says the seed.
            checked["seed"] = secrets.randbelow(2**31)
        for name, value in checked.items():
            object.__setattr__(self, name, value)

    @property
    def sampled(self) -> bool:
        return self.temperature is not None

    def settings(self) -> dict[str, Any]:
        """What a record says of it; the seed has a place of its own."""
        named = {name: getattr(self, name) for name in ("max_new_tokens", "temperature", "top_k", "top_p")}
        return {
            name: value for name, value in {**named, "stop": list(self.stop or ()) or None}.items() if value is not None
        }

    def warpers(self) -> list[LogitsProcessor]:
        warpers: list[LogitsProcessor] = []
        if self.temperature not in (None, 1.0):
            warpers.append(TemperatureLogitsWarper(float(self.temperature)))
        if self.top_k is not None:
            warpers.append(TopKLogitsWarper(self.top_k))
        if self.top_p is not None and self.top_p < 1:
            warpers.append(TopPLogitsWarper(self.top_p))
        return warpers


def _count(name: str, given: Any, instead: str = "") -> int:
    found = whole(given)
    if found is None or found < 1:
        raise ValueError(f"{name} is a whole number from 1, got {given!r}{instead}")
    return found


def _number(given: Any) -> float:
    """A real number, numpy's too, but no bool; NaN for all else, which is in no range."""
    return float(given) if isinstance(given, Real) and not isinstance(given, bool) else math.nan


def _temperature(given: Any) -> float:
    found = _number(given)
    if not 0 < found < math.inf:
        raise ValueError(f"temperature is a number above 0, got {given!r}; leave it out for greedy decoding")
    if found < COLDEST:
        raise ValueError(
            f"temperature {given!r} is too small to divide scores by (from {COLDEST:g} on it works); leave it out for "
            "greedy decoding"
        )
    return found


def _share(given: Any) -> float:
    found = _number(given)
    if not 0 < found <= 1:
        raise ValueError(f"top_p is a share above 0 and at most 1, got {given!r}")
    return found


def _seed(given: Any) -> int:
    found = whole(given)
    if found is None or not 0 <= found < 2**63:
        raise ValueError(f"seed is a whole number from 0 to 2**63 - 1, got {given!r}; without one it is drawn")
    return found


def _texts(given: Any) -> tuple[str, ...]:
    texts = (given,) if isinstance(given, str) else given
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise ValueError(f"stop is a text or texts that end the generation, none of them empty, got {given!r}")
    return tuple(texts)


#: What to give instead of some arguments of other libraries.
INSTEAD = {
    "do_sample": "give a temperature to sample",
    "max_length": "max_new_tokens counts what is added to the prompt",
    "max_tokens": "say max_new_tokens",
    "stop_strings": "say stop",
    "stop_sequences": "say stop",
    "eos_token_id": "set lm.model.generation_config.eos_token_id",
    "input_ids": "give the ids as the prompt",
    "attention_mask": "give all that the tokenizer gave as the prompt, which has the mask: lm.generate(tokenizer(text))",
    "num_return_sequences": "call it once for each seed",
}


def insist_on_known(call: str, options: Iterable[str]) -> None:
    """A ``ValueError`` for arguments that are none of ours, which says which there are."""
    known = Sampling.__dataclass_fields__
    unknown = [name for name in options if name not in known]
    if not unknown:
        return
    instead = [INSTEAD[name] for name in unknown if name in INSTEAD]
    close = [f"did you mean {near[0]}?" for name in unknown if (near := difflib.get_close_matches(name, known, 1, 0.8))]
    own = "other ways to choose tokens (penalties, beams, forced or forbidden tokens) are not supported yet"
    raise ValueError(
        f"{call} does not know {', '.join(unknown)}; it takes {', '.join(known)}; {'; '.join(instead or close or [own])}"
    )


class Recorder(LogitsProcessor):
    """First in line: keeps the raw logits of each step and leaves them as they are."""

    def __init__(self, prompt_length: int, total: int) -> None:
        self.rows = ScoreRows()
        self._prompt, self._total = prompt_length, total
        self._last: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.settle(input_ids[0])
        self.rows.add(scores)
        self._last = scores.detach().clone()
        # Only a tick: the model stays locked while its generation settings and the random state are not the user's.
        progress.tick(len(self.rows) - 1, self._total, "generating")
        return scores

    def settle(self, ids: torch.Tensor) -> None:
        """Once the token of the last recorded step is known, keep its raw logit."""
        if self._last is not None:
            self.rows.realise(self._last, ids[self._prompt + len(self.rows) - 1][None])
            self._last = None


class StopAt(StoppingCriteria):
    """Ends when the text after the prompt contains one of the strings."""

    def __init__(self, lm: ModelCore, prompt_length: int, stop: Sequence[str]) -> None:
        self._lm, self._prompt, self._stop = lm, prompt_length, tuple(stop)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ARG002
        space, text = self._lm.pieces.continuation(input_ids[0].tolist(), self._prompt)
        # The space before the first word may be the prompt's, but it is no new text by itself.
        found = any(stop in text or (stop.strip(" ") and stop in space + text) for stop in self._stop)
        return torch.tensor([found], device=input_ids.device)


class Embeddable(StoppingCriteria):
    """Raises when the token that was taken has no embedding, where torch would raise in its own words."""

    def __init__(self, lm: ModelCore) -> None:
        self._lm = lm

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ARG002
        taken, size = int(input_ids[0, -1]), self._lm.vocabulary_size
        if taken >= size:
            raise ValueError(
                f"{self._lm.name} said token id {taken}, for which it has no embedding (those are 0 to {size - 1}), so it cannot "
                f"go on; give it as many embeddings as logits: model.resize_token_embeddings({self._lm.scored_size})"
            )
        return torch.zeros(1, dtype=torch.bool, device=input_ids.device)


def generate(
    lm: ModelCore,
    ids: Sequence[int],
    sampling: Sampling,
    given: dict[str, Any],
    *,
    segments: tuple[Segment, ...] = (),
    checks: tuple[Check, ...] = (),
) -> Trace:
    """See `LanguageModel.generate`.

    Args:
        lm: the model.
        ids: the prompt.
        sampling: how tokens are chosen.
        given: what the prompt was made of, for the record.
        segments: who said which part of the prompt.
        checks: of the prompt.
    """
    lm.check_length(len(ids), sampling.max_new_tokens)
    _ = lm.layout  # proved before anything is generated, not after
    recorder = Recorder(len(ids), sampling.max_new_tokens)
    criteria: list[StoppingCriteria] = [StopAt(lm, len(ids), sampling.stop)] if sampling.stop else []
    if lm.scored_size > lm.vocabulary_size:
        criteria.append(Embeddable(lm))
    new = sampling.max_new_tokens
    with (
        fitting(
            f"{len(ids)} tokens and {new} new ones do not fit the memory of {lm.device}: free some, shorten the prompt, or ask "
            "for fewer new tokens"
        ),
        lm.running(),
        settings_aside(lm.model, sampling),
        steady(lm.model),
        _seeded(lm.device, sampling.seed if sampling.sampled else None),
    ):
        prompt = torch.tensor([list(ids)], device=lm.device)
        out = lm.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            logits_processor=LogitsProcessorList([recorder, *sampling.warpers()]),
            stopping_criteria=StoppingCriteriaList(criteria),
        )
    recorder.settle(out[0])
    steps = out.shape[1] - len(ids)
    aside = set_aside(lm.model.generation_config, sampling)
    lm.breathe(steps, steps, "generated")
    return Trace(
        lm.tokens(out[0].tolist()),
        len(ids),
        recorder.rows.candidates(lm.pieces, steps),
        provenance(lm, {**given, **sampling.settings()}, sampling.seed if sampling.sampled else None, aside),
        checks=(*checks, *set_aside_check(aside)),
        segments=segments,
    )


def _seeded(device: torch.device, seed: int | None) -> Scope[None]:
    """Within this scope sampling follows the seed; afterwards the random state is what it was."""

    def enter(undo: ExitStack) -> None:
        if seed is None:
            return
        undo.callback(torch.default_generator.set_state, torch.default_generator.get_state())
        torch.default_generator.manual_seed(seed)
        if device.type in ("cpu", "meta"):
            return
        # This device's generator alone: torch.manual_seed would seed every other device too.
        accelerator = torch.get_device_module(device)
        if hasattr(accelerator, "device"):
            undo.enter_context(accelerator.device(device))
        undo.callback(accelerator.set_rng_state, accelerator.get_rng_state())
        accelerator.manual_seed(seed)

    return Scope(enter)
