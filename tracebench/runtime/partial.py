"""How slow work hands over what it knows so far, before its result is complete.

An analysis calls `deliver` with a result whose missing cells are masked. A bench shows it, and shows the next one in its
place. Receivers belong to the thread of control that set them, as listeners of progress do.
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
    """Whether a receiver is set: making a partial result is work too."""
    return _receiver.get() is not None


def deliver(result: Any) -> None:
    """Hand over a result in which some cells are still masked."""
    receiver = _receiver.get()
    if receiver is not None:
        receiver(result)
