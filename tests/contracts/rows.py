"""What the registry has, as rows. The only file of the contracts that reads the registry.

Rows that an installed package adds by entry points are among them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tracebench import registry
from tracebench.analyses import base
from tracebench.record.traces import Traces
from tracebench.requests import code
from tracebench.requests.request import Request
from tracebench.session.session import Session
from tracebench.widgets import trees
from tracebench.widgets.trace_data import trace_tree


@dataclass(frozen=True)
class Analysis:
    """One analysis: its name, and the kind of its result."""

    name: str
    gives: str

    @property
    def type(self) -> type:
        return registry.analysis_class(self.name)

    @property
    def methods(self) -> tuple[tuple[str, str], ...]:
        """What a menu offers: label -> repr."""
        return registry.analysis(self.name).methods

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Kind:
    """One kind of record: the class of the record, and the view that shows it."""

    name: str

    @property
    def result(self) -> type:
        return registry.result_class(self.name)

    @property
    def view(self) -> type:
        return registry.view_class(self.name)

    @property
    def is_ours(self) -> bool:
        """Whether the view is built in this repository."""
        return self.view.__module__.startswith("tracebench.")

    def before(self) -> dict[str, Any]:
        """What the view has before its answer is there, beside the data of the traces."""
        return self.view.data()

    def pack(self, result: Any, trace: Any) -> dict[str, Any]:
        """The tree that crosses to the browser."""
        return trace_tree(result) if self == TRACE else trees.pack(result, Traces([trace]))

    def slices(self, result: Any, trace: Any) -> Iterator[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]]:
        """Coordinates, the tree in a page, and the tree in a notebook, of every slice that a page has."""
        if self == TRACE:
            return
        for coords, tree in trees.slices(result, Traces([trace]), None):
            yield coords, tree, trees.pack_slice(result, Traces([trace]), coords)

    def __str__(self) -> str:
        return self.name


ANALYSES = [Analysis(row.name, row.gives) for row in registry.analyses()]
KINDS = [Kind(row.name) for row in registry.kinds()]

#: The kind of the record that all others are about.
TRACE = next(kind for kind in KINDS if kind.name == "trace")


def asked(analysis: Any, trace: Any, target: Any = None) -> Request:
    """The request that an analysis with these parameters answers."""
    return base.request(analysis, trace, target=target)


def answered(request: Request, lm: Any, trace: Any) -> Any:
    """The result of a request."""
    return base.run(request, lm, [trace])


def request_of(result: Any) -> Request:
    """The request that a result answers."""
    return code.request_for(result)


def session(lm: Any, trace: Any) -> Session:
    """A model that answers the requests of a bench."""
    return Session([(lm, trace)])
