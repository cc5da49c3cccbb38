"""Whether a notebook cell runs or has run: only a cell can change what is in memory behind the bench's back."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

#: Seconds between two looks at whether a cell has ended.
PAUSE = 0.02


class Cells:
    """Counts the executions of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self.count = 0
        self.running = _cell_on_stack(shell)
        #: Held while a cell must not begin.
        self.between = threading.Lock()
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    def _begin(self, *_: object) -> None:
        with self.between:
            self.running = True
            self.count += 1

    def _end(self, *_: object) -> None:
        self.running = False
        self.count += 1


_SHELLS: weakref.WeakKeyDictionary[Any, Cells] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def stamp() -> int | None:
    """A number that stays the same while no cell runs; None while one does, and where there is no notebook to ask."""
    cells = watch()
    return None if cells is None or cells.running else cells.count


def hold_off(undo: ExitStack, wait: Callable[[], None]) -> None:
    """Keep the next cell from beginning until ``undo`` ends.

    Args:
        undo: ends it.
        wait: called again and again while a cell runs; what it raises ends the waiting.
    """
    cells = watch()
    while cells is not None:
        cells.between.acquire()
        if not cells.running:
            undo.callback(cells.between.release)
            return
        cells.between.release()
        wait()
        time.sleep(PAUSE)


def watch() -> Cells | None:
    """The cells of the shell that this process runs; None where there is none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    with _MAKING:
        cells = _SHELLS.get(shell)
        if cells is None:
            cells = _SHELLS[shell] = Cells(shell)
    return cells


def _cell_on_stack(shell: Any) -> bool:
    """Whether the main thread is in a cell now: events tell of the next ones only."""
    code = getattr(type(shell).run_code, "__code__", None)
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        if frame.f_code is code:
            return True
        frame = frame.f_back
    return False
