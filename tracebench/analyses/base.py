"""Between analyses and requests: an analysis as data, and data run as an analysis."""

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
    """The request that an analysis with these parameters would answer."""
    params = {field.name: getattr(analysis, field.name) for field in fields(analysis)}
    code = call_code(repr(analysis), len(traces), target)
    return Request(type(analysis).__name__, params, tuple(trace.hash for trace in traces), target, code)


def run(request: Request, lm: LanguageModel, traces: Sequence[Trace]) -> Any:
    """Answer a request.

    Args:
        request: what is asked.
        lm: the model.
        traces: those that the request is about, in its order.
    """
    named = registry.analysis_class(request.analysis)
    analysis = named(**rebuilt(request.params, named, request.things))
    about = traces if request.target is None else (*traces, request.target)
    return analysis(lm, *about)
