"""Attention patterns: where every head looks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.counts import counted
from tracebench.record.files import Record, prefixed
from tracebench.record.tokens import Tokens
from tracebench.results.base import Result, about, about_from
from tracebench.results.maps import heatmap, one_slice
from tracebench.results.pictures import title
from tracebench.results.table import named

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Attention(Result):
    """The attention patterns of one pass: the weights by which each position (query) mixes earlier ones (keys).

    ``query`` and ``key`` are token positions. Layers without attention (in hybrid models) have no coordinate.

    Args:
        weights: float32 [layer, head, query, key]; 0 if the key comes after the query.
        sink: float32 [layer, head, query]: the weight of the head's sink, which moves no information; 0 in layers without
            a sink. None if the model has no sinks. A row and its sink sum to 1.
        tokens: the text.
        via: the attention implementation: ``"sdpa"``, ``"eager"``, ...; several are joined by a comma.
        without: the requested layers that have no attention.
    """

    weights: LabeledArray
    sink: LabeledArray | None
    tokens: Tokens
    via: str
    without: tuple[int, ...] = ()

    kind = "attention"
    whole_text = ("query", "key")

    @property
    def layers(self) -> tuple[int, ...]:
        """The layer coordinates."""
        return self.weights.coords("layer")

    @property
    def heads(self) -> tuple[int, ...]:
        """The head coordinates."""
        return self.weights.coords("head")

    def to_pandas(self, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """A table with one row per (layer, head, query, key) with key <= query: the token at ``key`` and the weight.

        Args:
            layer: only this layer; None means all, which is millions of rows for a long text.
            head: only this head; None means all.
        """
        import pandas as pd

        some, (queries, keys) = self._some(layer, head), np.tril_indices(self.weights.shape[-1])
        layers, heads = some.coords("layer"), some.coords("head")
        pairs = len(queries)
        columns = {
            "layer": np.repeat(layers, len(heads) * pairs),
            "head": np.tile(np.repeat(heads, pairs), len(layers)),
            "query": np.tile(queries, len(layers) * len(heads)),
            "key": (at := np.tile(keys, len(layers) * len(heads))),
            **named(self.tokens, at),
            "weight": np.asarray(some.values)[..., queries, keys].reshape(-1),
        }
        if self.sink is not None:
            sink = np.asarray(self._slice(self.sink, layer, head).values)
            columns["sink"] = sink[..., queries].reshape(-1)
        return pd.DataFrame(columns)

    def figure(self, layer: int | None = None, head: int | None = None) -> Figure:
        """A plotly heatmap [query, key] of the weights.

        Args:
            layer: None means the mean over the layers.
            head: None means the mean over the heads.
        """
        values = np.asarray(self.map(layer, head).values)
        which = "Mean of all layers" if layer is None else f"Layer {layer}"
        whose = "mean of all heads" if head is None else f"head {head}"
        return heatmap(values, self.tokens, title(f"Where did it look? {which}, {whose}", self.method), "weight")

    def map(self, layer: int | None = None, head: int | None = None) -> LabeledArray:
        """The weights [query, key] of one head, or a mean.

        Args:
            layer: None means the mean over all layers of this result.
            head: None means the mean over all heads of this result.
        """
        length = range(self.weights.shape[-1])
        return LabeledArray.of(_mean(self._some(layer, head)), query=length, key=length)

    def sinks(self, layer: int | None = None, head: int | None = None) -> LabeledArray | None:
        """The sink weight [query] of each row of `map`; None if the model has no sinks."""
        if self.sink is None:
            return None
        return LabeledArray.of(_mean(self._slice(self.sink, layer, head)), query=range(self.weights.shape[-1]))

    def _some(self, layer: int | None, head: int | None) -> LabeledArray:
        return self._slice(self.weights, layer, head)

    def _slice(self, array: LabeledArray, layer: int | None, head: int | None) -> LabeledArray:
        """One layer or all, one head or all. Both axes stay."""
        wanted = {"layer": layer, "head": head}
        return array.isel(
            **{name: one_slice(array, name, coord) for name, coord in wanted.items() if coord is not None}
        )

    def to_record(self) -> Record:
        arrays: dict[str, Any] = {"weights": self.weights}
        if self.sink is not None:
            arrays["sink"] = self.sink
        arrays |= prefixed("tokens", self.tokens.to_arrays())
        return Record(self.kind, {**about(self), "via": self.via, "without": list(self.without)}, arrays)

    @classmethod
    def from_record(cls, record: Record) -> Attention:
        given = about_from(record.json)
        given["without"] = tuple(given["without"])
        sink = record.labeled("sink") if "sink" in record.arrays else None
        tokens = Tokens.from_arrays(record.group("tokens"))
        return cls(record.labeled("weights"), sink, tokens, **given)

    def __repr__(self) -> str:
        layers, heads, tokens, _ = self.weights.shape
        sink = ", sinks" if self.sink is not None else ""
        which = counted(layers, "layer") + (f" (not {', '.join(map(str, self.without))})" if self.without else "")
        size = f"{which} x {counted(heads, 'head')} x {counted(tokens, 'token')}"
        return f"Attention({size}{sink}, via {self.via}, {self.checks_in_words})"


def _mean(array: LabeledArray) -> np.ndarray:
    """The mean [query, ...] over layers and heads."""
    values = np.asarray(array.values)
    return values[0, 0] if values.shape[:2] == (1, 1) else values.mean((0, 1))
