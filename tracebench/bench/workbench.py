"""The bench: a trace, views of its results, one selection, and whoever answers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import anywidget
import traitlets

from tracebench import bundle, registry
from tracebench.bench import arrangement as arranging
from tracebench.bench import head as shown
from tracebench.offline.bake import ask_all, bake, in_steps, insist_on_form
from tracebench.offline.page import write_page
from tracebench.offline.size import ACCURACY, Measure, PageSize, refusal
from tracebench.offline.static import static_html
from tracebench.offline.static_output import KeptTrue
from tracebench.offline.title import title_of, unused_path
from tracebench.record.arrays import whole
from tracebench.record.files import FileError
from tracebench.record.target import Target
from tracebench.record.trace import Trace
from tracebench.requests.aliases import by_all_names
from tracebench.requests.request import Answerer, Request, request_for
from tracebench.requests.stored import Stored
from tracebench.sentences import findings
from tracebench.views.generation import GenerationView, trace_code
from tracebench.widgets import wire
from tracebench.widgets.answers import Answers
from tracebench.widgets.base import Told, View, reject_unknown, static_text
from tracebench.widgets.selection import Selection


class Workbench(Told):
    """Linked views of one trace: ``tb.Workbench([trace, lens])``, also without a model.

    Args:
        things: one `Trace`; results on it, which are shown as they are; requests, which are answered when a view asks.
        answerer: who answers requests; by default the given results alone.
        note: a sentence for the head, e.g. what the bench does not show and why.

    Attributes:
        selection: what is looked at; read, set and observe it.
        views: the view widgets, each of which can also be shown alone in a cell and stays linked.
        arrangement: how the views are shown: ``{"order": [names], "hidden": [names], "enlarged": name or None}``. A view's
            name is its stem (``"lens_table"``; a second one of a kind is ``"lens_table-2"``). Set it as a whole; what is left
            out is as usual: ``bench.arrangement = {"hidden": ["attention"]}``. A hidden view asks nothing. Every display of the
            bench follows it, and a saved page opens with it.
    """

    _esm = static_text("workbench.js")
    _css = static_text("workbench.css")

    _answerer: Answerer
    _data = traitlets.Dict().tag(sync=True, echo_update=False)
    _stems = traitlets.List().tag(sync=True)
    views = traitlets.List().tag(
        sync=True, to_json=lambda views, _: [f"anywidget:{view.model_id}" for view in views], echo_update=False
    )
    selection = anywidget.WidgetTrait().tag(sync=True)
    arrangement = traitlets.Any().tag(sync=True)
    _answers = anywidget.WidgetTrait().tag(sync=True)

    def __init__(
        self, things: Iterable[Any], *, answerer: Answerer | None = None, note: str | None = None, **unknown: Any
    ) -> None:
        reject_unknown(type(self), unknown, ("things", "answerer", "note"))
        trace, results, requests = _sorted_out(things)
        self.trace = trace
        answerer = answerer if answerer is not None else Stored(results, trace)
        self._answerer = answerer
        self._requests = [*map(request_for, results), *requests]
        self._kinds = [result.kind for result in results] + [registry.result_kind(r.analysis) for r in requests]
        super().__init__()
        self.selection = Selection(trace)
        self._measure = Measure()
        self._known: dict[str, Any] = {}
        self._kept = KeptTrue(self._static)
        self._answers = Answers(
            answerer,
            trace,
            self._save_from_browser,
            self._size_for_browser,
            told=self._kept.stale,
            in_sight=self._wanted,
        )
        shared = {"selection": self.selection, "answers": self._answers}
        views = [GenerationView(data=GenerationView.pack(trace), request=None, **shared)]
        classes = {kind: registry.find("views", kind) for kind in self._kinds}
        taken = {other for view in classes.values() for other in view.also}
        asked = list(zip(self._kinds, self._requests, strict=True))
        # What a view offers to ask beside its own question; it is in a saved page as that is.
        self._offered: list[list[Request]] = [[]]
        for kind, request in asked:
            if kind in taken:
                continue
            view = classes[kind]
            beside = [other for its, other in asked if its in view.also]
            data = view.data(trace) | (view.beside(beside) if beside else {})
            views.append(view(data=data, request=request.to_json(), **shared))
            self._offered.append(beside)
        self.views = views
        self._stems = [view.stem for view in views]
        self.arrangement = {}
        self._data = self._tree() | ({} if note is None else {"note": note})
        # What is left without a kernel is about this step, and the questions of the views in sight.
        self.selection.observe(self._say_it_anew, "step")
        self.observe(self._say_it_anew, "arrangement")
        for each in views:
            if isinstance(each, View):
                each.observe(self._say_it_anew, "_asked")

    @traitlets.validate("arrangement")
    def _validate_arrangement(self, proposal: dict[str, Any]) -> dict[str, Any]:
        try:
            return arranging.checked(proposal["value"], arranging.names_of(self._stems))
        except (TypeError, ValueError) as wrong:
            raise traitlets.TraitError(str(wrong)) from wrong

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        steps: Literal["all"] | None = None,
        max_bytes: int | None = None,
        attention: Literal["compact", "full"] | None = None,
    ) -> Path:
        """Save the bench: ``.html`` as one page that needs no kernel and no network, ``.trace`` as data.

        Args:
            path: where to; the folder must exist.
            steps: ``"all"`` computes what the views ask at every step; None saves what they ask now, and all that was
                asked before.
            max_bytes: refuse to write a page that is larger, before anything is computed where that is sure. The refusal
                names the largest parts and what to leave out; `size` tells them beforehand.
            attention: how a page holds attention: ``"compact"`` at 16 levels, with the 16 largest weights of each row exact
                and the sum of the rest; ``"full"`` with a byte for every weight, about 2.5 times as large; None is full
                where that is small.

        Returns:
            The path; its repr states the size.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"save takes the path of an .html or .trace file, got a {type(path).__name__}")
        if max_bytes is not None and whole(max_bytes) is None:
            raise TypeError(f"max_bytes is a whole number of bytes or None, got {max_bytes!r}")
        self._insist_on_open()
        suffix = Path(path).suffix.lower()
        if suffix not in (".html", ".htm", ".trace"):
            raise ValueError(f"save a bench as .html (a page) or .trace (data), got {os.fspath(path)!r}")
        if suffix == ".trace" and max_bytes is not None:
            raise ValueError("max_bytes is for a page (.html): a .trace is as large as its numbers")
        if suffix == ".trace" and attention is not None:
            raise ValueError("attention is for a page (.html): a .trace holds the exact weights")
        if suffix == ".trace":
            ask_all(self._answerer, self._now(), self.trace, steps)
            return bundle.save(path, self.trace, *self._results())
        if max_bytes is not None:
            self._insist_on_size(max_bytes, steps, attention)
        return write_page(
            path,
            self,
            self.baked(steps, attention),
            max_bytes,
            lambda size: self._refused(size, max_bytes, steps, attention),
        )

    def size(
        self, steps: Literal["all"] | None = None, attention: Literal["compact", "full"] | None = None
    ) -> PageSize:
        """About how large the page would be that `save` writes, within 10 %, without computing or writing anything.

        Args:
            steps: as in `save`.
            attention: as in `save`.

        Returns:
            A `PageSize`: its ``bytes``, its ``parts`` (code, views, every analysis with its answers), what would have to be
            computed first (``missing``), and of which of that the size is not known (``unknown``).
        """
        self._insist_on_open()
        insist_on_form(attention)
        computes = not isinstance(self._answerer, Stored)
        wanted = in_steps(self._now(), self.trace, steps) if computes else []
        return self._measure.estimate(self, self._answerer.known(), wanted, attention)

    def _insist_on_size(
        self,
        max_bytes: int,
        steps: Literal["all"] | None = None,
        attention: Literal["compact", "full"] | None = None,
    ) -> None:
        """Before anything more is computed: what is known already, or sure to come, may be too much for a page."""
        expected = self.size(steps, attention)
        if expected.bytes * (1 - ACCURACY) > max_bytes:
            raise FileError(refusal(expected.bytes, max_bytes, expected, self.size(None, attention), about=True))

    def _refused(
        self,
        size: int,
        max_bytes: int | None,
        steps: Literal["all"] | None,
        attention: Literal["compact", "full"] | None,
    ) -> str:
        return refusal(size, max_bytes or 0, self.size(steps, attention), self.size(None, attention), about=False)

    def baked(
        self, steps: Literal["all"] | None = None, attention: Literal["compact", "full"] | None = None
    ) -> dict[str, Any]:
        """The answers that go into a page: what its views ask at the selected step (or at every one), and all that is known."""
        self._insist_on_open()
        return bake(self._answerer, self._now(), self.trace, steps, attention)

    def _now(self) -> list[Request]:
        """What the views that are in sight ask at the selected step, and what else they offer to ask."""
        return [request for question in self._in_sight() for request in question.at(self.selection.step or 0)]

    def _in_sight(self) -> list[shown.Question]:
        """What the views ask that are not hidden, in their order."""
        named = dict(
            zip(arranging.names_of(self._stems), zip(self.views, self._offered, strict=True), strict=True),
        )
        order, hidden = self.arrangement["order"], self.arrangement["hidden"]
        return [_question(name, *named[name]) for name in order if name not in hidden]

    def finding(self, step: int = 0) -> str:
        """What a step comes down to, in one sentence, as the head of the bench has it.

        With the layers once the lens has been computed. Where a view was asked another question (why this token rather than
        that one, or by another method) and the answer is there, it is that question's.
        """
        known = by_all_names(self._answerer.known(), self.trace)
        return findings.as_text(shown.sentences(self.trace, self._in_sight(), step, known, self._finding_request)[0])

    @property
    def checks(self) -> shown.Checks:
        """What proves the numbers in sight: name of a view -> the checks of its answers at the selected step.

        As the head of the bench counts them: those of the record (``"generation"``), and of every answer that is there.
        """
        known = by_all_names(self._answerer.known(), self.trace)
        step = self.selection.step or 0
        return shown.checks(self.trace, self._in_sight(), step, known, self._finding_request)

    def _insist_on_open(self) -> None:
        if self.comm is None:
            raise ValueError(
                "this bench was closed, and its views with it: make it anew with tb.explore(lm, trace), or of its results with "
                "tb.Workbench([trace, *results])"
            )

    def close(self) -> None:
        """Close the bench with its views, and let its session end."""
        # ipywidgets also calls this when a bench is thrown away that was refused while it was being made.
        for widget in filter(None, (*self.views, self._answers, self.selection)):
            widget.close()
        if hasattr(self, "_answerer"):
            self._answerer.close()
        super().close()

    @property
    def _finding_request(self) -> Request | None:
        """The lens that the finding is built on, hidden or not: the first one of the bench."""
        return next((r for r, kind in zip(self._requests, self._kinds, strict=True) if kind == "lens_table"), None)

    def _wanted(self) -> set[str]:
        """The keys of what the bench shows: of the views in sight, and of the lens of the finding."""
        lens = self._finding_request
        return {request.key for request in (*self._now(), *([lens] if lens else []))}

    def _results(self) -> list[Any]:
        return list(self._answerer.known().values())

    def _tree(self) -> dict[str, Any]:
        trace, source = self.trace, self.trace.provenance
        lens = self._finding_request
        return {
            "kind": "workbench",
            "title": title_of(trace),
            "model": GenerationView.pack(trace)["model"],
            "prompt_length": trace.prompt_length,
            "steps": len(trace.steps),
            "questions": [[Target(step).sentence(trace)] for step in trace.steps],
            "said": [list(findings.said(trace, step)) for step in trace.steps],
            "checks": wire.checks(trace.checks),
            "finding_request": lens.to_json() if lens else None,
            "beside": [[request.to_json() for request in beside] for beside in self._offered],
            "code": trace_code(trace) + "bench = tb.explore(lm, trace)\nbench\n",
            "provenance": source.to_json(),
        }

    def _save_from_browser(self) -> dict[str, Any]:
        page = self.save(unused_path(Path.cwd(), title_of(self.trace)))
        return {"path": str(page), "size": page.stat().st_size, "note": repr(page)}

    def _size_for_browser(self) -> dict[str, Any]:
        expected = self.size()
        return {"size": expected.bytes, "least": bool(expected.unknown), "note": expected.note}

    def _said(self, known: Mapping[str, Any] | None = None) -> tuple[int, list[str], str]:
        """What is left without a kernel: the step that is selected, its findings, and what the checks say."""
        known = by_all_names(self._answerer.known() if known is None else known, self.trace)
        step, questions = self.selection.step or 0, self._in_sight()
        about = (self.trace, questions, step, known, self._finding_request)
        sentences = shown.sentences(*about) if self.trace.steps else []
        proved = shown.checks(*about).sentence
        return step, [findings.as_text(parts) for parts in sentences], proved

    def _static(self) -> dict[str, str]:
        """Of what was known when it was displayed, and what the views were told since; nobody is asked for it."""
        given = self._answers.given
        known = {key: result for key, result in self._known.items() if key not in given.forgotten}
        said = self._said({**known, **given.by_request()})
        return {"text/html": static_html(self.trace, *said), "text/plain": repr(self)}

    def _say_it_anew(self, _change: Any) -> None:
        self._kept.stale()

    def _ipython_display_(self, **_: Any) -> None:
        """Two outputs: a static page of the finding, and the widget.

        JupyterLab shows a reopened notebook's widget as "model not found" and never falls back to another format of
        the same output, so what must survive is an output of its own. The live bench hides it (see workbench.css).
        """
        from IPython.display import display

        self._known = dict(self._answerer.known())
        self._kept.display()
        if (widget := super()._repr_mimebundle_()) is not None:
            data, metadata = widget
            display(data, metadata=metadata, raw=True)

    def __repr__(self) -> str:
        return f"Workbench({self.trace!r}; {', '.join(self._stems)})"


def _sorted_out(things: Iterable[Any]) -> tuple[Trace, list[Any], list[Request]]:
    if isinstance(things, Trace) or not isinstance(things, Iterable):
        raise TypeError(f"a bench takes one list, got a {type(things).__name__}: tb.Workbench([trace, *results])")
    traces, results, requests = [], [], []
    for thing in things:
        kind = traces if isinstance(thing, Trace) else requests if isinstance(thing, Request) else results
        kind.append(thing)
    if len(traces) != 1:
        raise ValueError(f"a bench shows exactly one trace, got {len(traces)}: tb.Workbench([trace, *results])")
    for result in results:
        if not hasattr(result, "kind") or not hasattr(result, "method"):
            raise TypeError(f"a bench shows a trace and results of analyses on it, got a {type(result).__name__}")
        if result.trace != traces[0].hash:
            raise ValueError(f"{result!r} was computed on another trace than {traces[0]!r}")
    return traces[0], results, requests


def _question(name: str, view: Any, beside: list[Request]) -> shown.Question:
    # A third party's view may be any widget, which asks nothing.
    if not isinstance(view, View):
        return shown.Question(name, None, tuple(beside))
    return shown.Question(name, view.request, tuple(beside), view.is_asked_otherwise)
