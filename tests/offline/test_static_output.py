"""The static part of a cell's output follows the state of the bench, and does not touch other outputs."""

import html
import logging
import threading
import time
from types import SimpleNamespace

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

import tracebench as tb
from tests import made
from tracebench.offline import static_output
from tracebench.offline.static_output import StaticOutput
from tracebench.requests.code import request_for
from tracebench.requests.request import Request
from tracebench.requests.stored import Stored


class Publisher:
    """The display publisher of a kernel's shell."""

    def __init__(self):
        self.sent = []

    def publish(self, data, metadata=None, **more):
        self.sent.append((data, more, threading.current_thread()))


@pytest.fixture
def shell(monkeypatch):
    """The shell of a kernel, with a list of everything that was displayed."""
    shell = SimpleNamespace(kernel=object(), display_pub=Publisher(), displayed=[])
    monkeypatch.setattr(static_output, "_shell", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda *things, **how: shell.displayed.append((things, how)))
    monkeypatch.setattr(static_output, "SETTLE", 0.01)
    monkeypatch.setattr(static_output, "LATER", 0.02)
    return shell


def wait(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_burst_of_answers_is_one_update_of_the_same_output_on_another_thread(shell):
    texts = ["first"]
    output = StaticOutput(lambda: {"text/html": texts[0]})
    output.display()
    ((things, how),) = shell.displayed
    assert things == ({"text/html": "first"},)
    texts[0] = "second"
    for _ in range(5):
        output.stale()
    wait(lambda: shell.display_pub.sent)
    time.sleep(0.05)
    ((data, more, thread),) = shell.display_pub.sent
    assert data == {"text/html": "second"}
    assert more == {"transient": {"display_id": how["display_id"]}, "update": True}
    assert thread is not threading.current_thread()


def test_an_unchanged_output_is_not_sent_and_an_undisplayed_one_is_not_made(shell):
    calls = []
    output = StaticOutput(lambda: calls.append(1) or {"text/html": "same"})
    output.stale()
    time.sleep(0.05)
    assert calls == []
    output.display()
    output.stale()
    wait(lambda: len(calls) == 2)
    time.sleep(0.02)
    assert shell.display_pub.sent == []


def test_a_cell_that_captures_its_output_does_not_capture_the_update(shell):
    kernels, capturing = shell.display_pub, CapturingDisplayPublisher()
    texts = ["first"]
    output = StaticOutput(lambda: {"text/html": texts[0]})
    output.display()
    shell.display_pub, texts[0] = capturing, "second"
    output.stale()
    time.sleep(0.1)
    shell.display_pub = kernels
    wait(lambda: kernels.sent)
    assert capturing.outputs == []


def test_a_cell_that_starts_to_capture_meanwhile_does_not_capture_the_update(shell):
    kernels, capturing = shell.display_pub, CapturingDisplayPublisher()
    texts = ["first"]

    def bundle():
        if texts[0] == "second":
            shell.display_pub = capturing
        return {"text/html": texts[0]}

    output = StaticOutput(bundle)
    output.display()
    texts[0] = "second"
    output.stale()
    wait(lambda: kernels.sent or capturing.outputs)
    assert capturing.outputs == []


def test_the_newest_output_is_shown_last(shell):
    texts, making = ["first"], threading.Event()

    def bundle():
        now = texts[0]
        if now == "second":
            making.set()
            time.sleep(0.1)
        return {"text/html": now}

    output = StaticOutput(bundle)
    output.display()
    texts[0] = "second"
    output.stale()
    assert making.wait(120)
    texts[0] = "third"
    output.stale()
    wait(lambda: len(shell.display_pub.sent) == 2)
    assert [data["text/html"] for data, *_ in shell.display_pub.sent] == ["second", "third"]


def test_outside_a_kernel_nothing_is_sent():
    """There is no shell, or it is in a terminal, which would print each update."""
    assert static_output._shell() is None


def test_a_failed_update_is_logged_and_not_raised(shell, caplog):
    output = StaticOutput(lambda: {"text/html": "first"})
    output.display()
    output._bundle = lambda: 1 / 0
    with caplog.at_level(logging.ERROR, "tracebench"):
        output.stale()
        wait(lambda: caplog.records)
    assert "could not be updated" in caplog.text


def test_the_static_output_follows_the_selection_the_visible_views_and_their_requests(shell):
    trace = made.trace()
    rome = made.scores(trace, 1, against=" Rome")
    results = [made.lens(trace), made.scores(trace, 0), made.scores(trace, 1), rome]
    bench = tb.Workbench([trace, *results[:2]], answerer=Stored(results, [trace]))
    bench._ipython_display_()

    def says(words):
        wait(lambda: shell.display_pub.sent and words in shell.display_pub.sent[-1][0]["text/html"])

    bench.selection.step = 1
    says("<strong>" + html.escape(bench.summary(1)))
    *_, thread = shell.display_pub.sent[-1]
    assert thread is not threading.current_thread()
    # The browser sets the step.
    bench.selection._handle_custom_msg(
        {"kind": "select", "seq": 9, "fields": {**bench.selection.fields, "step": 0}}, []
    )
    says("<strong>" + html.escape(bench.summary(0)))
    bench.selection.step = 1
    bench.views[2].request = request_for(rome)
    says("<strong>" + html.escape(bench.summary(1)))
    assert "Rome" in shell.display_pub.sent[-1][0]["text/html"]
    bench.arrangement = {"hidden": ["token_scores"]}
    says("2 of 2 checks hold")


def test_steps_in_quick_succession_give_one_update(shell, monkeypatch):
    timers = []

    class Timer:
        """A timer that runs when the test calls ``run``."""

        def __init__(self, _seconds, run):
            self.run = run

        def start(self):
            timers.append(self)

    monkeypatch.setattr(static_output.threading, "Timer", Timer)
    trace = made.trace()
    bench = tb.Workbench([trace, made.lens(trace)])
    bench._ipython_display_()
    for step in (1, 2, 3):
        bench.selection.step = step
        assert shell.display_pub.sent == []
    (timer,) = timers
    timer.run()
    assert len(shell.display_pub.sent) == 1
    # Another token at the same step changes no sentence.
    bench.selection.token = 1
    for timer in timers[1:]:
        timer.run()
    assert len(shell.display_pub.sent) == 1


class Anew(Stored):
    """An answerer without a cache. Only the thread of the cell may call ``known()``."""

    def __init__(self, results):
        super().__init__(results)
        self.cells_thread = threading.current_thread()

    def known(self):
        assert threading.current_thread() is self.cells_thread, "known() may take the model's lock"
        return {}


def test_an_answer_is_in_the_output_of_the_bench(shell):
    trace = made.trace()
    lens, scores = made.lens(trace), made.scores(trace, 0)
    requests = [Request(r.analysis, r.params, r.traces, r.target) for r in map(request_for, (lens, scores))]
    bench = tb.Workbench([trace, *requests], answerer=Anew([lens, scores]))
    bench._ipython_display_()
    ((static,), how), _ = shell.displayed
    assert "top choice" not in static["text/html"]
    assert "1 of 1 check holds" in static["text/html"]
    bench._answers._handle_custom_msg({"kind": "ask", "id": "a", "request": requests[0].to_json()}, [])
    bench._answers._handle_custom_msg({"kind": "ask", "id": "b", "request": requests[1].to_json()}, [])
    wait(lambda: shell.display_pub.sent and "3 of 3 checks hold" in shell.display_pub.sent[-1][0]["text/html"])
    data, more, _ = shell.display_pub.sent[-1]
    assert more["transient"] == {"display_id": how["display_id"]}
    assert "another token is the top choice at the last layer" in data["text/html"]
    assert "By integrated gradients, 64 points" in data["text/html"]
