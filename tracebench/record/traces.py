"""The traces of one bench, in their order, found by index or by hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tracebench.record.trace import Trace


class Traces:
    """An ordered set of traces; one may be added, none is taken away.

    Args:
        traces: in their order; a second one with the same hash is the same trace.
    """

    def __init__(self, traces: Iterable[Trace] = ()) -> None:
        self._all: list[Trace] = []
        for trace in traces:
            self.add(trace)

    def add(self, trace: Trace) -> int:
        """The index of a trace, which is put at the end where it is new."""
        found = self.index(trace.hash)
        if found is None:
            # A new list: another thread may be walking the old one.
            self._all = [*self._all, trace]
            found = len(self._all) - 1
        return found

    def index(self, trace_hash: str) -> int | None:
        """Where the trace with this hash stands; None where it is not here."""
        return next((at for at, trace in enumerate(self._all) if trace.hash == trace_hash), None)

    def find(self, trace_hash: str) -> Trace | None:
        """The trace with this hash; None where it is not here."""
        at = self.index(trace_hash)
        return None if at is None else self._all[at]

    def of(self, thing: Any) -> Trace | None:
        """The first trace that a result or a request is about; None where it is about none of these."""
        found = (self.find(each) for each in thing.traces)
        return next((trace for trace in found if trace is not None), None)

    def __getitem__(self, index: int) -> Trace:
        return self._all[index]

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"Traces({', '.join(map(repr, self._all))})"
