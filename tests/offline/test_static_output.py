"""The static part of a cell's output follows what the bench was told, and touches nothing else."""

import html
import logging
import threading
import time
from types import SimpleNamespace

import pytest
from IPython.core.displaypub import CapturingDisplayPublisher

import tracebench as tb
from tests import made
from tracebench.offline import static_output as kept_true
from tracebench.offline.static_output import StaticOutput
from tracebench.requests.code import request_for
from tracebench.requests.request import Request
from tracebench.requests.stored import Stored


class Publisher:
    """What a kernel's shell publishes with."""

    def __init__(self):
        self.sent = []

    def publish(self, data, metadata=None, **more):
        self.sent.append((data, more, threading.current_thread()))


@pytest.fixture
def shell(monkeypatch):
    """A kernel's shell, and what was displayed in it."""
    shell = SimpleNamespace(kernel=object(), display_pub=Publisher(), displayed=[])
    monkeypatch.setattr(kept_true, "_shell", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda *things, **how: shell.displayed.append((things, how)))
    monkeypatch.setattr(kept_true, "SETTLE", 0.01)
    monkeypatch.setattr(kept_true, "LATER", 0.02)
    return shell


def wait(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_burst_of_answers_is_one_update_of_the_same_output_on_another_thread(shell):
    said = ["first"]
    kept = StaticOutput(lambda: {"text/html": said[0]})
    kept.display()
    ((things, how),) = shell.displayed
    assert things == ({"text/html": "first"},)
    said[0] = "second"
    for _ in range(5):
        kept.stale()
    wait(lambda: shell.display_pub.sent)
    time.sleep(0.05)
    ((data, more, thread),) = shell.display_pub.sent
    assert data == {"text/html": "second"}
    assert more == {"transient": {"display_id": how["display_id"]}, "update": True}
    assert thread is not threading.current_thread()


def test_what_says_the_same_is_not_sent_again_nor_what_nobody_displays(shell):
    calls = []
    kept = StaticOutput(lambda: calls.append(1) or {"text/html": "same"})
    kept.stale()
    time.sleep(0.05)
    assert calls == []
    kept.display()
    kept.stale()
    wait(lambda: len(calls) == 2)
    time.sleep(0.02)
    assert shell.display_pub.sent == []


def test_a_cell_that_captures_its_output_does_not_get_it(shell):
    kernels, capturing = shell.display_pub, CapturingDisplayPublisher()
    said = ["first"]
    kept = StaticOutput(lambda: {"text/html": said[0]})
    kept.display()
    shell.display_pub, said[0] = capturing, "second"
    kept.stale()
    time.sleep(0.1)
    shell.display_pub = kernels
    wait(lambda: kernels.sent)
    assert capturing.outputs == []


def test_a_cell_that_begins_to_capture_while_it_is_made_does_not_get_it(shell):
    kernels, capturing = shell.display_pub, CapturingDisplayPublisher()
    said = ["first"]

    def bundle():
        if said[0] == "second":
            shell.display_pub = capturing
        return {"text/html": said[0]}

    kept = StaticOutput(bundle)
    kept.display()
    said[0] = "second"
    kept.stale()
    wait(lambda: kernels.sent or capturing.outputs)
    assert capturing.outputs == []


def test_what_is_made_later_is_shown_last(shell):
    said, making = ["first"], threading.Event()

    def bundle():
        now = said[0]
        if now == "second":
            making.set()
            time.sleep(0.1)
        return {"text/html": now}

    kept = StaticOutput(bundle)
    kept.display()
    said[0] = "second"
    kept.stale()
    assert making.wait(120)
    said[0] = "third"
    kept.stale()
    wait(lambda: len(shell.display_pub.sent) == 2)
    assert [data["text/html"] for data, *_ in shell.display_pub.sent] == ["second", "third"]


def test_outside_a_kernel_nothing_is_sent():
    """Where there is no shell, or one in a terminal, which would print it again."""
    assert kept_true._shell() is None


def test_what_fails_is_logged_and_harms_nobody(shell, caplog):
    kept = StaticOutput(lambda: {"text/html": "first"})
    kept.display()
    kept._bundle = lambda: 1 / 0
    with caplog.at_level(logging.ERROR, "tracebench"):
        kept.stale()
        wait(lambda: caplog.records)
    assert "could not be made anew" in caplog.text


def test_the_output_of_the_bench_follows_the_selection_the_views_that_are_shown_and_what_they_were_asked(shell):
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
    # As a page sets it.
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


def test_a_step_that_is_passed_in_a_run_of_them_is_not_made(shell, monkeypatch):
    timers = []

    class Timer:
        """Goes off when the test says so."""

        def __init__(self, _seconds, run):
            self.run = run

        def start(self):
            timers.append(self)

    monkeypatch.setattr(kept_true.threading, "Timer", Timer)
    trace = made.trace()
    bench = tb.Workbench([trace, made.lens(trace)])
    bench._ipython_display_()
    for step in (1, 2, 3):
        bench.selection.step = step
        assert shell.display_pub.sent == []
    (timer,) = timers
    timer.run()
    assert len(shell.display_pub.sent) == 1
    # Another token at the same step says nothing else.
    bench.selection.token = 1
    for timer in timers[1:]:
        timer.run()
    assert len(shell.display_pub.sent) == 1


class Anew(Stored):
    """Knows nothing and computes what is asked, and may not be asked what it knows by anybody but a cell."""

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
    assert "on, to the end" not in static["text/html"]
    assert "1 of 1 checks hold" in static["text/html"]
    bench._answers._handle_custom_msg({"kind": "ask", "id": "a", "request": requests[0].to_json()}, [])
    bench._answers._handle_custom_msg({"kind": "ask", "id": "b", "request": requests[1].to_json()}, [])
    wait(lambda: shell.display_pub.sent and "3 of 3 checks hold" in shell.display_pub.sent[-1][0]["text/html"])
    data, more, _ = shell.display_pub.sent[-1]
    assert more["transient"] == {"display_id": how["display_id"]}
    assert "another token is the top choice at the last layer" in data["text/html"]
    assert "By integrated gradients, 64 points" in data["text/html"]
