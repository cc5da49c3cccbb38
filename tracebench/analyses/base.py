"""Convert an analysis to a request, and run a request as an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from tracebench import registry
from tracebench.models.language_model import LanguageModel
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.code import call_code
from tracebench.requests.parameters import rebuilt
from tracebench.requests.request import Request


def request(analysis: Any, *traces: Trace, target: Target | None = None) -> Request:
    """The request for the result of an analysis.

    Args:
        analysis: the analysis with its parameters.
        traces: the traces that the request is about.
        target: the number to explain, for analyses that take one.
    """
    params = {field.name: getattr(analysis, field.name) for field in fields(analysis)}
    code = call_code(repr(analysis), len(traces), target)
    return Request(type(analysis).__name__, params, tuple(trace.hash for trace in traces), target, code)


def run(request: Request, lm: LanguageModel, traces: Sequence[Trace]) -> Any:
    """Run the analysis of a request.

    Args:
        request: the request.
        lm: the model.
        traces: the traces that the request is about, in its order.

    Returns:
        The result of the analysis.
    """
    kind = registry.analysis_class(request.analysis)
    analysis = kind(**rebuilt(request.params, kind, request.things))
    arguments = traces if request.target is None else (*traces, request.target)
    return analysis(lm, *arguments)
