"""Which model answers about which trace."""

from __future__ import annotations

from collections.abc import Iterable

from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.request import Request


class Models:
    """The traces of a bench, each with the model that answers about it.

    Args:
        pairs: (model, trace), at least one; the first model also answers requests that are about no trace.
    """

    def __init__(self, pairs: Iterable[tuple[LanguageModel, Trace]]) -> None:
        self.traces = Traces()
        self._models: dict[str, LanguageModel] = {}
        for lm, trace in pairs:
            self.add(trace, lm)

    def add(self, trace: Trace, lm: LanguageModel | None = None) -> None:
        """Put a trace at the end; one that is here already keeps its model.

        Raises:
            ValueError: no model is given where there are several.
        """
        if trace.hash in self._models:
            return
        if lm is None:
            if len(self.all) != 1:
                raise ValueError(
                    f"this bench has {len(self.all)} models: say which one made {trace!r}, bench.add(trace, lm=lm)"
                )
            lm = self.all[0]
        self.traces.add(trace)
        self._models[trace.hash] = lm

    @property
    def all(self) -> list[LanguageModel]:
        """Every model once, in the order of the traces."""
        return list({id(lm): lm for lm in self._models.values()}.values())

    def of_trace(self, trace: Trace) -> LanguageModel:
        """The model of a trace; a ``KeyError`` where the trace is not here."""
        return self._models[trace.hash]

    def of(self, request: Request) -> tuple[LanguageModel, list[Trace]]:
        """The model that answers a request, and the traces that the request is about.

        Raises:
            ValueError: a trace that is not here, or traces of several models.
        """
        unknown = [each for each in request.traces if each not in self._models]
        if unknown:
            known = ", ".join(self._models)
            raise ValueError(
                f"this session answers about the traces {known}, the request is about {', '.join(unknown)}"
            )
        found = {id(self._models[each]): self._models[each] for each in request.traces}
        if len(found) > 1:
            raise ValueError("the request is about traces of several models, and one analysis runs one model")
        lm = next(iter(found.values()), self.all[0])
        return lm, [trace for each in request.traces if (trace := self.traces.find(each)) is not None]
