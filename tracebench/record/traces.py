"""The traces of one bench, in their order, found by index or by hash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tracebench.record.trace import Trace


class Traces:
    """An ordered set of traces. It only grows, so an index stays valid.

    Args:
        traces: the traces in order. A second trace with the same hash is ignored.
    """

    def __init__(self, traces: Iterable[Trace] = ()) -> None:
        self._all: list[Trace] = []
        for trace in traces:
            self.add(trace)

    def add(self, trace: Trace) -> int:
        """Append a trace unless it is already here. Returns its index."""
        found = self.index(trace.hash)
        if found is None:
            # Make a new list, because another thread may iterate over the old one.
            self._all = [*self._all, trace]
            found = len(self._all) - 1
        return found

    def index(self, trace_hash: str) -> int | None:
        """The index of the trace with this hash; None if it is not here."""
        return next((at for at, trace in enumerate(self._all) if trace.hash == trace_hash), None)

    def find(self, trace_hash: str) -> Trace | None:
        """The trace with this hash; None if it is not here."""
        at = self.index(trace_hash)
        return None if at is None else self._all[at]

    def first_of(self, about: Any) -> Trace | None:
        """The first of these traces that a result or a request is about; None if there is none.

        Args:
            about: anything with ``traces``, a tuple of hashes.
        """
        found = (self.find(each) for each in about.traces)
        return next((trace for trace in found if trace is not None), None)

    def __getitem__(self, index: int) -> Trace:
        return self._all[index]

    def __iter__(self) -> Iterator[Trace]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def __repr__(self) -> str:
        return f"Traces({', '.join(map(repr, self._all))})"
