"""The line between views and whoever answers. Twin of ``js/src/requests/ask.ts``.

Messages, not anywidget's ``invoke``: that gives up after 3 s, cannot be cancelled and swallows exceptions. The handler
may run on any thread at any time, so it only passes on; answers are sent from the thread that has them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from typing import Any

import anywidget
import traitlets

from tracebench import registry
from tracebench.record.trace import Trace
from tracebench.requests.request import Absent, Answerer, Job, Request, Unanswerable
from tracebench.runtime.progress import Cancelled
from tracebench.widgets import wire
from tracebench.widgets.base import static_text
from tracebench.widgets.given import Given
from tracebench.widgets.packing import Packing


class Answers(anywidget.AnyWidget):
    """Carries requests from the browser to an `Answerer`, and answers back."""

    _esm = static_text("answers.js")
    _offline = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        answerer: Answerer,
        trace: Trace,
        save: Callable[[], dict[str, Any]],
        size: Callable[[], dict[str, Any]],
        *,
        told: Callable[[], None] = lambda: None,
        in_sight: Callable[[], Collection[str]] = tuple,
    ) -> None:
        """
        Args:
            answerer: who computes.
            trace: what results are about; packing needs it.
            save: saves the bench and says where (``{"path", "size", "note"}``).
            size: says how large the file would be (``{"size", "least", "note"}``), and computes nothing for it.
            told: hears, on whatever thread it is, that an answer was sent, or an error in its place; it returns at once and
                does not raise.
            in_sight: the keys of the requests that the views in sight ask: what they were given is kept.
        """
        super().__init__()
        self._answerer, self._trace = answerer, trace
        self._work = {"save": save, "size": size}
        self._jobs: dict[str, Job] = {}
        self._told = told
        self.given = Given(in_sight)
        self._packing = Packing()
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        kind, message_id = content.get("kind"), str(content.get("id"))
        if kind == "ping":
            self.send({"kind": "pong", "id": message_id})
        elif kind == "ask":
            self._ask(message_id, content["request"], content.get("slice"), content.get("of"))
        elif kind == "cancel":
            # It may have ended meanwhile, on another thread.
            if (job := self._jobs.get(message_id)) is not None:
                job.cancel()
        elif kind in self._work:
            work = (self._work[kind], message_id)
            threading.Thread(target=self._answer_work, args=work, name=f"tracebench-{kind}", daemon=True).start()

    def _ask(self, message_id: str, asked: dict[str, Any], coords: dict[str, Any] | None, of: str | None) -> None:
        def progress(done: int, total: int, note: str) -> None:
            self.send({"kind": "progress", "id": message_id, "done": done, "total": total, "note": note})

        def answer(result: Any) -> None:
            try:
                if job.cancelled.is_set():
                    raise Cancelled
                packed = self._packed(request, result) if coords is None else pack_slice(result, self._trace, coords)
                tree, buffers = wire.split(packed)
            except Exception as failure:  # noqa: BLE001 - whatever went wrong, the view must hear of it
                error(failure)
                return
            # Not sooner: until it is packed it is under way, and can be cancelled.
            self._jobs.pop(message_id, None)
            self.send({"kind": "answer", "id": message_id, "result": tree}, buffers)
            if coords is None:
                self._told()

        def error(failure: BaseException) -> None:
            self._jobs.pop(message_id, None)
            self.send({"kind": "error", "id": message_id, **described(failure)})
            # Who cancels does not want to know; who could not be told has no answer any more.
            if coords is None and request is not None and not isinstance(failure, Cancelled):
                self.given.forget(request.key)
                self._told()

        def anew(result: Any) -> None:
            answer(result if of is None else self.given.put_back(of, request.key, result))

        request: Any = None
        job = Job(progress, answer if coords is None else anew, error)
        # A page asks again for what it has heard nothing of: then it hears now that it is under way.
        first = self._jobs.setdefault(message_id, job) is job
        progress(0, 0, "waiting")
        if not first:
            return
        try:
            request = Request.from_json(asked)
            given = None if coords is None else self.given.of(of or self.given.newest(request.key))
            if given is not None:
                self._packing.submit(lambda: answer(given))
            else:
                self._answerer.ask(request, job)
        except Exception as failure:  # noqa: BLE001 - a malformed request is an answer too
            error(failure)

    def _packed(self, request: Request, result: Any) -> dict[str, Any]:
        """The tree of an answer. Where it has slices, they are asked for with the id that it gets."""
        packed = pack(result, self._trace)
        answer = self.given.put(request.key, result)
        return {**packed, "answer": answer} if hasattr(_view(result), "pack_slice") else packed

    def close(self) -> None:
        self._packing.close()
        super().close()

    def _answer_work(self, work: Callable[[], dict[str, Any]], message_id: str) -> None:
        try:
            self.send({"kind": "answer", "id": message_id, "result": work()})
        except Exception as failure:  # noqa: BLE001 - the button must say what happened
            self.send({"kind": "error", "id": message_id, **described(failure)})

    def __repr__(self) -> str:
        return f"Answers({len(self._jobs)} under way)"


def pack(result: Any, trace: Trace) -> dict[str, Any]:
    """The tree of a result, made by the view of its kind."""
    return _view(result).pack(result, trace)


def pack_slice(result: Any, trace: Trace, coords: Mapping[str, Any]) -> dict[str, Any]:
    """The tree of a part of a result, by coordinates of its axes."""
    view = _view(result)
    if not hasattr(view, "pack_slice"):
        raise ValueError(f"a {result.kind} has no slices: ask for the whole")
    return view.pack_slice(result, trace, coords)


def _view(result: Any) -> Any:
    return registry.find("views", result.kind)


def described(failure: BaseException) -> dict[str, Any]:
    """An exception as a sentence for a person."""
    if isinstance(failure, Absent):
        return {"error": str(failure), "absent": True, "code": failure.code}
    if isinstance(failure, Cancelled):
        return {"error": "Cancelled.", "absent": False, "code": None, "cancelled": True}
    sentence = sentence_of(failure)
    # Python's errors begin small, a sentence on a page does not; the name of a parameter stays as it is written.
    if re.match(r"[a-z]+[ ,:](?!is |are |holds |takes |has )", sentence):
        sentence = sentence[0].upper() + sentence[1:]
    if isinstance(failure, Unanswerable):
        return {"error": sentence, "absent": True, "code": ""}
    return {"error": sentence, "absent": False, "code": None}


def sentence_of(failure: BaseException) -> str:
    """What an exception says."""
    # KeyError quotes its text; the other exceptions of ours are sentences already.
    sentence = str(failure.args[0]) if isinstance(failure, KeyError) and failure.args else str(failure)
    if not isinstance(failure, (ValueError, IndexError, KeyError, TypeError, RuntimeError)) or not sentence:
        sentence = f"{type(failure).__name__}: {sentence}"
    return sentence
