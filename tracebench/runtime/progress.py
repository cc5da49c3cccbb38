"""Progress and cancellation of slow work.

The caller sets a listener; the work calls `tick` between micro-batches. The listener may raise `Cancelled`, or any other
exception, to stop the work there. A listener belongs to the thread that set it, so the listener of a worker never sees the
ticks of a notebook cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from contextvars import ContextVar
from typing import Any

from tracebench.runtime.interrupts import Scope


class Cancelled(Exception):  # noqa: N818 - the field's word (concurrent.futures, asyncio), and it is no error
    """The work was cancelled. Earlier results stay."""


Listener = Callable[[int, int, str], None]
_listener: ContextVar[Listener | None] = ContextVar("tracebench_progress", default=None)


def listening(listener: Listener) -> Scope[None]:
    """Within this scope, `tick` calls ``listener(done, total, note)``."""
    return Scope(lambda undo: _listen(undo, listener))


def tick(done: int, total: int, note: str = "") -> None:
    """Report that ``done`` of ``total`` pieces of work are done. Raises what the listener raises."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total, note)


def part(number: int, of: int) -> Scope[None]:
    """Within this scope, ticks count as one of several equal parts: ``part(2, 5)`` is the third of five."""
    whole = _listener.get()

    def listener(done: int, total: int, note: str) -> None:
        if whole is not None:
            whole(number * total + done, of * total, note if of == 1 else f"{note}, part {number + 1} of {of}")

    return Scope(lambda undo: None if whole is None else _listen(undo, listener))


def _listen(undo: ExitStack, listener: Listener) -> None:
    """Set a listener until ``undo`` closes. Call this in a `Scope`: if an interrupt left it set, later work had no bar."""
    undo.callback(_listener.set, _listener.get())
    _listener.set(listener)


#: Seconds before a bar appears.
DELAY = 2.0

#: The clock, in seconds. Tests replace it.
clock = time.monotonic


class shown(ContextDecorator, Scope[None]):  # noqa: N801 - used as a scope and as a decorator, like a function
    """Within this scope, or in a function with this decorator, slow work shows a bar if no listener is set."""

    def __init__(self, label: str) -> None:
        self._label = label
        super().__init__(self._set_up)

    def _recreate_cm(self) -> shown:
        return shown(self._label)  # a scope can be entered only once

    def _set_up(self, undo: ExitStack) -> None:
        if _listener.get() is None:
            _listen(undo, _Bar(self._label, undo))


class _Bar:
    """A listener that draws a bar once the work has lasted `DELAY`. ``undo`` removes the bar."""

    def __init__(self, label: str, undo: ExitStack) -> None:
        self._label, self._undo, self._began = label, undo, clock()
        self._bar: Any = None

    def __call__(self, done: int, total: int, note: str) -> None:
        if self._bar is None:
            if clock() - self._began < DELAY:
                return
            # Use a scope, because tqdm prints an error if an interrupt stops its constructor.
            with Scope(lambda _: self._make(done, total, note)):
                return
        self._bar.total = total
        self._bar.set_description(note or self._label, refresh=False)
        self._bar.update(done - self._bar.n)

    def _make(self, done: int, total: int, note: str) -> None:
        from tqdm.auto import tqdm

        # tqdm draws the bar now, and later at most ten times a second.
        self._bar = self._undo.enter_context(tqdm(desc=note or self._label, total=total, initial=done, leave=False))
