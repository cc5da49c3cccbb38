"""Messages between the browser and the kernel: requests and actions. Twin of ``js/src/requests/ask.ts``.

We do not use anywidget's ``invoke``, because it times out after 3 s, cannot be cancelled and swallows exceptions. The message
handler may run on any thread, so it only enqueues. The thread that computes an answer sends it.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any

import anywidget
import traitlets

from tracebench.record.counts import counted
from tracebench.record.trace import Trace
from tracebench.record.traces import Traces
from tracebench.requests.request import Absent, Answerer, Job, Request, Unanswerable
from tracebench.runtime.progress import Cancelled, listening
from tracebench.widgets import wire
from tracebench.widgets.base import static_text
from tracebench.widgets.kept_answers import KeptAnswers
from tracebench.widgets.packing import Packing
from tracebench.widgets.trees import has_slices, pack, pack_slice

#: An action of the browser: it takes the parameters of the message and returns JSON.
Action = Callable[[Mapping[str, Any]], dict[str, Any]]


class Answers(anywidget.AnyWidget):
    """Receives requests and actions from the browser, and sends the answers.

    Args:
        answerer: computes the results.
        traces: the traces of the bench, needed to pack results.
        actions: name -> function. It runs on its own thread. If it is cancelled, its next `progress.tick` raises.
        on_answer: called on any thread after an answer or an error was sent. It must return at once and must not raise.
        on_trace: called with a trace that answers a request. Returns its index in the bench.
        things: returns content hash -> trace, array or table, for the parameters of requests.
        in_sight: returns the keys of the requests on the screen. Their answers are always kept.
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
        self.kept = KeptAnswers(in_sight)
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
        # The job may have ended on another thread.
        elif kind == "cancel" and (job := self._jobs.get(message_id)) is not None:
            job.cancel()

    def _ask(self, message_id: str, asked: dict[str, Any], coords: dict[str, Any] | None, of: str | None) -> None:
        def part(result: Any) -> None:
            if job.cancelled.is_set():
                raise Cancelled
            try:
                tree, buffers = wire.split(pack(result, self._traces))
            except Exception:  # a part that cannot be shown must not end the computation
                logging.getLogger(__name__).exception("tracebench: a part of an answer could not be packed")
                return
            self.send({"kind": "part", "id": message_id, "result": tree}, buffers)

        def answer(result: Any) -> None:
            try:
                if job.cancelled.is_set():
                    raise Cancelled
                packed = self._packed(request, result) if coords is None else pack_slice(result, self._traces, coords)
                tree, buffers = wire.split(packed)
            except Exception as failure:  # noqa: BLE001 - the view shows every failure
                error(failure)
                return
            # Remove the job after packing, so that it can be cancelled until then.
            self._jobs.pop(message_id, None)
            self.send({"kind": "answer", "id": message_id, "result": tree}, buffers)
            if coords is None:
                self._on_answer()

        def error(failure: BaseException) -> None:
            self._jobs.pop(message_id, None)
            self.send({"kind": "error", "id": message_id, **described(failure)})
            # A failed request loses its earlier answer; a cancelled one keeps it.
            if coords is None and request is not None and not isinstance(failure, Cancelled):
                self.kept.forget(request.key)
                self._on_answer()

        def answer_slice(result: Any) -> None:
            answer(result if of is None else self.kept.restore(of, request.key, result))

        request: Any = None
        job = Job(self._progress(message_id), answer if coords is None else answer_slice, error, part)
        # A page repeats a request that was not acknowledged. Acknowledge it again, but do not compute it twice.
        first = self._jobs.setdefault(message_id, job) is job
        job.on_progress(0, 0, "waiting")
        if not first:
            return
        try:
            request = replace(Request.from_json(asked), things=self._things())
            kept = None if coords is None else self.kept.get(of or self.kept.newest(request.key))
            if kept is not None:
                self._packing.submit(lambda: answer(kept))
            else:
                self._answerer.ask(request, job)
        except Exception as failure:  # noqa: BLE001 - also the error of a malformed request
            error(failure)

    def _progress(self, message_id: str) -> Callable[[int, int, str], None]:
        def progress(done: int, total: int, note: str) -> None:
            self.send({"kind": "progress", "id": message_id, "done": done, "total": total, "note": note})

        return progress

    def _packed(self, request: Request, result: Any) -> dict[str, Any]:
        """The tree of an answer. If it has slices, the tree has an id, with which the page requests them."""
        if isinstance(result, Trace):
            return {"kind": "trace", "hash": result.hash, "index": self._on_trace(result)}
        packed = pack(result, self._traces)
        answer = self.kept.put(request.key, result)
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
                job.started.set()
                with listening(tick):
                    answer(self._actions[name](params))
            except Exception as failure:  # noqa: BLE001 - the button shows every failure
                error(failure)

        job = Job(self._progress(message_id), answer, error)
        if self._jobs.setdefault(message_id, job) is not job:
            return
        threading.Thread(target=work, name=f"tracebench-{name}", daemon=True).start()

    def close(self) -> None:
        self._packing.close()
        super().close()

    def __repr__(self) -> str:
        return f"Answers({counted(len(self._jobs), 'job')} in progress)"


def described(failure: BaseException) -> dict[str, Any]:
    """The error message of the wire format, with the exception as a sentence."""
    if isinstance(failure, Absent):
        return {"error": str(failure), "absent": True, "code": failure.code}
    if isinstance(failure, Cancelled):
        return {"error": "Cancelled.", "absent": False, "code": None, "cancelled": True}
    sentence = sentence_of(failure)
    # Capitalise the first word for the page, unless it is the name of a parameter ("top is ...").
    if re.match(r"[a-z]+[ ,:](?!is |are |holds |takes |has )", sentence):
        sentence = sentence[0].upper() + sentence[1:]
    if isinstance(failure, Unanswerable):
        return {"error": sentence, "absent": True, "code": ""}
    return {"error": sentence, "absent": False, "code": None}


def sentence_of(failure: BaseException) -> str:
    """The text of an exception; with its type if it is not one of the types that our code raises."""
    # str() of a KeyError has quotation marks, so take its argument.
    sentence = str(failure.args[0]) if isinstance(failure, KeyError) and failure.args else str(failure)
    if not isinstance(failure, (ValueError, IndexError, KeyError, TypeError, RuntimeError)) or not sentence:
        sentence = f"{type(failure).__name__}: {sentence}"
    return sentence
