"""The logit lens: read every layer's residual stream as if the model stopped there.

``p(layer, position) = softmax(head(unembed(norm(stream))))`` with the model's own final norm, unembedding, scale and
softcap. The norm's statistics come from *this* stream; those of another layer would give wrong probabilities.

Source: nostalgebraist, "interpreting GPT: the logit lens", 2020.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text, neutral
from tracebench.analyses.lens.sweep import Sweep, Swept
from tracebench.models.language_model import LanguageModel
from tracebench.models.layout.family import run
from tracebench.models.memory import fitting, halving
from tracebench.models.recording.replay import replay_check
from tracebench.models.state.digests import digest
from tracebench.models.watch.capture import capture_streams, hooks_check
from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.results.lens_table import LensTable
from tracebench.runtime import progress


@dataclass(frozen=True)
class LogitLens:
    """The most likely next tokens at every layer and position: ``LogitLens(top=5)(lm, trace)``.

    Args:
        top: number of tokens kept per layer and position.
        watch: tokens whose probability is kept at every layer and position, as exact text or vocabulary ids.
    """

    top: int = 5
    watch: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        top = whole(self.top)
        if top is None or top < 1:
            raise ValueError(f"top is a whole number from 1, got {self.top!r}")
        given = self.watch if isinstance(self.watch, (tuple, list)) else (self.watch,)
        watch = tuple(token if isinstance(token, str) else whole(token) for token in given)
        if None in watch:
            raise TypeError(f"watch holds tokens as exact text (str) or vocabulary ids (int), got {self.watch!r}")
        object.__setattr__(self, "top", top)
        object.__setattr__(self, "watch", watch)

    def insist_on(self, lm: LanguageModel) -> None:
        """Raise a ``ValueError`` if a watched text is not one token of this model."""
        for token in self.watch:
            lm.token_id(token)

    @progress.shown("reading layers")
    @neutral
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> LensTable:
        """Run the lens over a trace.

        Args:
            lm: the model that made the trace.
            trace: any trace; every position is read.
            target: not supported, because the lens reads every position: leave it out.

        Returns:
            A `LensTable`: token_ids and probs [layer, token, rank]; entropy and kl [layer, token], in nats; watched [layer,
            token, watched]. Layer -1 is the embedding.

        Raises:
            ValueError: a watched text is not one token; the trace is of another vocabulary; a layer gives NaN.
            DoesNotFit: memory runs out.
        """
        if target is not None:
            raise ValueError("the logit lens reads every position and has no target: leave it out, or watch a token")
        insist_on_text(lm, trace)
        started = time.perf_counter()
        watched = tuple(dict.fromkeys(lm.token_id(token) for token in self.watch))
        ids = trace.tokens.ids
        unhooked = lm.unhooked_digest(ids)
        with lm.running(), capture_streams(lm.layout) as streams:
            logits = run(lm.model, torch.tensor([list(ids)], device=lm.device))[0]
        _refuse_nan(streams)
        checks = [hooks_check(digest(logits) == unhooked)]
        if trace.steps:
            checks.append(
                replace(replay_check(trace, logits, lm.coarsest), name="scores as recorded", meaning=AS_RECORDED)
            )
        does_not_fit = (
            f"not even one position of {logits.shape[-1]} logits at a time fits the memory of {lm.device} beside the "
            f"{len(streams)} streams of {len(ids)} tokens and their logits: free some, or read a shorter text"
        )
        with lm.running(), fitting(does_not_fit):
            for layer, stream in enumerate(streams):
                streams[layer] = lm.layout.normed(stream)  # replaces the stream, because both together are large
        table = _Table(len(streams), ids, min(self.top, logits.shape[-1]), watched)
        sweep = Sweep(lm, streams, logits, table.top, table.kept_ids(logits.device))
        start, rows = 0, sweep.rows
        while start < len(ids):
            rows, start = halving(partial(_read, sweep, table, start), rows, does_not_fit)
        checks.insert(1, sweep.last_row.check(lm.layout.dtype))
        return table.result(lm, trace, repr(self), tuple(checks), time.perf_counter() - started)


def _read(sweep: Sweep, table: _Table, start: int, rows: int) -> int:
    """Read up to ``rows`` positions into the table; gives the next start."""
    part = slice(start, min(start + rows, len(table.ids)))
    table.fill(part, sweep.read(part, rows))
    return part.stop


AS_RECORDED = "The pass whose layers are read gives the scores that the trace recorded."


class _Table:
    """The arrays of a `LensTable` while they are filled."""

    def __init__(self, layers: int, ids: tuple[int, ...], top: int, watched: tuple[int, ...]) -> None:
        shape = (layers, len(ids))
        self.watched, self.ids, self.top = watched, ids, top
        self.token_ids = np.zeros((*shape, top), np.int32)
        self.probs = np.zeros((*shape, top), np.float32)
        self.final_probs = np.zeros((*shape, top), np.float32)
        self.watched_probs = np.zeros((*shape, len(watched)), np.float32)
        self.entropy = np.zeros(shape, np.float32)
        self.kl = np.zeros(shape, np.float32)
        self.realised = np.zeros(shape, np.float32)

    def kept_ids(self, device: torch.device) -> torch.Tensor:
        """[token, 1 + watched]: per position, the id of the next token, then the watched ids."""
        return torch.tensor([[following, *self.watched] for following in (*self.ids[1:], 0)], device=device)

    def fill(self, part: slice, swept: Swept) -> None:
        """Store these positions of every layer; raises a ``ValueError`` if a layer gives no distribution."""
        wrong = (~torch.isfinite(swept.lse)).any(-1).nonzero().flatten().tolist()
        if wrong:
            raise ValueError(f"{_name(wrong[0])} reads as NaN or infinity: check the model's weights and dtype")
        kept = swept.kept.exp().cpu().numpy()
        self.token_ids[:, part] = swept.ids.cpu().numpy()
        self.probs[:, part] = swept.log_probs.exp().cpu().numpy()
        self.final_probs[:, part] = kept[..., : self.top]
        self.realised[:, part] = kept[..., self.top]
        self.watched_probs[:, part] = kept[..., self.top + 1 :]
        self.entropy[:, part] = swept.entropy.clamp_min(0).cpu().numpy()
        self.kl[:, part] = swept.kl.clamp_min(0).cpu().numpy()

    def result(self, lm: LanguageModel, trace: Trace, method: str, checks: tuple[Check, ...], cost: float) -> LensTable:
        self.realised[:, -1] = np.nan
        axes = {"layer": range(-1, len(self.entropy) - 1), "token": range(len(self.ids))}
        ranks = {"rank": range(self.top)}
        mentioned = {*np.unique(self.token_ids).tolist(), *self.watched}
        return LensTable(
            token_ids=LabeledArray.of(self.token_ids, **axes, **ranks),
            probs=LabeledArray.of(self.probs, **axes, **ranks),
            entropy=LabeledArray.of(self.entropy, **axes),
            kl=LabeledArray.of(self.kl, **axes),
            final_probs=LabeledArray.of(self.final_probs, **axes, **ranks),
            realised=LabeledArray.of(self.realised, **axes),
            watched=LabeledArray.of(self.watched_probs, **axes, watched=self.watched) if self.watched else None,
            vocabulary=lm.vocabulary(mentioned),
            tokens=trace.tokens,
            method=method,
            traces=(trace.hash,),
            cost=cost,
            checks=checks,
        )


def _refuse_nan(streams: list[torch.Tensor]) -> None:
    for layer, stream in enumerate(streams):
        if not bool(torch.isfinite(stream).all()):
            raise ValueError(
                f"{_name(layer)} is the first that has NaN or infinity: check the model's weights and dtype"
            )


def _name(row: int) -> str:
    return "the stream that feeds block 0" if row == 0 else f"the stream after block {row - 1}"
