"""Who may use the model: one at a time, and a person's cell goes before the worker of a bench."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Self

from tracebench.runtime.interrupts import Scope, heed

#: Seconds after which a waiting thread looks whether it was interrupted.
PATIENCE = 0.05


class ModelLock:
    """A reentrant lock that a worker hands over between micro-batches.

    A thread is a worker inside ``with lock.as_worker():``; everybody else is a cell. A cell that waits gets the lock at
    the worker's next `give_way`, and the worker takes none while a cell waits.
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
        """``with lock.held():`` as ``with lock:``, and an interrupt never leaves it taken."""
        return Scope(lambda undo: undo.enter_context(self))

    def give_way(self) -> None:
        """Let waiting cells run, if this thread is a worker that holds the lock. Hold no hook open across it."""
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
                        heed()
                    self._owner = me
                finally:
                    self._cells_waiting -= not worker
                    # Also when a person interrupts the wait: a cell that is gone must hold up nobody.
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
