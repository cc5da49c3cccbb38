"""Answers from results that already exist: a bench without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracebench.request import Absent, Job, Request, request_for


class Stored:
    """An `Answerer` over finished results, e.g. of an opened file. What is not among them is absent."""

    def __init__(self, results: Iterable[Any] = ()) -> None:
        self._known = {request_for(result).key: result for result in results}

    def ask(self, request: Request, job: Job) -> None:
        result = self._known.get(request.key)
        if result is not None:
            job.on_answer(result)
        else:
            job.on_error(Absent("This bench has no model that could compute it.", request.code))

    def known(self) -> Mapping[str, Any]:
        return dict(self._known)

    def close(self) -> None:
        """Nothing is under way."""
