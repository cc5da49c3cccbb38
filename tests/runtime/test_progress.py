"""Progress goes to the listener, or to a bar if there is none."""

import contextlib
import signal
import sys

import pytest

from tracebench.runtime import progress
from tracebench.runtime.progress import Cancelled, listening, part, shown, tick


def work(steps=3):
    for done in range(1, steps + 1):
        tick(done, steps, "working")


def test_a_listener_gets_every_tick_and_no_bar_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    heard = []
    with listening(lambda *tick: heard.append(tick)), shown("work"):
        work()
    assert heard == [(1, 3, "working"), (2, 3, "working"), (3, 3, "working")]
    assert capsys.readouterr().err == ""


class Clock:
    """A clock that a test moves."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress, "clock", clock)
    return clock


def test_slow_work_without_a_listener_shows_a_bar(capsys, clock):
    with shown("work"):
        clock.now += progress.DELAY
        tick(1, 3, "working")
        assert "working:  33%" in capsys.readouterr().err
        work()


def test_quick_work_shows_nothing(capsys, clock):
    with shown("work"):
        clock.now += progress.DELAY * 0.99
        work()
    clock.now += progress.DELAY
    assert capsys.readouterr().err == ""


def test_the_clock_starts_at_each_call_of_a_decorated_function(capsys, clock):
    """The time since the function was decorated does not count."""
    slow = shown("work")(work)
    clock.now += progress.DELAY
    slow()
    slow()
    assert capsys.readouterr().err == ""


def interrupted_at(number, run):
    """Run, and interrupt at this call or return in the modules that set a listener. Returns whether there is such a call.

    Python handles signals there, but not between the end of a body and the ``__exit__`` that follows.
    """
    files, seen = {progress.__file__, contextlib.__file__}, 0

    def trace(frame, event, _arg):
        nonlocal seen
        if frame.f_code.co_filename not in files:
            return None
        seen += event != "line"
        if seen == number and event != "line":
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return seen >= number


def test_no_listener_stays_after_an_interrupt():
    """If one stayed, later work would show no bar."""
    whole = shown("work")(work)

    def twice():
        with shown("outer"), part(0, 2):
            whole()
        whole()

    kept, number, there = [], 0, True
    while there:
        number += 1
        try:
            there = interrupted_at(number, twice)
        except KeyboardInterrupt as error:
            kept.append(error)  # IPython also keeps the last traceback, and with it every frame
        assert progress._listener.get() is None
    assert len(kept) > 20


def test_a_listener_may_stop_the_work_and_is_gone_afterwards():
    def stop(done, _total, _note):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled), listening(stop):
        work()
    work()
