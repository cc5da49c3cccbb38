"""The static part of a cell's output, updated after each answer.

The host saves the newest version in the notebook. A reader who reopens it sees the latest results, and not those from the
time when the cell ran.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from typing import Any

#: Seconds to wait before an update, because answers come in bursts.
SETTLE = 0.3
#: Seconds to wait before another try, while a cell captures its output.
LATER = 1.0


class StaticOutput:
    """One static output. An update changes it in every cell that has displayed it.

    Args:
        bundle: makes the MIME bundle. It runs on a timer's thread and must be quick.
    """

    def __init__(self, bundle: Callable[[], dict[str, str]]) -> None:
        self._bundle = bundle
        # The host knows the output by this id until the kernel ends; it is not saved.
        self._id = uuid.uuid4().hex
        self._shown: dict[str, str] | None = None
        self._waiting = False
        self._lock = threading.Lock()
        # Two timers may run at once. This lock keeps their updates in order.
        self._making = threading.Lock()

    def display(self) -> None:
        """Display it in the running cell."""
        from IPython.display import display

        with self._making:
            self._shown = self._bundle()
            display(self._shown, raw=True, display_id=self._id)

    def stale(self) -> None:
        """Update the output soon, if it is displayed. Safe for threads; returns at once."""
        if self._shown is not None:
            self._update_in(SETTLE)

    def _update_in(self, seconds: float) -> None:
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
            # Read the publisher once, because a cell may start to capture its output meanwhile.
            publisher = shell.display_pub
            if _captures(publisher):
                # That cell would capture our update.
                self._update_in(LATER)
                return
            with self._making:
                bundle = self._bundle()
                if bundle != self._shown:
                    publisher.publish(data=bundle, metadata={}, transient={"display_id": self._id}, update=True)
                    self._shown = bundle
        except Exception:
            # Do not raise: no caller waits, and the bench itself shows the answer.
            logging.getLogger(__name__).exception("the static part of a bench could not be updated")


def _shell() -> Any:
    """The shell of a kernel; None in a terminal, which would print each update again."""
    from IPython import get_ipython

    shell = get_ipython()
    return shell if getattr(shell, "kernel", None) is not None else None


def _captures(publisher: Any) -> bool:
    from IPython.core.displaypub import CapturingDisplayPublisher

    return isinstance(publisher, CapturingDisplayPublisher)
