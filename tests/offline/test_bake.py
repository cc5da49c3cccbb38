"""Saving asks for answers and waits for them."""

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
    """An answerer that uses the model until its job is cancelled, and for some time after."""

    def __init__(self):
        self.holds = False

    def ask(self, _request, job):
        self.holds = True
        job.started.set()
        threading.Thread(target=self._work, args=(job,)).start()

    def _work(self, job):
        interrupt_in("wait", "wait", "answer")
        job.cancelled.wait(120)
        time.sleep(0.3)
        self.holds = False
        job.on_error(Cancelled())


def test_an_interrupt_waits_until_the_worker_has_left_the_model():
    slow = Slow()
    with pytest.raises(KeyboardInterrupt):
        answer(slow, Request("LogitLens", {}, (made.trace().hash,)))
    assert not slow.holds


class Patient:
    """An answerer that reports progress and then works until its job is cancelled."""

    def __init__(self):
        self.cancelled = False

    def ask(self, _request, job):
        job.started.set()
        threading.Thread(target=self._work, args=(job,)).start()

    def _work(self, job):
        job.on_progress(2, 8, "layers")
        self.cancelled = job.cancelled.wait(10)
        job.on_error(Cancelled())

    def known(self):
        return {}


def test_saving_reports_progress_and_can_be_cancelled():
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
    """An answerer that is busy with other work, so the job does not start."""

    def ask(self, _request, _job):
        threading.Thread(target=interrupt_in, args=("wait", "wait", "answer")).start()


def test_an_interrupt_does_not_wait_for_a_job_that_has_not_started(monkeypatch):
    monkeypatch.setattr(baking, "CANCEL_TIMEOUT", "no number, so that waiting raises")
    with pytest.raises(KeyboardInterrupt):
        answer(Busy(), Request("LogitLens", {}, (made.trace().hash,)))


def test_a_new_answer_is_in_the_page_even_if_it_is_not_cached():
    trace = made.trace()
    lens = made.lens(trace)

    class Forgetful:
        def ask(self, _request, job):
            job.on_answer(lens)

        def known(self):
            return {}

    asked = Request("LogitLens", {"top": 2}, (trace.hash,))
    assert bake(Forgetful(), [asked], Traces([trace]))[asked.key]["kind"] == "lens_table"
