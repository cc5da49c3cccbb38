"""The tree of a result, as it travels: what its view makes of it, and what every result has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tracebench import registry
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.code import result_code
from tracebench.widgets import wire


def pack(result: Any, traces: Traces) -> dict[str, Any]:
    """The tree of a result (docs/wire.md).

    Args:
        result: of any kind.
        traces: those of the bench; the view gets the ones that the result is about, in its order.
    """
    about = _about(result, traces)
    return {
        **_view(result).pack(result, *about),
        "kind": result.kind,
        "traces": list(result.traces),
        "checks": wire.checks(result.checks),
        "method": result.method,
        "code": result_code(result, about),
        "cost": result.cost,
        "says": result.says,
        "sentences": _sentences(result, about),
    }


def has_slices(result: Any) -> bool:
    """Whether its view asks for parts of it by coordinates."""
    return hasattr(_view(result), "pack_slice")


def pack_slice(result: Any, traces: Traces, coords: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of a part of a result, by coordinates of its axes."""
    if not has_slices(result):
        raise ValueError(f"a {result.kind} has no slices: ask for the whole")
    return _view(result).pack_slice(result, *_about(result, traces), coords=coords)


def slices(result: Any, traces: Traces, detail: str | None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every part that a page has of a result, as coordinates and tree.

    Args:
        result: of any kind.
        traces: those of the bench.
        detail: ``"compact"``, ``"full"``, or None for what the view finds fitting.
    """
    view = _view(result)
    if hasattr(view, "slices"):
        yield from view.slices(result, *_about(result, traces), detail=detail)


def _sentences(result: Any, about: list[Trace]) -> dict[str, list[Any]]:
    """What a result says about each step of its trace; of several traces, the first speaks."""
    found: dict[str, list[Any]] = {"steps": [], "parts": [], "questions": []}
    for trace in about[:1]:
        for step in trace.steps:
            parts = result.sentence(trace, step)
            if parts is not None:
                found["steps"].append(step)
                found["parts"].append(list(parts))
                found["questions"].append(result.question(trace, step))
    return found


def _about(result: Any, traces: Traces) -> list[Trace]:
    found = [traces.find(each) for each in result.traces]
    missing = [each for each, trace in zip(result.traces, found, strict=True) if trace is None]
    if missing:
        raise ValueError(
            f"{result!r} is about the trace {missing[0]}, which this bench does not have: bench.add(trace)"
        )
    return [trace for trace in found if trace is not None]


def _view(result: Any) -> Any:
    return registry.view_class(result.kind)
