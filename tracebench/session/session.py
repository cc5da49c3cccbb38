"""One model, many askers: a worker thread that answers the requests of views while cells go on.

Answers are remembered by request, together with a checksum of the weights' bits, the configuration and the hooks of the model.
The checksum is taken again only when a cell has run since, because only a cell can change them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from tracebench.analyses.base import run
from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.requests.request import Job, Request
from tracebench.runtime import cells
from tracebench.runtime.partial import receiving
from tracebench.runtime.progress import Cancelled, listening
from tracebench.session.models import Models

#: A job whose weights change under it is run again this often before it is given up.
ATTEMPTS = 3


class Session:
    """Answers requests about traces, each with the model that made it.

    Args:
        pairs: (model, trace). The lock of a model decides who may use it, and notebook cells go first.
    """

    def __init__(self, pairs: Iterable[tuple[LanguageModel, Trace]]) -> None:
        self._models = Models(pairs)
        #: Request key -> the model, its checksum, and the answer.
        self._memo: dict[str, tuple[LanguageModel, str, Any]] = {}
        self._weights: dict[int, tuple[int | None, int, str]] = {}
        self._jobs: queue.SimpleQueue[tuple[Request, Job] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._starting = threading.Lock()
        cells.watch()  # made in a cell: from now on it is known when one runs

    def ask(self, request: Request, job: Job) -> None:
        """Queue a request. The worker thread answers through the job."""
        self._jobs.put((request, job))
        with self._starting:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="tracebench-session", daemon=True)
                self._worker.start()

    def add(self, trace: Trace, lm: LanguageModel | None = None) -> None:
        """Answer about this trace too; without a model it is one of the only model."""
        self._models.add(trace, lm)

    def model_of(self, trace: Trace) -> LanguageModel:
        """The model that answers about a trace."""
        return self._models.of_trace(trace)

    def known(self) -> Mapping[str, Any]:
        memo, weights = dict(self._memo), {}
        for lm in {id(lm): lm for lm, _, _ in memo.values()}.values():
            with lm.lock.held():
                weights[id(lm)] = self._checksum(lm)
        # A trace that a request gave is no result: the bench has it among its traces.
        return {
            key: result
            for key, (lm, of, result) in memo.items()
            if of == weights[id(lm)] and not isinstance(result, Trace)
        }

    def close(self) -> None:
        """Let the worker end once it has done what is queued. A later `ask` starts another."""
        self._jobs.put(None)

    def _work(self) -> None:
        while True:
            item = self._jobs.get()
            if item is not None:
                self._do(*item)
                continue
            with self._starting:
                # What was asked after the end began is done still; what is asked later finds no worker and starts one.
                if self._jobs.empty():
                    self._worker = None
                    return

    def _do(self, request: Request, job: Job) -> None:
        """Answer one request. A worker outlives every failure, also one of the callback."""
        job.begun.set()
        try:
            if job.cancelled.is_set():
                raise Cancelled
            lm, traces = self._models.of(request)
            with lm.lock.as_worker(), lm.lock, listening(_relay(job)), receiving(job.on_part):
                result = self._answer(request, lm, traces)
            job.on_answer(result)
        except BaseException as failure:  # noqa: BLE001 - the view hears of all of them
            with suppress(Exception):
                job.on_error(failure)

    def _answer(self, request: Request, lm: LanguageModel, traces: Sequence[Trace]) -> Any:
        for _ in range(ATTEMPTS):
            before = self._checksum(lm)
            whose, of, result = self._memo.get(request.key, (None, None, None))
            if of == before and whose is lm:
                return result
            shell = cells.watch()
            rest = shell.rest if shell else None
            result = run(request, lm, traces)
            # The worker lets cells through while it computes; one of them may have edited a weight.
            if self._checksum(lm) == before:
                # And one may have put it back: what was computed beside a cell is shown, but not remembered.
                if shell is None or (rest is not None and rest == shell.rest):
                    self._memo[request.key] = (lm, before, result)
                if isinstance(result, Trace):  # a request may give a trace: it is one of the same model
                    self._models.add(result, lm)
                return result
        raise RuntimeError("the model's weights kept changing while this was computed; ask again when they are at rest")

    def _checksum(self, lm: LanguageModel) -> str:
        """The checksum of what a model computes with, taken again when a cell may have changed it."""
        now, refreshed = cells.stamp(), lm.refreshed
        cached = self._weights.get(id(lm))
        if now is None or cached is None or cached[:2] != (now, refreshed):
            cached = self._weights[id(lm)] = (now, refreshed, f"{lm.state()} {refreshed}")
        return cached[2]


def _relay(job: Job):  # noqa: ANN202 - a progress listener
    def listener(done: int, total: int, note: str) -> None:
        if job.cancelled.is_set():
            raise Cancelled
        job.on_progress(done, total, note)

    return listener
