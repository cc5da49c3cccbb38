"""The base class of results. Its hooks let other rooms use a result without knowing its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tracebench.record.checks import Check
from tracebench.record.counts import counted
from tracebench.record.files import Record
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

#: The place of a result's sentence in the head of a bench. ``"continues"`` continues the sentence of the trace,
#: ``"compares"`` answers its own question and comes first, ``"adds"`` comes last.
Says = Literal["continues", "compares", "adds"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """Frozen data with named axes. Subclasses are frozen dataclasses that override the hooks they need.

    ``kind`` is the name in the registry, in requests and in files. ``whole_text`` names the axes that run over every
    position of the text.

    Args:
        traces: hashes of the traces that the result is about; may be empty.
        method: repr of the analysis: Python that makes the same analysis.
        cost: computing time in seconds.
        checks: the checks made during the computation.
    """

    kind: ClassVar[str]
    whole_text: ClassVar[tuple[str, ...]] = ()

    traces: tuple[str, ...]
    method: str
    cost: float = 0.0
    checks: tuple[Check, ...] = ()

    @property
    def trace(self) -> str | None:
        """The hash of its only trace; None if there are none or several."""
        return self.traces[0] if len(self.traces) == 1 else None

    @property
    def says(self) -> Says:
        """The place of its sentence in the head of a bench."""
        return "adds"

    def sentence(self, trace: Trace, step: int) -> Parts | None:  # noqa: ARG002 - a hook
        """A sentence about a step of one of its traces; None if it has nothing to say."""
        return None

    def question(self, trace: Trace, step: int) -> str | None:  # noqa: ARG002 - a hook
        """The question that it answers at a step; None means the question of the trace."""
        return None

    def other_targets(self, trace: Trace) -> list[Target]:  # noqa: ARG002 - a hook
        """Targets that mean the same as its own, e.g. with a token given by id instead of text."""
        return []

    def lines(self, trace: Trace) -> Iterator[str]:  # noqa: ARG002 - a hook
        """Its lines in a console report."""
        yield from ()

    def step_column(self, trace: Trace) -> tuple[str, list[str]] | None:  # noqa: ARG002 - a hook
        """Its column in the table of steps of a console report: a heading and one cell per step; None for no column."""
        return None

    def to_pandas(self) -> pd.DataFrame:
        """Its numbers as a table."""
        raise NotImplementedError(f"{type(self).__name__} has no table")

    def figure(self) -> Figure:
        """Its plotly Figure."""
        raise NotImplementedError(f"{type(self).__name__} has no figure")

    def to_record(self) -> Record:
        """The record that `tb.save` writes."""
        raise NotImplementedError(f"{type(self).__name__} cannot be saved")

    @classmethod
    def from_record(cls, record: Record) -> Result:
        """The reverse of `to_record`."""
        raise NotImplementedError(f"{cls.__name__} cannot be read from a file")

    @property
    def checks_in_words(self) -> str:
        """``3 checks`` or ``1 broken check``, for a repr."""
        broken = sum(check.state == "broken" for check in self.checks)
        return counted(broken, "broken check") if broken else counted(len(self.checks), "check")


def about(result: Result) -> dict[str, Any]:
    """The fields of `Result` as JSON, for a record."""
    return {
        "method": result.method,
        "traces": list(result.traces),
        "cost": result.cost,
        "checks": [check.to_json() for check in result.checks],
    }


def about_from(json: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a result from the JSON of its record: those of `about`, and the other ones unchanged."""
    given = dict(json)
    if "trace" in given:  # format 1 has one trace per result
        given["traces"] = [given.pop("trace")]
    given["traces"] = tuple(given["traces"])
    given["checks"] = tuple(Check.from_json(check) for check in given["checks"])
    return given
