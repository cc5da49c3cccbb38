"""The base class of views: its requests about each trace, the selection, and the answers."""

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
    """The text of a built bundle.

    We pass the text and not the path, because anywidget watches a path and then keeps every widget in memory.

    Raises:
        FileNotFoundError: the front end is not built.
    """
    path = STATIC / name
    if not path.is_file():
        raise FileNotFoundError(f"the front end is not built ({name} is missing): run `make js`, or install the wheel")
    return path.read_text("utf-8")


def reject_unknown(cls: type, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise a ``TypeError`` for unknown keywords, which traitlets would ignore."""
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise TypeError(
            f"{cls.__name__} does not know {', '.join(unknown)}; it takes {', '.join(known)}. Check the spelling."
        )


class SyncedWidget(anywidget.AnyWidget):
    """A widget with state that a page can set. It rejects invalid state from an old page and sends the current state back."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        try:
            super().set_state(sync_data)
        except traitlets.TraitError as wrong:
            warnings.warn(f"{type(self).__name__} ignores the state that a page sent: {wrong}", stacklevel=2)
            self.send_state([name for name in sync_data if name in self.keys])


class View(SyncedWidget):
    """One linked view. Subclasses set ``stem``, ``_esm`` and ``_css``.

    Args:
        requests: the default request about each trace of the bench; None for a trace without one.
        alternatives: the alternative requests about each trace.
        traces: references to the `TraceData` of each trace.
        selection: the shared `Selection`.
        answers: the `Answers` of the bench.
    """

    stem = ""
    #: Other kinds of results that this view can show. In a bench with both kinds, they get no own view.
    shows_also: tuple[str, ...] = ()
    #: Whether Python sets all requests now; a page may only fill empty ones.
    _replaces_requests = False
    #: Whether its fields, or Python, can replace its default request.
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
        #: The requests as they hold, before a page changes them.
        self._kept_requests: list[dict[str, Any] | None] = []
        #: Content hash -> the traces, arrays and tables among the parameters of follow-up questions.
        self.things: dict[str, Any] = {}
        super().__init__(_data=self.data(), selection=selection, _answers=answers)
        self.set_requests(requests, alternatives, traces)

    @classmethod
    def data(cls) -> dict[str, Any]:
        """Data of the view that does not depend on a trace."""
        return {}

    @classmethod
    def label(cls, request: Request) -> str:
        """The label in its menu of a request of a kind in ``shows_also``."""
        return registry.analysis(request.analysis).label

    @classmethod
    def usual_alternatives(cls, request: Request) -> list[Request]:  # noqa: ARG003 - a hook
        """The alternatives to a request, if the bench gives none."""
        return []

    def set_requests(
        self,
        requests: Sequence[Request | None],
        alternatives: Sequence[Sequence[Request]] = (),
        traces: Sequence[str] = (),
    ) -> None:
        """Set the default and alternative requests about each trace, e.g. after a trace was added."""
        offered = [
            alternatives[at] if at < len(alternatives) and alternatives[at] else self._usual(each)
            for at, each in enumerate(requests)
        ]
        labelled = [[{"label": self.label(each), "request": each.to_json()} for each in row] for row in offered]
        with self.hold_sync():
            self._replaces_requests = True
            try:
                self._alternatives = labelled
                self._requests = [each.to_json() if each else None for each in requests]
                self._traces = list(traces)
            finally:
                self._replaces_requests = False

    @classmethod
    def _usual(cls, request: Request | None) -> list[Request]:
        return cls.usual_alternatives(request) if request else []

    @property
    def request(self) -> Request | None:
        """The current request about the selected trace: the default one, or the follow-up that replaced it.

        Set it to a `Request` on the same trace for a result of the same kind, or to None for the default. If its target has
        a step, the view asks it at the selected step. A saved page opens with the current request.
        """
        first = self.first_request
        return None if first is None else self.asked_about(first) or first

    @request.setter
    def request(self, request: Request | None) -> None:
        if request is not None and not isinstance(request, Request):
            raise TypeError(f"request is a tb.Request or None (the default request), got {request!r}")
        first = self.first_request
        if first is None:
            raise traitlets.TraitError(f"{type(self).__name__} has no request about this trace that could be replaced")
        self.things = {**self.things, **(request.things if request is not None else {})}
        others = {about: each for about, each in (self._asked or {}).items() if about != _about(first)}
        self._asked = others if request is None else {**others, _about(first): request.to_json()}

    @property
    def first_request(self) -> Request | None:
        """The default request about the selected trace."""
        at = self.selection.trace or 0
        asked = self._requests[at] if at < len(self._requests) else None
        return Request.from_json(asked) if asked else None

    @property
    def alternatives(self) -> tuple[Request, ...]:
        """The alternative requests about the selected trace."""
        first = self.first_request
        return () if first is None else self.offered_about(first)

    @property
    def is_followup(self) -> bool:
        """Whether the current request about the selected trace differs from the default."""
        first = self.first_request
        return first is not None and self.asked_about(first) is not None

    def asked_about(self, first: Request) -> Request | None:
        """The follow-up that replaced a default request; None if there is none."""
        asked = (self._asked or {}).get(_about(first))
        return Request.from_json(asked) if asked else None

    def offered_about(self, first: Request) -> tuple[Request, ...]:
        """The alternatives to a default request."""
        for asked, offered in zip(self._requests, self._alternatives, strict=False):
            if asked and Request.from_json(asked).key == first.key:
                return tuple(Request.from_json(each["request"]) for each in offered)
        return ()

    @traitlets.validate("_requests")
    def _validate_requests(self, proposal: dict[str, Any]) -> list[dict[str, Any] | None]:
        """A page may fill what is empty: it asks about a trace that nothing was asked about."""
        try:
            given = [Request.from_json(each).to_json() if each else None for each in proposal["value"]]
        except (TypeError, ValueError, LookupError, AttributeError) as wrong:
            raise traitlets.TraitError(f"this is not a request, so the view keeps its own: {wrong}") from wrong
        if not self._replaces_requests:
            # The trait itself holds the new value by now, where several are set together.
            more = dict(enumerate(given))
            given = [own if own is not None else more.get(at) for at, own in enumerate(self._kept_requests)]
        self._kept_requests = given
        return given

    @traitlets.validate("_asked")
    def _validate_asked(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        given = proposal["value"]
        if given is None:
            return None
        if not isinstance(given, Mapping):
            raise traitlets.TraitError(f"the requests of a view are a mapping from traces to requests, got {given!r}")
        checked = {about: self._checked(about, asked) for about, asked in given.items()}
        return {about: asked for about, asked in checked.items() if asked is not None} or None

    def _checked(self, about: str, asked: Any) -> dict[str, Any] | None:
        """Check a follow-up about a trace of this view; None if it is the default request."""
        firsts = [Request.from_json(each) for each in self._requests if each]
        first = next((each for each in firsts if _about(each) == about), None)
        if not firsts:
            raise traitlets.TraitError(f"{type(self).__name__} has no request that could be replaced")
        if not self.takes_questions:
            raise traitlets.TraitError(
                f"{type(self).__name__} cannot change its request: make a bench with the other request, "
                "tb.Workbench([trace, request])"
            )
        try:
            request = Request.from_json(asked)
            kinds = [registry.result_kind(each.analysis) for each in (request, firsts[0])]
        except (TypeError, ValueError, LookupError, AttributeError) as wrong:
            sentence = wrong.args[0] if wrong.args else wrong
            raise traitlets.TraitError(f"this is not a request, so the view keeps its own: {sentence}") from wrong
        if first is None or request.traces != first.traces:
            raise traitlets.TraitError("the request is about a trace that this view does not show")
        if kinds[0] != kinds[1]:
            raise traitlets.TraitError(f"{request.analysis} gives a {kinds[0]}, this view shows a {kinds[1]}")
        return None if request.key == first.key else request.to_json()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _about(request: Request) -> str:
    """The hashes of a request's traces, as one text."""
    return "+".join(request.traces)
