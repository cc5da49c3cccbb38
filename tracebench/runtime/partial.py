"""Partial results: slow work delivers a result before it is complete.

An analysis calls `deliver` with a result whose missing cells are masked. The bench shows it until the next one arrives.
A receiver belongs to the thread that set it, like a listener of progress.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Receiver = Callable[[Any], None]
_receiver: ContextVar[Receiver | None] = ContextVar("tracebench_partial", default=None)


@contextmanager
def receiving(receiver: Receiver) -> Generator[None]:
    """Within this scope, `deliver` calls ``receiver(result)``."""
    token = _receiver.set(receiver)
    try:
        yield
    finally:
        _receiver.reset(token)


def is_wanted() -> bool:
    """Whether a receiver is set. Without one, an analysis need not make partial results."""
    return _receiver.get() is not None


def deliver(result: Any) -> None:
    """Send a result with masked cells to the receiver, if there is one."""
    receiver = _receiver.get()
    if receiver is not None:
        receiver(result)
