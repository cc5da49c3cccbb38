"""How slow work reports progress and learns that it was cancelled.

Whoever runs the work listens; whoever does the work ticks between micro-batches. The listener may raise `Cancelled`
(or whatever it likes) to stop the work there. Listeners belong to the thread of control that set them, so a worker's
listener never sees the ticks of a notebook cell.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ContextDecorator, ExitStack
from contextvars import ContextVar
from typing import Any

from tracebench.runtime.interrupts import Scope


class Cancelled(Exception):  # noqa: N818 - the field's word (concurrent.futures, asyncio), and it is no error
    """The work was called off. What was computed before stays."""


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
    """Within this scope ticks are those of one part of equal parts: ``part(2, 5)`` is the third of five."""
    whole = _listener.get()

    def listener(done: int, total: int, note: str) -> None:
        if whole is not None:
            whole(number * total + done, of * total, note if of == 1 else f"{note}, part {number + 1} of {of}")

    return Scope(lambda undo: None if whole is None else _listen(undo, listener))


def _listen(undo: ExitStack, listener: Listener) -> None:
    """Put a listener up. In a `Scope`: an interrupt must not leave it there, or later work shows no bar."""
    undo.callback(_listener.set, _listener.get())
    _listener.set(listener)


#: Seconds. Work that is done sooner shows nothing.
DELAY = 2.0

#: What the time is, in seconds; tests set another clock.
clock = time.monotonic


class shown(ContextDecorator, Scope[None]):  # noqa: N801 - used as a scope and as a decorator, like a function
    """Within this scope slow work shows a bar, unless there is a listener already: then the listener shows it."""

    def __init__(self, what: str) -> None:
        self._what = what
        super().__init__(self._put_up)

    def _recreate_cm(self) -> shown:
        return shown(self._what)  # a scope is entered once

    def _put_up(self, undo: ExitStack) -> None:
        if _listener.get() is None:
            _listen(undo, _Bar(self._what, undo))


class _Bar:
    """A listener that draws a bar once the work has lasted `DELAY`; ``undo`` takes the bar away."""

    def __init__(self, what: str, undo: ExitStack) -> None:
        self._what, self._undo, self._began = what, undo, clock()
        self._bar: Any = None

    def __call__(self, done: int, total: int, note: str) -> None:
        if self._bar is None:
            if clock() - self._began < DELAY:
                return
            # A bar that is interrupted while it is made complains when it is thrown away.
            with Scope(lambda _: self._make(done, total, note)):
                return
        self._bar.total = total
        self._bar.set_description(note or self._what, refresh=False)
        self._bar.update(done - self._bar.n)

    def _make(self, done: int, total: int, note: str) -> None:
        from tqdm.auto import tqdm

        # Drawn as soon as it is made; after that tqdm draws it at most ten times a second.
        self._bar = self._undo.enter_context(tqdm(desc=note or self._what, total=total, initial=done, leave=False))
