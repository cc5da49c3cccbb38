"""Which tokens of the text speak for what was said: the text tinted by signed scores."""

from __future__ import annotations

from typing import Any

import numpy as np

from tracebench.record.arrays import LabeledArray
from tracebench.record.trace import Trace
from tracebench.requests.request import parsed
from tracebench.results.token_scores import TokenScores
from tracebench.sentences import findings
from tracebench.views.generation import SHOWN, trace_code
from tracebench.widgets import wire
from tracebench.widgets.base import View, static_text
from tracebench.widgets.text import text_tree


def _integrated(points: int, quadrature: str) -> str:
    return f"IntegratedGradients(n_steps={points}, baseline='eos', keep_first=True, keep_special=True, quadrature='{quadrature}')"


#: What the view offers, by label: reprs of the analyses, which this wing does not import (a test compares them).
METHODS = {
    "integrated gradients": _integrated(64, "gauss-legendre"),
    "integrated gradients, 256 points": _integrated(256, "gauss-legendre"),
    "integrated gradients, 64 adaptive points": _integrated(64, "adaptive"),
    "integrated gradients, 256 adaptive points": _integrated(256, "adaptive"),
    "input × gradient": "InputXGradient()",
}


class TokenScoresView(View):
    """The text, tinted by how much each token speaks for the decision at the selected step."""

    stem = "token_scores"
    asks_otherwise = True
    _esm = static_text("token_scores.js")
    _css = static_text("token_scores.css")

    @staticmethod
    def data(trace: Trace) -> dict[str, Any]:
        """The text, the alternatives of each step to compare with, and the methods to choose from."""
        ids = trace.candidates.token_ids.isel(rank=slice(0, min(SHOWN, trace.candidates.token_ids.shape[1])))
        methods = [(label, method, *parsed(method)) for label, method in METHODS.items()]
        return {
            **text_tree(trace),
            "alternatives": wire.pack(ids),
            "vocab": wire.vocabulary(trace.candidates.vocabulary, np.asarray(ids.values).reshape(-1).tolist()),
            "methods": [
                {"label": label, "method": method, "analysis": name, "params": params}
                for label, method, name, params in methods
            ],
        }

    @staticmethod
    def pack(result: TokenScores, trace: Trace) -> dict[str, Any]:
        """The scores tree of docs/architecture.md."""
        scores = np.stack([result.at(step) for step in result.steps])
        return {
            "kind": "token_scores",
            "trace": result.trace,
            "target": result.target.to_json(),
            "steps": list(result.steps),
            "scores": wire.pack(LabeledArray.of(scores, step=result.steps, token=range(len(trace.tokens)))),
            "values": wire.pack(result.values),
            "baseline_values": wire.pack(result.baseline_values),
            "unit": result.unit,
            "questions": [result.question(trace, step) for step in result.steps],
            "findings": [list(findings.attributed(trace, result, step)) for step in result.steps],
            "baseline": result.baseline,
            "checks": wire.checks(result.checks),
            "method": result.method,
            "code": trace_code(trace) + f"scores = tb.{result.method}(lm, trace, tb.{result.target!r})\n",
            "cost": result.cost,
        }
