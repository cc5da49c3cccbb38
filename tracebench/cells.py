"""Whether a notebook cell has run: only a cell can change what is in memory behind the bench's back."""

from __future__ import annotations

import sys
import threading
import weakref
from typing import Any


class Cells:
    """Counts the executions of one IPython shell."""

    def __init__(self, shell: Any) -> None:
        self.count = 0
        # Made while a cell runs, most often: the first end of a cell tells.
        self.running = True
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    def _begin(self, *_: object) -> None:
        self.running = True
        self.count += 1

    def _end(self, *_: object) -> None:
        self.running = False
        self.count += 1


_SHELLS: weakref.WeakKeyDictionary[Any, Cells] = weakref.WeakKeyDictionary()
_MAKING = threading.Lock()


def stamp() -> int | None:
    """A number that stays the same while no cell runs; None while one does, and where there is no notebook to ask."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None:
        return None
    with _MAKING:
        cells = _SHELLS.get(shell)
        if cells is None:
            cells = _SHELLS[shell] = Cells(shell)
    return None if cells.running else cells.count
