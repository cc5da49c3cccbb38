"""The model of each trace."""

from __future__ import annotations

from collections.abc import Iterable

from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.request import Request


class Models:
    """The traces of a bench, each with its model.

    Args:
        pairs: (model, trace), at least one. The first model also answers requests without a trace.
    """

    def __init__(self, pairs: Iterable[tuple[LanguageModel, Trace]]) -> None:
        self.traces = Traces()
        self._models: dict[str, LanguageModel] = {}
        for lm, trace in pairs:
            self.add(trace, lm)

    def add(self, trace: Trace, lm: LanguageModel | None = None) -> None:
        """Append a trace unless it is already here. Without ``lm`` it gets the only model.

        Raises:
            ValueError: there are several models and none was given.
        """
        if trace.hash in self._models:
            if lm is not None and self._models[trace.hash] is not lm:
                raise ValueError(
                    f"{trace!r} is here already with another model, and a trace has one: compare two traces"
                )
            return
        if lm is None:
            if len(self.all) != 1:
                raise ValueError(
                    f"this bench has {len(self.all)} models: give the one that made {trace!r}, bench.add(trace, lm=lm)"
                )
            lm = self.all[0]
        self.traces.add(trace)
        self._models[trace.hash] = lm

    @property
    def all(self) -> list[LanguageModel]:
        """Every model once, in the order of the traces."""
        return list({id(lm): lm for lm in self._models.values()}.values())

    def of_trace(self, trace: Trace) -> LanguageModel:
        """The model of a trace.

        Raises:
            KeyError: the trace is not here.
        """
        return self._models[trace.hash]

    def for_request(self, request: Request) -> tuple[LanguageModel, list[Trace]]:
        """The model and the traces of a request.

        Raises:
            ValueError: a trace is not here, or the traces belong to several models.
        """
        unknown = [each for each in request.traces if each not in self._models]
        if unknown:
            known = ", ".join(self._models)
            raise ValueError(
                f"this session has the traces {known}, the request is about {', '.join(unknown)}: add the trace first"
            )
        found = {id(self._models[each]): self._models[each] for each in request.traces}
        if len(found) > 1:
            raise ValueError("the request is about traces of several models, but an analysis runs one model")
        lm = next(iter(found.values()), self.all[0])
        return lm, [trace for each in request.traces if (trace := self.traces.find(each)) is not None]
