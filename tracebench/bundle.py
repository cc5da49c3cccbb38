"""A trace and its results in one file, and back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracebench import registry
from tracebench.files import FileError, printable, read_records, write_records
from tracebench.trace import Trace


@dataclass(frozen=True)
class Bundle:
    """What a file holds: ``bundle.trace`` and ``bundle.results``. Arrays are read when they are used."""

    trace: Trace
    results: tuple[Any, ...]

    def __iter__(self):  # noqa: ANN204 - so that tb.Workbench([*bundle]) reads well
        yield self.trace
        yield from self.results

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": repr(self)}


def save(path: str | os.PathLike[str], *records: Any) -> Path:
    """Save one trace and any results on it: ``tb.save("eiffel.trace", trace, lens)``.

    Returns the path. One safetensors file, no pickle; written atomically.
    """
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
    """Open a file that `save` wrote."""
    try:
        things = [registry.find("results", record.kind).from_record(record) for record in read_records(path)]
    except FileError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        # Its JSON says something that no version of ours writes.
        raise FileError(f"{printable(path)} is damaged or of another version: {error.args[0]}") from error
    traces = [thing for thing in things if isinstance(thing, Trace)]
    if len(traces) != 1:
        raise FileError(f"{path} holds {len(traces)} traces, expected one")
    return Bundle(traces[0], tuple(thing for thing in things if not isinstance(thing, Trace)))
