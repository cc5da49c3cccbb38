"""A session answers requests on its worker thread: cache, cancellation, and cells that run meanwhile."""

import queue
import signal
import sys
import threading
import time
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.base import request
from tracebench.models.watch import unembedding
from tracebench.requests.request import Job, Request
from tracebench.runtime.progress import Cancelled
from tracebench.session.session import Session

SECONDS = 120


class Asked:
    """A job that keeps its ticks. ``result()`` waits for the answer or raises the error."""

    def __init__(self, on_progress=lambda *_: None):
        self.ticks = []
        self._end = queue.Queue()
        self.job = Job(
            self._tick, lambda result: self._end.put((result, None)), lambda error: self._end.put((None, error))
        )
        self._on_progress = on_progress

    def _tick(self, *tick):
        self.ticks.append(tick)
        self._on_progress(*tick)

    def result(self):
        result, error = self._end.get(timeout=SECONDS)
        if error is not None:
            raise error
        return result


@pytest.fixture
def lm():
    return tiny.lm()


@pytest.fixture
def trace(lm):
    return lm.generate("The Eiffel Tower", max_new_tokens=6)


@pytest.fixture
def session(lm, trace):
    session = Session([(lm, trace)])
    yield session
    session.close()


def ask(session, trace, analysis, **options):
    asked = Asked(**options)
    session.ask(request(analysis, trace), asked.job)
    return asked


def test_an_answer_equals_the_result_of_the_analysis(session, lm, trace):
    found, expected = ask(session, trace, tb.LogitLens(top=3)).result(), tb.LogitLens(top=3)(lm, trace)
    assert found.method == expected.method
    for name in ("token_ids", "probs", "entropy", "kl"):
        np.testing.assert_array_equal(getattr(found, name).values, getattr(expected, name).values)


def test_progress_arrives(session, trace):
    asked = ask(session, trace, tb.LogitLens(top=3))
    asked.result()
    assert asked.ticks
    assert asked.ticks[-1][0] == asked.ticks[-1][1]


def test_a_repeated_request_is_answered_from_the_cache(session, trace):
    first = ask(session, trace, tb.LogitLens(top=3)).result()
    assert ask(session, trace, tb.LogitLens(top=3)).result() is first
    assert ask(session, trace, tb.LogitLens(top=4)).result() is not first
    assert len(session.known()) == 2


def test_an_edit_of_weight_data_is_noticed(session, lm, trace):
    first = ask(session, trace, tb.LogitLens(top=3)).result()
    version = lm.model.lm_head.weight._version
    lm.model.lm_head.weight.data[5] += 1.0
    assert lm.model.lm_head.weight._version == version
    assert session.known() == {}
    second = ask(session, trace, tb.LogitLens(top=3)).result()
    assert second is not first
    assert not np.array_equal(second.entropy.values, first.entropy.values)
    lm.model.lm_head.weight.data[5] -= 1.0


def test_a_job_runs_again_if_the_weights_change_meanwhile(session, lm, trace):
    edits = []

    def edit(done, *_):
        if done == 2 and not edits:
            edits.append(lm.model.lm_head.weight.data[5].add_(1.0))

    found = ask(session, trace, tb.LogitLens(top=3), on_progress=edit).result()
    expected = tb.LogitLens(top=3)(lm, trace)
    np.testing.assert_array_equal(found.entropy.values, expected.entropy.values)


def test_weights_that_change_in_each_run_raise_an_error(session, lm, trace):
    with pytest.raises(RuntimeError, match="weights changed during each run"):
        ask(
            session, trace, tb.LogitLens(top=3), on_progress=lambda *_: lm.model.lm_head.weight.data[5].add_(1.0)
        ).result()


def test_cancelling_stops_within_a_micro_batch_and_leaves_the_model_alone(session, lm, monkeypatch, trace):
    monkeypatch.setattr(unembedding, "ROWS", 1)
    lm.model.train()
    with unchanged(lm.model):
        asked = ask(session, trace, tb.LogitLens(top=3), on_progress=lambda *_: asked.job.cancel())
        with pytest.raises(Cancelled):
            asked.result()
    assert len(asked.ticks) == 1
    assert ask(session, trace, tb.LogitLens(top=3)).result().token_ids.shape[0] == 3


def test_a_job_that_is_cancelled_in_the_queue_does_not_start(session, trace):
    asked = Asked()
    asked.job.cancel()
    session.ask(request(tb.LogitLens(), trace), asked.job)
    with pytest.raises(Cancelled):
        asked.result()
    assert asked.ticks == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"top": 0}, "top is a whole number from 1"),
        ({"watch": ["The Eiffel Tower"]}, "is not one token of this vocabulary"),
        ({"depth": 3}, "depth"),
    ],
)
def test_after_an_error_the_next_request_is_answered(session, params, error, trace):
    asked = Asked()
    session.ask(Request("LogitLens", params, (trace.hash,)), asked.job)
    with pytest.raises((ValueError, TypeError), match=error):
        asked.result()
    assert ask(session, trace, tb.LogitLens(top=2)).result()


def test_another_trace_is_refused(session, lm, trace):
    asked = Asked()
    session.ask(request(tb.LogitLens(), lm.read([5, 6])), asked.job)
    with pytest.raises(ValueError, match=f"this session has the traces {trace.hash}, the request is about"):
        asked.result()


def test_a_listener_that_fails_does_not_end_the_worker(session, trace):
    def fail(*_):
        raise OSError("the browser is gone")

    errors = queue.Queue()
    session.ask(request(tb.LogitLens(), trace), Job(lambda *_: None, fail, errors.put))
    assert isinstance(errors.get(timeout=SECONDS), OSError)
    session.ask(request(tb.LogitLens(), trace), Job(lambda *_: None, fail, fail))
    assert ask(session, trace, tb.LogitLens(top=2)).result()


