"""Attention patterns: the weight of every key for every query, in every head.

The patterns are computed from the arguments of the model's own attention calls. A check applies them to the values and
compares with the output of the call.

Source: Vaswani et al., "Attention Is All You Need", 2017 (the softmax of section 3.2.1).
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from tracebench.analyses.arguments import insist_on_text, neutral
from tracebench.models.language_model import LanguageModel
from tracebench.models.memory import free_bytes
from tracebench.models.recording.replay import replay_check
from tracebench.models.watch.attention import Rows, Watching, run_watched
from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.checks import Check
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.results.attention import Attention
from tracebench.runtime import progress

#: Maximum bytes of patterns in one result.
MOST = 2 * 10**9

#: Copies of one layer's pattern in memory during the pass: an eager layer has its scores and their softmax.
COPIES = 2

#: Device types that use the main memory.
SHARED = ("cpu", "mps")


@dataclass(frozen=True)
class AttentionPatterns:
    """The attention weights of every head: ``AttentionPatterns(layers=(3, 4))(lm, trace)``.

    Args:
        layers: block indices from 0; None means every layer that has attention.
        heads: head indices from 0; None means every head.
    """

    layers: tuple[int, ...] | None = None
    heads: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", indices("layers", self.layers))
        object.__setattr__(self, "heads", indices("heads", self.heads))

    @progress.shown("watching attention")
    @neutral
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> Attention:
        """Watch the attention of one pass over a trace.

        Args:
            lm: the model that made the trace.
            trace: any trace; every position is a query and a key.
            target: not supported, because patterns cover a whole pass: leave it out.

        Returns:
            An `Attention`: weights [layer, head, query, key]; sink [layer, head, query] where the model has sinks.

        Raises:
            NoAttentionError: the model has no attention, or one of ``layers`` has none.
            ValueError: no such layer or head; the result needs too much memory; the trace is of another vocabulary.
            DoesNotFit: memory runs out.
        """
        if target is not None:
            raise ValueError("attention patterns cover a whole pass and have no target: leave it out")
        started = time.perf_counter()
        insist_on_text(lm, trace)
        ids = trace.tokens.ids
        layers = chosen("layer", self.layers, lm.layers, lm.name)
        kept = _Kept(lm, layers, self.heads, len(ids))
        logits, watching, checks = run_watched(lm, ids, layers, kept, named=self.layers is not None)
        weights, sink = kept.arrays()
        return Attention(
            weights=weights,
            sink=sink,
            tokens=trace.tokens,
            via=via(watching),
            method=repr(self),
            traces=(trace.hash,),
            cost=time.perf_counter() - started,
            checks=(*checks, *as_recorded(lm, trace, logits)),
            without=tuple(sorted(set(layers) - set(watching.via))),
        )


class _Kept:
    """The patterns of the requested layers and heads, filled layer by layer."""

    def __init__(self, lm: LanguageModel, layers: tuple[int, ...], heads: tuple[int, ...] | None, length: int) -> None:
        self._lm, self._layers, self._length = lm, layers, length
        self._requested = heads
        self._seen: list[int] = []
        self._heads: tuple[int, ...] = ()
        self._weights = self._sink = np.zeros(0, np.float32)
        self._has_sink = False
        # Check the size before the pass, if the configuration says how many heads there are.
        if lm.heads:
            self._insist_on_size(len(chosen("head", heads, lm.heads, lm.name)), at_most(lm, length))

    def __call__(self, rows: Rows) -> None:
        if rows.layer not in self._seen:
            self._begin(rows)
        at, keys = len(self._seen) - 1, rows.pattern.shape[-1]
        torch.from_numpy(self._weights[at])[:, rows.queries, :keys] = _only(rows.pattern, self._heads)
        if rows.sink is not None:
            self._has_sink = True
            torch.from_numpy(self._sink[at])[:, rows.queries] = _only(rows.sink, self._heads)

    def _begin(self, rows: Rows) -> None:
        """Handle the first rows of a layer: check that it has as many heads as the others, and report progress."""
        heads, count = len(rows.pattern), len(self._seen)
        if not count:
            self._heads = chosen("head", self._requested, heads, self._lm.name)
            self._insist_on_size(len(self._heads), at_most())  # the memory of the pass is already allocated
            shape = (len(self._layers), len(self._heads), self._length)
            # The system allocates zeros only when they are written.
            self._weights, self._sink = np.zeros((*shape, self._length), np.float32), np.zeros(shape, np.float32)
            self._count = heads
        elif heads != self._count:
            raise ValueError(
                f"layer {rows.layer} of {self._lm.name} has {heads} heads and layer {self._seen[0]} has {self._count}: "
                "choose layers with the same number of heads"
            )
        if rows.keys != self._length:
            raise ValueError(
                f"layer {rows.layer} of {self._lm.name} attends to {rows.keys} keys in a text of {self._length} tokens (it adds "
                "compressed or learned keys), so its keys are not the tokens of the text; choose other layers"
            )
        progress.tick(count, len(self._layers), "watching attention")
        self._seen.append(rows.layer)

    def arrays(self) -> tuple[LabeledArray, LabeledArray | None]:
        """Weights [layer, head, query, key], and sink [layer, head, query] (None if the model has no sinks)."""
        axes = {"layer": self._seen, "head": self._heads, "query": range(self._length)}
        weights = LabeledArray.of(self._weights[: len(self._seen)], **axes, key=range(self._length))
        return weights, LabeledArray.of(self._sink[: len(self._seen)], **axes) if self._has_sink else None

    def _insist_on_size(self, heads: int, most: int) -> None:
        """Raise a ``ValueError`` if the patterns of ``heads`` heads per layer need more than ``most`` bytes."""
        head = self._length**2 * 4
        size = len(self._layers) * heads * head
        if size <= most:
            return
        fits = most // (heads * head)
        if fits:
            advice = (
                f"choose at most {fits} of these layers, e.g. AttentionPatterns(layers={self._layers[: min(fits, 3)]})"
            )
        elif head <= most:
            advice = f"choose fewer heads of one layer, e.g. AttentionPatterns(layers=({self._layers[0]},), heads=(0,))"
        elif head <= MOST:
            advice = (
                "the pass computes all heads of a layer, which do not fit: free some memory, or read a shorter text"
            )
        else:
            advice = f"a single head takes {head / 1e9:.1f} GB: read a shorter text"
        raise ValueError(
            f"{len(self._layers)} layers x {heads} heads x {self._length} x {self._length} weights take "
            f"{size / 1e9:.2g} GB, more than {limit_in_words(most)}: {advice}"
        )


def at_most(lm: LanguageModel | None = None, length: int = 0) -> int:
    """Maximum bytes of a result in main memory: `MOST`, or the free memory if that is less.

    Args:
        lm: reserve memory for the attention of this model's pass; None if the pass is running already.
        length: tokens of the text.
    """
    free = free_bytes()
    # A GPU has its own memory; the pass itself raises an error if that is full.
    reserved = COPIES * lm.heads * length**2 * 4 if lm is not None and lm.device.type in SHARED else 0
    return MOST if free is None else min(MOST, max(0, free - reserved))


def limit_in_words(most: int) -> str:
    """The limit `at_most` for an error message."""
    return f"{MOST / 1e9:g} GB" if most == MOST else f"the {most / 1e9:.2g} GB of memory that are free for them"


def _only(array: torch.Tensor, heads: tuple[int, ...]) -> torch.Tensor:
    """These heads of an array [head, ...], without a copy if it has no others."""
    return array if heads == tuple(range(len(array))) else array[list(heads)]


def indices(name: str, given: Any) -> tuple[int, ...] | None:
    """Layers or heads as a sorted tuple of distinct Python ints; None means all.

    Raises:
        ValueError: an entry is no whole number from 0, or there are none.
    """
    if given is None:
        return None
    listed = tuple(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else (given,)
    found = [whole(number) for number in listed]
    if not found or any(number is None or number < 0 for number in found):
        raise ValueError(f"{name} holds whole numbers from 0, or is None for all of them, got {given!r}")
    return tuple(sorted({number for number in found if number is not None}))


def chosen(name: str, requested: tuple[int, ...] | None, count: int, model: str) -> tuple[int, ...]:
    """The requested indices, or all ``count`` of them for None.

    Args:
        name: "layer" or "head", for the error message.
        requested: sorted indices, or None.
        count: how many there are.
        model: name of the model, for the error message.

    Raises:
        ValueError: an index is too large.
    """
    if requested is None:
        return tuple(range(count))
    if requested[-1] >= count:
        raise ValueError(f"{model} has no {name} {requested[-1]}: it has {count}, from 0 to {count - 1}")
    return requested


def via(watching: Watching) -> str:
    """The attention implementations that the layers used, e.g. "sdpa"."""
    return ", ".join(sorted(set(watching.via.values())))


def as_recorded(lm: LanguageModel, trace: Trace, logits: torch.Tensor) -> tuple[Check, ...]:
    """The check that the watched pass gives the recorded scores; no check for a trace without steps."""
    if not trace.steps:
        return ()
    meaning = "The pass whose attention is watched gives the scores that the trace recorded."
    return (replace(replay_check(trace, logits, lm.coarsest), name="scores as recorded", meaning=meaning),)
