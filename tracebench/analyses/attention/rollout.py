"""Attention rollout: the share of every input token in every position, layer by layer, by attention alone.

Each layer mixes positions by ``M = a I + (1 - a) A``: the share ``a`` of a stream stays in place (the residual
connection), and the rest follows the attention pattern A. The rollout after layer l is ``M_l ... M_1 M_0``. The entry
[query, key] is the share of the input token ``key`` in the stream at ``query``.

Source: Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text, neutral
from tracebench.analyses.attention.patterns import as_recorded, at_most, chosen, limit_in_words, via
from tracebench.models.language_model import LanguageModel
from tracebench.models.watch.attention import Rows, insist_on_room, run_watched
from tracebench.models.watch.capture import Streams, capture_streams
from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.results.rollout import Rollout
from tracebench.runtime import progress

#: Tolerance of a share: the rollout is stored in float32.
ROW = 1e-5


@dataclass(frozen=True)
class AttentionRollout:
    """The share of each input token in each position: ``AttentionRollout()(lm, trace)``.

    Weight on a sink adds nothing to the stream, so it counts as staying in place. Normalising the rows instead would make a
    head that attends to its sink as strong as any other. A column for the sink would carry it from layer to layer, as if it
    held part of the text.

    Args:
        residual: share of a stream that stays in place, from 0 to 1. ``"norms"`` takes it from the model for each position:
            ``|x| / (|x| + |y|)``, where x enters the block and y is what the block adds (including its MLP).
        heads: ``"mean"`` or ``"max"`` over the heads of a layer.
        first: the first layer; its input counts as the input tokens.
        last: the last layer, included; None is the model's last layer.
    """

    residual: float | Literal["norms"] = 0.5
    heads: Literal["mean", "max"] = "mean"
    first: int = 0
    last: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "residual", _residual(self.residual))
        if self.heads not in ("mean", "max"):
            raise ValueError(f'heads is "mean" or "max", got {self.heads!r}')
        first, last = whole(self.first), whole(self.last)
        if first is None or first < 0 or (last is None and self.last is not None):
            raise ValueError(
                f"first and last are layers, whole numbers from 0, got first={self.first!r}, last={self.last!r}"
            )
        if last is not None and last < first:
            raise ValueError(f"last is a layer from first on, got first={first}, last={last}")
        object.__setattr__(self, "first", first)
        object.__setattr__(self, "last", last)

    @progress.shown("following attention")
    @neutral
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> Rollout:
        """Compute the rollout of one pass.

        Args:
            lm: the model that made the trace.
            trace: any trace; every position is followed.
            target: not supported, because a rollout covers a whole pass: leave it out, and read ``flow`` at a step.

        Returns:
            A `Rollout`: flow [layer, query, key], shares from 0 to 1.

        Raises:
            NoAttentionError: the model has no attention, or none in these layers.
            ValueError: no such layer; the result needs too much memory; the trace is of another vocabulary.
            DoesNotFit: memory runs out.
        """
        if target is not None:
            raise ValueError("a rollout covers a whole pass and has no target: leave it out")
        started = time.perf_counter()
        insist_on_text(lm, trace)
        ids = trace.tokens.ids
        layers = range(self.first, 1 + (lm.layers - 1 if self.last is None else self.last))
        chosen("layer", (max(self.first, layers.stop - 1),), lm.layers, lm.name)
        _insist_on_size(lm, len(layers), len(ids))
        # Holds the mixing matrix of each layer at first; `roll` replaces it in place by the rollout up to that layer.
        flow = np.zeros((len(layers), len(ids), len(ids)), np.float32)
        seen: list[int] = []

        def keep(rows: Rows) -> None:
            if rows.layer not in seen:
                progress.tick(len(seen), len(layers), "following attention")
                seen.append(rows.layer)
            mixed = _combined(rows.pattern, rows.sink, self.heads)
            flow[rows.layer - self.first, rows.queries, : mixed.shape[-1]] = mixed.cpu().numpy()

        insist_on_room(lm, len(ids))  # before any pass
        unhooked = lm.unhooked_digest(ids)  # before any hooks
        watched = capture_streams(lm.layout) if self.residual == "norms" else nullcontext(Streams())
        with watched as streams:
            logits, watching, checks = run_watched(lm, ids, layers, keep, unhooked=unhooked)
        stays = [_stays(self.residual, streams, layer) for layer in layers]
        missing = sorted(set(layers) - set(seen))
        from_last = back(flow, stays)
        roll(flow, stays)
        axes = {"layer": layers, "query": range(len(ids)), "key": range(len(ids))}
        return Rollout(
            flow=LabeledArray.of(flow, **axes),
            tokens=trace.tokens,
            via=via(watching),
            method=repr(self),
            traces=(trace.hash,),
            cost=time.perf_counter() - started,
            checks=(*checks, _back_check(flow, from_last), *_unseen(missing), *as_recorded(lm, trace, logits)),
        )


def roll(mixes: np.ndarray, stays: Any) -> None:
    """Replace each layer's attention by the rollout up to that layer, in place.

    Args:
        mixes: [layer, query, key], the attention combined over heads; rows sum to one, or to less with a sink.
        stays: per layer, the share of a stream that stays in place: a number, or an array [query].
    """
    before = None
    for layer, stay in zip(mixes, stays, strict=True):
        mix = _mix(layer, stay)
        before = mix if before is None else mix @ before
        layer[:] = before


def back(mixes: np.ndarray, stays: Any) -> np.ndarray:
    """The last row of the rollout [key], computed from the last layer down. Arguments as for `roll`."""
    row = np.zeros(mixes.shape[-1])
    row[-1] = 1.0
    for layer, stay in zip(mixes[::-1], stays[::-1], strict=True):
        row = row @ _mix(layer, stay)
    return row


def _mix(layer: np.ndarray, stay: Any) -> np.ndarray:
    """The mixing matrix [query, key] of one layer, float64. The diagonal gets the rest of each row, so that it sums to one."""
    mix = layer.astype(np.float64) * np.reshape(1.0 - np.asarray(stay), (-1, 1))
    at = np.arange(len(mix))
    mix[at, at] += 1.0 - mix.sum(-1)
    return mix


def _combined(pattern: torch.Tensor, sink: torch.Tensor | None, heads: str) -> torch.Tensor:
    """Combine the heads of a layer: [head, row, key] -> [row, key]. Rows sum to one minus the mean weight of the sinks."""
    mixed = pattern.mean(0) if heads == "mean" else pattern.amax(0)
    attended = 1.0 if sink is None else 1.0 - sink.mean(0)[:, None]
    return mixed * (attended / mixed.sum(-1, keepdim=True).clamp_min(torch.finfo(torch.float32).tiny))


def _stays(residual: float | str, streams: Streams, layer: int) -> Any:
    """The share that stays in place in a layer: a number, or an array [query] by the norms of the streams."""
    if residual != "norms":
        return residual
    # Several streams count as a single wide stream.
    entered, left = (stream[0].float().flatten(1) for stream in streams[layer : layer + 2])
    kept, added = entered.norm(dim=-1), (left.to(entered.device) - entered).norm(dim=-1)
    return (kept / (kept + added).clamp_min(torch.finfo(torch.float32).tiny)).cpu().numpy()


def _residual(given: Any) -> float | str:
    if isinstance(given, str):
        number = None
    else:
        number = float(given) if isinstance(given, (int, float, np.number)) and not isinstance(given, bool) else None
    if given != "norms" and (number is None or not 0 <= number <= 1):
        raise ValueError(f'residual is a number from 0 to 1 or "norms", got {given!r}')
    return "norms" if number is None else number


def _insist_on_size(lm: LanguageModel, layers: int, length: int) -> None:
    size, most = layers * length**2 * 4, at_most(lm, length)
    if size > most:
        raise ValueError(
            f"{layers} layers x {length} x {length} shares take {size / 1e9:.2g} GB, more than {limit_in_words(most)}: choose "
            "fewer layers with first and last, or read a shorter text"
        )


def _back_check(flow: np.ndarray, from_last: np.ndarray) -> Check:
    # There is no check that shares sum to one: `_mix` makes each row sum to one.
    return Check(
        "followed back = followed up",
        "identity",
        float(np.abs(flow[-1, -1] - from_last).max()),
        ROW,
        "The shares in the last position are the same when they are computed from the last layer down.",
    )


def _unseen(missing: list[int]) -> tuple[Check, ...]:
    if not missing:
        return ()
    return (
        Check(
            "layers without attention",
            "measure",
            float(len(missing)),
            0.0,
            f"Without attention: layer {', '.join(map(str, missing))}. The rollout ignores other ways of mixing tokens there.",
            "layers",
        ),
    )
