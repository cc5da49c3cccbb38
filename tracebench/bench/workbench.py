"""The bench: traces, views of their results, one selection, and what answers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tracebench import registry
from tracebench.bench import arrangement as arranging
from tracebench.bench.head import Checks, Head, Question
from tracebench.bench.saving import Saving
from tracebench.bench.slots import Slot, slots_of, sorted_out
from tracebench.offline.names import unused_path
from tracebench.offline.size import Measure
from tracebench.offline.static import static_body, static_html
from tracebench.offline.static_output import StaticOutput
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.aliases import by_all_names
from tracebench.requests.code import request_for
from tracebench.requests.request import Answerer, Request
from tracebench.requests.stored import Stored
from tracebench.sentences.title import title_of
from tracebench.sentences.words import as_text
from tracebench.widgets.answers import Answers
from tracebench.widgets.base import SyncedWidget, View, reject_unknown, static_text
from tracebench.widgets.selection import Selection
from tracebench.widgets.trace_data import TraceData

#: What a bench asks by itself about a trace: the requests, and a note for its head.
Usual = Callable[[Trace], tuple[list[Request], str | None]]


class Workbench(Saving, SyncedWidget):
    """Linked views of traces: ``tb.Workbench([trace, lens])``, also without a model.

    Args:
        things: traces, in their order; results, which are shown as they are; requests, which are answered when a view asks.
        answerer: what answers requests; by default the given results alone.
        usual: what to ask about each trace beside that; without it every view asks about every trace what it asks about one.

    Attributes:
        traces: what is shown, in the order of `selection.trace`; `add` puts another at the end.
        selection: what is looked at; read, set and observe it.
        views: the view widgets, each of which can also be shown alone in a cell and stays linked.
        arrangement: how the views are shown: ``{"order": [names], "hidden": [names], "enlarged": name or None}``. A view's
            name is its stem (``"lens_table"``; a second one of a kind is ``"lens_table-2"``). Set it as a whole; what is left
            out is as usual: ``bench.arrangement = {"hidden": ["attention"]}``. A hidden view asks nothing. Every display of the
            bench follows it, and a saved page opens with it.
    """

    _esm = static_text("workbench.js")
    _css = static_text("workbench.css")

    _data = traitlets.Dict().tag(sync=True, echo_update=False)
    _stems = traitlets.List().tag(sync=True)
    _traces = traitlets.List().tag(sync=True, echo_update=False)
    views = traitlets.List().tag(
        sync=True, to_json=lambda views, _: [f"anywidget:{view.model_id}" for view in views], echo_update=False
    )
    selection = anywidget.WidgetTrait().tag(sync=True)
    arrangement = traitlets.Any().tag(sync=True)
    _answers = anywidget.WidgetTrait().tag(sync=True)

    def __init__(
        self, things: Iterable[Any], *, answerer: Answerer | None = None, usual: Usual | None = None, **unknown: Any
    ) -> None:
        reject_unknown(type(self), unknown, ("things", "answerer", "usual"))
        traces, results, requests = sorted_out(things)
        self.traces = Traces(traces)
        answerer = answerer if answerer is not None else Stored(results, traces)
        self._answerer, self._usual = answerer, usual
        self._notes: list[str | None] = []
        self._adding = threading.RLock()
        for trace in self.traces:
            requests += self._asked_by_itself(trace)
        self._slots = slots_of([*map(request_for, results), *requests])
        super().__init__()
        self.selection = Selection(self.traces)
        self._measure = Measure()
        self._known: dict[str, Any] = {}
        self._output = StaticOutput(self._static)
        self._answers = Answers(
            answerer,
            self.traces,
            {"save": self._save_from_browser, "size": self._size_for_browser},
            on_answer=self._output.stale,
            on_trace=self.add,
            things=self._things,
            in_sight=self._wanted,
        )
        self._trace_data = [TraceData(trace) for trace in self.traces]
        if traces:
            self._slots.insert(0, Slot("trace"))
        shared = {"selection": self.selection, "answers": self._answers}
        self.views = [registry.view_class(slot.kind)(requests=(), **shared) for slot in self._slots]
        self._stems = [view.stem for view in self.views]
        self.arrangement = {}
        self._tell_views()
        # What is left without a kernel is about this step, and the questions of the views in sight.
        self.selection.observe(self._restate, ["trace", "step"])
        self.observe(self._restate, "arrangement")
        for view in self.views:
            view.observe(self._restate, "_asked")
            view.observe(self._follow_requests, "_requests")

    def add(self, trace: Trace, *things: Any, lm: Any = None) -> int:
        """Put a trace at the end, also while the bench is displayed.

        Args:
            trace: the new one; one that is here already stays where it is.
            things: requests about it, or results where the bench has no model.
            lm: the model that made it, where the bench has several.

        Returns:
            Its index: ``bench.selection.trace = bench.add(trace)`` looks at it.
        """
        self.insist_on_open()
        if not isinstance(trace, Trace):
            raise TypeError(f"add takes a trace first, got a {type(trace).__name__}: bench.add(trace, *results)")
        _, results, requests = sorted_out([trace, *things], others=self.traces)
        if results and not isinstance(self._answerer, Stored):
            raise TypeError("a bench with a model computes its results itself: add the trace, or a request about it")
        shown = {other for slot in self._slots for other in (slot.kind, *registry.view_class(slot.kind).shows_also)}
        for each in (*map(request_for, results), *requests):
            if (kind := registry.result_kind(each.analysis)) not in shown:
                raise ValueError(
                    f"this bench has no view for {kind}, and a displayed bench gets none: make one with "
                    "tb.Workbench([*traces, *results])"
                )
        # A request that gives a trace adds it from the thread that answers.
        with self._adding:
            known = self.traces.index(trace.hash)
            if known is None:
                self._answerer.add(trace, lm)
                known = self.traces.add(trace)
                self._trace_data.append(TraceData(trace))
                requests += self._asked_by_itself(trace)
            if isinstance(self._answerer, Stored):
                self._answerer.keep(results)
            # What a bench asks by itself and has no view for is not asked: a new view would move the others.
            before = len(self._slots)
            self._slots = slots_of([*map(request_for, results), *requests], self._slots)[:before]
            self._tell_views()
        return known

    def _follow_requests(self, change: Mapping[str, Any]) -> None:
        """A page asks about a trace what was asked about others only: the bench counts and saves that too."""
        slot = self._slots[self.views.index(change["owner"])]
        for trace, asked in zip(self.traces, change["new"], strict=False):
            if asked is not None and slot.at(trace) is None:
                slot.requests[trace.hash] = Request.from_json(asked)

    def _things(self) -> dict[str, Any]:
        """What the parameters of its requests name by content hash: its traces, and what came with the requests."""
        rows = [request for slot in self._slots for request in slot.all()]
        return {content: thing for each in rows for content, thing in each.things.items()} | {
            trace.hash: trace for trace in self.traces
        }

    def _asked_by_itself(self, trace: Trace) -> list[Request]:
        requests, note = self._usual(trace) if self._usual else ([], None)
        self._notes.append(note)
        return requests

    def _tell_views(self) -> None:
        """Every view learns what it asks about each trace, and the bench what its head says about each."""
        references = [f"anywidget:{data.model_id}" for data in self._trace_data]
        traces = list(self.traces)
        for slot, view in zip(self._slots, self.views, strict=True):
            if self._usual is None:
                slot.fill(traces)
            row = slot.row(traces) if slot.kind != "trace" else [None] * len(traces)
            view.set_requests(row, slot.offers(traces), references)
        self._traces = references
        self._data = {
            "kind": "workbench",
            "code": "bench = tb.explore(lm, trace)\nbench\n",
            "continues": self._continuing_views(),
            "notes": list(self._notes),
        }

    @property
    def trace(self) -> Trace | None:
        """The trace that is looked at; None where the bench has none."""
        return self.traces[self.selection.trace or 0] if len(self.traces) else None

    @property
    def title(self) -> str:
        """What its page is called."""
        if not len(self.traces):
            return "tracebench"
        more = len(self.traces) - 1
        return title_of(self.traces[0]) + (f" and {more} more" if more else "")

    @traitlets.validate("arrangement")
    def _validate_arrangement(self, proposal: dict[str, Any]) -> dict[str, Any]:
        try:
            return arranging.checked(proposal["value"], arranging.names_of(self._stems))
        except (TypeError, ValueError) as wrong:
            raise traitlets.TraitError(str(wrong)) from wrong

    @property
    def requests(self) -> tuple[Request, ...]:
        """What its views ask at first about the selected trace, and offer to ask instead, view by view."""
        rows = ((view.first_request, *view.alternatives) for view in self.views)
        return tuple(request for row in rows for request in row if request is not None)

    def now(self) -> list[Request]:
        """What the views in sight ask about every trace, and what else they offer to ask.

        At the selected step, or at the first of a trace that has no such step. The selected trace comes first.
        """
        selected, found = self.selection.step or 0, []
        for trace in [self.trace, *(trace for trace in self.traces if trace is not self.trace)]:
            step = selected if trace is None or selected in trace.steps else 0
            found += [request for question in self._in_sight(trace) for request in question.at(step)]
        return found

    def _in_sight(self, trace: Trace | None) -> list[Question]:
        """What the views that are not hidden ask about a trace, in their order."""
        named = dict(zip(arranging.names_of(self._stems), zip(self._slots, self.views, strict=True), strict=True))
        order, hidden = self.arrangement["order"], self.arrangement["hidden"]
        things = self._things()
        return [_question(name, *named[name], trace, things) for name in order if name not in hidden]

    def _head(self, step: int | None = None, known: Mapping[str, Any] | None = None) -> Head:
        """The head of the bench at a step of the selected trace."""
        found = by_all_names(self._answerer.known() if known is None else known, self.traces)
        step = (self.selection.step or 0) if step is None else step
        return Head(self.trace, self._in_sight(self.trace), step, found, self._continuing())

    def _continuing(self) -> list[Question]:
        """The questions whose answers continue the sentence of the record, hidden or not."""
        names = arranging.names_of(self._stems)
        found, things = self._continuing_views(), self._things()
        return [_question(names[at], self._slots[at], self.views[at], self.trace, things) for at in found]

    def _continuing_views(self) -> list[int]:
        """The first view of each kind whose sentence continues that of the record."""
        first: dict[str, int] = {}
        for at, slot in enumerate(self._slots):
            if registry.kind(slot.kind).continues:
                first.setdefault(slot.kind, at)
        return [*first.values()]

    def summary(self, step: int | None = None) -> str:
        """What a step comes down to, in one sentence, as the head of the bench has it.

        With the layers once the lens has been computed. Where a view was asked another question (why this token rather than
        that one, or by another method) and the answer is there, it is that question's.

        Args:
            step: of the selected trace; None is the selected step.
        """
        if self.trace is not None and step is not None:
            self.trace.check_step(step)
        sentences = self._head(step).sentences()
        return as_text(sentences[0]) if sentences else "Nothing was generated: this is a text to read."

    @property
    def checks(self) -> Checks:
        """What proves the numbers in sight: name of a view -> the checks of its answers at the selected step.

        As the head of the bench counts them: those of the record (``"generation"``), and of every answer that is there.
        """
        return self._head().checks()

    def insist_on_open(self) -> None:
        if self.comm is None:
            raise ValueError(
                "this bench was closed, and its views with it: make it anew with tb.explore(lm, trace), or of its results with "
                "tb.Workbench([trace, *results])"
            )

    def close(self) -> None:
        """Close the bench with its views, and let its session end."""
        # ipywidgets also calls this when a bench is thrown away that was refused while it was being made.
        for widget in filter(None, (*self.views, *getattr(self, "_trace_data", ()), self._answers, self.selection)):
            widget.close()
        if hasattr(self, "_answerer"):
            self._answerer.close()
        super().close()

    def _wanted(self) -> set[str]:
        """The keys of what the bench shows: of the views in sight, and of the answers that continue the record's sentence."""
        step = self.selection.step or 0
        continuing = [request for question in self._continuing() for request in question.own(step)]
        return {request.key for request in (*self.now(), *continuing)}

    def _save_from_browser(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        page = self.save(unused_path(Path.cwd(), self.title))
        return {"path": str(page), "size": page.stat().st_size, "note": repr(page)}

    def _size_for_browser(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        expected = self.size()
        return {"size": expected.bytes, "least": bool(expected.unknown), "note": expected.note}

    def _static_body(self, known: Mapping[str, Any] | None = None) -> str:
        """What is left without a kernel: the text, its sentences, and what the checks say."""
        head = self._head(known=known)
        return static_body(
            head.trace, head.step, [as_text(parts) for parts in head.sentences()], head.checks().sentence
        )

    def _static(self) -> dict[str, str]:
        """Build the static output from cached results; compute nothing."""
        given = self._answers.given
        known = {key: result for key, result in self._known.items() if key not in given.forgotten}
        body = self._static_body({**known, **given.by_request()})
        return {"text/html": static_html(body), "text/plain": repr(self)}

    def _restate(self, _change: Any) -> None:
        self._output.stale()

    def _ipython_display_(self, **_: Any) -> None:
        """Two outputs: a static page of the finding, and the widget.

        JupyterLab shows a reopened notebook's widget as "model not found" and never falls back to another format of
        the same output, so what must survive is an output of its own. The live bench hides it (see workbench.css).
        """
        from IPython.display import display

        self._known = dict(self._answerer.known())
        self._output.display()
        if (widget := super()._repr_mimebundle_()) is not None:
            data, metadata = widget
            display(data, metadata=metadata, raw=True)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.traces)) or "no trace"
        return f"Workbench({shown}; {', '.join(self._stems)})"


def _question(name: str, slot: Slot, view: View, trace: Trace | None, things: Mapping[str, Any]) -> Question:
    """What a view asks about a trace: as it was asked since, or at first."""
    first = slot.shared if trace is None else slot.at(trace)
    if first is None:
        return Question(name, None)
    asked = view.asked_about(first)
    offered = tuple(replace(each, things=things) for each in view.offered_about(first))
    return Question(name, replace(asked or first, things=things), offered, asked is not None)
