"""Progress and cancellation of slow work.

The caller sets a listener; the work calls `tick` between micro-batches. The listener may raise `Cancelled`, or any other
exception, to stop the work there. A listener belongs to the thread that set it, so the listener of a worker never sees the
ticks of a notebook cell.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar

from tracebench.runtime.interrupts import Scope


class Cancelled(Exception):  # noqa: N818 - the field's word (concurrent.futures, asyncio), and it is no error
    """The work was cancelled. Earlier results stay."""


Listener = Callable[[int, int, str], None]
_listener: ContextVar[Listener | None] = ContextVar("tracebench_progress", default=None)


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Within this scope, `tick` calls ``listener(done, total, note)``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tick(done: int, total: int, note: str = "") -> None:
    """Report that ``done`` of ``total`` pieces of work are done. Raises what the listener raises."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total, note)


@contextmanager
def part(number: int, of: int) -> Generator[None]:
    """Within this scope ticks are those of one part of equal parts: ``part(2, 5)`` is the third of five."""
    whole = _listener.get()
    if whole is None:
        yield
        return

    def listener(done: int, total: int, note: str) -> None:
        whole(number * total + done, of * total, note if of == 1 else f"{note}, part {number + 1} of {of}")

    with listening(listener):
        yield


#: Work that is done sooner shows nothing.
DELAY = 2.0


@contextmanager
def shown(what: str) -> Generator[None]:
    """Within this scope slow work shows a bar, unless somebody listens already (then it is theirs to show)."""
    if _listener.get() is not None:
        yield
        return
    from tqdm.auto import tqdm

    def put_up(undo: ExitStack) -> tqdm:
        return undo.enter_context(tqdm(desc=what, delay=DELAY, leave=False))

    # A bar that is interrupted while it is made complains when it is thrown away.
    with Scope(put_up) as bar:

        def listener(done: int, total: int, note: str) -> None:
            bar.total = total
            bar.set_description(note or what, refresh=False)
            bar.update(done - bar.n)

        with listening(listener):
            yield
