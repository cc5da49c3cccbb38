"""What every view shares: requests about each trace, the selection, and the answers that it asks for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tracebench import registry
from tracebench.requests.request import Request

STATIC = Path(__file__).parent.parent / "static"


def static_text(name: str) -> str:
    """A built bundle. A missing one must say what to do.

    Text and not a path: anywidget watches paths, and keeps every widget that was ever made alive for it.
    """
    path = STATIC / name
    if not path.is_file():
        raise FileNotFoundError(f"the front end is not built ({name} is missing): run `make js`, or install the wheel")
    return path.read_text("utf-8")


def reject_unknown(cls: type, given: Iterable[str], known: Iterable[str]) -> None:
    """traitlets swallows unknown keywords; a misspelt one would silently do nothing."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise TypeError(
            f"{cls.__name__} does not know {', '.join(unknown)}; it takes {', '.join(known)}. Check the spelling."
        )


class SyncedWidget(anywidget.AnyWidget):
    """A widget whose state a page may set. It rejects invalid state from an old page and sends the current state back."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        try:
            super().set_state(sync_data)
        except traitlets.TraitError as wrong:
            warnings.warn(f"{type(self).__name__} ignores what a page sent: {wrong}", stacklevel=2)
            self.send_state([name for name in sync_data if name in self.keys])


class View(SyncedWidget):
    """One linked view. Subclasses set ``stem``, ``_esm`` and ``_css``.

    Args:
        requests: what the view asks at first about each trace of the bench, in their order; None where it asks nothing.
        alternatives: what it offers to ask instead about each trace.
        traces: references to the data of the traces, in their order.
        selection: the shared `Selection`.
        answers: the `Answers` that it asks.
    """

    stem = ""
    #: Kinds of results that this view shows too, one at a time: in a bench with both they get no view of their own.
    shows_also: tuple[str, ...] = ()
    #: Whether its fields, or Python, can ask it another question than its first one.
    takes_questions = False

    _data = traitlets.Dict().tag(sync=True, echo_update=False)
    _requests = traitlets.List().tag(sync=True, echo_update=False)
    _alternatives = traitlets.List().tag(sync=True, echo_update=False)
    _traces = traitlets.List().tag(sync=True, echo_update=False)
    _asked = traitlets.Any(None).tag(sync=True)
    selection = anywidget.WidgetTrait().tag(sync=True)
    _answers = anywidget.WidgetTrait().tag(sync=True)

    def __init__(
        self,
        *,
        requests: Sequence[Request | None],
        alternatives: Sequence[Sequence[Request]] = (),
        traces: Sequence[str] = (),
        selection: Any,
        answers: Any,
        **unknown: Any,
    ) -> None:
        reject_unknown(type(self), unknown, ("requests", "alternatives", "traces", "selection", "answers"))
        super().__init__(_data=self.data(), selection=selection, _answers=answers)
        self.set_requests(requests, alternatives, traces)

    @classmethod
    def data(cls) -> dict[str, Any]:
        """What such a view needs beside the data of the traces."""
        return {}

    @classmethod
    def label(cls, request: Request) -> str:
        """What its menu calls a request of a kind in ``shows_also``."""
        return registry.analysis(request.analysis).label

    @classmethod
    def usual_alternatives(cls, request: Request) -> list[Request]:  # noqa: ARG003 - a hook
        """What it offers to ask beside a request where the bench names nothing."""
        return []

    def set_requests(
        self,
        requests: Sequence[Request | None],
        alternatives: Sequence[Sequence[Request]] = (),
        traces: Sequence[str] = (),
    ) -> None:
        """What it asks about each trace, e.g. after one was added."""
        offered = [
            alternatives[at] if at < len(alternatives) and alternatives[at] else self._usual(each)
            for at, each in enumerate(requests)
        ]
        with self.hold_sync():
            self._requests = [each.to_json() if each else None for each in requests]
            self._alternatives = [
                [{"label": self.label(each), "request": each.to_json()} for each in row] for row in offered
            ]
            self._traces = list(traces)

    @classmethod
    def _usual(cls, request: Request | None) -> list[Request]:
        return cls.usual_alternatives(request) if request else []

    @property
    def request(self) -> Request | None:
        """What the view asks now about the selected trace: its first question, or the one it was asked since.

        It is asked another one through its fields or by setting this. Where its target has a step, the view asks at the step
        that is selected. A page that is saved opens with it. Set it to a `Request` of an analysis of the same kind on the same
        trace, or to None for the first question again.
        """
        first = self.first_request
        return None if first is None else self.asked_about(first) or first

    @request.setter
    def request(self, request: Request | None) -> None:
        if request is not None and not isinstance(request, Request):
            raise TypeError(f"request is a tb.Request or None (the first question again), got {request!r}")
        first = self.first_request
        if first is None:
            raise traitlets.TraitError(f"{type(self).__name__} asks nothing about this trace: it has no request to set")
        others = {about: each for about, each in (self._asked or {}).items() if about != _about(first)}
        self._asked = others if request is None else {**others, _about(first): request.to_json()}

    @property
    def first_request(self) -> Request | None:
        """What it asks at first about the selected trace."""
        at = self.selection.trace or 0
        asked = self._requests[at] if at < len(self._requests) else None
        return Request.from_json(asked) if asked else None

    @property
    def alternatives(self) -> tuple[Request, ...]:
        """What it offers to ask instead about the selected trace."""
        first = self.first_request
        return () if first is None else self.offered_about(first)

    @property
    def is_followup(self) -> bool:
        """Whether it asks another question about the selected trace than at first."""
        first = self.first_request
        return first is not None and self.asked_about(first) is not None

    def asked_about(self, first: Request) -> Request | None:
        """What it was asked instead of a first request; None where it still asks that."""
        asked = (self._asked or {}).get(_about(first))
        return Request.from_json(asked) if asked else None

    def offered_about(self, first: Request) -> tuple[Request, ...]:
        """What it offers to ask instead of a first request."""
        for asked, offered in zip(self._requests, self._alternatives, strict=True):
            if asked and Request.from_json(asked).key == first.key:
                return tuple(Request.from_json(each["request"]) for each in offered)
        return ()

    @traitlets.validate("_requests")
    def _validate_requests(self, proposal: dict[str, Any]) -> list[Any]:
        """A page may ask what other traces are asked about one that was left out."""
        try:
            for asked in proposal["value"]:
                _ = None if asked is None else Request.from_json(asked)
        except (TypeError, ValueError, LookupError, AttributeError) as wrong:
            raise traitlets.TraitError(f"this is no list of requests, so the view keeps its own: {wrong}") from wrong
        return proposal["value"]

    @traitlets.validate("_asked")
    def _validate_asked(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        given = proposal["value"]
        if given is None:
            return None
        if not isinstance(given, Mapping):
            raise traitlets.TraitError(f"what a view is asked is a mapping from traces to requests, got {given!r}")
        checked = {about: self._checked(about, asked) for about, asked in given.items()}
        return {about: asked for about, asked in checked.items() if asked is not None} or None

    def _checked(self, about: str, asked: Any) -> dict[str, Any] | None:
        """A question about a trace of this view; None where it is the first one."""
        firsts = [Request.from_json(each) for each in self._requests if each]
        first = next((each for each in firsts if _about(each) == about), None)
        if not firsts:
            raise traitlets.TraitError(f"{type(self).__name__} asks nothing: it has no request to set")
        if not self.takes_questions:
            raise traitlets.TraitError(
                f"{type(self).__name__} shows the answer to the one question that it was made for: "
                "tb.Workbench([trace, request]) shows another"
            )
        try:
            request = Request.from_json(asked)
            kinds = [registry.result_kind(each.analysis) for each in (request, firsts[0])]
        except (TypeError, ValueError, LookupError, AttributeError) as wrong:
            sentence = wrong.args[0] if wrong.args else wrong
            raise traitlets.TraitError(f"this is no request, so the view keeps its question: {sentence}") from wrong
        if first is None or request.traces != first.traces:
            raise traitlets.TraitError("the request is about another trace than the one that this view shows")
        if kinds[0] != kinds[1]:
            raise traitlets.TraitError(f"{request.analysis} gives a {kinds[0]}, this view shows a {kinds[1]}")
        return None if request.key == first.key else request.to_json()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _about(request: Request) -> str:
    """What a request is about, as one text."""
    return "+".join(request.traces)
