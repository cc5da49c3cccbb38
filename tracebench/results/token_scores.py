"""Attribution: how much each token of the text speaks for or against a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.counts import counted
from tracebench.record.files import Record, prefixed
from tracebench.record.target import Target
from tracebench.record.tokens import Tokens, Vocabulary, display_piece
from tracebench.record.trace import Trace
from tracebench.results import palette
from tracebench.results.base import Result, Says, about, about_from
from tracebench.results.pictures import labels, literal, title, token_axis
from tracebench.results.table import named
from tracebench.results.token_scores_names import same_targets
from tracebench.sentences.token_scores import scores_lines, scores_sentence
from tracebench.sentences.words import Parts

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

#: Target.of -> the unit of values and scores.
UNITS = {"logit": "logits", "log_prob": "nats", "prob": "probability", "entropy": "nats"}
_ARRAYS = ("scores", "values", "baseline_values", "explained")


@dataclass(frozen=True, eq=False)
class TokenScores(Result):
    """The signed score of each token that the model had read when it made a decision.

    Args:
        scores: float32 [token], or [step, token] if the target is every step; in ``unit``. NaN for a token that did not
            exist yet at this step.
        values: float32 [step]: the explained number, in ``unit``.
        baseline_values: float32 [step]: the same number for the baseline; NaN if the method has no baseline.
        explained: int32 [step]: the id of the explained token; -1 if the target has no token (entropy).
        vocabulary: the pieces of the explained tokens and of those they are compared with.
        tokens: the text.
        target: the target of the analysis.
        baseline: the baseline in words; "" if the method has none.
    """

    scores: LabeledArray
    values: LabeledArray
    baseline_values: LabeledArray
    explained: LabeledArray
    vocabulary: Vocabulary
    tokens: Tokens
    target: Target
    baseline: str

    kind = "token_scores"

    @property
    def unit(self) -> str:
        """The unit of scores and values: ``"logits"``, ``"nats"`` or ``"probability"``."""
        return UNITS[self.target.of]

    @property
    def steps(self) -> tuple[int, ...]:
        return self.values.coords("step")

    def at(self, step: int) -> np.ndarray:
        """The scores [token] of one step.

        Raises:
            KeyError: this step was not explained.
        """
        if step not in self.steps:
            explained = f"{counted(len(self.steps), 'step')} ({self.steps[0]} ...)"
            raise KeyError(f"step {step} was not explained; these scores explain {explained}")
        if "step" not in self.scores.dims:
            return np.asarray(self.scores.values)
        return np.asarray(self.scores.sel(step=step).values)

    def question(self, trace: Trace, step: int) -> str:
        """The question that the scores of one step answer."""
        # A rare token may be missing among the candidates of the trace; our vocabulary has it.
        known = trace.candidates.vocabulary.union(self.vocabulary)
        known_here = replace(trace, candidates=replace(trace.candidates, vocabulary=known))
        return replace(self.target, step=step).sentence(known_here)

    def to_pandas(self) -> pd.DataFrame:
        """A table with one row per (step, token): the token and its score, without the NaN cells."""
        import pandas as pd

        scores = np.stack([self.at(step) for step in self.steps]).astype(np.float64)
        rows, tokens = np.nonzero(~np.isnan(scores))
        steps = np.asarray(self.steps)[rows]
        return pd.DataFrame(
            {"step": steps, "token": tokens, **named(self.tokens, tokens), "score": scores[rows, tokens]}
        )

    def figure(self) -> Figure:
        """A plotly bar chart of the scores of one step, or a heatmap [step, token]."""
        import plotly.graph_objects as go

        names = labels(self.tokens)
        widest = float(np.nanmax(np.abs(np.asarray(self.scores.values)), initial=0.0)) or 1.0
        if "step" in self.scores.dims:
            plot = go.Heatmap(
                z=np.asarray(self.scores.values),
                x=names,
                y=[f"{step} {literal(self._explained_at(step))}".strip() for step in self.steps],
                zmin=-widest,
                zmax=widest,
                colorscale=palette.diverging(),
                colorbar={"title": {"text": self.unit}},
                hovertemplate=f"step %{{y}}<br>%{{x}}<br>score %{{z:.4f}} {self.unit}<extra></extra>",
            )
            down = {"title": {"text": "step"}, "type": "category", "autorange": "reversed"}
        else:
            values = self.at(self.steps[0])
            there = np.flatnonzero(~np.isnan(values))
            plot = go.Bar(
                x=[names[at] for at in there],
                y=values[there],
                marker={
                    "color": values[there],
                    "colorscale": palette.diverging(),
                    "cmin": -widest,
                    "cmax": widest,
                    # A bar with a small score is pale, so it has a strong edge.
                    "line": {"color": [palette.edge(value) for value in values[there].tolist()], "width": 1},
                },
                hovertemplate=f"%{{x}}<br>score %{{y:.4f}} {self.unit}<extra></extra>",
            )
            down = {"title": {"text": f"score ({self.unit})"}}
        layout = {"title": title(self._headline(), self.method), "xaxis": token_axis("token"), "yaxis": down}
        return go.Figure(plot, layout)

    def _headline(self) -> str:
        """The question as a title; it needs no trace."""
        target = self.target
        at = "each step" if target.step is None else f"step {target.step}"
        if target.of == "entropy":
            return f"Why was the model as sure as it was at {at}?"
        if target.token is not None:
            quoted = f"“{self._shown(target.token)}”"
        elif target.step is None:
            quoted = "each token"
        else:
            quoted = f"“{self._explained_at(target.step)}”"
        if target.against is not None:
            return f"Why {quoted} rather than “{self._shown(target.against)}” at {at}?"
        if target.token is not None:
            return f"What speaks for {quoted} at {at}?"
        return "Why did the model say each of its tokens?" if target.step is None else f"Why {quoted} at {at}?"

    def _explained_at(self, step: int) -> str:
        """The explained token of a step, as it is shown; "" if there is none."""
        token = int(self.explained.sel(step=step))
        return self._shown(token) if token >= 0 else ""

    def _shown(self, token: int | str) -> str:
        if isinstance(token, str):
            return display_piece(token.encode("utf-8", "surrogatepass"))
        return self.vocabulary.display(token) if token in self.vocabulary else f"token {token}"

    @property
    def says(self) -> Says:
        return "adds" if self.target.against is None else "compares"

    def sentence(self, trace: Trace, step: int) -> Parts | None:
        """The tokens that speak most for and against the decision of a step."""
        return scores_sentence(trace, self, step) if step in self.steps else None

    def other_targets(self, trace: Trace) -> list[Target]:
        """The same target with other names for its tokens."""
        return same_targets(self, trace)

    def lines(self, trace: Trace) -> Iterator[str]:
        """The largest scores of each step, and the checks that do not hold."""
        return scores_lines(trace, self)

    def to_record(self) -> Record:
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        arrays |= prefixed("vocabulary", self.vocabulary.to_arrays()) | prefixed("tokens", self.tokens.to_arrays())
        own = {"target": self.target.to_json(), "baseline": self.baseline}
        return Record(self.kind, {**about(self), **own}, arrays)

    @classmethod
    def from_record(cls, record: Record) -> TokenScores:
        given = about_from(record.json)
        given["target"] = Target.from_json(given["target"])
        given["tokens"] = Tokens.from_arrays(record.group("tokens"))
        arrays: dict[str, Any] = {name: record.labeled(name) for name in _ARRAYS}
        return cls(**arrays, vocabulary=Vocabulary.from_arrays(record.group("vocabulary")), **given)

    def __repr__(self) -> str:
        steps = counted(len(self.steps), "step") if "step" in self.scores.dims else f"step {self.steps[0]}"
        tokens = counted(len(self.tokens), "token")
        return f"TokenScores({self.method.partition('(')[0]}, {steps} x {tokens}, {self.unit})"
