"""What goes over the line between a view and whoever answers it."""

import threading

import numpy as np
import pytest

from tests import made
from tests.made import attention
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


@pytest.fixture
def looking(monkeypatch):
    """A line to attention, which is computed anew whenever it is asked for."""
    trace = made.trace()

    class Anew(Stored):
        asked = 0

        def ask(self, request: Request, job: Job) -> None:
            self.asked += 1
            job.on_answer(attention(trace, seed=self.asked))

    answerer = Anew()
    line = Line(monkeypatch, answerer, trace)
    line.request = request_for(attention(trace)).to_json()
    return line, answerer, trace


def sliced(line, **coords):
    line.told.clear()
    line.say(kind="ask", id="s", request=line.request, slice=coords)
    assert line.told.wait(5)
    return line.sent[-1]


def test_a_slice_is_of_the_answer_that_was_given_and_computes_nothing(looking):
    line, answerer, trace = looking
    line.say(kind="ask", id="a", request=line.request)
    content, buffers = sliced(line, layer=2, head=1)
    assert answerer.asked == 1
    assert (content["kind"], content["id"]) == ("answer", "s")
    shown = (np.frombuffer(buffers[content["result"]["weights"]["$array"]], np.uint8) / 255.0) ** 2
    length = len(trace.tokens)
    own = np.asarray(attention(trace, seed=1).weights.sel(layer=2, head=1).values)[np.tri(length, dtype=bool)]
    assert np.abs(shown - own).max() <= 0.004
    # Asked anew it is another answer, and its slices follow.
    line.say(kind="ask", id="b", request=line.request)
    _, buffers = sliced(line, layer=2, head=1)
    assert not np.array_equal((np.frombuffer(buffers[0], np.uint8) / 255.0) ** 2, shown)


def test_a_slice_that_is_asked_for_first_has_its_answer_computed(looking):
    line, answerer, _ = looking
    content, _ = sliced(line, layer=None, head=None)
    assert (content["kind"], content["result"]["layer"], answerer.asked) == ("answer", None, 1)


def test_a_slice_that_is_not_there_is_an_error_with_a_sentence(looking, line):
    asked, _, _ = looking
    asked.say(kind="ask", id="a", request=asked.request)
    content, _ = sliced(asked, layer=9, head=1)
    assert (content["kind"], content["absent"]) == ("error", False)
    assert content["error"] == "layer 9 is not in this attention, which has 0, 1, 2 (null is the mean)"
    line.say(kind="ask", id="l", request=request_for(made.lens(made.trace())).to_json(), slice={"layer": 1})
    assert line.sent[-1][0]["error"] == "a lens_table has no slices: ask for the whole"
