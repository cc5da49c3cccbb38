"""Answers from finished results: for a bench without a model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.aliases import other_keys
from tracebench.requests.code import request_for
from tracebench.requests.request import Absent, Job, Request


class Stored:
    """An `Answerer` over finished results, e.g. from an opened file. Other requests get the error `Absent`.

    Args:
        results: the results.
        traces: their traces. They are needed to find a result under its aliases.
    """

    def __init__(self, results: Iterable[Any] = (), traces: Iterable[Trace] = ()) -> None:
        self._traces = Traces(traces)
        self._known: dict[str, Any] = {}
        self._aliases: dict[str, str] = {}
        self.keep(results)

    def keep(self, results: Iterable[Any]) -> None:
        """Answer with these results too."""
        self._known = {**self._known, **{request_for(result).key: result for result in results}}
        self._aliases = other_keys(self._known, self._traces)

    def add(self, trace: Trace, lm: Any = None) -> None:
        """Add a trace.

        Raises:
            ValueError: a model was given.
        """
        if lm is not None:
            raise ValueError("this bench has no model, so add() takes none: make the bench with tb.explore(lm, traces)")
        self._traces.add(trace)
        self._aliases = other_keys(self._known, self._traces)

    def ask(self, request: Request, job: Job) -> None:
        result = self._known.get(self._aliases.get(request.key, request.key))
        if result is not None:
            job.on_answer(result)
        else:
            job.on_error(Absent("This bench has no model that could compute it.", request.code))

    def known(self) -> Mapping[str, Any]:
        return dict(self._known)

    def close(self) -> None:
        """There is no work to stop."""
