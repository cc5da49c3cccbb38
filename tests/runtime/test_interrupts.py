"""Real signals at random moments never cut the setup or the teardown of a scope short."""

import _thread
import signal
import threading
import time

import pytest

from tests.signals import SWALLOWED, interrupted_at_random
from tracebench.models.state.lock import ModelLock
from tracebench.runtime import interrupts
from tracebench.runtime.interrupts import Scope

#: Enough to hit the first and the last instructions of a scope many times.
INTERRUPTS = 400


@SWALLOWED
def test_the_teardown_undoes_all_of_the_setup():
    up = []

    def enter(undo):
        for n in range(20):
            undo.callback(up.remove, n)
            up.append(n)

    def work():
        with Scope(enter):
            with Scope(lambda undo: (undo.callback(up.remove, "inner"), up.append("inner"))):
                pass

    for _ in interrupted_at_random(work, INTERRUPTS):
        assert not up
        assert not interrupts._OPEN
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@SWALLOWED
def test_a_lock_is_released():
    lock = ModelLock()

    def work():
        with lock.held(), lock.held():
            pass

    for _ in interrupted_at_random(work, INTERRUPTS):
        assert (lock._owner, lock._depth, lock._cells_waiting) == (None, 0, 0)


def test_an_interrupt_reaches_the_body_and_ends_it():
    down = []

    def body():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("the body went on")

    with pytest.raises(KeyboardInterrupt), Scope(lambda undo: undo.callback(down.append, 1)):
        body()
    assert down == [1]


def test_an_interrupt_during_the_setup_is_delayed_and_not_lost():
    log = []

    def enter(undo):
        undo.callback(log.append, "down")
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.001)
        log.append("up")

    with pytest.raises(KeyboardInterrupt), Scope(enter):
        log.append("body")
    assert log == ["up", "down"]


def test_an_error_in_the_body_is_raised():
    with pytest.raises(ValueError, match="mine"), Scope(lambda _undo: None):
        raise ValueError("mine")


def test_other_threads_and_other_handlers_are_left_alone():
    seen = []
    mine = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Scope(lambda _undo: None):
            seen.append(signal.getsignal(signal.SIGINT))
    finally:
        signal.signal(signal.SIGINT, mine)

    def elsewhere():
        with Scope(lambda _undo: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert seen == [signal.SIG_IGN, mine]


class Killing(int):
    """``Killing(signal).now`` raises the signal from C, so that Python handles it at the next instruction that can."""

    now = property(_thread.interrupt_main)


def test_an_interrupt_at_the_first_instruction_of_the_teardown_is_delayed():
    down, ctrl_c = [], Killing(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), Scope(lambda undo: undo.callback(down.append, 1)):
        ctrl_c.now  # noqa: B018 - a call after it would receive the interrupt
    assert down == [1]


def test_a_handler_that_is_restored_after_its_scope_still_works():
    """A debugger saves the handler that it finds in a scope, and restores it after the scope has ended."""
    mine = signal.getsignal(signal.SIGINT)
    with Scope(lambda _undo: None):
        kept = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, kept)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, mine)


def test_a_handler_that_the_body_sets_stays():
    mine = signal.getsignal(signal.SIGINT)
    try:
        with Scope(lambda _undo: None):
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, mine)


def test_an_interrupt_while_the_handler_is_restored_leaves_the_old_handler(monkeypatch):
    before, getsignal, down = signal.getsignal(signal.SIGINT), signal.getsignal, []

    def interrupted(number):
        handler = getsignal(number)
        if down:
            signal.raise_signal(signal.SIGINT)
        return handler

    with pytest.raises(KeyboardInterrupt), Scope(lambda undo: undo.callback(down.append, 1)):
        monkeypatch.setattr(signal, "getsignal", interrupted)
    monkeypatch.undo()
    assert signal.getsignal(signal.SIGINT) is before
    assert not interrupts._OPEN
