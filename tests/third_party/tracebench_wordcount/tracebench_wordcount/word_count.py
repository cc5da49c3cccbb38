"""Counts tokens."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracebench.analyses.arguments import insist_on_text
from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.checks import Check
from tracebench.runtime import progress
from tracebench_wordcount.word_counts import WordCounts

if TYPE_CHECKING:
    from tracebench.models.language_model import LanguageModel
    from tracebench.record.target import Target
    from tracebench.record.trace import Trace


@dataclass(frozen=True)
class WordCount:
    """How often each token occurs in the text: ``WordCount()(lm, trace)``.

    Args:
        least: tokens that occur fewer times have no count.
        leave_out: vocabulary ids of tokens that have no count.
    """

    least: int = 2
    leave_out: tuple[int, ...] = ()

    #: The kind of the result.
    gives = "word_counts"
    #: What menus call it.
    label = "word count"

    def __post_init__(self) -> None:
        least = whole(self.least)
        if least is None or least < 1:
            raise ValueError(f"least is a whole number from 1, got {self.least!r}")
        given = self.leave_out if isinstance(self.leave_out, (tuple, list)) else (self.leave_out,)
        leave_out = tuple(whole(token) for token in given)
        if None in leave_out:
            raise TypeError(f"leave_out holds vocabulary ids, got {self.leave_out!r}")
        object.__setattr__(self, "least", least)
        object.__setattr__(self, "leave_out", leave_out)

    @progress.shown("counting")
    def __call__(self, lm: LanguageModel, trace: Trace, target: Target | None = None) -> WordCounts:
        """Count the tokens of a trace.

        Args:
            lm: the model that made the trace.
            trace: any trace.
            target: a count explains no number: leave it out.
        """
        if target is not None:
            raise ValueError("a word count has no target: leave it out")
        insist_on_text(lm, trace)
        started = time.perf_counter()
        progress.tick(0, 1, "counting")
        ids = trace.tokens.ids
        count = Counter(ids)
        counts = np.asarray([count[token] for token in ids], np.float32)
        once_each = float(abs(sum(1 / counts) - len(count)))
        counts[[count[token] < self.least or token in self.leave_out for token in ids]] = np.nan
        progress.tick(1, 1, "counting")
        return WordCounts(
            LabeledArray.of(counts, token=range(len(ids))),
            trace.tokens,
            method=repr(self),
            traces=(trace.hash,),
            cost=time.perf_counter() - started,
            checks=(
                Check("every token once", "identity", once_each, 1e-3, "The parts of each token add up to one token."),
            ),
        )
