"""A thread that packs slices in the order of their requests."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable


class Packing:
    """Runs work on one daemon thread. Packing a mean of many maps is too slow for the thread that handles messages."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Run this after the work that was submitted earlier."""
        self._work.put(work)
        with self._starting:
            if self._thread is None:
                # Give the thread the queue only, so that it does not keep the bench in memory.
                self._thread = threading.Thread(target=_run, args=(self._work,), name="tracebench-slice", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Drop the work that has not started, and end the thread."""
        while not self._work.empty():
            self._work.get()
        self._work.put(None)


def _run(work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (each := work.get()) is not None:
        try:
            each()
        except Exception:  # go on with the next slice
            logging.getLogger(__name__).exception("tracebench: a slice could not be sent")
        del each
