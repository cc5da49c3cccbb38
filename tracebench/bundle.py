"""Save traces and results in one file, and open it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tracebench import registry
from tracebench.record.arrays import LabeledArray
from tracebench.record.counts import counted
from tracebench.record.files import FileError, Record, printable, read_records, write_records
from tracebench.record.tokens import Tokens
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.code import request_for
from tracebench.requests.things import StoredThing, key_of
from tracebench.results.base import Result

#: The suffix of our files.
SUFFIX = ".trace"


@dataclass(frozen=True)
class Bundle:
    """The contents of a file: ``bundle.traces`` and ``bundle.results``. Arrays are memory-mapped.

    Args:
        traces: the traces.
        results: the results about these traces.
        arrays: arrays in the file, e.g. one that is a parameter of an analysis.
        tables: tables in the file (pandas DataFrames).
    """

    traces: tuple[Trace, ...]
    results: tuple[Any, ...]
    arrays: tuple[LabeledArray | np.ndarray, ...] = ()
    tables: tuple[Any, ...] = ()

    @property
    def trace(self) -> Trace:
        """The only trace. Raises a ``ValueError`` if there are none or several."""
        return _only("trace", self.traces)

    @property
    def array(self) -> LabeledArray | np.ndarray:
        """The only array. Raises a ``ValueError`` if there are none or several."""
        return _only("array", self.arrays)

    @property
    def table(self) -> Any:
        """The only table, a DataFrame. Raises a ``ValueError`` if there are none or several."""
        return _only("table", self.tables)

    def __iter__(self):  # noqa: ANN204 - so that tb.Workbench([*bundle]) reads well
        yield from self.traces
        yield from self.results


def _only(name: str, found: tuple[Any, ...]) -> Any:
    if len(found) != 1:
        raise ValueError(
            f"this file holds {len(found)} {name}s, but bundle.{name} needs exactly one: see bundle.{name}s"
        )
    return found[0]


def save(path: str | os.PathLike[str], *records: Any) -> Path:
    """Save traces and results in one file: ``tb.save("eiffel.trace", trace, lens)``. Arrays and tables can be saved too.

    The file is safetensors, without pickle. It is written atomically.

    Args:
        path: the file to write, ending in ``.trace``; its folder must exist.
        records: traces, results about these traces, arrays and tables.

    Returns:
        The path.

    Raises:
        TypeError: the first argument is not a path.
        FileError: nothing to save, another type, a result without its trace, or a file that cannot be written.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"tb.save takes the path first, got a {type(path).__name__}: tb.save(path, trace, *results)")
    if Path(path).suffix != SUFFIX:
        raise FileError(f"records are saved as {SUFFIX}, got {printable(path)}; bench.save writes pages (.html)")
    if not records:
        raise FileError("there is nothing to save: tb.save(path, trace, *results)")
    for record in records:
        if not isinstance(record, (Trace, Result)) and key_of(record) is None:
            raise FileError(f"cannot save a {type(record).__name__}: expected traces and results of analyses")
    traces = list({record.hash: record for record in records if isinstance(record, Trace)}.values())
    results = [record for record in records if isinstance(record, Result)]
    others = [record for record in records if not isinstance(record, (Trace, Result))]
    known = {trace.hash for trace in traces}
    for result in results:
        missing = [each for each in result.traces if each not in known]
        if missing:
            raise FileError(
                f"{result!r} is about the trace {missing[0]}, which is not among the records: save it with its trace"
            )
    ordered = [*traces, *results, *map(StoredThing, others)]
    return write_records(path, [record.to_record() for record in ordered])


def open(path: str | os.PathLike[str]) -> Bundle:  # noqa: A001 - the public name is tb.open
    """Open a file that `save` wrote. Arrays stay on disk until they are used.

    Raises:
        TypeError: the argument is not a path.
        FileError: the file is missing, damaged, of another program, or of a newer version.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"tb.open takes the path of a {SUFFIX} file, got a {type(path).__name__}")
    if Path(path).suffix.lower() in (".html", ".htm"):
        raise FileError(f"{printable(path)} is a page for a browser; tb.open reads a {SUFFIX} file")
    try:
        records = read_records(path)
        things = [_class(record.kind).from_record(record) for record in records]
    except FileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # The JSON holds something that this version cannot read.
        raise FileError(f"{printable(path)} is damaged or of another version: {error.args[0]}") from error
    traces = Traces(thing for thing in things if isinstance(thing, Trace))
    for thing, record in zip(things, records, strict=True):
        problem = _misfit(thing, record, traces) if isinstance(thing, Result) else None
        if problem:
            raise FileError(f"{printable(path)} is damaged or of another version: its {record.kind} {problem}")
    stored = [thing.value for thing in things if isinstance(thing, StoredThing)]
    arrays = tuple(value for value in stored if key_of(value) == "$array")
    tables = tuple(value for value in stored if key_of(value) == "$table")
    return Bundle(tuple(traces), tuple(thing for thing in things if isinstance(thing, Result)), arrays, tables)


def _class(kind: str) -> Any:
    return StoredThing if kind == StoredThing.kind else registry.result_class(kind)


def _misfit(result: Any, record: Record, traces: Traces) -> str | None:
    """Why a result does not fit these traces; None if it fits."""
    missing = [each for each in result.traces if traces.find(each) is None]
    if missing:
        there = ", ".join(trace.hash for trace in traces) or "none"
        return f"is about trace {missing[0]}, the file holds trace {there}"
    try:
        request_for(result)
    except ValueError as error:
        return str(error)
    trace = traces.first_of(result)
    # Only the result knows which axis belongs to which of several traces, so we cannot check those.
    return _misplaced(result, record, trace) if trace is not None and len(result.traces) == 1 else None


def _misplaced(result: Any, record: Record, trace: Trace) -> str | None:
    """The tokens or coordinates of a result that its trace lacks, as a message; None if it has them all."""
    if isinstance(tokens := getattr(result, "tokens", None), Tokens) and tokens != trace.tokens:
        return f"names {counted(len(tokens), 'token')} that are not the {len(trace.tokens)} of the trace"
    positions = range(len(trace.tokens))
    there = {"token": positions, "layer": range(-1, trace.provenance.layers), "step": trace.steps}
    there |= {"query": positions, "key": positions}
    for name, array in record.arrays.items():
        for axis in array.axes if isinstance(array, LabeledArray) else ():
            if axis.name in result.whole_text and axis.coords != tuple(positions):
                return f"has {counted(len(axis), 'position')} as {axis.name} in {name}, the trace has {len(positions)}"
            beyond = [coord for coord in axis.coords if axis.name in there and coord not in there[axis.name]]
            if beyond:
                return f"has {axis.name} {beyond[0]} in {name}, the trace has none"
    return None
