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
from tracebench.bench.slots import Slot, replace_defaults, slots_of, sorted_out
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

#: Returns the default requests about a trace, and a note for the head of the bench.
Usual = Callable[[Trace], tuple[list[Request], str | None]]


class Workbench(Saving, SyncedWidget):
    """Linked views of traces: ``tb.Workbench([trace, lens])``, also without a model.

    Args:
        things: traces, in order; results to show; requests, which are answered when a view asks.
        answerer: answers the requests; by default only the given results.
        usual: gives further requests about each trace. Without it, each view asks the same about all traces.

    Attributes:
        traces: the traces, in the order of `selection.trace`; `add` appends one.
        selection: the shared `Selection`; read, set and observe it.
        views: the view widgets. Each can also be shown alone in a cell and stays linked.
        arrangement: the layout of the views: ``{"order": [names], "hidden": [names], "enlarged": name or None}``. The name of
            a view is its stem (``"lens_table"``; the second of a kind is ``"lens_table-2"``). Set the whole dict; missing
            fields get their defaults: ``bench.arrangement = {"hidden": ["attention"]}``. A hidden view asks nothing. Every
            display of the bench follows the arrangement, and a saved page opens with it.

    Raises:
        TypeError: a thing of another type, or an unknown keyword.
        ValueError: there is nothing to show, or a result is about a trace that is not given.
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
            requests += self._usual_requests(trace)
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
        self._send_requests()
        # Update the static output when the selection, the visible views or their requests change.
        self.selection.observe(self._on_change, ["trace", "step"])
        self.observe(self._on_change, "arrangement")
        for slot, view in zip(self._slots, self.views, strict=True):
            view.observe(self._on_change, "_asked")
            view.observe(lambda change, slot=slot: slot.take_up(self.traces, change["new"]), "_requests")

    def add(self, trace: Trace, *things: Any, lm: Any = None) -> int:
        """Append a trace, also while the bench is displayed.

        Args:
            trace: the new trace. If it is already here, it keeps its index.
            things: requests about it; in a bench without a model also results.
            lm: the model that made it, needed if the bench has several models.

        Returns:
            Its index: ``bench.selection.trace = bench.add(trace)`` selects it.

        Raises:
            TypeError: a thing of another type, or a result in a bench with a model.
            ValueError: the bench is closed, has no view for a thing, or needs ``lm``.
        """
        self.check_open()
        if not isinstance(trace, Trace):
            raise TypeError(f"add takes a trace first, got a {type(trace).__name__}: bench.add(trace, *results)")
        _, results, requests = sorted_out([trace, *things], others=self.traces)
        if results and not isinstance(self._answerer, Stored):
            raise TypeError("a bench with a model computes its results itself: add the trace, or a request about it")
        shown = {other for slot in self._slots for other in (slot.kind, *registry.view_class(slot.kind).shows_also)}
        given, usual = [*map(request_for, results), *requests], []
        for each in given:
            if each.trace is None:
                raise ValueError(
                    f"add takes what is about the new trace alone, got {each.analysis} about {len(each.traces)}"
                )
            if (kind := registry.result_kind(each.analysis)) not in shown:
                raise ValueError(
                    f"this bench has no view for {kind}, and a displayed bench gets none: make one with "
                    "tb.Workbench([*traces, *results])"
                )
        # A trace that answers a request is added on another thread.
        with self._adding:
            known = self.traces.index(trace.hash)
            if known is None:
                # First what may fail: then nothing of the trace is here, and a second try starts anew.
                self._answerer.add(trace, lm)
                usual, note = self._usual(trace) if self._usual else ([], None)
                data = TraceData(trace)
                known = self.traces.add(trace)
                self._trace_data.append(data)
                self._notes.append(note)
            if isinstance(self._answerer, Stored):
                self._answerer.keep(results)
            # Drop default requests without a view, because a new view would move the others.
            before = len(self._slots)
            self._slots = slots_of([*given, *usual], self._slots)[:before]
            replace_defaults(self._slots, given)
            self._send_requests()
        return known

    def _things(self) -> dict[str, Any]:
        """Content hash -> trace, array or table, for the parameters of requests."""
        rows: list[Any] = [*self.views, *(request for slot in self._slots for request in slot.all())]
        return {content: thing for each in rows for content, thing in each.things.items()} | {
            trace.hash: trace for trace in self.traces
        }

    def _usual_requests(self, trace: Trace) -> list[Request]:
        requests, note = self._usual(trace) if self._usual else ([], None)
        self._notes.append(note)
        return requests

    def _send_requests(self) -> None:
        """Send each view its requests about each trace, and the head its notes."""
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
        """The selected trace; None if the bench has none."""
        return self.traces[self.selection.trace or 0] if len(self.traces) else None

    @property
    def title(self) -> str:
        """The title of its page."""
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
        """The default and alternative requests about the selected trace, view by view."""
        rows = ((view.first_request, *view.alternatives) for view in self.views)
        return tuple(request for row in rows for request in row if request is not None)

    def current_requests(self) -> list[Request]:
        """The current and alternative requests of the visible views about every trace, the selected trace first.

        They are at the selected step, or at step 0 of a trace without that step.
        """
        selected, found = self.selection.step or 0, []
        for trace in [self.trace, *(trace for trace in self.traces if trace is not self.trace)]:
            step = selected if trace is None or selected in trace.steps else 0
            found += [request for question in self._in_sight(trace) for request in question.at(step)]
        return found

    def _in_sight(self, trace: Trace | None) -> list[Question]:
        """The requests of the visible views about a trace, in the order of the views."""
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
        """The requests with sentences that continue that of the trace, also of hidden views."""
        names = arranging.names_of(self._stems)
        found, things = self._continuing_views(), self._things()
        return [_question(names[at], self._slots[at], self.views[at], self.trace, things) for at in found]

    def _continuing_views(self) -> list[int]:
        """The first view of each kind with sentences that continue that of the trace."""
        first: dict[str, int] = {}
        for at, slot in enumerate(self._slots):
            if registry.kind(slot.kind).continues:
                first.setdefault(slot.kind, at)
        return [*first.values()]

    def summary(self, step: int | None = None) -> str:
        """The sentence in the head of the bench: the token of a step, how sure the model was, and its layers.

        The layers need the answer of the lens. If a view has an answer to a follow-up (why this token rather than that one,
        or another method), the summary is the sentence of that answer.

        Args:
            step: a step of the selected trace; None means the selected step.

        Raises:
            IndexError: the trace has no such step.
        """
        if self.trace is not None and step is not None:
            self.trace.check_step(step)
        sentences = self._head(step).sentences()
        return as_text(sentences[0]) if sentences else "Nothing was generated: this is a text to read."

    @property
    def checks(self) -> Checks:
        """Name of a view -> the checks of its answers at the selected step.

        These are the checks in the head of the bench: those of the trace (``"generation"``) and of all known answers.
        """
        return self._head().checks()

    def check_open(self) -> None:
        if self.comm is None:
            raise ValueError(
                "this bench is closed: make a new one with tb.explore(lm, trace), or from its results with "
                "tb.Workbench([trace, *results])"
            )

    def close(self) -> None:
        """Close the bench and its views, and end its session."""
        # ipywidgets also calls this for a bench whose __init__ raised, so attributes may be missing.
        for widget in filter(None, (*self.views, *getattr(self, "_trace_data", ()), self._answers, self.selection)):
            widget.close()
        if hasattr(self, "_answerer"):
            self._answerer.close()
        super().close()

    def _wanted(self) -> set[str]:
        """The keys of the requests of the visible views, and of those that continue the sentence of the trace."""
        step = self.selection.step or 0
        continuing = [request for question in self._continuing() for request in question.own(step)]
        return {request.key for request in (*self.current_requests(), *continuing)}

    def _save_from_browser(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        page = self.save(unused_path(Path.cwd(), self.title))
        return {"path": str(page), "size": page.stat().st_size, "note": repr(page)}

    def _size_for_browser(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        expected = self.size()
        return {"size": expected.bytes, "least": bool(expected.unknown), "note": expected.note}

    def _static_body(self, known: Mapping[str, Any] | None = None) -> str:
        """The static HTML: the sentences, the text, and the checks."""
        head = self._head(known=known)
        return static_body(
            head.trace, head.step, [as_text(parts) for parts in head.sentences()], head.checks().sentence
        )

    def _static(self) -> dict[str, str]:
        """Build the static output from cached results; compute nothing."""
        kept = self._answers.kept
        known = {key: result for key, result in self._known.items() if key not in kept.forgotten}
        body = self._static_body({**known, **kept.by_request()})
        return {"text/html": static_html(body), "text/plain": repr(self)}

    def _on_change(self, _change: Any) -> None:
        self._output.stale()

    def _ipython_display_(self, **_: Any) -> None:
        """Display two outputs: static HTML and the widget.

        In a reopened notebook JupyterLab shows "model not found" for the widget, and uses no other format of that output. So
        the static HTML is a separate output. The live bench hides it (see workbench.css).
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
    """The requests of a view about a trace: the current one and the alternatives."""
    first = slot.shared if trace is None else slot.at(trace)
    if first is None:
        return Question(name, None)
    asked = view.asked_about(first)
    offered = tuple(replace(each, things=things) for each in view.offered_about(first))
    return Question(name, replace(asked or first, things=things), offered, asked is not None)