def test_a_closed_session_answers_again_when_asked(session, trace):
    ask(session, trace, tb.LogitLens(top=2)).result()
    worker = session._worker
    session.close()
    worker.join(SECONDS)
    assert not worker.is_alive()
    assert ask(session, trace, tb.LogitLens(top=3)).result()


def test_a_cell_can_use_the_model_during_a_job_and_gets_the_same_bits(session, lm, monkeypatch, trace):
    monkeypatch.setattr(unembedding, "ROWS", 1)
    ids = [5, 6, 7, 8]
    expected = lm.logits(ids)
    started, seen = threading.Event(), []

    def progress(done, total, _note):
        started.set()
        seen.append((done, total))

    asked = ask(session, trace, tb.LogitLens(top=3), on_progress=progress)
    assert started.wait(SECONDS)
    for _ in range(3):
        assert torch.equal(lm.logits(ids), expected)
        # Without our lock too, as in the user's own code.
        with torch.no_grad():
            assert torch.equal(lm.model(torch.tensor([ids])).logits[0], expected)
    table = asked.result()
    assert [check.state for check in table.checks] == ["holds"] * 3
    assert torch.equal(lm.logits(ids), expected)


def test_hooks_of_a_job_ignore_the_passes_of_a_cell(session, lm, trace):
    """A pass on another thread, in the middle of the watched one, does not change the captured numbers."""
    ids = torch.tensor([[5, 6, 7]])
    expected = tb.LogitLens(top=3)(lm, trace)

    def intrude(*_):
        if threading.current_thread().name == "tracebench-session":
            other = threading.Thread(target=lambda: lm.model(ids))
            other.start()
            other.join()

    handle = lm.model.model.layers[0].self_attn.register_forward_hook(intrude)
    found = ask(session, trace, tb.LogitLens(top=3)).result()
    handle.remove()
    np.testing.assert_array_equal(found.entropy.values, expected.entropy.values)


@pytest.fixture
def shell(monkeypatch):
    shell = InteractiveShell()
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: shell)
    yield shell
    shell.history_manager.end_session()


def test_a_training_cell_never_sees_our_eval_mode(trace, lm, shell):
    """The cell does not take our lock, like the training loop of a user."""
    lm.model.train()
    session, asked, seen = Session([(lm, trace)]), [], []
    under_way, go_on = threading.Event(), threading.Event()

    def hold(*_):
        if threading.current_thread().name == "tracebench-session":
            under_way.set()
            go_on.wait(SECONDS)

    handle = lm.model.model.layers[0].register_forward_hook(hold)

    def look():
        seen.append(all(module.training for module in lm.model.modules()))

    def train():
        asked.append(ask(session, trace, tb.LogitLens(top=3)))
        for _ in range(50):
            look()
            time.sleep(0.002)
        assert not under_way.is_set()

    shell.user_ns.update(train=train, look=look)
    assert shell.run_cell("train()").success
    assert under_way.wait(SECONDS)
    look()
    assert not seen.pop()  # during the pass the model is in eval mode
    threading.Timer(0.1, go_on.set).start()
    # The next cell starts during the pass.
    assert shell.run_cell("look()").success
    assert len(seen) == 51
    assert all(seen)
    assert any("training mode" in note for _, _, note in asked[0].ticks)
    assert asked[0].result()
    assert all(module.training for module in lm.model.modules())
    handle.remove()
    session.close()


def test_a_cell_saves_the_bench_of_a_model_in_training(trace, lm, shell, tmp_path):
    """The cell waits for the worker, so the worker must not wait for the cell."""
    lm.model.train()
    shell.user_ns.update(tb=tb, lm=lm, trace=trace, path=tmp_path / "a.html")
    with in_time():
        assert shell.run_cell("bench = tb.explore(lm, trace); bench.save(path); shot = tb.snapshot(bench)").success
    assert "top choice" in (tmp_path / "a.html").read_text("utf-8")
    assert all(module.training for module in lm.model.modules())
    shell.user_ns["bench"].close()


def test_an_answer_computed_while_a_cell_edits_and_restores_a_weight_is_not_cached(trace, lm, shell, monkeypatch):
    monkeypatch.setattr(unembedding, "ROWS", 1)
    session, asked = Session([(lm, trace)]), []
    weight = lm.model.lm_head.weight
    own = weight.data.clone()

    def edit(done, total, _note):
        if total:
            weight.data.copy_(own + (done < total))

    def cell():
        asked.append(ask(session, trace, tb.LogitLens(top=3), on_progress=edit))
        first = asked[0].result()
        weight.data.copy_(own)
        asked.append(ask(session, trace, tb.LogitLens(top=3)))
        assert asked[1].result() is not first

    shell.user_ns["cell"] = cell
    assert shell.run_cell("cell()").success
    found = ask(session, trace, tb.LogitLens(top=3)).result()
    np.testing.assert_array_equal(found.entropy.values, tb.LogitLens(top=3)(lm, trace).entropy.values)
    assert ask(session, trace, tb.LogitLens(top=3)).result() is found  # no cell ran, so it is cached
    session.close()


@contextmanager
def in_time():
    """Fail after a time limit instead of hanging."""

    def late(*_):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_a_refreshed_model_computes_again(session, lm, trace):
    """Above a billion parameters the checksum samples the weights, so it can miss an edit that the user knows of."""
    first = ask(session, trace, tb.LogitLens(top=3)).result()
    lm.refresh()
    assert ask(session, trace, tb.LogitLens(top=3)).result() is not first
