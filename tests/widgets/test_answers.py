"""The messages between the browser and `Answers`, and the answers that are kept for slices."""

import threading
import time

import numpy as np
import pytest

import tracebench as tb
from tests import made
from tests.made import attention
from tracebench.record.traces import Traces
from tracebench.requests.code import request_for
from tracebench.requests.request import Job, Request
from tracebench.requests.stored import Stored
from tracebench.runtime.partial import deliver, is_wanted, receiving
from tracebench.runtime.progress import Cancelled, tick
from tracebench.widgets import answers as answers_module
from tracebench.widgets.answers import Answers
from tracebench.widgets.kept_answers import KeptAnswers
from tracebench.widgets.packing import Packing


class Line:
    """The browser: ``say`` sends a message, and ``sent`` lists what came back."""

    def __init__(self, monkeypatch, answerer, trace, **actions):
        self.answers = Answers(answerer, Traces([trace]), actions)
        self.sent, self.ended = [], threading.Event()
        monkeypatch.setattr(self.answers, "send", self._send)

    def _send(self, content, buffers=()):
        self.sent.append((content, list(buffers)))
        if content["kind"] in ("answer", "error"):
            self.ended.set()

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
    assert content["result"]["sentences"]["steps"] == [0, 1, 2, 3, 4]
    assert content["result"]["says"] == "continues"


def test_without_a_model_an_answer_is_absent_and_has_code_that_computes_it(line):
    line.say(kind="ask", id="a1", request=Request("LogitLens", {"top": 9}, ("x",), code="code").to_json())
    content, _ = line.sent[-1]
    assert (content["kind"], content["absent"], content["code"]) == ("error", True, "code")


def test_a_malformed_request_is_answered_with_an_error(line):
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


def test_a_failed_save_is_answered_with_a_sentence(monkeypatch):
    def fail(_params):
        raise ValueError("cannot save into a folder of glass")

    line = Line(monkeypatch, Stored(), made.trace(), save=fail)
    line.say(kind="act", id="s1", action="save", params={})
    assert line.ended.wait(120)
    assert line.sent[-1][0] == {
        "kind": "error", "id": "s1", "error": "Cannot save into a folder of glass", "absent": False, "code": None,
    }  # fmt: skip


@pytest.fixture
def looking(monkeypatch):
    """A line to an answerer that computes a different attention for each request."""
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


def whole(line):
    """Request the whole answer. Returns its id."""
    line.say(kind="ask", id="a", request=line.request)
    return line.sent[-1][0]["result"]["answer"]


def sliced(line, of=None, **coords):
    line.ended.clear()
    line.say(kind="ask", id="s", request=line.request, slice=coords, **({} if of is None else {"of": of}))
    assert line.ended.wait(120)
    return line.sent[-1]


def weights(sent):
    content, buffers = sent
    return (np.frombuffer(buffers[content["result"]["weights"]["$array"]], np.uint8) / 255.0) ** 2


def own(trace, seed):
    """The weights of layer 2, head 1 in answer number ``seed``."""
    values = np.asarray(attention(trace, seed=seed).weights.sel(layer=2, head=1).values)
    return values[np.tri(len(trace.tokens), dtype=bool)]


def test_a_slice_comes_from_the_delivered_answer_and_computes_nothing(looking):
    line, answerer, trace = looking
    first = whole(line)
    content, _ = sent = sliced(line, first, layer=2, head=1)
    assert answerer.asked == 1
    assert (content["kind"], content["id"]) == ("answer", "s")
    assert np.abs(weights(sent) - own(trace, 1)).max() <= 0.004


def test_each_display_gets_the_slices_of_its_own_answer(looking):
    """The weights of the model were edited between the two answers."""
    line, answerer, trace = looking
    first, second = whole(line), whole(line)
    for _ in range(2):
        assert np.abs(weights(sliced(line, first, layer=2, head=1)) - own(trace, 1)).max() <= 0.004
        assert np.abs(weights(sliced(line, second, layer=2, head=1)) - own(trace, 2)).max() <= 0.004
    # Without an id, a slice comes from the newest answer.
    assert np.abs(weights(sliced(line, layer=2, head=1)) - own(trace, 2)).max() <= 0.004
    assert answerer.asked == 2


