"""A trace and its results in one file, and back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.record.files import FileError, Record, printable, read_records, write_records
from tracebench.record.tokens import Tokens
from tracebench.record.trace import Trace
from tracebench.requests.request import request_for

#: What our files are called.
SUFFIX = ".trace"

#: Kinds whose ``query`` and ``key`` are all positions of the text: a row of theirs is looked up by its position.
PATTERNS = ("attention", "rollout")


@dataclass(frozen=True)
class Bundle:
    """What a file holds: ``bundle.trace`` and ``bundle.results``. Arrays are read when they are used."""

    trace: Trace
    results: tuple[Any, ...]

    def __iter__(self):  # noqa: ANN204 - so that tb.Workbench([*bundle]) reads well
        yield self.trace
        yield from self.results


def save(path: str | os.PathLike[str], *records: Any) -> Path:
    """Save one trace and any results on it: ``tb.save("eiffel.trace", trace, lens)``.

    Returns the path. One safetensors file, no pickle; written atomically.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"tb.save takes the path first, got a {type(path).__name__}: tb.save(path, trace, *results)")
    if Path(path).suffix != SUFFIX:
        raise FileError(f"records are saved as {SUFFIX}, got {printable(path)}; bench.save writes pages (.html)")
    traces = [record for record in records if isinstance(record, Trace)]
    if len(traces) != 1:
        raise FileError(f"a file holds exactly one trace, got {len(traces)}: tb.save(path, trace, *results)")
    for record in records:
        if not hasattr(record, "to_record"):
            raise FileError(f"cannot save a {type(record).__name__}: expected a Trace and results of analyses")
        if record is not traces[0] and getattr(record, "trace", traces[0].hash) != traces[0].hash:
            raise FileError(f"{record!r} was computed on another trace than {traces[0]!r}: save it with its own")
    ordered = [traces[0], *(record for record in records if record is not traces[0])]
    return write_records(path, [record.to_record() for record in ordered])


def open(path: str | os.PathLike[str]) -> Bundle:  # noqa: A001 - the public name is tb.open
    """Open a file that `save` wrote. A ``FileError`` says what is wrong with one that it did not, or that is damaged."""
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"tb.open takes the path of a {SUFFIX} file, got a {type(path).__name__}")
    if Path(path).suffix.lower() in (".html", ".htm"):
        raise FileError(f"{printable(path)} is a page for a browser; tb.open reads a {SUFFIX} file")
    try:
        records = read_records(path)
        things = [registry.find("results", record.kind).from_record(record) for record in records]
    except FileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # Its JSON says something that no version of ours writes.
        raise FileError(f"{printable(path)} is damaged or of another version: {error.args[0]}") from error
    traces = [thing for thing in things if isinstance(thing, Trace)]
    if len(traces) != 1:
        raise FileError(f"{printable(path)} holds {len(traces)} traces, expected one")
    trace = traces[0]
    for thing, record in zip(things, records, strict=True):
        if thing is trace:
            continue
        problem = _misfit(thing, record, trace)
        if problem:
            raise FileError(f"{printable(path)} is damaged or of another version: its {record.kind} {problem}")
    return Bundle(trace, tuple(thing for thing in things if thing is not trace))


def _misfit(result: Any, record: Record, trace: Trace) -> str | None:
    """Why a result cannot be about this trace; None where it fits."""
    if result.trace != trace.hash:
        return f"is about trace {result.trace}, the file holds trace {trace.hash}"
    if isinstance(tokens := getattr(result, "tokens", None), Tokens) and tokens != trace.tokens:
        return f"names {len(tokens)} tokens that are not the {len(trace.tokens)} of the trace"
    try:
        request_for(result)
    except ValueError as error:
        return str(error)
    positions = range(len(trace.tokens))
    there = {"token": positions, "layer": range(-1, trace.provenance.layers), "step": trace.steps}
    there |= {"query": positions, "key": positions}
    for name, array in record.arrays.items():
        for axis in array.axes if isinstance(array, LabeledArray) else ():
            if result.kind in PATTERNS and axis.name in ("query", "key") and axis.coords != tuple(positions):
                return f"has {len(axis)} positions as {axis.name} in {name}, the trace has {len(positions)}"
            beyond = [coord for coord in axis.coords if axis.name in there and coord not in there[axis.name]]
            if beyond:
                return f"has {axis.name} {beyond[0]} in {name}, the trace has none"
    return None
