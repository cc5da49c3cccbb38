"""What every view shares: a tree of data, a request, the selection, and the answers it may ask for."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tracebench import registry
from tracebench.record.trace import Trace
from tracebench.requests.request import Request
from tracebench.widgets.text import text_tree

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


class Told(anywidget.AnyWidget):
    """A widget whose state a page may set. A page that is older than the kernel may say what cannot be: it is told what is."""

    def set_state(self, sync_data: dict[str, Any]) -> None:
        try:
            super().set_state(sync_data)
        except traitlets.TraitError as wrong:
            warnings.warn(f"what a page said of {type(self).__name__} was ignored: {wrong}", stacklevel=2)
            self.send_state([name for name in sync_data if name in self.keys])


class View(Told):
    """One linked view. Subclasses set ``stem``, ``_esm`` and ``_css``.

    Args:
        data: the tree that is drawn at once; {} where everything is asked for.
        request: what the view asks for at first, as `Request.to_json` gives it; None if it asks nothing.
        selection: the shared `Selection`.
        answers: the `Answers` that it asks.
    """

    stem = ""
    #: Kinds of results that this view shows too, one at a time: in a bench with both they get no view of their own.
    also: tuple[str, ...] = ()
    #: Whether its fields, or Python, can ask it another question than its first one.
    asks_otherwise = False

    _data = traitlets.Dict().tag(sync=True, echo_update=False)
    _request = traitlets.Dict(None, allow_none=True).tag(sync=True, echo_update=False)
    _asked = traitlets.Any(None).tag(sync=True)
    selection = anywidget.WidgetTrait().tag(sync=True)
    _answers = anywidget.WidgetTrait().tag(sync=True)

    def __init__(
        self, *, data: dict[str, Any], request: dict[str, Any] | None, selection: Any, answers: Any, **unknown: Any
    ) -> None:
        reject_unknown(type(self), unknown, ("data", "request", "selection", "answers"))
        super().__init__(_data=data, _request=request, selection=selection, _answers=answers)

    @staticmethod
    def data(trace: Trace) -> dict[str, Any]:
        """What such a view needs of a trace before its result is there."""
        return text_tree(trace)

    @property
    def request(self) -> Request | None:
        """What the view asks now: its first question, or the one it was asked since, through its fields or by setting this.

        Where its target has a step, the view asks at the step that is selected. A page that is saved opens with it. Set it
        to a `Request` of an analysis of the same kind on the same trace, or to None for the first question again.
        """
        asked = self._asked or self._request
        return Request.from_json(asked) if asked else None

    @request.setter
    def request(self, request: Request | None) -> None:
        if request is not None and not isinstance(request, Request):
            raise TypeError(f"request is a tb.Request or None (the first question again), got {request!r}")
        self._asked = None if request is None else request.to_json()

    @property
    def is_asked_otherwise(self) -> bool:
        """Whether it asks another question than at first."""
        return self._asked is not None

    @traitlets.validate("_asked")
    def _validate_asked(self, proposal: dict[str, Any]) -> dict[str, Any] | None:
        asked = proposal["value"]
        if asked is None:
            return None
        if self._request is None:
            raise traitlets.TraitError(f"{type(self).__name__} asks nothing: it has no request to set")
        if not self.asks_otherwise:
            raise traitlets.TraitError(
                f"{type(self).__name__} shows the answer to the one question that it was made for: "
                "tb.Workbench([trace, request]) shows another"
            )
        first = Request.from_json(self._request)
        try:
            request = Request.from_json(asked)
            kinds = [registry.result_kind(each.analysis) for each in (request, first)]
        except (TypeError, ValueError, LookupError, AttributeError) as wrong:
            sentence = wrong.args[0] if wrong.args else wrong
            raise traitlets.TraitError(f"this is no request, so the view keeps its question: {sentence}") from wrong
        if request.trace != first.trace:
            raise traitlets.TraitError("the request is about another trace than the one that this view shows")
        if kinds[0] != kinds[1]:
            raise traitlets.TraitError(f"{request.analysis} gives a {kinds[0]}, this view shows a {kinds[1]}")
        return None if request.key == first.key else request.to_json()

    @staticmethod
    def beside(requests: Iterable[Request]) -> dict[str, Any]:
        """What is added to `data` for requests whose results are of the kinds in ``also``."""
        raise NotImplementedError("a view that shows other kinds too (also) says what its data need for them (beside)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
