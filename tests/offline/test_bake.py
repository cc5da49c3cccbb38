"""Asking and waiting, as saving does."""

import threading
import time

import pytest

from tests import made
from tests.signals import interrupt_in
from tracebench.offline import bake as baking
from tracebench.offline.bake import answer, bake
from tracebench.record.traces import Traces
from tracebench.requests.request import Request
from tracebench.runtime.progress import Cancelled, listening


class Slow:
    """Holds on to the model until its job is cancelled, and for some time after."""

    def __init__(self):
        self.holds = False

    def ask(self, _request, job):
        self.holds = True
        job.begun.set()
        threading.Thread(target=self._work, args=(job,)).start()

    def _work(self, job):
        interrupt_in("wait", "wait", "answer")
        job.cancelled.wait(120)
        time.sleep(0.3)
        self.holds = False
        job.on_error(Cancelled())


def test_whoever_is_interrupted_gets_the_model_back_when_the_work_has_left_it():
    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        answer(slow, Request("LogitLens", {}, (made.trace().hash,)))
    assert not slow.holds


class Patient:
    """Tells how far it is until its job is cancelled."""

    def __init__(self):
        self.cancelled = False

    def ask(self, _request, job):
        job.begun.set()
        threading.Thread(target=self._work, args=(job,)).start()

    def _work(self, job):
        job.on_progress(2, 8, "layers")
        self.cancelled = job.cancelled.wait(10)
        job.on_error(Cancelled())

    def known(self):
        return {}


def test_whoever_saves_hears_how_far_it_is_and_can_call_it_off():
    trace = made.trace()
    requests = [Request("LogitLens", {"top": top}, (trace.hash,)) for top in (1, 2)]
    patient, heard = Patient(), []

    def listener(*now):
        heard.append(now)
        if "layers" in now[2]:
            raise Cancelled

    with listening(listener), pytest.raises(Cancelled):
        bake(patient, requests, Traces([trace]))
    assert patient.cancelled
    assert heard[0] == (0, 2, "LogitLens, part 1 of 2")
    assert heard[-1] == (2, 16, "LogitLens: layers, part 1 of 2")


class Busy:
    """Somebody else's work comes first: the job does not begin."""

    def ask(self, _request, _job):
        threading.Thread(target=interrupt_in, args=("wait", "wait", "answer")).start()


def test_nobody_waits_for_other_peoples_work(monkeypatch):
    monkeypatch.setattr(baking, "LETS_GO", "no number, so that waiting raises")
    with pytest.raises(KeyboardInterrupt):
        answer(Busy(), Request("LogitLens", {}, (made.trace().hash,)))


def test_what_was_answered_is_in_the_page_though_nobody_remembers_it():
    trace = made.trace()
    lens = made.lens(trace)

    class Forgetful:
        def ask(self, _request, job):
            job.on_answer(lens)

        def known(self):
            return {}

    asked = Request("LogitLens", {"top": 2}, (trace.hash,))
    assert bake(Forgetful(), [asked], Traces([trace]))[asked.key]["kind"] == "lens_table"
