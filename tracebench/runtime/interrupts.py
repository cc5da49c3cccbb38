"""Scopes whose setup and teardown are never cut short by an interrupt.

Ctrl-C can raise between any two lines of the main thread, also inside a ``finally``, and leave a hook or a mode behind.
A `Scope` delays an interrupt that arrives during its setup or its teardown until that is complete.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: The open scopes of the main thread, innermost last. Only the main thread receives interrupts.
_OPEN: list[Scope[Any]] = []


class Scope(Generic[T]):
    """``with Scope(enter) as value:`` runs ``enter(undo)``, then the body, then the callbacks in ``undo``.

    Args:
        enter: the setup. It adds a callback to the `ExitStack` for each step that must be undone. It returns ``value``.
    """

    def __init__(self, enter: Callable[[ExitStack], T]) -> None:
        self._enter, self._undo = enter, ExitStack()
        self._before: Any = None
        # Interrupts pass through in the body only.
        self._in_body, self._late, self._ended = False, False, False

    def __enter__(self) -> T:
        self._hold_back()
        try:
            value = self._enter(self._undo)
            self._in_body = True
            self.raise_late()
        except BaseException as error:
            self._in_body = False
            self._end(error)
            raise
        return value

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        self._in_body = False  # inline, because Python handles interrupts at the start of a call
        self._end(error)

    def raise_late(self) -> None:
        """Raise an interrupt that was delayed."""
        if self._late:
            self._late = False
            self._before(signal.SIGINT, None)

    def _hold_back(self) -> None:
        if threading.current_thread() is not threading.main_thread() or not callable(signal.getsignal(signal.SIGINT)):
            return
        # Once installed, our handler only records an interrupt, so none is lost between these two lines.
        self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        _OPEN.append(self)

    def _end(self, error: BaseException | None) -> None:
        try:
            self._undo.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        finally:
            if self._before is not None:
                _OPEN.remove(self)
                try:
                    # Keep a handler that the body installed on purpose.
                    if signal.getsignal(signal.SIGINT) == self._on_interrupt:
                        signal.signal(signal.SIGINT, self._before)
                finally:
                    # Set this last: an interrupt that passes before the handler is restored would leave ours in place.
                    self._ended = True
                self.raise_late()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        # `_ended`: a debugger may restore this handler after the scope has ended.
        # `_EXIT`: an interrupt may arrive in `__exit__` before its first line sets `_in_body`.
        if self._ended or (self._in_body and (frame is None or frame.f_code is not _EXIT)):
            self._before(number, frame)
        else:
            self._late = True


_EXIT = Scope.__exit__.__code__


def raise_delayed() -> None:
    """Raise an interrupt that the innermost scope has delayed. Call this in a loop that waits during a setup."""
    if _OPEN and threading.current_thread() is threading.main_thread():
        _OPEN[-1].raise_late()
