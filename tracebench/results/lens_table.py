"""The logit lens: the prediction of every layer at every position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray, whole
from tracebench.record.counts import counted
from tracebench.record.files import Record, prefixed
from tracebench.record.tokens import Tokens, Vocabulary
from tracebench.record.trace import Trace
from tracebench.results import palette
from tracebench.results.base import Result, Says, about, about_from
from tracebench.results.pictures import labels, literal, title, token_axis
from tracebench.results.table import named
from tracebench.sentences.lens_table import lens_sentence
from tracebench.sentences.words import Parts

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

_ARRAYS = ("token_ids", "probs", "entropy", "kl", "final_probs", "realised", "watched")


@dataclass(frozen=True, eq=False)
class LensTable(Result):
    """The next-token distribution that the residual stream gives after each layer, through the model's unembedding.

    The ``layer`` axis holds -1 (the embedding) and 0 .. L-1 (the stream *after* that block). ``token`` is the position
    that is read; the prediction is about the token after it. nostalgebraist 2020, "interpreting GPT: the logit lens".

    Args:
        token_ids: int32 [layer, token, rank], most likely first.
        probs: float32 [layer, token, rank]: the probabilities of ``token_ids``.
        entropy: float32 [layer, token], nats.
        kl: float32 [layer, token], nats: KL(last layer ‖ this layer), 0 in the last row.
        final_probs: float32 [layer, token, rank]: at each layer, the probability of the token that has this rank in the
            *last* row of the same position. A trajectory is drawn from these, without gaps.
        realised: float32 [layer, token]: the probability of the token that follows in the text; NaN at the last position.
        watched: float32 [layer, token, watched]: the probability of each watched token. The coordinates of ``watched``
            are vocabulary ids. None if no token is watched.
        vocabulary: the pieces of every id in this table.
        tokens: the text.
    """

    token_ids: LabeledArray
    probs: LabeledArray
    entropy: LabeledArray
    kl: LabeledArray
    final_probs: LabeledArray
    realised: LabeledArray
    watched: LabeledArray | None
    vocabulary: Vocabulary
    tokens: Tokens

    kind = "lens_table"

    @property
    def layers(self) -> tuple[int, ...]:
        """Layer coordinates: -1 for the embedding, then 0 .. L-1."""
        return self.token_ids.coords("layer")

    def answer_layer(self, position: int, token_id: int | str | None = None) -> int | None:
        """The first layer from which a token stays the top choice; None if it is not the top choice at the last layer.

        Args:
            position: the token position that is read.
            token_id: vocabulary id or exact text; None means the top choice of the last layer.

        Raises:
            KeyError: there is no such position.
            ValueError: the lens has no token with this text, or the number is not an id.
        """
        leaders = np.asarray(self.token_ids.sel(token=position).sel(rank=0))
        wanted = leaders[-1] if token_id is None else self._id(token_id)
        differs = np.flatnonzero(leaders != wanted)
        first = int(differs[-1]) + 1 if len(differs) else 0
        return self.layers[first] if first < len(leaders) else None

    def to_pandas(self) -> pd.DataFrame:
        """A table with one row per (layer, token, rank), with the columns of the view's CSV.

        ``token_id`` and ``text`` are the token that is read at this position. ``candidate_*`` is the token with this rank,
        and ``prob`` its probability. ``final_*`` is the token with this rank in the last row, with its probability here.
        ``entropy``, ``kl``, ``realised_prob`` and ``watched_<id>`` repeat along rank.
        """
        frame = self.probs.to_pandas("prob")
        prob = frame.pop("prob")
        ranks = frame.pop("rank")
        ids = np.asarray(self.token_ids.values)
        for name, column in named(self.tokens, frame["token"].to_numpy()).items():
            frame[name] = column
        frame["rank"] = ranks
        frame["candidate_token_id"], frame["candidate_text"] = ids.reshape(-1), self._texts(ids)
        frame["prob"] = prob
        final = np.broadcast_to(ids[-1:], ids.shape)
        frame["final_token_id"], frame["final_text"] = final.reshape(-1), self._texts(final)
        frame["final_prob"] = np.asarray(self.final_probs.values).reshape(-1)
        for name, array in self._cells().items():
            frame[name] = np.repeat(np.asarray(array.values).reshape(-1), ids.shape[-1])
        return frame

    def _cells(self) -> dict[str, LabeledArray]:
        """Column name -> array [layer, token]."""
        cells = {"entropy": self.entropy, "kl": self.kl, "realised_prob": self.realised}
        # Name the column by id, because two tokens may have the same text (U+FFFD for cut characters).
        if (watched := self.watched) is not None:
            cells |= {f"watched_{token_id}": watched.sel(watched=token_id) for token_id in watched.coords("watched")}
        return cells

    def _texts(self, ids: np.ndarray) -> list[str]:
        return [self.vocabulary.text(i) for i in ids.reshape(-1).tolist()]

    def _id(self, token: int | str) -> int:
        if isinstance(token, str):
            found = self.vocabulary.find(token)
            if found is None:
                spaced = (
                    f" Try {' ' + token!r}, with its space." if self.vocabulary.find(" " + token) is not None else ""
                )
                raise ValueError(
                    f"this lens has no token {token!r}: it holds the top {self.token_ids.shape[-1]} of every row and the "
                    f"watched tokens. Put the token into watch, or give its id.{spaced}"
                )
            return found
        found = whole(token)
        if found is None or found < 0:
            raise ValueError(f"a token is exact text (str) or a vocabulary id (int from 0), got {token!r}")
        return found

    def figure(self, tint: str = "prob") -> Figure:
        """A plotly heatmap [layer, token] with the top token in each cell; the last layer is on top.

        Args:
            tint: the number that colours a cell: ``"prob"`` (of the top token), ``"entropy"`` or ``"kl"`` (nats).

        Raises:
            ValueError: another tint.
        """
        import plotly.graph_objects as go

        tints = {
            "prob": (self.probs.isel(rank=0), "probability"),
            "entropy": (self.entropy, "entropy (nats)"),
            "kl": (self.kl, "KL to the last layer (nats)"),
        }
        if tint not in tints:
            raise ValueError(f"tint is one of {', '.join(tints)}, got {tint!r}")
        shade, unit = tints[tint]
        top = np.asarray(self.token_ids.isel(rank=0))
        heat = go.Heatmap(
            z=np.asarray(shade.values),
            x=labels(self.tokens),
            y=["embed" if layer == -1 else str(layer) for layer in self.layers],
            text=[[literal(self.vocabulary.display(i)) for i in row] for row in top.tolist()],
            texttemplate="%{text}",
            colorscale=palette.sequential(),
            zmin=0.0,
            zmax=1.0 if tint == "prob" else None,
            colorbar={"title": {"text": unit}},
            hovertemplate=f"layer %{{y}}<br>after %{{x}}<br>%{{text}}<br>{unit} %{{z:.4f}}<extra></extra>",
        )
        layout = {
            "title": title("When did the answer form?", self.method),
            "xaxis": token_axis("token (read here)"),
            "yaxis": {"title": {"text": "layer"}, "type": "category"},
        }
        return go.Figure(heat, layout)

    @property
    def says(self) -> Says:
        return "continues"

    def sentence(self, trace: Trace, step: int) -> Parts:
        """The layers at which the token of this step is the top choice."""
        return lens_sentence(trace, self, step)

    def step_column(self, trace: Trace) -> tuple[str, list[str]]:
        """The layers at which the token of each step is the top choice."""
        layers = [self.answer_layer(trace.position(step), trace.token_at(step).id) for step in trace.steps]
        named = {None: "never", -1: "the embedding"}
        return "top choice from", [named.get(layer, f"layer {layer} to {self.layers[-1]}") for layer in layers]

    def to_record(self) -> Record:
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        arrays |= prefixed("vocabulary", self.vocabulary.to_arrays()) | prefixed("tokens", self.tokens.to_arrays())
        return Record(self.kind, about(self), arrays)

    @classmethod
    def from_record(cls, record: Record) -> LensTable:
        given = [name for name in _ARRAYS if name != "watched" or name in record.arrays]
        arrays: dict[str, Any] = {"watched": None, **{name: record.labeled(name) for name in given}}
        vocabulary = Vocabulary.from_arrays(record.group("vocabulary"))
        vocabulary.check_ids(np.unique(arrays["token_ids"].values).tolist())
        tokens = Tokens.from_arrays(record.group("tokens"))
        return cls(**arrays, vocabulary=vocabulary, tokens=tokens, **about_from(record.json))

    def __repr__(self) -> str:
        layers, tokens, ranks = self.token_ids.shape
        size = f"{counted(layers, 'layer')} x {counted(tokens, 'token')}"
        return f"LensTable({size}, top {ranks}, {self.checks_in_words})"
