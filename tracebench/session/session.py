"""One model, many askers: a worker thread that answers the requests of views while cells go on.

Answers are remembered by request, together with a checksum of the weights' bits, the configuration and the hooks. The checksum
is taken again only when a cell has run since, because only a cell can change them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tracebench.analyses.base import run
from tracebench.models.language_model import LanguageModel
from tracebench.record.trace import Trace
from tracebench.requests.request import Job, Request
from tracebench.runtime import cells
from tracebench.runtime.progress import Cancelled, listening

#: A job whose weights change under it is run again this often before it is given up.
ATTEMPTS = 3


class Session:
    """Answers requests about one trace with one model.

    Args:
        lm: the model; its lock decides who may use it, and notebook cells go first.
        trace: what every request is about.
    """

    def __init__(self, lm: LanguageModel, trace: Trace) -> None:
        self.lm, self.trace = lm, trace
        self._memo: dict[str, tuple[str, Any]] = {}
        self._weights: tuple[int | None, int, str] | None = None
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

    def known(self) -> Mapping[str, Any]:
        if not self._memo:
            return {}
        with self.lm.lock.held():
            weights = self._checksum()
        return {key: result for key, (of, result) in dict(self._memo).items() if of == weights}

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
        """Answer one request. A worker outlives every failure, that of whoever hears the answer included."""
        job.begun.set()
        try:
            if job.cancelled.is_set():
                raise Cancelled
            with self.lm.lock.as_worker(), self.lm.lock, listening(_relay(job)):
                result = self._answer(request)
            job.on_answer(result)
        except BaseException as failure:  # noqa: BLE001 - the view hears of all of them
            with suppress(Exception):
                job.on_error(failure)

    def _answer(self, request: Request) -> Any:
        if request.trace != self.trace.hash:
            raise ValueError(f"this session answers about trace {self.trace.hash}, asked was {request.trace}")
        for _ in range(ATTEMPTS):
            before = self._checksum()
            of, result = self._memo.get(request.key, (None, None))
            if of == before:
                return result
            shell = cells.watch()
            rest = shell.rest if shell else None
            result = run(request, self.lm, self.trace)
            # The worker lets cells through while it computes; one of them may have edited a weight.
            if self._checksum() == before:
                # And one may have put it back: what was computed beside a cell is shown, and not relied on.
                if shell is None or (rest is not None and rest == shell.rest):
                    self._memo[request.key] = (before, result)
                return result
        raise RuntimeError("the model's weights kept changing while this was computed; ask again when they are at rest")

    def _checksum(self) -> str:
        """The checksum of what the model computes with, taken again when a cell may have changed it."""
        now, refreshed = cells.stamp(), self.lm.refreshed
        if now is None or self._weights is None or self._weights[:2] != (now, refreshed):
            self._weights = (now, refreshed, f"{self.lm.state()} {refreshed}")
        return self._weights[2]


def _relay(job: Job):  # noqa: ANN202 - a progress listener
    def listener(done: int, total: int, note: str) -> None:
        if job.cancelled.is_set():
            raise Cancelled
        job.on_progress(done, total, note)

    return listener
