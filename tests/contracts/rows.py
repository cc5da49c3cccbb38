"""What the registry has, as rows. The only file of the contracts that reads the registry.

Rows that an installed package adds by entry points are among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from tracebench import registry
from tracebench.analyses import base
from tracebench.requests.request import Request, request_for
from tracebench.session.session import Session


@dataclass(frozen=True)
class Analysis:
    """One analysis: its name, and the kind of its result."""

    name: str
    gives: str

    @property
    def type(self) -> type:
        return registry.find("analyses", self.name)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Kind:
    """One kind of record: the class of the record, and the view that shows it."""

    name: str

    @property
    def result(self) -> type:
        return registry.find("results", self.name)

    @property
    def view(self) -> type:
        return registry.find("views", self.name)

    @property
    def is_ours(self) -> bool:
        """Whether the view is built in this repository."""
        return self.view.__module__.startswith("tracebench.")

    def before(self, trace: Any) -> dict[str, Any]:
        """What the view has of a trace before its answer is there."""
        return self.view.data(trace)

    def pack(self, result: Any, trace: Any) -> dict[str, Any]:
        """The tree that crosses to the browser."""
        return self.view.pack(result, trace)

    def slices(self, result: Any, trace: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Coordinates, the tree in a page, and the tree in a notebook, of every slice that a page has."""
        for coords, tree in getattr(self.view, "slices", lambda *_: ())(result, trace):
            yield coords, tree, self.view.pack_slice(result, trace, coords)

    def __str__(self) -> str:
        return self.name


def _names(table: str, ours: Mapping[str, Any]) -> list[str]:
    return sorted({*ours, *(entry.name for entry in entry_points(group=f"tracebench.{table}"))})


ANALYSES = [Analysis(name, registry.result_kind(name)) for name in _names("analyses", registry.ANALYSES)]
KINDS = [Kind(name) for name in _names("results", registry.RESULTS)]

#: The kind of the record that all others are about.
TRACE = next(kind for kind in KINDS if kind.name == "trace")


def asked(analysis: Any, trace: Any, target: Any = None) -> Request:
    """The request that an analysis with these parameters answers."""
    return base.request(analysis, trace, target)


def answered(request: Request, lm: Any, trace: Any) -> Any:
    """The result of a request."""
    return base.run(request, lm, trace)


def request_of(result: Any) -> Request:
    """The request that a result answers."""
    return request_for(result)


def session(lm: Any, trace: Any) -> Session:
    """A model that answers the requests of a bench."""
    return Session(lm, trace)