def test_the_same_result_has_the_same_answer_id(monkeypatch):
    trace = made.trace()
    line = Line(monkeypatch, Stored([attention(trace)]), trace)
    line.request = request_for(attention(trace)).to_json()
    assert whole(line) == whole(line)


def test_an_answer_without_slices_has_no_id(line):
    line.say(kind="ask", id="l", request=request_for(made.lens(made.trace())).to_json())
    assert "answer" not in line.sent[-1][0]["result"]


def test_a_slice_without_an_earlier_answer_is_computed(looking):
    line, answerer, _ = looking
    content, _ = sliced(line, layer=None, head=None)
    assert (content["kind"], content["result"]["layer"], answerer.asked) == ("answer", None, 1)


def test_slices_of_a_dropped_answer_compute_it_again_once(looking, monkeypatch):
    line, answerer, trace = looking
    monkeypatch.setattr(line.answers.kept, "max_bytes", 1)
    first, second = whole(line), whole(line)
    assert np.abs(weights(sliced(line, second, layer=2, head=1)) - own(trace, 2)).max() <= 0.004
    assert answerer.asked == 2
    monkeypatch.setattr(line.answers.kept, "max_bytes", 10**9)
    for layer in (2, 1, 0):
        sliced(line, first, layer=layer, head=1)
    assert answerer.asked == 3
    # The other display keeps the slices of its own answer.
    assert np.abs(weights(sliced(line, second, layer=2, head=1)) - own(trace, 2)).max() <= 0.004


def test_kept_answers_have_a_limit_in_bytes_and_those_in_sight_stay():
    trace = made.trace()
    results = [made.scores(trace, step) for step in range(5)]
    keys = [request_for(result).key for result in results]
    lens = made.lens(trace)
    in_sight = {"lens"}
    size = sum(
        a.values.nbytes
        for a in (results[0].scores, results[0].values, results[0].baseline_values, results[0].explained)
    )
    kept = KeptAnswers(lambda: in_sight, max_bytes=3 * size)
    kept.put("lens", lens)
    for key, result in zip(keys, results, strict=True):
        kept.put(key, result)
    # The lens alone is above the limit, but it is in sight and does not count.
    assert set(kept.by_request()) == {"lens", *keys[-3:]}
    in_sight.clear()
    for key, result in zip(keys, results, strict=True):
        kept.put(key, result)
    assert set(kept.by_request()) == set(keys[-3:])
    # The least recently used answer is dropped first.
    kept.get(kept.put(keys[2], results[2]))
    kept.put(keys[0], results[0])
    assert set(kept.by_request()) == {keys[2], keys[4], keys[0]}


def test_a_forgotten_answer_stays_forgotten_until_there_is_a_new_one():
    trace = made.trace()
    kept = KeptAnswers()
    kept.put("a", made.scores(trace, 0))
    kept.forget("a")
    assert (kept.by_request(), kept.forgotten) == ({}, {"a"})
    kept.put("a", made.scores(trace, 0))
    assert (set(kept.by_request()), kept.forgotten) == ({"a"}, set())


def test_an_answer_that_is_restored_twice_is_kept_once():
    trace = made.trace()
    kept = KeptAnswers()
    one, other = attention(trace, seed=1), attention(trace, seed=2)
    assert kept.restore("7", "a", one) is one
    assert kept.restore("7", "a", other) is one
    assert kept.by_request() == {"a": one}


