"""Scopes that are put up whole and taken down whole, also when a person interrupts.

Ctrl-C raises between any two lines of the main thread, those of a ``finally`` included: a hook or a mode could be left
behind. Within a `Scope` an interrupt that falls into the putting up or the taking down waits until that is done.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType
from typing import Any, Generic, TypeVar

T = TypeVar("T")

#: The scopes that are open on the main thread, innermost last; the only thread that hears interrupts.
_OPEN: list[Scope[Any]] = []


class Scope(Generic[T]):
    """``with Scope(enter) as value:``: runs ``enter(undo)``, the body, and then whatever was pushed onto ``undo``.

    Args:
        enter: puts things up and pushes how each is undone onto the `ExitStack` it is given; its value is the scope's.
    """

    def __init__(self, enter: Callable[[ExitStack], T]) -> None:
        self._enter, self._undo = enter, ExitStack()
        self._before: Any = None
        # Interrupts are let through in the body alone.
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
        self._in_body = False  # here and not in a call: a call listens for interrupts before it begins
        self._end(error)

    def raise_late(self) -> None:
        """Raise an interrupt that came while things were put up."""
        if self._late:
            self._late = False
            self._before(signal.SIGINT, None)

    def _hold_back(self) -> None:
        if threading.current_thread() is not threading.main_thread() or not callable(signal.getsignal(signal.SIGINT)):
            return
        # From the moment it is exchanged the handler only takes a note, so nothing is lost between these two lines.
        self._before = signal.signal(signal.SIGINT, self._on_interrupt)
        _OPEN.append(self)

    def _end(self, error: BaseException | None) -> None:
        try:
            self._undo.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)
        finally:
            if self._before is not None:
                _OPEN.remove(self)
                try:
                    # A handler that the body put there on purpose stays.
                    if signal.getsignal(signal.SIGINT) == self._on_interrupt:
                        signal.signal(signal.SIGINT, self._before)
                finally:
                    # Not sooner: an interrupt that is let through before the exchange would leave our handler there.
                    self._ended = True
                self.raise_late()

    def _on_interrupt(self, number: int, frame: FrameType | None) -> None:
        # A debugger may have kept this handler and put it back when the scope is long gone.
        # The first instruction of `__exit__` belongs to the taking down, and comes before it can say so.
        if self._ended or (self._in_body and (frame is None or frame.f_code is not _EXIT)):
            self._before(number, frame)
        else:
            self._late = True


_EXIT = Scope.__exit__.__code__


def heed() -> None:
    """For whoever waits while a scope is put up: raise the interrupt that has come meanwhile."""
    if _OPEN and threading.current_thread() is threading.main_thread():
        _OPEN[-1].raise_late()
