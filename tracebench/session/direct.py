"""Answers in the thread that asks: for a command, where nobody clicks meanwhile and Ctrl-C must reach the work."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracebench.analyses.base import run
from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.requests.request import Job, Request


class Direct:
    """An `Answerer` that computes at once and remembers, failures too: none is computed twice.

    Args:
        lm: the model; nothing may edit its weights meanwhile.
        trace: what every request is about.
    """

    def __init__(self, lm: LanguageModel, trace: Trace) -> None:
        self.lm, self.trace = lm, trace
        self._known: dict[str, Any] = {}
        self._failed: dict[str, Exception] = {}

    def ask(self, request: Request, job: Job) -> None:
        key = request.key
        if key not in self._known and key not in self._failed:
            try:
                self._known[key] = run(request, self.lm, self.trace)
            except Exception as failure:  # noqa: BLE001 - whoever asked decides which of them are bugs
                self._failed[key] = failure
        if key in self._failed:
            job.on_error(self._failed[key])
        else:
            job.on_answer(self._known[key])

    def known(self) -> Mapping[str, Any]:
        return dict(self._known)

    def close(self) -> None:
        """Nothing is under way."""
