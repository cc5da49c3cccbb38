"""The tree of a result for the browser: the fields of every result, and the data that its view packs."""

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
        result: a result of any kind.
        traces: the traces of the bench. The view gets those of the result, in the result's order.

    Raises:
        ValueError: the bench lacks a trace of the result.
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
    """Whether the view of this result requests slices."""
    return hasattr(_view(result), "pack_slice")


def pack_slice(result: Any, traces: Traces, coords: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of the slice of a result at these coordinates.

    Raises:
        ValueError: this kind has no slices, or no slice at these coordinates.
    """
    if not has_slices(result):
        raise ValueError(f"a {result.kind} has no slices: ask for the whole")
    return _view(result).pack_slice(result, *_about(result, traces), coords=coords)


def slices(result: Any, traces: Traces, detail: str | None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every slice of a result in a saved page, as (coordinates, tree).

    Args:
        result: a result of any kind.
        traces: the traces of the bench.
        detail: ``"compact"``, ``"full"``, or None to let the view decide.
    """
    view = _view(result)
    if hasattr(view, "slices"):
        yield from view.slices(result, *_about(result, traces), detail=detail)


def _sentences(result: Any, about: list[Trace]) -> dict[str, list[Any]]:
    """The sentence and the question of a result at each step of its first trace."""
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
