"""What a bench is made of: which views it has, and what each of them asks about each trace."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracebench import registry
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.results.base import Result


@dataclass
class Slot:
    """The questions of one view.

    Args:
        kind: of the results that it shows.
        requests: trace hash -> what it asks about that trace at first.
        shared: what it asks whichever trace is looked at, because that is about none or several traces.
        alternatives: trace hash -> what it offers to ask instead.
    """

    kind: str
    requests: dict[str, Request] = field(default_factory=dict)
    shared: Request | None = None
    alternatives: dict[str, list[Request]] = field(default_factory=dict)

    def at(self, trace: Trace) -> Request | None:
        """What it asks about a trace at first."""
        return self.shared or self.requests.get(trace.hash)

    def all(self) -> list[Request]:
        """Every request, about whichever trace."""
        offered = [request for row in self.alternatives.values() for request in row]
        return [*([self.shared] if self.shared else []), *self.requests.values(), *offered]

    def row(self, traces: Sequence[Trace]) -> list[Request | None]:
        """What it asks about each trace; a question about none has a row of its own where there is no trace."""
        return [self.at(trace) for trace in traces] or ([self.shared] if self.shared else [])

    def offers(self, traces: Sequence[Trace]) -> list[list[Request]]:
        """What it offers to ask instead about each trace."""
        return [self.alternatives.get(trace.hash, []) for trace in traces]

    def fill(self, traces: Iterable[Trace]) -> None:
        """Ask the same about the traces that nothing was asked about yet."""
        model = next(iter(self.requests.values()), None)
        if model is None:
            return
        for trace in traces:
            if trace.hash not in self.requests and (model.target is None or trace.steps):
                self.requests[trace.hash] = model.about(trace.hash)


def sorted_out(things: Iterable[Any], others: Iterable[Trace] = ()) -> tuple[list[Trace], list[Any], list[Request]]:
    """Traces, results and requests; a sentence where a result is about a trace that is not there."""
    if isinstance(things, (Trace, str)) or not isinstance(things, Iterable):
        raise TypeError(f"a bench takes one list, got a {type(things).__name__}: tb.Workbench([trace, *results])")
    traces, results, requests = [], [], []
    for thing in things:
        if not isinstance(thing, (Trace, Request, Result)):
            raise TypeError(f"a bench shows traces and results of analyses, got a {type(thing).__name__}")
        kind = traces if isinstance(thing, Trace) else requests if isinstance(thing, Request) else results
        kind.append(thing)
    known = {trace.hash for trace in (*traces, *others)}
    for thing in (*results, *requests):
        if missing := [each for each in thing.traces if each not in known]:
            there = ", ".join(map(repr, traces)) or "no trace"
            raise ValueError(f"{thing!r} is about another trace ({missing[0]}) than those of this bench: {there}")
    if not traces and not results and not requests:
        raise ValueError("a bench shows at least one trace or result: tb.Workbench([trace, *results])")
    return traces, results, requests


def slots_of(asked: Iterable[Request], slots: Sequence[Slot] = ()) -> list[Slot]:
    """The slots for these requests, in the order of the requests; slots that are there already take them first.

    The n-th request of a kind about a trace goes to the n-th slot of that kind. Requests of a kind that the view of another
    kind shows too go there, as alternatives.
    """
    requests = list(asked)
    found = list(slots)
    kinds = {registry.result_kind(each.analysis) for each in requests} | {slot.kind for slot in slots}
    hosts = {other: kind for kind in kinds for other in registry.view_class(kind).shows_also if other in kinds}
    for request in requests:
        kind = registry.result_kind(request.analysis)
        if kind not in hosts:
            _place(found, kind, request)
    for request in requests:
        host = hosts.get(registry.result_kind(request.analysis))
        slot = next((slot for slot in found if slot.kind == host), None) if host else None
        if slot is not None and request.trace is not None:
            slot.alternatives.setdefault(request.trace, []).append(request)
    return found


def _place(slots: list[Slot], kind: str, request: Request) -> None:
    if request.trace is None:
        slots.append(Slot(kind, shared=request))
        return
    for slot in slots:
        if slot.kind == kind and slot.shared is None and request.trace not in slot.requests:
            slot.requests[request.trace] = request
            return
    slots.append(Slot(kind, {request.trace: request}))
