"""What every result can be asked by rooms that do not know its kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from tracebench.record.checks import Check
from tracebench.record.files import Record
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts

if TYPE_CHECKING:
    import pandas as pd
    from plotly.graph_objects import Figure

#: How the sentence of a result joins the head of a bench. ``"continues"`` follows the sentence of the record,
#: ``"compares"`` answers a question of its own and leads, ``"adds"`` comes after them.
Says = Literal["continues", "compares", "adds"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Result:
    """Frozen data with named axes. Subclasses are frozen dataclasses, and override the hooks that apply to them.

    ``kind`` is its name in the registry, in requests and in files; ``whole_text`` names its axes that run over every position
    of the text.

    Args:
        traces: hashes of the traces that it is about; empty where it is about none.
        method: repr of the analysis, which is Python that reproduces it.
        cost: seconds.
        checks: what was proved while it was computed.
    """

    kind: ClassVar[str]
    whole_text: ClassVar[tuple[str, ...]] = ()

    traces: tuple[str, ...]
    method: str
    cost: float = 0.0
    checks: tuple[Check, ...] = ()

    @property
    def trace(self) -> str | None:
        """The hash of its trace; None where it is about none or several."""
        return self.traces[0] if len(self.traces) == 1 else None

    @property
    def says(self) -> Says:
        """How its sentence joins the head of a bench."""
        return "adds"

    def sentence(self, trace: Trace, step: int) -> Parts | None:  # noqa: ARG002 - a hook
        """What it says about a step of one of its traces; None where it says nothing about it."""
        return None

    def question(self, trace: Trace, step: int) -> str | None:  # noqa: ARG002 - a hook
        """The question that it answers at a step; None where that is the question of the record."""
        return None

    def other_targets(self, trace: Trace) -> list[Target]:  # noqa: ARG002 - a hook
        """Targets that mean the same as its own, e.g. with a token named by its id instead of its text."""
        return []

    def lines(self, trace: Trace) -> Iterator[str]:  # noqa: ARG002 - a hook
        """What a report on a console says of it, line by line."""
        yield from ()

    def step_column(self, trace: Trace) -> tuple[str, list[str]] | None:  # noqa: ARG002 - a hook
        """A column for a report's table of steps: its heading and a cell per step; None where it has none."""
        return None

    def to_pandas(self) -> pd.DataFrame:
        """Its numbers as a table."""
        raise NotImplementedError(f"{type(self).__name__} has no table")

    def figure(self) -> Figure:
        """Its picture, a plotly Figure."""
        raise NotImplementedError(f"{type(self).__name__} has no figure")

    def to_record(self) -> Record:
        """What `tb.save` writes."""
        raise NotImplementedError(f"{type(self).__name__} cannot be saved")

    @classmethod
    def from_record(cls, record: Record) -> Result:
        """The reverse of `to_record`."""
        raise NotImplementedError(f"{cls.__name__} cannot be read from a file")

    @property
    def checks_in_words(self) -> str:
        """``3 checks`` or ``1 broken check``, for a repr."""
        broken = sum(check.state == "broken" for check in self.checks)
        count, word = (broken, "broken check") if broken else (len(self.checks), "check")
        return f"{count} {word}{'' if count == 1 else 's'}"


def about(result: Result) -> dict[str, Any]:
    """The JSON of what every result has, for its record."""
    return {
        "method": result.method,
        "traces": list(result.traces),
        "cost": result.cost,
        "checks": [check.to_json() for check in result.checks],
    }


def about_from(json: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `about`, and whatever else a record's JSON has."""
    given = dict(json)
    if "trace" in given:  # format 1 knew one trace
        given["traces"] = [given.pop("trace")]
    given["traces"] = tuple(given["traces"])
    given["checks"] = tuple(Check.from_json(check) for check in given["checks"])
    return given
