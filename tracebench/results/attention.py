"""Where attention looked: the pattern of every head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.files import Record, prefixed
from tracebench.record.tokens import Tokens
from tracebench.results.base import Result, about, about_from
from tracebench.results.maps import heatmap, just_one
from tracebench.results.pictures import title
from tracebench.results.table import named

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure


@dataclass(frozen=True, eq=False)
class Attention(Result):
    """The attention patterns of one pass: each row says how one position's new information is mixed from others.

    ``query`` and ``key`` are token positions. Layers that mix positions in another way (of hybrid models) have no coordinate.

    Args:
        weights: float32 [layer, head, query, key]; 0 where the key comes after the query.
        sink: float32 [layer, head, query]: what a row gives to the head's sink, which leads nowhere; 0 in layers without
            one. None where the model has none. A row and its sink sum to one.
        tokens: the text.
        via: the implementation that computed the attention: ``"sdpa"``, ``"eager"``, ...; several are joined by a comma.
        without: the layers among those asked for that have no attention.
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
        """The layers that are here."""
        return self.weights.coords("layer")

    @property
    def heads(self) -> tuple[int, ...]:
        """The heads that are here."""
        return self.weights.coords("head")

    def to_pandas(self, layer: int | None = None, head: int | None = None) -> pd.DataFrame:
        """One row per (layer, head, query, key) with key <= query: the token at ``key``, and the weight.

        Args:
            layer: this layer alone; the whole of a long text is millions of rows.
            head: this head alone.
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
        """A plotly heatmap of query x key.

        Args:
            layer: None is the mean over the layers.
            head: None is the mean over the heads.
        """
        values = np.asarray(self.map(layer, head).values)
        which = "Mean of all layers" if layer is None else f"Layer {layer}"
        whose = "mean of all heads" if head is None else f"head {head}"
        return heatmap(values, self.tokens, title(f"Where did it look? {which}, {whose}", self.method), "weight")

    def map(self, layer: int | None = None, head: int | None = None) -> LabeledArray:
        """The weights [query, key] of one head, or their mean.

        Args:
            layer: None is the mean over the layers that are here.
            head: None is the mean over the heads that are here.
        """
        length = range(self.weights.shape[-1])
        return LabeledArray.of(_mean(self._some(layer, head)), query=length, key=length)

    def sinks(self, layer: int | None = None, head: int | None = None) -> LabeledArray | None:
        """What each row of `map` gives to the sink [query]; None where the model has none."""
        if self.sink is None:
            return None
        return LabeledArray.of(_mean(self._slice(self.sink, layer, head)), query=range(self.weights.shape[-1]))

    def _some(self, layer: int | None, head: int | None) -> LabeledArray:
        return self._slice(self.weights, layer, head)

    def _slice(self, array: LabeledArray, layer: int | None, head: int | None) -> LabeledArray:
        """One layer or all, one head or all, with their axes."""
        asked = {"layer": layer, "head": head}
        return array.isel(**{name: just_one(array, name, coord) for name, coord in asked.items() if coord is not None})

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
        which = f"{layers} layers" + (f" (not {', '.join(map(str, self.without))})" if self.without else "")
        return f"Attention({which} x {heads} heads x {tokens} tokens{sink}, via {self.via}, {self.checks_in_words})"


def _mean(array: LabeledArray) -> np.ndarray:
    """Over layers and heads."""
    values = np.asarray(array.values)
    return values[0, 0] if values.shape[:2] == (1, 1) else values.mean((0, 1))
