"""The lock of a model: one thread uses it at a time, and notebook cells go before the worker of a bench."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self

from tracebench.runtime.interrupts import Scope, raise_delayed

#: Seconds between two checks of a waiting thread for an interrupt.
PATIENCE = 0.05


class ModelLock:
    """A reentrant lock that a worker yields to cells between micro-batches.

    A thread is a worker inside ``with lock.as_worker():``; all other threads are cells. A waiting cell gets the lock at the
    worker's next `give_way`. A worker does not take the lock while a cell waits.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._owner: int | None = None
        self._depth = 0
        self._cells_waiting = 0
        self._mine = threading.local()

    @contextmanager
    def as_worker(self) -> Generator[None]:
        """Within this scope the thread is a worker."""
        before = self.is_worker
        self._mine.worker = True
        try:
            yield
        finally:
            self._mine.worker = before

    def held(self) -> Scope[Self]:
        """Like ``with lock:``, but an interrupt at any moment releases the lock."""
        return Scope(lambda undo: undo.enter_context(self))

    def give_way(self) -> None:
        """Let waiting cells run, if this thread is a worker that holds the lock. Call it with no hook registered."""
        me = threading.get_ident()
        with self._changed:
            if not self.is_worker or self._owner != me or not self._cells_waiting:
                return
            depth = self._depth
            self._owner, self._depth = None, 0
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._owner is None and not self._cells_waiting)
            self._owner, self._depth = me, depth

    def __enter__(self) -> Self:
        me, worker = threading.get_ident(), self.is_worker
        with self._changed:
            if self._owner != me:
                self._cells_waiting += not worker
                try:
                    while self._owner is not None or (worker and self._cells_waiting):
                        self._changed.wait(PATIENCE)
                        raise_delayed()
                    self._owner = me
                finally:
                    self._cells_waiting -= not worker
                    # After an interrupt too: a cell that stopped waiting must not block the worker.
                    if self._owner != me:
                        self._changed.notify_all()
            self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._depth -= 1
            if not self._depth:
                self._owner = None
                self._changed.notify_all()

    @property
    def is_worker(self) -> bool:
        """Whether the calling thread is a worker."""
        return getattr(self._mine, "worker", False)
