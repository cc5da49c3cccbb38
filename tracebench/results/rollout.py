"""Attention rollout: how much of each input token reaches each position, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

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
class Rollout(Result):
    """The share of every input token in each position, after each layer, if only attention moves information.

    Abnar and Zuidema 2020, https://arxiv.org/abs/2005.00928. ``rollout.reaching(trace.position(step))`` gives the shares
    in the decision of a step.

    Args:
        flow: float32 [layer, query, key]: the share of the input token ``key`` in the stream at ``query`` after the layer.
            Each row sums to 1.
        tokens: the text.
        via: the attention implementation, e.g. ``"sdpa"``.
    """

    flow: LabeledArray
    tokens: Tokens
    via: str

    kind = "rollout"
    whole_text = ("query", "key")

    @property
    def layers(self) -> tuple[int, ...]:
        """The layer coordinates."""
        return self.flow.coords("layer")

    def reaching(self, position: int) -> LabeledArray:
        """The shares [layer, key] of the input tokens in one position. For a step, pass ``trace.position(step)``."""
        return self.flow.sel(query=position)

    def to_pandas(self, layer: int | None = None) -> pd.DataFrame:
        """A table with one row per (layer, query, key) with key <= query: the token at ``key`` and its share.

        Args:
            layer: only this layer; None means all.
        """
        import pandas as pd

        some = self.flow if layer is None else self.flow.isel(layer=one_slice(self.flow, "layer", layer))
        queries, keys = np.tril_indices(self.flow.shape[-1])
        layers = some.coords("layer")
        return pd.DataFrame(
            {
                "layer": np.repeat(layers, len(queries)),
                "query": np.tile(queries, len(layers)),
                "key": (at := np.tile(keys, len(layers))),
                **named(self.tokens, at),
                "share": np.asarray(some.values)[..., queries, keys].reshape(-1),
            }
        )

    def figure(self, layer: int | None = None) -> Figure:
        """A plotly heatmap [query, key] of the shares.

        Args:
            layer: None means the last layer.
        """
        layer = self.layers[-1] if layer is None else layer
        values = np.asarray(self.flow.sel(layer=layer).values)
        question = f"What has come to each position by attention? After layer {layer}"
        return heatmap(values, self.tokens, title(question, self.method), "share")

    def to_record(self) -> Record:
        arrays = {"flow": self.flow, **prefixed("tokens", self.tokens.to_arrays())}
        return Record(self.kind, {**about(self), "via": self.via}, arrays)

    @classmethod
    def from_record(cls, record: Record) -> Rollout:
        tokens = Tokens.from_arrays(record.group("tokens"))
        return cls(record.labeled("flow"), tokens, **about_from(record.json))

    def __repr__(self) -> str:
        layers, tokens, _ = self.flow.shape
        size = f"{counted(layers, 'layer')} x {counted(tokens, 'token')}"
        return f"Rollout({size}, via {self.via}, {self.checks_in_words})"