def test_a_request_repeated_during_packing_is_answered_once(monkeypatch):
    trace = made.trace()
    lens = made.lens(trace)
    bench = tb.Workbench([trace, lens])
    sent: list[str] = []
    monkeypatch.setattr(
        type(bench._answers), "send", lambda _self, content, _buffers=None: sent.append(content["kind"])
    )
    ask = {"kind": "ask", "id": "x", "request": request_for(lens).to_json()}
    real = answers_module.pack

    def pack(result, trace):
        if "answer" not in sent and sent.count("progress") == 1:
            bench._answers._on_message(None, ask, [])
        return real(result, trace)

    monkeypatch.setattr(answers_module, "pack", pack)
    bench._answers._on_message(None, ask, [])
    assert (sent.count("progress"), sent.count("answer")) == (2, 1)


def test_a_failed_slice_is_logged_and_the_next_one_is_packed(caplog):
    packing, done = Packing(), threading.Event()
    packing.submit(lambda: 1 / 0)
    packing.submit(done.set)
    assert done.wait(120)
    assert "ZeroDivisionError" in caplog.text
    packing.close()
    packing._thread.join(120)
    assert not packing._thread.is_alive()


def test_older_answers_to_a_request_in_sight_are_dropped_first():
    trace = made.trace()
    old, new, newer = (attention(trace, seed=seed) for seed in range(3))
    kept = KeptAnswers(lambda: {"a"}, max_bytes=1)
    ids = [kept.put("a", old), kept.put("a", new)]
    assert [kept.get(each) for each in ids] == [None, new]
    ids.append(kept.put("b", newer))
    assert [kept.get(each) for each in ids] == [None, new, newer]
    kept.put("c", old)
    assert set(kept.by_request()) == {"a", "c"}


def test_after_an_error_a_request_has_no_answer(monkeypatch):
    trace = made.trace()

    class Breaks(Stored):
        def ask(self, request: Request, job: Job) -> None:
            super().ask(request, job) if not broken else job.on_error(broken[0])

    broken = []
    lens = made.lens(trace)
    line = Line(monkeypatch, Breaks([lens]), trace)
    request = request_for(lens)
    calls = []
    line.answers._on_answer = lambda: calls.append(1)
    line.say(kind="ask", id="a", request=request.to_json())
    assert set(line.answers.kept.by_request()) == {request.key}
    broken.append(RuntimeError("no memory"))
    line.say(kind="ask", id="b", request=request.to_json())
    assert line.answers.kept.by_request() == {}
    assert len(calls) == 2


def test_a_repeated_request_is_acknowledged_but_computed_once(monkeypatch):
    jobs = []

    class Slow(Stored):
        def ask(self, request: Request, job: Job) -> None:
            jobs.append(job)

    line = Line(monkeypatch, Slow(), made.trace())
    lens = made.lens(made.trace())
    for _ in range(2):
        line.say(kind="ask", id="a1", request=request_for(lens).to_json())
    assert len(jobs) == 1
    # The page repeats a request only if it missed the acknowledgement, so it gets another one.
    assert line.kinds() == ["progress", "progress"]
    line.say(kind="cancel", id="a1")
    assert jobs[0].cancelled.is_set()
    jobs[0].on_answer(lens)
    line.say(kind="ask", id="a1", request=request_for(lens).to_json())
    assert len(jobs) == 2


def test_one_thread_packs_all_slices_and_skips_cancelled_ones(looking, monkeypatch):
    line, _, _ = looking
    first = whole(line)
    packed, threads, go = [], set(), threading.Event()

    def pack_slice(result, traces, coords):
        assert go.wait(120)
        packed.append(coords["layer"])
        threads.add(threading.current_thread())
        return {"kind": "attention_slice"}

    monkeypatch.setattr(answers_module, "pack_slice", pack_slice)
    before = threading.active_count()
    for n in range(30):
        line.say(kind="ask", id=f"s{n}", request=line.request, slice={"layer": n % 3, "head": 0}, of=first)
    assert threading.active_count() <= before + 1
    for n in range(2, 30):
        line.say(kind="cancel", id=f"s{n}")
    go.set()
    until = time.monotonic() + 120
    while sum(kind in ("answer", "error") for kind in line.kinds()) < 31 and time.monotonic() < until:
        time.sleep(0.005)
    assert packed == [0, 1]
    assert len(threads) == 1


