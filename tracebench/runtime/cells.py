"""Watch the cells of a notebook: only user code in a cell or a widget callback can change a model between two requests."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tracebench.runtime.interrupts import Scope

#: Seconds between two checks whether a cell has ended.
PAUSE = 0.02


class Cells:
    """Counts the cells that one IPython shell runs."""

    def __init__(self, shell: Any) -> None:
        #: Changes whenever user code runs: in a cell, or in a widget message, which may come on another thread.
        self.count = 0
        #: Number of cells that have started, plus one each time that a cell continues after `lend`.
        self.started = 0
        self._shell = weakref.ref(shell)
        #: Cells on the stack. There may be several, because a cell can run another one (%%capture does).
        self.depth = _cells_on_stack(shell)
        #: How many of those cells only wait for a worker.
        self.lent = 0
        #: While this lock is held, no cell starts or continues.
        self.no_cell = threading.Lock()
        self._counting = threading.Lock()
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    @property
    def running(self) -> bool:
        return self.depth > self.lent

    @property
    def rest(self) -> int | None:
        """A number that stays the same while no cell runs; None while a cell runs."""
        return None if self.running else self.started

    def _begin(self, *_: object) -> None:
        # ipykernel fires this event for widget messages too, also on another thread while a cell runs.
        if threading.current_thread() is threading.main_thread():
            if not self.running:
                self._wait()
            self.depth = _cells_on_stack(self._shell()) + 1
            self.started += 1
        self._count_change()

    def _end(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            # Recount: IPython sends no end event when a widget callback fails.
            self.depth = _cells_on_stack(self._shell())
        self._count_change()

    def _count_change(self) -> None:
        with self._counting:
            self.count += 1

    def _wait(self) -> None:
        while True:
            try:
                with self.no_cell:
                    return
            except KeyboardInterrupt:
                # IPython would print this and start the cell during a pass of the model. Wait: a pass is short.
                continue

    def end_lending(self) -> None:
        """End `lend`: wait for the current pass of the worker, then let the cell continue."""
        with self.no_cell:
            self.lent -= 1
            self.started += 1
        self._count_change()


_SHELLS: weakref.WeakKeyDictionary[Any, Cells] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def stamp() -> int | None:
    """A number that stays the same until user code runs; None while a cell runs, and outside a notebook."""
    cells = watch()
    return None if cells is None or cells.running else cells.count


def hold_off(undo: ExitStack, wait: Callable[[], None]) -> None:
    """Wait until no cell runs. Then block the next cell, and a cell that waits in `lend`, until ``undo`` closes.

    Args:
        undo: closing it unblocks the cells.
        wait: called repeatedly while a cell runs. It stops the waiting by raising.
    """
    cells = watch()
    while cells is not None:
        cells.no_cell.acquire()
        if not cells.running:
            undo.callback(cells.no_cell.release)
            return
        cells.no_cell.release()
        wait()
        time.sleep(PAUSE)


def lend() -> Scope[None]:
    """Within this scope the calling cell only waits, so a worker may use the model."""

    def enter(undo: ExitStack) -> None:
        cells = watch()
        if cells is not None and cells.depth and threading.current_thread() is threading.main_thread():
            cells.lent += 1
            undo.callback(cells.end_lending)
            cells._count_change()  # the cell may have changed the model before this line

    return Scope(enter)


def watch() -> Cells | None:
    """The cells of the IPython shell of this process; None without a shell."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    with _MAKING:
        cells = _SHELLS.get(shell)
        if cells is None:
            cells = _SHELLS[shell] = Cells(shell)
    return cells


def _cells_on_stack(shell: Any) -> int:
    """The number of cells on the stack of the main thread. Events cannot tell: a cell may have started before we listen."""
    code, found = getattr(type(shell).run_code, "__code__", None), 0
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        found += frame.f_code is code
        frame = frame.f_back
    return found
