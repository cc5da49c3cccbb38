"""The logit lens: read every layer's residual stream as if the model stopped there.

``p(layer, position) = softmax(head(unembed(norm(stream))))`` with the model's own final norm, unembedding, scale and
softcap, applied to *this* stream (cached norm statistics of another layer give wrong probabilities).

Source: nostalgebraist, "interpreting GPT: the logit lens", 2020.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch

from tracebench import progress
from tracebench.analyses.arguments import insist_on_text
from tracebench.arrays import LabeledArray, whole
from tracebench.checks import Check
from tracebench.models.capture import Streams, capture_streams, hooks_check
from tracebench.models.digests import digest
from tracebench.models.family import run
from tracebench.models.language_model import LanguageModel
from tracebench.models.layout import Layout
from tracebench.models.memory import halving
from tracebench.models.numerics import SAME_STREAM, relative_gap
from tracebench.models.replay import replay_check
from tracebench.models.scores import leading
from tracebench.results.lens_table import LensTable
from tracebench.target import Target
from tracebench.trace import Trace

#: Positions that go through the unembedding at once: fewer make the matmul slower, more only take memory.
ROWS = 128

#: Their logits, at the most: a larger vocabulary goes through in smaller parts.
LOGITS = ROWS * 50_000

#: Positions compared at once with the model's own logits: these are all in memory then, and nothing else is as large.
FEW = 16

#: Rows whose statistics are taken at once, so that the passes over them find them in the processor's cache.
INNER = 16

#: The top k are looked for in this many groups of tokens, by their largest.
GROUP = 128


@dataclass(frozen=True)
class LogitLens:
    """What each layer would have said, at every position: ``LogitLens(top=5)(lm, trace)``.

    Args:
        top: how many tokens are kept per layer and position.
        watch: tokens whose probability is kept everywhere, as exact text or vocabulary ids.
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

    @progress.shown("reading layers")
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> LensTable:
        """Run the lens over a trace.

        Args:
            lm: the model that made the trace.
            trace: any trace; every position is read.
            target: the lens reads every position and explains none in particular: leave it out.

        Returns:
            A `LensTable`: token_ids, probs [layer, token, rank], entropy, kl [layer, token], ...

        Raises:
            ValueError: a watched text is not one token; the trace is of another vocabulary; a layer gives NaN.
        """
        if target is not None:
            raise ValueError("the logit lens reads every position and has no target: leave it out, or watch a token")
        insist_on_text(lm, trace)
        started = time.perf_counter()
        watched = tuple(dict.fromkeys(lm.token_id(token) for token in self.watch))
        ids = trace.tokens.ids
        layout, unhooked = lm.layout, lm.unhooked_digest(ids)
        with lm.running(), capture_streams(layout) as streams:
            logits = run(lm.model, torch.tensor([list(ids)], device=lm.device))[0]
        _refuse_nan(streams)
        checks = [hooks_check(digest(logits) == unhooked)]
        with lm.running():
            checks.append(_last_row_check(layout, streams[-1], logits))
        if trace.steps:
            checks.append(
                replace(replay_check(trace, logits, lm.coarsest), name="scores as recorded", meaning=AS_RECORDED)
            )
        size = logits.shape[-1]
        del logits  # as large as everything else together
        table = _Table(len(streams), ids, min(self.top, size), watched)
        start, rows = 0, min(ROWS, max(FEW, LOGITS // size))
        does_not_fit = (
            f"not even one position of {size} logits at a time fits the memory of {lm.device} beside the {len(streams)} "
            f"streams of {len(ids)} tokens: free some, or read a shorter text"
        )
        while start < len(ids):
            rows, start = halving(partial(self._read_chunk, lm, streams, table, start), rows, does_not_fit)
        return table.result(lm, trace, repr(self), tuple(checks), time.perf_counter() - started)

    def _read_chunk(self, lm: LanguageModel, streams: Streams, table: _Table, start: int, rows: int) -> int:
        """Every layer at so many positions; where the next begin."""
        part = slice(start, min(start + rows, len(table.ids)))
        total, final = len(streams) * len(table.ids), None
        # The last layer comes first: the others are compared with it.
        for count, layer in enumerate((len(streams) - 1, *range(len(streams) - 1)), 1):
            with lm.running():
                z = lm.layout.readout(streams[layer][:, part])[0]
            final = _fill(table, layer, part, z, final)
            del z  # before the next layer's takes as much again
            lm.breathe(part.start * len(streams) + count * (part.stop - part.start), total, "reading layers")
        return part.stop


AS_RECORDED = "The pass whose layers are read gives the scores that were recorded with the trace."


class _Table:
    """The arrays of a `LensTable` while they are filled."""

    def __init__(self, layers: int, ids: tuple[int, ...], top: int, watched: tuple[int, ...]) -> None:
        shape = (layers, len(ids))
        self.watched, self.ids, self.top = watched, ids, top
        self.following = torch.tensor([*ids[1:], 0])
        self.token_ids = np.zeros((*shape, top), np.int32)
        self.probs = np.zeros((*shape, top), np.float32)
        self.final_probs = np.zeros((*shape, top), np.float32)
        self.watched_probs = np.zeros((*shape, len(watched)), np.float32)
        self.entropy = np.zeros(shape, np.float32)
        self.kl = np.zeros(shape, np.float32)
        self.realised = np.zeros(shape, np.float32)

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
            trace=trace.hash,
            cost=cost,
            checks=checks,
        )


@dataclass(frozen=True)
class _Final:
    """The last layer of a chunk of positions: ``probs`` [row, vocabulary], ``ids`` [row, rank], ``log_self`` [row]."""

    probs: torch.Tensor
    ids: torch.Tensor
    log_self: torch.Tensor


def _fill(table: _Table, layer: int, part: slice, logits: torch.Tensor, final: _Final | None) -> _Final:
    """Take the statistics of one layer of one chunk of positions, in float32.

    Args:
        table: is filled at ``[layer, part]``.
        layer: row of the table.
        part: the positions.
        logits: [row, vocabulary], in the model's own type.
        final: the last layer's, as this function returned it; None when this is the last layer.
    """
    rows, size = logits.shape
    last = final is None
    if last:
        new: dict[str, Any] = {"device": logits.device, "dtype": torch.float32}
        ids = torch.zeros(rows, table.top, dtype=torch.long, device=logits.device)
        final = _Final(torch.empty(rows, size, **new), ids, torch.empty(rows, **new))
    shifted, probs = (torch.empty(min(INNER, rows), size, device=logits.device, dtype=torch.float32) for _ in range(2))
    following = table.following[part].to(logits.device)
    watched = torch.tensor(table.watched, dtype=torch.long, device=logits.device)
    for first in range(0, rows, INNER):
        here = slice(first, min(first + INNER, rows))
        there = slice(part.start + here.start, part.start + here.stop)
        mine = logits[here].float()
        count = mine.shape[0]
        z, p = shifted[:count], probs[:count]
        torch.sub(mine, mine.amax(-1, keepdim=True), out=z)
        p = final.probs[here] if last else p
        torch.exp(z, out=p)
        norm = p.sum(-1)
        if not bool(torch.isfinite(norm).all()):
            raise ValueError(f"{_name(layer)} reads as NaN or infinity: check the model's weights and dtype")
        lse = norm.log()
        z.clamp_min_(torch.finfo(torch.float32).min)  # a masked token has -inf here, and 0 * -inf would be NaN
        top_z, top_ids = _topk(z, table.top)
        if last:
            p.div_(norm[:, None])
            inner = _dot(p, z)
            final.log_self[here] = inner - lse
            final.ids[here] = top_ids
            entropy, kl = lse - inner, torch.zeros_like(lse)
        else:
            entropy = lse - p.mul_(z).sum(-1) / norm
            kl = final.log_self[here] - torch.mul(final.probs[here], z, out=p).sum(-1) + lse
        asked = torch.cat([final.ids[here], following[here, None], watched.expand(count, -1)], -1)
        found = (z.gather(-1, asked) - lse[:, None]).exp().cpu().numpy()
        table.token_ids[layer, there] = top_ids.cpu().numpy()
        table.probs[layer, there] = (top_z - lse[:, None]).exp().cpu().numpy()
        table.final_probs[layer, there] = found[:, : table.top]
        table.realised[layer, there] = found[:, table.top]
        table.watched_probs[layer, there] = found[:, table.top + 1 :]
        table.entropy[layer, there] = entropy.clamp_min(0).cpu().numpy()
        table.kl[layer, there] = kl.clamp_min(0).cpu().numpy()
    return final


def _topk(z: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
    """`leading` of [row, vocabulary], in two stages where that is quicker: the top k lie in the k best groups."""
    rows, size = z.shape
    groups = size // GROUP
    if groups <= 2 * top:
        return leading(z, top)
    body, rest = z[:, : groups * GROUP].view(rows, groups, GROUP), z[:, groups * GROUP :]
    # In order of their ids, so that of equals the lower comes first here too.
    best = leading(body.amax(-1), top)[1].sort(-1).values
    near = body.gather(1, best[:, :, None].expand(-1, -1, GROUP)).view(rows, -1)
    values, at = leading(torch.cat([near, rest], -1), top)
    inside = at < top * GROUP
    group = best.gather(-1, (at // GROUP).clamp_max(top - 1))
    ids = torch.where(inside, group * GROUP + at % GROUP, groups * GROUP + at - top * GROUP)
    return values, ids


def _dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Row-wise dot product: [row, vocabulary] twice -> [row]."""
    return (one * other).sum(-1)


def _refuse_nan(streams: list[torch.Tensor]) -> None:
    for layer, stream in enumerate(streams):
        if not bool(torch.isfinite(stream).all()):
            raise ValueError(
                f"{_name(layer)} is the first that has NaN or infinity: check the model's weights and dtype"
            )


def _name(row: int) -> str:
    return "the stream that feeds block 0" if row == 0 else f"the stream after block {row - 1}"


def _last_row_check(layout: Layout, stream: torch.Tensor, logits: torch.Tensor) -> Check:
    """The last block's lens against the model's own logits, chunk by chunk."""
    gaps = [
        relative_gap(layout.readout(stream[:, start : start + FEW])[0], logits[start : start + FEW])
        for start in range(0, logits.shape[0], FEW)
    ]
    gap = float(np.max(gaps))  # NaN if any is
    return Check(
        "last row = the model",
        "identity",
        gap,
        SAME_STREAM[layout.dtype],
        "Final norm, unembedding, scale and softcap on the last block's output give the model's own logits.",
        "of the logit range",
    )
