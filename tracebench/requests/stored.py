"""Answers from results that already exist: a bench without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracebench.record.trace import Trace
from tracebench.requests.aliases import other_keys
from tracebench.requests.request import Absent, Job, Request, request_for


class Stored:
    """An `Answerer` over finished results, e.g. of an opened file. What is not among them is absent.

    Args:
        results: what it answers with.
        trace: what they are about; with it a question is found however its tokens are named.
    """

    def __init__(self, results: Iterable[Any] = (), trace: Trace | None = None) -> None:
        self._known = {request_for(result).key: result for result in results}
        self._same = {} if trace is None else other_keys(self._known, trace)

    def ask(self, request: Request, job: Job) -> None:
        result = self._known.get(self._same.get(request.key, request.key))
        if result is not None:
            job.on_answer(result)
        else:
            job.on_error(Absent("This bench has no model that could compute it.", request.code))

    def known(self) -> Mapping[str, Any]:
        return dict(self._known)

    def close(self) -> None:
        """Nothing is under way."""
