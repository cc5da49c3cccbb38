"""A worker thread answers the requests of all views, while the notebook stays usable.

The cache holds each answer with a checksum of the model: its weights, its configuration and its hooks. The checksum is
computed again only after user code has run, because only user code can change the model.
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

#: How often a job runs if the weights change during each run.
ATTEMPTS = 3


class Session:
    """An `Answerer` that computes on a worker thread, each trace with its model.

    Args:
        pairs: (model, trace). The worker holds the lock of a model while it uses it; notebook cells go first.
    """

    def __init__(self, pairs: Iterable[tuple[LanguageModel, Trace]]) -> None:
        self._models = Models(pairs)
        #: Request key -> model, checksum of the model, answer.
        self._cache: dict[str, tuple[LanguageModel, str, Any]] = {}
        #: id of a model -> stamp of the cells, count of refreshes, checksum.
        self._checksums: dict[int, tuple[int | None, int, str]] = {}
        self._jobs: queue.SimpleQueue[tuple[Request, Job] | None] = queue.SimpleQueue()
        self._worker: threading.Thread | None = None
        self._starting = threading.Lock()
        cells.watch()  # start to count cells now

    def ask(self, request: Request, job: Job) -> None:
        """Queue a request. The worker thread answers through the job."""
        self._jobs.put((request, job))
        with self._starting:
            if self._worker is None:
                self._worker = threading.Thread(target=self._work, name="tracebench-session", daemon=True)
                self._worker.start()

    def add(self, trace: Trace, lm: LanguageModel | None = None) -> None:
        """Answer requests about this trace too. Without ``lm`` it gets the only model."""
        self._models.add(trace, lm)

    def model_of(self, trace: Trace) -> LanguageModel:
        """The model of a trace."""
        return self._models.of_trace(trace)

    def known(self) -> Mapping[str, Any]:
        """Request key -> result, for all answers of models that have not changed since."""
        cached, now = dict(self._cache), {}
        for lm in {id(lm): lm for lm, _, _ in cached.values()}.values():
            with lm.lock.held():
                now[id(lm)] = self._checksum(lm)
        # A trace that answers a request is not a result; the bench has it among its traces.
        return {
            key: result
            for key, (lm, checksum, result) in cached.items()
            if checksum == now[id(lm)] and not isinstance(result, Trace)
        }

    def close(self) -> None:
        """End the worker after the queued jobs. A later `ask` starts another one."""
        self._jobs.put(None)

    def _work(self) -> None:
        while True:
            item = self._jobs.get()
            if item is not None:
                self._do(*item)
                continue
            with self._starting:
                # Go on if a job was queued after `close`. A later job finds no worker and starts one.
                if self._jobs.empty():
                    self._worker = None
                    return

    def _do(self, request: Request, job: Job) -> None:
        """Answer one request. The worker survives every failure, also in a callback."""
        job.started.set()
        try:
            if job.cancelled.is_set():
                raise Cancelled
            lm, traces = self._models.for_request(request)
            with lm.lock.as_worker(), lm.lock, listening(_relay(job)), receiving(job.on_part):
                result = self._answer(request, lm, traces)
            job.on_answer(result)
        except BaseException as failure:  # noqa: BLE001 - the view shows every failure
            with suppress(Exception):
                job.on_error(failure)

    def _answer(self, request: Request, lm: LanguageModel, traces: Sequence[Trace]) -> Any:
        for _ in range(ATTEMPTS):
            before = self._checksum(lm)
            model, checksum, result = self._cache.get(request.key, (None, None, None))
            if checksum == before and model is lm:
                return result
            shell = cells.watch()
            rest = shell.rest if shell else None
            result = run(request, lm, traces)
            # Cells may run between two micro-batches and edit a weight.
            if self._checksum(lm) == before:
                # Do not cache the answer if a cell ran: it may have edited a weight and then restored it.
                if shell is None or (rest is not None and rest == shell.rest):
                    self._cache[request.key] = (lm, before, result)
                if isinstance(result, Trace):  # the new trace belongs to the same model
                    self._models.add(result, lm)
                return result
        raise RuntimeError("the model's weights changed during each run; ask again when no cell changes them")

    def _checksum(self, lm: LanguageModel) -> str:
        """The checksum of a model, computed again if user code may have changed the model."""
        now, refreshed = cells.stamp(), lm.refreshed
        cached = self._checksums.get(id(lm))
        if now is None or cached is None or cached[:2] != (now, refreshed):
            cached = self._checksums[id(lm)] = (now, refreshed, f"{lm.state()} {refreshed}")
        return cached[2]


def _relay(job: Job):  # noqa: ANN202 - a progress listener
    """A listener that passes progress to a job, and stops the work once the job is cancelled."""

    def listener(done: int, total: int, note: str) -> None:
        if job.cancelled.is_set():
            raise Cancelled
        job.on_progress(done, total, note)

    return listener
