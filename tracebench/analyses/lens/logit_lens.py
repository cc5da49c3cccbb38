"""The logit lens: read every layer's residual stream as if the model stopped there.

``p(layer, position) = softmax(head(unembed(norm(stream))))`` with the model's own final norm, unembedding, scale and
softcap, applied to *this* stream (cached norm statistics of another layer give wrong probabilities).

Source: nostalgebraist, "interpreting GPT: the logit lens", 2020.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from tracebench.arrays import LabeledArray
from tracebench.checks import Check
from tracebench.models.capture import capture_streams
from tracebench.models.family import run
from tracebench.models.language_model import LanguageModel, digest
from tracebench.models.layout import Layout
from tracebench.models.numerics import limit, relative_gap
from tracebench.models.replay import check_replayable, replay_check
from tracebench.results.lens_table import LensTable
from tracebench.target import Target
from tracebench.trace import Trace

#: Numbers of a chunk of logits: rows x vocabulary. Small enough that a few buffers of it stay under the memory budget.
CHUNK = 3_200_000


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
        if isinstance(self.top, bool) or not isinstance(self.top, int) or self.top < 1:
            raise ValueError(f"top is a whole number from 1, got {self.top!r}")
        if isinstance(self.watch, (str, int)):
            object.__setattr__(self, "watch", (self.watch,))
        object.__setattr__(self, "watch", tuple(self.watch))

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
        started = time.perf_counter()
        watched = tuple(dict.fromkeys(lm.token_id(token) for token in self.watch))
        ids = trace.tokens.ids
        if max(ids) >= lm.vocabulary_size:
            raise ValueError(f"{trace!r} has token id {max(ids)}, {lm.name} has only {lm.vocabulary_size}: it is of another model")
        check_replayable(lm, len(ids))
        unhooked = lm.unhooked_digest(ids)
        layout = lm.layout
        with lm.running(), capture_streams(layout) as streams:
            logits = run(lm.model, torch.tensor([list(ids)], device=lm.device))[0]
        checks = [_hooks_check(digest(logits) == unhooked)]
        with lm.running():
            checks.append(_last_row_check(layout, streams[-1], logits))
        if trace.steps:
            checks.append(replay_check(trace, logits))
        size = logits.shape[-1]
        del logits
        table = _Table(len(streams), ids, min(self.top, size), watched)
        rows = max(1, CHUNK // size)
        for start in range(0, len(ids), rows):
            with lm.running():
                _fill(table, layout, streams, slice(start, min(start + rows, len(ids))))
            lm.breathe(min(start + rows, len(ids)), len(ids), "reading layers")
        return table.result(lm, trace, repr(self), tuple(checks), time.perf_counter() - started)


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
            method=method,
            trace=trace.hash,
            cost=cost,
            checks=checks,
        )


def _fill(table: _Table, layout: Layout, streams: list[torch.Tensor], part: slice) -> None:
    """Read one chunk of positions at every layer. The last layer comes first: the others are compared with it."""
    last = len(streams) - 1
    final_logp = final_p = final_ids = None
    final_self = torch.zeros(0)
    for layer in (last, *range(last)):
        # float() is a new tensor except in float32, where the readout's own is ours to overwrite anyway.
        z = layout.readout(streams[layer][:, part])[0].float()
        peak = z.amax(-1, keepdim=True)
        z = z.sub_(peak)
        p = z.exp()
        norm = p.sum(-1)
        if not bool(torch.isfinite(norm).all()):
            where = "the embedding" if layer == 0 else f"layer {layer - 1}"
            raise ValueError(f"the stream after {where} reads as NaN or infinity: check the model's weights and dtype")
        lse = norm.log()
        z = z.clamp_min_(torch.finfo(torch.float32).min)  # -inf * 0 would be NaN below
        entropy = lse - _dot(p, z) / norm
        top = z.topk(table.top, dim=-1)
        if layer == last:
            final_p, final_ids = p.div_(norm[:, None]), top.indices
            final_self = _dot(final_p, z) - lse
        kl = torch.zeros_like(lse) if layer == last else final_self - _dot(final_p, z) + lse
        following = table.following[part].to(z.device)

        def probs(ids: torch.Tensor, z: torch.Tensor = z, lse: torch.Tensor = lse) -> np.ndarray:
            return (z.gather(-1, ids) - lse[:, None]).exp().cpu().numpy()

        table.token_ids[layer, part] = top.indices.cpu().numpy()
        table.probs[layer, part] = (top.values - lse[:, None]).exp().cpu().numpy()
        table.final_probs[layer, part] = probs(final_ids.to(z.device))
        table.realised[layer, part] = probs(following[:, None])[:, 0]
        if table.watched:
            watched = torch.tensor(table.watched, device=z.device).expand(z.shape[0], -1)
            table.watched_probs[layer, part] = probs(watched)
        table.entropy[layer, part] = entropy.clamp_min(0).cpu().numpy()
        table.kl[layer, part] = kl.clamp_min(0).cpu().numpy()


def _dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """Row-wise dot product [row, vocabulary] -> [row] without a temporary of that size."""
    return torch.bmm(one[:, None, :], other[:, :, None])[:, 0, 0]


def _hooks_check(same: bool) -> Check:
    return Check(
        "hooks leave the model alone",
        "identity",
        0.0 if same else 1.0,
        0.0,
        "The logits of the watched pass are those of a plain pass, bit for bit.",
    )


def _last_row_check(layout: Layout, stream: torch.Tensor, logits: torch.Tensor) -> Check:
    """The last block's lens against the model's own logits, chunk by chunk."""
    rows = max(1, CHUNK // logits.shape[-1])
    gaps = [
        relative_gap(layout.readout(stream[:, start : start + rows])[0], logits[start : start + rows].to(stream.device))
        for start in range(0, logits.shape[0], rows)
    ]
    gap = max(gaps) if not any(np.isnan(gaps)) else float("nan")
    return Check(
        "last row = the model",
        "identity",
        gap,
        limit(logits.dtype),
        "Final norm, unembedding, scale and softcap on the last block's output give the model's own logits.",
        "of the logit range",
    )
