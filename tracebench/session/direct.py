"""Answers in the calling thread: for the command line, where Ctrl-C must stop the work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracebench.analyses.base import run
from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.requests.request import Job, Request
from tracebench.session.models import Models


class Direct:
    """An `Answerer` that computes at once and caches results and failures, so that nothing is computed twice.

    Args:
        pairs: (model, trace). The cache assumes that no other code edits the weights.
    """

    def __init__(self, pairs: Iterable[tuple[LanguageModel, Trace]]) -> None:
        self._models = Models(pairs)
        self._known: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}

    def add(self, trace: Trace, lm: LanguageModel | None = None) -> None:
        self._models.add(trace, lm)

    def ask(self, request: Request, job: Job) -> None:
        key = request.key
        if key not in self._known and key not in self._failed:
            try:
                lm, traces = self._models.for_request(request)
                self._known[key] = result = run(request, lm, traces)
                if isinstance(result, Trace):  # the new trace belongs to the same model
                    self._models.add(result, lm)
            except Exception as failure:  # noqa: BLE001 - the caller decides which failures are bugs
                self._failed[key] = failure
        if key in self._failed:
            job.on_error(self._failed[key])
        else:
            job.on_answer(self._known[key])

    def known(self) -> Mapping[str, Any]:
        return {key: result for key, result in self._known.items() if not isinstance(result, Trace)}

    def close(self) -> None:
        """There is no work to stop."""
