"""The static part of a cell's output, replaced when more is known.

A host saves the newest version into the notebook, so that a reader who reopens it sees what was found, and not only what was
known when the cell ran.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

#: Seconds until an output is made anew: answers come in bursts.
SETTLE = 0.3
#: Seconds until it is tried again, where a cell is capturing what is displayed.
LATER = 1.0


class StaticOutput:
    """One static output, in every cell where it was displayed.

    Args:
        bundle: makes what is displayed; it is called on a thread of its own and computes nothing that takes long.
    """

    def __init__(self, bundle: Callable[[], dict[str, str]]) -> None:
        self._bundle = bundle
        # Names it to the host for as long as the kernel lives; it is not saved.
        self._id = uuid.uuid4().hex
        self._shown: dict[str, str] | None = None
        self._waiting = False
        self._lock = threading.Lock()
        # What is made later is shown later: two timers may run at once.
        self._making = threading.Lock()

    def display(self) -> None:
        """Show it in the cell that runs."""
        from IPython.display import display

        with self._making:
            self._shown = self._bundle()
            display(self._shown, raw=True, display_id=self._id)

    def stale(self) -> None:
        """There may be more to say. From any thread; returns at once, and does nothing where nothing is displayed."""
        if self._shown is not None:
            self._in(SETTLE)

    def _in(self, seconds: float) -> None:
        with self._lock:
            if self._waiting:
                return
            self._waiting = True
        timer = threading.Timer(seconds, self._update)
        timer.name, timer.daemon = "tracebench-static", True
        timer.start()

    def _update(self) -> None:
        with self._lock:
            self._waiting = False
        try:
            shell = _shell()
            if shell is None:
                return
            # Taken once: a cell may begin to capture while the bundle is made.
            publisher = shell.display_pub
            if _captures(publisher):
                # What is published now would end up in the output of that cell.
                self._in(LATER)
                return
            with self._making:
                bundle = self._bundle()
                if bundle != self._shown:
                    publisher.publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=True)
                    self._shown = bundle
        except Exception:
            # Nobody waits for it, and the bench itself has the answer.
            logging.getLogger(__name__).exception("the static part of a bench could not be made anew")


def _shell() -> Any:
    """The shell of a kernel: a terminal prints again what is updated."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _captures(publisher: Any) -> bool:
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(publisher, CapturingDisplayPublisher)
