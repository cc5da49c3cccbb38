"""Progress goes to the listener, or to a bar if there is none."""

import time

import pytest

from tracebench.runtime import progress
from tracebench.runtime.progress import Cancelled, listening, shown, tick


def work(steps=3):
    for done in range(1, steps + 1):
        tick(done, steps, "working")


def test_a_listener_hears_every_tick_and_no_bar_is_shown(capsys, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    heard = []
    with listening(lambda *tick: heard.append(tick)), shown("work"):
        work()
    assert heard == [(1, 3, "working"), (2, 3, "working"), (3, 3, "working")]
    assert capsys.readouterr().err == ""


def test_slow_work_that_nobody_listens_to_shows_a_bar(capsys, monkeypatch):
    monkeypatch.setattr(progress, "DELAY", 0)
    with shown("work"):
        for done in (1, 2, 3):
            time.sleep(0.15)  # the bar is not drawn more often than ten times a second
            tick(done, 3, "working")
    assert "working" in capsys.readouterr().err


def test_quick_work_shows_nothing(capsys):
    with shown("work"):
        work()
    assert capsys.readouterr().err == ""


def test_a_listener_may_stop_the_work_and_is_gone_afterwards():
    def stop(done, _total, _note):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled), listening(stop):
        work()
    work()
