"""What every view shares: a tree of data, a request, the selection, and the answers it may ask for."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from tracebench.request import Request
from tracebench.trace import Trace
from tracebench.views.text import text_tree

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


class View(anywidget.AnyWidget):
    """One linked view. Subclasses set ``stem``, ``_esm`` and ``_css``.

    Args:
        data: the tree that is drawn at once; {} where everything is asked for.
        request: what the view asks for, as `Request.to_json` gives it; None if it asks nothing.
        selection: the shared `Selection`.
        answers: the `Answers` that it asks.
    """

    stem = ""
    #: Kinds of results that this view shows too, one at a time: in a bench with both they get no view of their own.
    also: tuple[str, ...] = ()

    _data = traitlets.Dict().tag(sync=True, echo_update=False)
    _request = traitlets.Dict(None, allow_none=True).tag(sync=True, echo_update=False)
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

    @staticmethod
    def beside(requests: Iterable[Request]) -> dict[str, Any]:
        """What is added to `data` for requests whose results are of the kinds in ``also``."""
        raise NotImplementedError("a view that shows other kinds too (also) says what its data need for them (beside)")

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
