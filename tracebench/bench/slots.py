"""The views of a bench, and the requests of each view about each trace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracebench import registry
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.results.base import Result


@dataclass
class Slot:
    """The requests of one view.

    Args:
        kind: the kind of results that it shows.
        requests: trace hash -> default request about that trace.
        shared: the request for every selected trace, if that is about none or several traces.
        alternatives: trace hash -> alternative requests.
    """

    kind: str
    requests: dict[str, Request] = field(default_factory=dict)
    shared: Request | None = None
    alternatives: dict[str, list[Request]] = field(default_factory=dict)

    def at(self, trace: Trace) -> Request | None:
        """The default request about a trace."""
        if self.shared is not None:
            return self.shared if not self.shared.traces or trace.hash in self.shared.traces else None
        return self.requests.get(trace.hash)

    def all(self) -> list[Request]:
        """Every request, about all traces."""
        offered = [request for row in self.alternatives.values() for request in row]
        return [*([self.shared] if self.shared else []), *self.requests.values(), *offered]

    def row(self, traces: Sequence[Trace]) -> list[Request | None]:
        """The default request about each trace. Without traces, the row holds the shared request."""
        return [self.at(trace) for trace in traces] or ([self.shared] if self.shared else [])

    def offers(self, traces: Sequence[Trace]) -> list[list[Request]]:
        """The alternative requests about each trace."""
        return [self.alternatives.get(trace.hash, []) for trace in traces]

    def take_up(self, traces: Iterable[Trace], asked: Iterable[Mapping[str, Any] | None]) -> None:
        """Accept the requests of a page about traces that have no request yet.

        Args:
            traces: the traces of the bench.
            asked: the request of the view about each trace, as JSON.
        """
        for trace, each in zip(traces, asked, strict=False):
            request = Request.from_json(each) if each else None
            if request is not None and request.traces == (trace.hash,):
                self.requests.setdefault(trace.hash, request)

    def fill(self, traces: Iterable[Trace]) -> None:
        """Ask the first request about each trace that has no request yet."""
        first = next(iter(self.requests.values()), None)
        if first is None:
            return
        for trace in traces:
            if trace.hash not in self.requests and (first.target is None or trace.steps):
                self.requests[trace.hash] = first.about(trace.hash)


def sorted_out(things: Iterable[Any], others: Iterable[Trace] = ()) -> tuple[list[Trace], list[Any], list[Request]]:
    """Sort things into traces, results and requests.

    Args:
        things: traces, results and requests.
        others: traces that the bench has already.

    Raises:
        TypeError: another type.
        ValueError: there is nothing, or a result is about a trace that is not here.
    """
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
            raise ValueError(
                f"{thing!r} is about another trace ({missing[0]}); this bench has: {there}. Add that trace"
            )
    if not traces and not results and not requests:
        raise ValueError("a bench shows at least one trace or result: tb.Workbench([trace, *results])")
    return traces, results, requests


def slots_of(asked: Iterable[Request], slots: Sequence[Slot] = ()) -> list[Slot]:
    """The slots for these requests: the given ones first, then new ones in the order of the requests.

    The n-th request of a kind about a trace goes to the n-th slot of that kind. If the view of another kind also shows this
    kind (``shows_also``), the request becomes an alternative there.
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


def replace_defaults(slots: Sequence[Slot], given: Iterable[Request]) -> None:
    """Put each request in the first slot of its kind that does not hold a given one: it replaces the default there."""
    placed = list(given)
    keys = {request.key for request in placed}
    for request in placed:
        trace, kind = request.trace, registry.result_kind(request.analysis)
        own = [slot for slot in slots if slot.kind == kind and slot.shared is None] if trace is not None else []
        held = [slot.requests.get(trace) for slot in own] if trace is not None else []
        if trace is None or any(each is not None and each.key == request.key for each in held):
            continue
        for slot, each in zip(own, held, strict=True):
            if each is None or each.key not in keys:
                slot.requests[trace] = request
                break


def _place(slots: list[Slot], kind: str, request: Request) -> None:
    if request.trace is None:
        slots.append(Slot(kind, shared=request))
        return
    for slot in slots:
        if slot.kind == kind and slot.shared is None and request.trace not in slot.requests:
            slot.requests[request.trace] = request
            return
    slots.append(Slot(kind, {request.trace: request}))
