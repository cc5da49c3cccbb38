"""One thread that packs slices, in the order in which they were asked for."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable


class Packing:
    """Packing a mean of many maps takes a while, and who handles messages only passes on. It keeps no interpreter alive."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def submit(self, work: Callable[[], None]) -> None:
        """Do this when what was submitted before is done."""
        self._work.put(work)
        with self._starting:
            if self._thread is None:
                # The thread knows the queue alone: whoever let go of the bench holds nothing of it.
                self._thread = threading.Thread(target=_run, args=(self._work,), name="tracebench-slice", daemon=True)
                self._thread.start()

    def close(self) -> None:
        """Leave undone what has not begun, and end the thread."""
        while not self._work.empty():
            self._work.get()
        self._work.put(None)


def _run(work: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (each := work.get()) is not None:
        try:
            each()
        except Exception:  # the next one is to be packed all the same
            logging.getLogger(__name__).exception("tracebench: a slice could not be sent")
        del each
