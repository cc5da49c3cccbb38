"""The view of token scores: the text tinted by signed scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.requests.parameters import parsed
from tracebench.results.token_scores import TokenScores
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text


class TokenScoresView(View):
    """The text, tinted by how much each token speaks for or against the decision of the selected step."""

    stem = "token_scores"
    takes_questions = True
    _esm = static_text("token_scores.js")
    _css = static_text("token_scores.css")

    @classmethod
    def data(cls) -> dict[str, Any]:
        """The attribution methods of its menu."""
        methods = [(label, method, *parsed(method)) for label, method in registry.methods_of("token_scores")]
        return {
            "methods": [
                {"label": label, "method": method, "analysis": name, "params": params}
                for label, method, name, params in methods
            ]
        }

    @staticmethod
    def pack(result: TokenScores, trace: Trace) -> dict[str, Any]:
        """The scores tree (docs/wire.md)."""
        scores = np.stack([result.at(step) for step in result.steps])
        return {
            "target": result.target.to_json(),
            "steps": list(result.steps),
            "scores": wire.pack(LabeledArray.of(scores, step=result.steps, token=range(len(trace.tokens)))),
            "values": wire.pack(result.values),
            "baseline_values": wire.pack(result.baseline_values),
            "unit": result.unit,
            "baseline": result.baseline,
        }
