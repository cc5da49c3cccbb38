"""The line between the browser and the kernel: questions and actions. Twin of ``js/src/requests/ask.ts``.

Messages, not anywidget's ``invoke``: that gives up after 3 s, cannot be cancelled and swallows exceptions. The handler
may run on any thread at any time, so it only enqueues; answers are sent from the thread that has them.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import anywidget
import traitlets

from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.request import Absent, Answerer, Job, Request, Unanswerable
from tracebench.runtime.progress import Cancelled, listening
from tracebench.widgets import wire
from tracebench.widgets.base import static_text
from tracebench.widgets.given import Given
from tracebench.widgets.packing import Packing
from tracebench.widgets.trees import has_slices, pack, pack_slice

#: What the browser may ask to be done: it takes the parameters of the message and returns JSON.
Action = Callable[[Mapping[str, Any]], dict[str, Any]]


class Answers(anywidget.AnyWidget):
    """Carries requests and actions from the browser, and answers back.

    Args:
        answerer: what computes.
        traces: what results are about; packing needs them.
        actions: name -> what is done. It runs on a thread of its own, may call `progress.tick`, and ends at a tick when it is
            cancelled.
        on_answer: called on any thread after an answer was sent, or an error in its place; it returns at once and does not
            raise.
        on_trace: called with a trace that a request gave; returns its index in the bench.
        things: the traces, arrays and tables that requests name by their content hash.
        in_sight: the keys of the requests that the views in sight ask: their answers are kept.
    """

    _esm = static_text("answers.js")
    _offline = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        answerer: Answerer,
        traces: Traces,
        actions: Mapping[str, Action],
        *,
        on_answer: Callable[[], None] = lambda: None,
        on_trace: Callable[[Trace], int] = lambda _: 0,
        things: Callable[[], Mapping[str, Any]] = dict,
        in_sight: Callable[[], Collection[str]] = tuple,
    ) -> None:
        super().__init__()
        self._answerer, self._traces = answerer, traces
        self._actions = actions
        self._jobs: dict[str, Job] = {}
        self._on_answer, self._on_trace, self._things = on_answer, on_trace, things
        self.given = Given(in_sight)
        self._packing = Packing()
        self.on_msg(self._on_message)

    def _on_message(self, _widget: Any, content: dict[str, Any], _buffers: list[Any]) -> None:
        kind, message_id = content.get("kind"), str(content.get("id"))
        if kind == "ping":
            self.send({"kind": "pong", "id": message_id})
        elif kind == "ask":
            self._ask(message_id, content["request"], content.get("slice"), content.get("of"))
        elif kind == "act":
            self._act(message_id, str(content.get("action")), content.get("params") or {})
        # It may have ended meanwhile, on another thread.
        elif kind == "cancel" and (job := self._jobs.get(message_id)) is not None:
            job.cancel()

    def _ask(self, message_id: str, asked: dict[str, Any], coords: dict[str, Any] | None, of: str | None) -> None:
        def part(result: Any) -> None:
            if job.cancelled.is_set():
                raise Cancelled
            tree, buffers = wire.split(pack(result, self._traces))
            self.send({"kind": "part", "id": message_id, "result": tree}, buffers)

        def answer(result: Any) -> None:
            try:
                if job.cancelled.is_set():
                    raise Cancelled
                packed = self._packed(request, result) if coords is None else pack_slice(result, self._traces, coords)
                tree, buffers = wire.split(packed)
            except Exception as failure:  # noqa: BLE001 - whatever went wrong, the view must say so
                error(failure)
                return
            # Not sooner: until it is packed it is under way, and can be cancelled.
            self._jobs.pop(message_id, None)
            self.send({"kind": "answer", "id": message_id, "result": tree}, buffers)
            if coords is None:
                self._on_answer()

        def error(failure: BaseException) -> None:
            self._jobs.pop(message_id, None)
            self.send({"kind": "error", "id": message_id, **described(failure)})
            # A cancelled request keeps the answer that it had before; a failed one has none any more.
            if coords is None and request is not None and not isinstance(failure, Cancelled):
                self.given.forget(request.key)
                self._on_answer()

        def anew(result: Any) -> None:
            answer(result if of is None else self.given.put_back(of, request.key, result))

        request: Any = None
        job = Job(self._progress(message_id), answer if coords is None else anew, error, part)
        # A page asks again for what it has heard nothing of: then it hears now that it is under way.
        first = self._jobs.setdefault(message_id, job) is job
        job.on_progress(0, 0, "waiting")
        if not first:
            return
        try:
            request = replace(Request.from_json(asked), things=self._things())
            given = None if coords is None else self.given.of(of or self.given.newest(request.key))
            if given is not None:
                self._packing.submit(lambda: answer(given))
            else:
                self._answerer.ask(request, job)
        except Exception as failure:  # noqa: BLE001 - a malformed request is an answer too
            error(failure)

    def _progress(self, message_id: str) -> Callable[[int, int, str], None]:
        def progress(done: int, total: int, note: str) -> None:
            self.send({"kind": "progress", "id": message_id, "done": done, "total": total, "note": note})

        return progress

    def _packed(self, request: Request, result: Any) -> dict[str, Any]:
        """The tree of an answer. Where it has slices, they are asked for with the id that it gets."""
        if isinstance(result, Trace):
            return {"kind": "trace", "hash": result.hash, "index": self._on_trace(result)}
        packed = pack(result, self._traces)
        answer = self.given.put(request.key, result)
        return {**packed, "answer": answer} if has_slices(result) else packed

    def _act(self, message_id: str, name: str, params: Mapping[str, Any]) -> None:
        def answer(result: Any) -> None:
            self._jobs.pop(message_id, None)
            self.send({"kind": "answer", "id": message_id, "result": result})

        def error(failure: BaseException) -> None:
            self._jobs.pop(message_id, None)
            self.send({"kind": "error", "id": message_id, **described(failure)})

        def tick(done: int, total: int, note: str) -> None:
            if job.cancelled.is_set():
                raise Cancelled
            job.on_progress(done, total, note)

        def work() -> None:
            try:
                if name not in self._actions:
                    raise ValueError(f"an action is one of {', '.join(sorted(self._actions))}, got {name!r}")
                job.begun.set()
                with listening(tick):
                    answer(self._actions[name](params))
            except Exception as failure:  # noqa: BLE001 - the button must say what happened
                error(failure)

        job = Job(self._progress(message_id), answer, error)
        if self._jobs.setdefault(message_id, job) is not job:
            return
        threading.Thread(target=work, name=f"tracebench-{name}", daemon=True).start()

    def close(self) -> None:
        self._packing.close()
        super().close()

    def __repr__(self) -> str:
        return f"Answers({len(self._jobs)} under way)"


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
