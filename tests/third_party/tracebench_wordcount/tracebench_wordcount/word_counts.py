"""The result: a count per token, and its sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.files import Record, prefixed
from tracebench.record.tokens import Tokens
from tracebench.results.base import Result, about, about_from
from tracebench.results.table import named

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

    from tracebench.record.trace import Trace
    from tracebench.sentences.words import Parts


@dataclass(frozen=True, eq=False)
class WordCounts(Result):
    """How often each token occurs in its text.

    Args:
        counts: float32 [token]; NaN where it was not asked for.
        tokens: the text.
    """

    counts: LabeledArray
    tokens: Tokens

    kind = "word_counts"
    whole_text = ("token",)

    def sentence(self, trace: Trace, step: int) -> Parts:
        """How often the token of a step occurs."""
        at = trace.prompt_length + trace.check_step(step)
        token, count = {"token": self.tokens.display[at]}, float(self.counts.sel(token=at))
        if np.isnan(count):
            return (token, " was not counted.")
        return (token, f" occurs {count:.0f} time{'' if count == 1 else 's'}.")

    def to_pandas(self) -> pd.DataFrame:
        """One row per token that was counted."""
        import pandas as pd

        counts = np.asarray(self.counts.values)
        tokens = np.flatnonzero(~np.isnan(counts))
        return pd.DataFrame({"token": tokens, **named(self.tokens, tokens), "count": counts[tokens]})

    def figure(self) -> Figure:
        """A plotly bar chart."""
        import plotly.graph_objects as go

        bars = go.Bar(x=list(range(len(self.tokens))), y=np.asarray(self.counts.values))
        return go.Figure(bars, {"title": {"text": "How often does each token occur?"}})

    def to_record(self) -> Record:
        arrays = {"counts": self.counts, **prefixed("tokens", self.tokens.to_arrays())}
        return Record(self.kind, about(self), arrays)

    @classmethod
    def from_record(cls, record: Record) -> WordCounts:
        tokens = Tokens.from_arrays(record.group("tokens"))
        return cls(record.labeled("counts"), tokens, **about_from(record.json))

    def __repr__(self) -> str:
        return f"WordCounts({len(self.tokens)} tokens, {self.checks_in_words})"
