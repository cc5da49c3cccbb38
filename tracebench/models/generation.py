"""Generate with the model's own cache and no hooks, and record what could have been said.

transformers' ``generate`` does the decoding. Its processors are set aside (a repetition penalty would change the scores
that are recorded); a recorder sees the raw logits first, and temperature, top-k and top-p come after it.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from tracebench.models.scores import ScoreRows
from tracebench.trace import Segment, Trace

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel


class Recorder(LogitsProcessor):
    """First in line: keeps the raw logits of each step and leaves them as they are."""

    def __init__(self, lm: LanguageModel, prompt_length: int, total: int) -> None:
        self.rows = ScoreRows()
        self._lm, self._prompt, self._total = lm, prompt_length, total
        self._last: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self.settle(input_ids[0])
        self.rows.add(scores)
        self._last = scores.detach().clone()
        self._lm.breathe(len(self.rows) - 1, self._total, "generating")
        return scores

    def settle(self, ids: torch.Tensor) -> None:
        """Once the token of the last recorded step is known, keep its raw logit."""
        if self._last is not None:
            self.rows.realise(self._last, ids[self._prompt + len(self.rows) - 1][None])
            self._last = None


class StopAt(StoppingCriteria):
    """Ends when the text after the prompt contains one of the strings."""

    def __init__(self, lm: LanguageModel, prompt_length: int, stop: Sequence[str]) -> None:
        self._lm, self._prompt, self._stop = lm, prompt_length, tuple(stop)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:  # noqa: ARG002
        text = self._lm.tokens(input_ids[0, self._prompt :].tolist()).text
        return torch.tensor([any(stop in text for stop in self._stop)], device=input_ids.device)


def generate(
    lm: LanguageModel,
    ids: Sequence[int],
    settings: dict[str, Any],
    *,
    max_new_tokens: int,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    seed: int | None,
    stop: Sequence[str],
    segments: tuple[Segment, ...] = (),
) -> Trace:
    """See `LanguageModel.generate`; ``ids`` is the prompt, ``settings`` goes into the provenance."""
    _check(lm, ids, max_new_tokens, temperature, top_k, top_p)
    sampled = temperature is not None
    if sampled and seed is None:
        # Drawn from the system, not from torch: the user's random state stays as it was, and the record says the seed.
        seed = secrets.randbelow(2**31)
    recorder = Recorder(lm, len(ids), max_new_tokens)
    criteria = [StopAt(lm, len(ids), stop)] if stop else []
    with lm.running(), _set_aside(lm.model, sampled=sampled, max_new_tokens=max_new_tokens), _seeded(lm.device, seed if sampled else None):
        prompt = torch.tensor([list(ids)], device=lm.device)
        out = lm.model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            logits_processor=LogitsProcessorList([recorder, *_warpers(temperature, top_k, top_p)]),
            stopping_criteria=StoppingCriteriaList(criteria),
        )
    recorder.settle(out[0])
    steps = out.shape[1] - len(ids)
    lm.breathe(max_new_tokens, max_new_tokens, "generated")
    return Trace(
        lm.tokens(out[0].tolist()),
        len(ids),
        recorder.rows.candidates(lm.pieces, steps),
        lm.provenance(settings, seed if sampled else None),
        segments=segments,
    )


def _check(lm: LanguageModel, ids: Sequence[int], new: int, temperature: float | None, k: int | None, p: float | None) -> None:
    if isinstance(new, bool) or not isinstance(new, int) or new < 1:
        raise ValueError(f"max_new_tokens is a whole number from 1, got {new!r}; lm.read(...) takes a text as it is")
    if temperature is not None and not temperature > 0:
        raise ValueError(f"temperature is a number above 0, got {temperature!r}; leave it out for greedy decoding")
    if temperature is None and (k is not None or p is not None):
        raise ValueError("top_k and top_p choose among samples: give a temperature too (1.0 samples as the model says)")
    if k is not None and k < 1:
        raise ValueError(f"top_k is a whole number from 1, got {k!r}")
    if p is not None and not 0 < p <= 1:
        raise ValueError(f"top_p is a share above 0 and at most 1, got {p!r}")
    lm.check_length(len(ids), new)


def _warpers(temperature: float | None, top_k: int | None, top_p: float | None) -> list[LogitsProcessor]:
    warpers: list[LogitsProcessor] = []
    if temperature not in (None, 1.0):
        warpers.append(TemperatureLogitsWarper(float(temperature)))
    if top_k is not None:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p is not None and top_p < 1:
        warpers.append(TopPLogitsWarper(top_p))
    return warpers


@contextmanager
def _set_aside(model: Any, *, sampled: bool, max_new_tokens: int) -> Iterator[None]:
    """Within this scope the model's generation settings are neutral; the user's own object comes back untouched."""
    own = model.generation_config
    eos = own.eos_token_id
    first = eos[0] if isinstance(eos, (list, tuple)) else eos
    neutral = GenerationConfig(
        bos_token_id=own.bos_token_id,
        eos_token_id=eos,
        pad_token_id=own.pad_token_id if own.pad_token_id is not None else first,
        do_sample=sampled,
        max_new_tokens=max_new_tokens,
        use_cache=True,
        # Said only when sampling: transformers warns of settings that greedy decoding would ignore.
        **({"temperature": 1.0, "top_k": 0, "top_p": 1.0} if sampled else {}),
    )
    model.generation_config = neutral
    try:
        yield
    finally:
        model.generation_config = own


@contextmanager
def _seeded(device: torch.device, seed: int | None) -> Iterator[None]:
    """Within this scope sampling follows the seed; afterwards the random state is what it was."""
    if seed is None:
        yield
        return
    if device.type in ("cpu", "meta"):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    else:
        with torch.random.fork_rng(devices=[device], device_type=device.type):
            torch.manual_seed(seed)
            yield
