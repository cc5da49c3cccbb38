"""What goes over the line between a view and whoever answers it."""

import threading

import numpy as np
import pytest

from tests import made
from tracebench.request import Job, Request, request_for
from tracebench.stored import Stored
from tracebench.views.answers import Answers


class Line:
    """The browser's end: what was sent, and a way to speak."""

    def __init__(self, monkeypatch, answerer, trace, save=dict, size=dict):
        self.answers = Answers(answerer, trace, save, size)
        self.sent, self.told = [], threading.Event()
        monkeypatch.setattr(self.answers, "send", self._send)

    def _send(self, content, buffers=()):
        self.sent.append((content, list(buffers)))
        if content["kind"] in ("answer", "error"):
            self.told.set()

    def say(self, **content):
        self.answers._handle_custom_msg(content, [])

    def kinds(self):
        return [content["kind"] for content, _ in self.sent]


@pytest.fixture
def line(monkeypatch):
    trace = made.trace()
    return Line(monkeypatch, Stored([made.lens(trace)]), trace)


def test_an_ask_is_acknowledged_and_answered_with_buffers(line):
    lens = made.lens(made.trace())
    line.say(kind="ask", id="a1", request=request_for(lens).to_json())
    assert line.kinds() == ["progress", "answer"]
    content, buffers = line.sent[-1]
    probs = content["result"]["probs"]
    values = np.frombuffer(buffers[probs["$array"]], "<f4").reshape(probs["shape"])
    np.testing.assert_array_equal(values, lens.probs.values)
    assert probs["coords"] == {"layer": [-1, 0, 1, 2]}
    assert len(content["result"]["findings"]) == 5


def test_what_nobody_can_compute_is_absent_with_the_code_that_would(line):
    line.say(kind="ask", id="a1", request=Request("LogitLens", {"top": 9}, "x", code="code").to_json())
    content, _ = line.sent[-1]
    assert (content["kind"], content["absent"], content["code"]) == ("error", True, "code")


def test_a_malformed_request_is_an_error_and_not_silence(line):
    line.say(kind="ask", id="a1", request={"analysis": "LogitLens"})
    assert line.kinds() == ["progress", "error"]


def test_a_ping_is_answered(line):
    line.say(kind="ping", id="p1")
    assert line.sent == [({"kind": "pong", "id": "p1"}, [])]


def test_a_cancel_reaches_the_job(monkeypatch):
    jobs = []

    class Slow(Stored):
        def ask(self, request: Request, job: Job) -> None:
            jobs.append(job)

    line = Line(monkeypatch, Slow(), made.trace())
    line.say(kind="ask", id="a1", request=request_for(made.lens(made.trace())).to_json())
    line.say(kind="cancel", id="a1")
    assert jobs[0].cancelled.is_set()


def test_saving_tells_where_or_why_not(monkeypatch):
    def fail():
        raise ValueError("cannot save into a folder of glass")

    line = Line(monkeypatch, Stored(), made.trace(), fail)
    line.say(kind="save", id="s1")
    assert line.told.wait(5)
    assert line.sent[-1][0] == {
        "kind": "error", "id": "s1", "error": "cannot save into a folder of glass", "absent": False, "code": None,
    }  # fmt: skip
