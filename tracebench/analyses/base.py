"""Between analyses and requests: an analysis as data, and data run as an analysis."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from tracebench import registry
from tracebench.models.language_model import LanguageModel
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.request import Request


def request(analysis: Any, trace: Trace, target: Target | None = None) -> Request:
    """The request that an analysis with these parameters would answer."""
    params = {field.name: getattr(analysis, field.name) for field in fields(analysis)}
    about = f", tb.{target!r}" if target is not None else ""
    code = f"tb.{analysis!r}(lm, trace{about})\n"
    return Request(type(analysis).__name__, params, trace.hash, target, code)


def run(request: Request, lm: LanguageModel, trace: Trace) -> Any:
    """Answer a request."""
    analysis = registry.find("analyses", request.analysis)(**request.params)
    return analysis(lm, trace) if request.target is None else analysis(lm, trace, request.target)