def test_a_missing_slice_is_answered_with_a_sentence(looking, line):
    asked, _, _ = looking
    content, _ = sliced(asked, whole(asked), layer=9, head=1)
    assert (content["kind"], content["absent"]) == ("error", False)
    assert content["error"] == "Layer 9 is not in this attention, which has 0, 1, 2 (null is the mean)"
    line.say(kind="ask", id="l", request=request_for(made.lens(made.trace())).to_json(), slice={"layer": 1})
    assert line.sent[-1][0]["error"] == "A lens_table has no slices: ask for the whole"


def test_an_answer_may_arrive_in_parts(monkeypatch):
    trace = made.trace()
    lens = made.lens(trace)

    class InParts(Stored):
        def ask(self, request: Request, job: Job) -> None:
            job.on_part(made.lens(trace, seed=8))
            job.on_part(made.lens(trace, seed=9))
            job.on_answer(lens)

    line = Line(monkeypatch, InParts(), trace)
    line.say(kind="ask", id="a", request=request_for(lens).to_json())
    assert line.kinds() == ["progress", "part", "part", "answer"]
    (first, buffers), (second, others) = line.sent[1:3]
    assert first["result"]["kind"] == second["result"]["kind"] == "lens_table"
    at = first["result"]["entropy"]["$array"]
    np.testing.assert_array_equal(
        np.frombuffer(buffers[at], "<f4"), made.lens(trace, seed=8).entropy.values.reshape(-1)
    )
    assert buffers[at] != others[at]
    # Only the answer is kept, not its parts.
    assert list(line.answers.kept.by_request().values()) == [lens]


def test_a_partial_result_goes_to_the_receiver():
    got = []
    assert not is_wanted()
    deliver("without a receiver it is dropped")
    with receiving(got.append):
        assert is_wanted()
        deliver("half")
    assert got == ["half"]


def test_a_cancelled_request_sends_no_further_part(monkeypatch):
    trace, stopped = made.trace(), []

    class Cancels(Stored):
        def ask(self, request: Request, job: Job) -> None:
            job.cancel()
            try:
                job.on_part(made.lens(trace))
            except Cancelled:
                stopped.append(True)
                job.on_error(Cancelled())

    line = Line(monkeypatch, Cancels(), trace)
    line.say(kind="ask", id="a", request=request_for(made.lens(trace)).to_json())
    assert stopped
    assert line.kinds() == ["progress", "error"]


def test_an_action_has_progress_and_an_answer(monkeypatch):
    def verify(params):
        tick(1, 2, "measuring")
        return {"verified": params["head"]}

    line = Line(monkeypatch, Stored(), made.trace(), verify=verify)
    line.say(kind="act", id="v", action="verify", params={"head": 3})
    assert line.ended.wait(120)
    assert [content for content, _ in line.sent] == [
        {"kind": "progress", "id": "v", "done": 1, "total": 2, "note": "measuring"},
        {"kind": "answer", "id": "v", "result": {"verified": 3}},
    ]


def test_an_action_ends_at_a_tick_when_it_is_cancelled(monkeypatch):
    begun, go, after = threading.Event(), threading.Event(), []

    def slow(_params):
        begun.set()
        assert go.wait(120)
        tick(1, 2)
        after.append("it went on")
        return {}

    line = Line(monkeypatch, Stored(), made.trace(), mute=slow)
    line.say(kind="act", id="m", action="mute", params={})
    assert begun.wait(120)
    line.say(kind="cancel", id="m")
    go.set()
    assert line.ended.wait(120)
    assert line.sent[-1][0]["cancelled"]
    assert after == []


def test_an_unknown_action_is_answered_with_a_sentence(monkeypatch):
    line = Line(monkeypatch, Stored(), made.trace(), save=dict)
    line.say(kind="act", id="x", action="fly", params={})
    assert line.ended.wait(120)
    assert line.sent[-1][0]["error"] == "An action is one of save, got 'fly'"
