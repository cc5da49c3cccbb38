"""Whether a notebook cell runs or has run: only a cell can change what is in memory behind the bench's back."""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from tracebench.runtime.interrupts import Scope

#: Seconds between two looks at whether a cell has ended.
PAUSE = 0.02


class Cells:
    """Counts the executions of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        #: Changes with everything that runs a user's code: cells, and messages of widgets, which may come on another thread.
        self.count = 0
        #: Cells that have begun, and that went on after lending.
        self.begun = 0
        self._shell = weakref.ref(shell)
        # A cell may run others: %%capture does.
        self.depth = _cells_on_stack(shell)
        #: How many of them do nothing but wait for a worker.
        self.lent = 0
        #: Held while no cell may begin or go on.
        self.between = threading.Lock()
        self._counting = threading.Lock()
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    @property
    def running(self) -> bool:
        return self.depth > self.lent

    @property
    def rest(self) -> int | None:
        """A number that stays the same while no cell runs; None while one does."""
        return None if self.running else self.begun

    def _begin(self, *_: object) -> None:
        # ipykernel says the same of a widget's message as of a cell, and it may handle one beside a cell.
        if threading.current_thread() is threading.main_thread():
            if not self.running:
                self._wait()
            self.depth = _cells_on_stack(self._shell()) + 1
            self.begun += 1
        self._change()

    def _end(self, *_: object) -> None:
        if threading.current_thread() is threading.main_thread():
            # Counted anew: of a widget's message whose callback fails the end is never told.
            self.depth = _cells_on_stack(self._shell())
        self._change()

    def _change(self) -> None:
        with self._counting:
            self.count += 1

    def _wait(self) -> None:
        while True:
            try:
                with self.between:
                    return
            except KeyboardInterrupt:
                # IPython would print it and run the cell all the same, in the middle of a pass. It is a short one.
                continue

    def take_back(self) -> None:
        """The end of `lend`: once no pass is under way."""
        with self.between:
            self.lent -= 1
            self.begun += 1
        self._change()


_SHELLS: weakref.WeakKeyDictionary[Any, Cells] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def stamp() -> int | None:
    """A number that stays the same while no cell runs; None while one does, and where there is no notebook to ask."""
    cells = watch()
    return None if cells is None or cells.running else cells.count


def hold_off(undo: ExitStack, wait: Callable[[], None]) -> None:
    """Keep the next cell from beginning, and one that lends from going on, until ``undo`` ends.

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


def lend() -> Scope[None]:
    """Within this scope the calling cell only waits, and a worker may use the model as if no cell ran."""

    def enter(undo: ExitStack) -> None:
        cells = watch()
        if cells is not None and cells.depth and threading.current_thread() is threading.main_thread():
            cells.lent += 1
            undo.callback(cells.take_back)
            cells._change()  # what was known before belongs to the cell, which may have changed it

    return Scope(enter)


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


def _cells_on_stack(shell: Any) -> int:
    """How many cells the main thread is in now: events tell of the next ones only."""
    code, found = getattr(type(shell).run_code, "__code__", None), 0
    frame = sys._current_frames().get(threading.main_thread().ident or 0)
    while frame is not None:
        found += frame.f_code is code
        frame = frame.f_back
    return found
