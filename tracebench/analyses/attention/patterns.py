"""Attention patterns: which positions every head takes its information from, at every position.

The patterns are those of the model's own pass, derived from what its attention was called with, and applied to the
values they give the output that the model went on with.

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

#: Bytes of patterns that are computed at the most.
MOST = 2 * 10**9

#: How often the pattern of one layer is in memory beside what is kept: an eager layer has its scores and their softmax.
BESIDE = 2

#: Devices whose memory is the main memory.
SHARED = ("cpu", "mps")


@dataclass(frozen=True)
class AttentionPatterns:
    """Which positions every head looks at: ``AttentionPatterns(layers=(3, 4))(lm, trace)``.

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
            target: patterns explain no number in particular: leave it out.

        Returns:
            An `Attention`: weights [layer, head, query, key], sink [layer, head, query] where the model has sinks.

        Raises:
            NoAttentionError: the model attends nowhere, or not in one of ``layers``.
            ValueError: no such layer or head; too much to keep; the trace is of another vocabulary.
        """
        if target is not None:
            raise ValueError("attention patterns are of a whole pass and have no target: leave it out")
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
    """Memory for the patterns that were asked for, filled layer by layer."""

    def __init__(self, lm: LanguageModel, layers: tuple[int, ...], heads: tuple[int, ...] | None, length: int) -> None:
        self._lm, self._layers, self._length = lm, layers, length
        self._asked = heads
        self._seen: list[int] = []
        self._heads: tuple[int, ...] = ()
        self._weights = self._sink = np.zeros(0, np.float32)
        self._has_sink = False
        # Refused before the pass, as far as the configuration knows how many heads there are.
        if lm.heads:
            self._insist_on_size(len(chosen("head", heads, lm.heads, lm.name)), at_most(lm, length))

    def __call__(self, rows: Rows) -> None:
        if rows.layer not in self._seen:
            self._begin(rows)
        at, keys = len(self._seen) - 1, rows.pattern.shape[-1]
        torch.from_numpy(self._weights[at])[:, rows.queries, :keys] = _those(rows.pattern, self._heads)
        if rows.sink is not None:
            self._has_sink = True
            torch.from_numpy(self._sink[at])[:, rows.queries] = _those(rows.sink, self._heads)

    def _begin(self, rows: Rows) -> None:
        """The first rows of a layer: whether it is like the others, and how far the pass is."""
        heads, count = len(rows.pattern), len(self._seen)
        if not count:
            self._heads = chosen("head", self._asked, heads, self._lm.name)
            self._insist_on_size(len(self._heads), at_most())  # what is beside is there already
            shape = (len(self._layers), len(self._heads), self._length)
            # Zeros take no memory until something is written beside them.
            self._weights, self._sink = np.zeros((*shape, self._length), np.float32), np.zeros(shape, np.float32)
            self._of = heads
        elif heads != self._of:
            raise ValueError(
                f"layer {rows.layer} of {self._lm.name} has {heads} heads and layer {self._seen[0]} has {self._of}: "
                "ask for layers with as many heads each"
            )
        if rows.keys != self._length:
            raise ValueError(
                f"layer {rows.layer} of {self._lm.name} attends to {rows.keys} keys in a text of {self._length} tokens (it adds "
                "compressed or learned ones), so its pattern is none over the text; ask for other layers"
            )
        progress.tick(count, len(self._layers), "watching attention")
        self._seen.append(rows.layer)

    def arrays(self) -> tuple[LabeledArray, LabeledArray | None]:
        """The patterns and, where the model has sinks, those."""
        axes = {"layer": self._seen, "head": self._heads, "query": range(self._length)}
        weights = LabeledArray.of(self._weights[: len(self._seen)], **axes, key=range(self._length))
        return weights, LabeledArray.of(self._sink[: len(self._seen)], **axes) if self._has_sink else None

    def _insist_on_size(self, heads: int, most: int) -> None:
        """A sentence if what is kept of so many heads a layer takes more bytes than there may be."""
        head = self._length**2 * 4
        size = len(self._layers) * heads * head
        if size <= most:
            return
        fits = most // (heads * head)
        if fits:
            ask = f"ask for {fits} of these layers at the most, as AttentionPatterns(layers={self._layers[: min(fits, 3)]}) does"
        elif head <= most:
            ask = (
                f"ask for fewer heads of one layer, as AttentionPatterns(layers=({self._layers[0]},), heads=(0,)) does"
            )
        elif head <= MOST:
            ask = "a layer is watched with all its heads, which does not fit: free some memory, or read a shorter text"
        else:
            ask = f"a single head takes {head / 1e9:.1f} GB: read a shorter text"
        raise ValueError(
            f"{len(self._layers)} layers x {heads} heads x {self._length} x {self._length} weights take "
            f"{size / 1e9:.2g} GB, more than {limit_in_words(most)}: {ask}"
        )


def at_most(lm: LanguageModel | None = None, length: int = 0) -> int:
    """How many bytes may be kept in main memory: no more than are free, where that is known.

    Args:
        lm: leaves room for what is there beside it while this model attends; None where that is there already.
        length: tokens of its text.
    """
    free = free_bytes()
    # On another device that is in the memory of its own, and what does not fit there is a sentence of the pass.
    beside = BESIDE * lm.heads * length**2 * 4 if lm is not None and lm.device.type in SHARED else 0
    return MOST if free is None else min(MOST, max(0, free - beside))


def limit_in_words(most: int) -> str:
    return f"{MOST / 1e9:g} GB" if most == MOST else f"the {most / 1e9:.2g} GB of memory that are free for them"


def _those(array: torch.Tensor, heads: tuple[int, ...]) -> torch.Tensor:
    return array if heads == tuple(range(len(array))) else array[list(heads)]


def indices(name: str, given: Any) -> tuple[int, ...] | None:
    """Layers or heads as a sorted tuple of Python's own numbers, each once; None for all of them."""
    if given is None:
        return None
    listed = tuple(given) if isinstance(given, Iterable) and not isinstance(given, (str, bytes)) else (given,)
    found = [whole(number) for number in listed]
    if not found or any(number is None or number < 0 for number in found):
        raise ValueError(f"{name} holds whole numbers from 0, or is None for all of them, got {given!r}")
    return tuple(sorted({number for number in found if number is not None}))


def chosen(name: str, asked: tuple[int, ...] | None, count: int, model: str) -> tuple[int, ...]:
    """Those asked for of so many, or all; a sentence if one is not there."""
    if asked is None:
        return tuple(range(count))
    if asked[-1] >= count:
        raise ValueError(f"{model} has no {name} {asked[-1]}: it has {count}, from 0 to {count - 1}")
    return asked


def via(watching: Watching) -> str:
    """The implementations that computed it."""
    return ", ".join(sorted(set(watching.via.values())))


def as_recorded(lm: LanguageModel, trace: Trace, logits: torch.Tensor) -> tuple[Check, ...]:
    """Whether the watched pass gives the scores of the trace, where it has any."""
    if not trace.steps:
        return ()
    meaning = "The pass whose attention is watched gives the scores that were recorded with the trace."
    return (replace(replay_check(trace, logits, lm.coarsest), name="scores as recorded", meaning=meaning),)
