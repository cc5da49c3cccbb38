"""Benches with no trace, one trace and several traces."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

import pytest
from traitlets import TraitError

import tracebench as tb
from tests import made, tiny
from tests.bench.test_workbench import state_of
from tracebench import registry
from tracebench.analyses.base import request
from tracebench.record.files import FileError
from tracebench.requests.code import request_for
from tracebench.requests.request import Request
from tracebench.requests.stored import Stored
from tracebench.results.base import Result

A = made.trace()
B = made.trace(0, 1, 2, 3, 10, prompt_length=4, seed=5)


@pytest.fixture
def bench():
    return tb.Workbench([A, B, made.lens(A), made.lens(B), made.scores(A, 0)])


def test_results_of_one_kind_about_several_traces_share_a_view(bench):
    assert [view.stem for view in bench.views] == ["generation", "lens_table", "token_scores"]
    assert [trace.hash for trace in bench.traces] == [A.hash, B.hash]
    lens = bench.views[1]
    assert [request["traces"] for request in lens._requests] == [[A.hash], [B.hash]]


def test_a_trace_that_lacks_an_answer_asks_for_it_like_any_other(bench):
    scores = bench.views[2]
    assert [request["traces"] for request in scores._requests] == [[A.hash], [B.hash]]
    assert {request_for(result).key for result in bench.results} >= {bench.views[1].request.key}
    baked = bench.baked()
    assert Request.from_json(scores._requests[0]).key in baked
    assert Request.from_json(scores._requests[1]).key not in baked


def test_every_view_asks_about_the_selected_trace(bench):
    bench.selection.trace = 1
    assert bench.trace is B
    assert bench.views[1].request.traces == (B.hash,)
    assert bench.summary().startswith("The text goes on with “·Rome” with p = ")
    assert list(bench.checks) == ["generation", "lens_table"]
    bench.selection.trace = 0
    assert list(bench.checks) == ["generation", "lens_table", "token_scores"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"step": 0}, {"step": 0, "token": None, "query": 3}),
        ({"step": 3}, {"step": 0, "token": None, "query": 3}),
        ({"token": 2, "query": 2}, {"token": 2}),
        ({"token": 7}, {"token": None}),
        ({"token": (3, 8)}, {"token": None}),
        ({"key": 6, "layer": 2, "head": 1}, {"key": None, "layer": 2, "head": 1}),
    ],
)
def test_a_coordinate_that_the_other_trace_has_stays_selected(bench, before, after):
    bench.selection.select(**before)
    bench.selection.trace = 1
    fields = bench.selection.fields
    assert fields["trace"] == 1
    assert {name: fields[name] for name in after} == after


def test_a_trace_without_steps_has_no_step(bench):
    text = made.trace(0, 1, 2, prompt_length=3)
    bench.selection.trace = bench.add(text)
    assert (bench.selection.step, bench.selection.query) == (None, None)
    assert bench.summary() == "Nothing was generated: this is a text to read."
    with pytest.raises(TraitError, match="trace=3 is not there; trace goes over: 0 to 2"):
        bench.selection.trace = 3


def test_a_step_is_checked_against_the_selected_trace(bench):
    bench.selection.step = 4
    bench.selection.trace = 1
    with pytest.raises(TraitError, match="step=1 is not there"):
        bench.selection.step = 1


def test_an_added_trace_is_sent_once_and_every_view_asks_about_it(bench):
    other = made.trace(0, 2, 1, 3, prompt_length=2, seed=9)
    lens = made.lens(other)
    sent = [data.model_id for data in bench._trace_data]
    assert bench.add(other, lens) == 2
    assert bench.add(other) == 2
    assert [data.model_id for data in bench._trace_data][:2] == sent
    assert len(bench._traces) == len(bench.traces) == 3
    for view in bench.views:
        assert view._traces == bench._traces
        assert len(view._requests) == 3
    bench.selection.trace = 2
    assert bench.views[1].request.key == request_for(lens).key
    assert list(bench.checks) == ["generation", "lens_table"]


def test_adding_something_that_does_not_fit_raises_a_sentence(bench):
    with pytest.raises(TypeError, match="add takes a trace first, got a LensTable"):
        bench.add(made.lens(A))
    with pytest.raises(ValueError, match="is about another trace"):
        bench.add(made.trace(0, 1, seed=2, prompt_length=1), made.lens(made.trace(seed=8)))
    other = made.trace(0, 1, seed=2, prompt_length=1)
    with pytest.raises(ValueError, match="this bench has no view for attention"):
        bench.add(other, made.attention(other))
    assert len(bench.traces) == 2
    with pytest.raises(ValueError, match="this bench has no model"):
        bench.add(made.trace(0, 1, seed=2, prompt_length=1), lm=object())


def test_a_follow_up_belongs_to_its_trace(bench):
    view = bench.views[2]
    asked = request_for(made.scores(A, 0, against=" Rome"))
    view.request = asked
    assert view.is_followup
    bench.selection.trace = 1
    assert not view.is_followup
    assert view.request == view.first_request
    bench.selection.trace = 0
    assert view.request == asked


def test_a_page_has_every_trace_and_its_answers(bench, tmp_path):
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    state, _ = state_of(page)
    assert state["format"] == 2
    assert [each["model"] for each in state["provenance"]] == ["made", "made"]
    hashes = [w["state"]["_data"]["hash"] for w in state["widgets"].values() if "hash" in w["state"].get("_data", {})]
    assert sorted(hashes) == sorted([A.hash, B.hash])
    assert {tuple(tree["traces"]) for tree in state["baked"].values() if "traces" in tree} == {(A.hash,), (B.hash,)}
    assert re.search(r"<title>.* and 1 more · tracebench</title>", page)


def test_files_hold_several_traces(bench, tmp_path):
    bundle = tb.open(bench.save(tmp_path / "a.trace"))
    assert [trace.hash for trace in bundle.traces] == [A.hash, B.hash]
    assert len(bundle.results) == 3
    with pytest.raises(ValueError, match=r"holds 2 traces, but bundle\.trace needs exactly one: see bundle\.traces"):
        _ = bundle.trace
    again = tb.Workbench([*bundle])
    assert [view.stem for view in again.views] == [view.stem for view in bench.views]
    with pytest.raises(FileError, match="is not among the records"):
        tb.save(tmp_path / "b.trace", B, made.lens(A))


def test_a_file_of_the_first_format_opens(tmp_path, monkeypatch):
    """The JSON of its results names one trace as ``trace``."""
    from tracebench.record import files
    from tracebench.results import lens_table

    about = lens_table.about
    monkeypatch.setattr(files, "FORMAT", 1)
    monkeypatch.setattr(
        lens_table,
        "about",
        lambda result: {k: v for k, v in about(result).items() if k != "traces"} | {"trace": A.hash},
    )
    lens = made.lens(A)
    path = tb.save(tmp_path / "old.trace", A, lens)
    monkeypatch.undo()
    bundle = tb.open(path)
    assert bundle.trace.hash == A.hash
    assert bundle.results[0].traces == (A.hash,)


def test_a_result_about_no_trace_is_shown_alone(monkeypatch, tmp_path):
    """The test changes a lens so that it is about no trace."""
    result = made.lens(A)
    object.__setattr__(result, "traces", ())
    monkeypatch.setattr(
        "tracebench.views.lens_table.LensTableView.pack", staticmethod(lambda result: {"layers": list(result.layers)})
    )
    bench = tb.Workbench([result])
    assert (len(bench.traces), bench.trace, bench.selection.trace) == (0, None, None)
    assert [view.stem for view in bench.views] == ["lens_table"]
    assert bench.views[0].request.traces == ()
    state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    (tree,) = state["baked"].values()
    assert (tree["traces"], tree["sentences"]["steps"]) == ([], [])
    assert list(bench.checks) == ["lens_table"]


def test_a_result_about_several_traces_is_shown_with_each(monkeypatch):
    result = made.lens(A)
    object.__setattr__(result, "traces", (A.hash, B.hash))
    monkeypatch.setattr(
        "tracebench.views.lens_table.LensTableView.pack",
        staticmethod(lambda _result, one, other: {"steps": [len(one.steps), len(other.steps)]}),
    )
    bench = tb.Workbench([A, B, result])
    view = bench.views[1]
    assert [request["traces"] for request in view._requests] == [[A.hash, B.hash]] * 2
    for at in (0, 1):
        bench.selection.trace = at
        assert view.request.key == request_for(result).key
    (tree,) = bench.baked().values()
    assert tree["steps"] == [5, 1]


def test_every_result_says_which_traces_it_is_about():
    for make in (made.lens, made.scores, made.attention, made.rollout):
        result = make(A)
        assert isinstance(result, Result)
        assert result.traces == (A.hash,)
        assert request_for(result).traces == (A.hash,)


@pytest.fixture(scope="module")
def models():
    return tiny.lm(), tiny.lm("gpt2")


def test_one_model_explores_several_traces(models):
    lm, _ = models
    a, b = lm.read(range(5, 12)), lm.read(range(20, 25))
    bench = tb.explore(lm, [a, b], tb.InputXGradient())
    assert [trace.hash for trace in bench.traces] == [a.hash, b.hash]
    kinds = {(result.kind, result.trace) for result in _computed(bench)}
    assert kinds == {
        (kind, trace.hash) for kind in ("lens_table", "token_scores", "attention", "rollout") for trace in (a, b)
    }
    c = lm.read(range(30, 36))
    bench.selection.trace = bench.add(c)
    assert {request.traces for request in bench.requests} == {(c.hash,)}
    assert {result.trace for result in _computed(bench)} == {a.hash, b.hash, c.hash}


def test_two_models_answer_each_about_their_own_trace(models):
    lm, other = models
    a, b = lm.read(range(5, 12)), other.read(range(5, 10))
    bench = tb.explore([(lm, a), (other, b)], tb.LogitLens(top=2), tb.InputXGradient())
    results = {result.trace: result for result in _computed(bench) if result.kind == "lens_table"}
    for model, trace in ((lm, a), (other, b)):
        assert (
            results[trace.hash].token_ids.values.tolist() == tb.LogitLens(top=2)(model, trace).token_ids.values.tolist()
        )
    with pytest.raises(
        ValueError, match=r"this bench has 2 models: give the one that made .* bench\.add\(trace, lm=lm\)"
    ):
        bench.add(lm.read(range(40, 44)))
    assert bench.add(lm.read(range(40, 44)), lm=lm) == 2


def _computed(bench):
    bench.baked()
    return bench.results


@dataclass(frozen=True)
class Shorter:
    """A fork: the trace without its last token."""

    gives = "trace"

    def __call__(self, lm, trace):
        return lm.read(trace.tokens.ids[:-1])


def test_a_request_may_give_a_trace(models, monkeypatch):
    lm, other = models
    row = registry.Analysis("Shorter", f"{__name__}:Shorter", "trace", "shorter", "change")
    monkeypatch.setattr(registry, "ANALYSES", (*registry.ANALYSES, row))
    a, b = lm.read(range(5, 12)), other.read(range(5, 10))
    bench = tb.explore([(lm, a), (other, b)], tb.LogitLens(top=2), tb.InputXGradient())
    sent, ended = [], threading.Event()

    def send(content, _buffers=()):
        sent.append(content)
        if content["kind"] in ("answer", "error"):
            ended.set()

    monkeypatch.setattr(bench._answers, "send", send)
    ask = {"kind": "ask", "id": "1", "request": request(Shorter(), b).to_json()}
    bench._answers._on_message(None, ask, [])
    assert ended.wait(60)
    assert sent[-1]["result"] == {"kind": "trace", "hash": bench.traces[2].hash, "index": 2}
    assert bench.traces[2].tokens.ids == b.tokens.ids[:-1]
    bench.selection.trace = 2
    assert {each.model for each in [bench.trace.provenance]} == {other.name}
    assert any(result.trace == bench.traces[2].hash for result in _computed(bench))


def test_a_trace_without_the_selected_step_is_asked_at_step_0(bench):
    bench.selection.step = 4
    steps = {(request.trace, request.target.step) for request in bench.current_requests() if request.target}
    assert steps == {(A.hash, 4), (B.hash, 0)}


def test_a_page_may_ask_a_request_that_was_left_out_for_a_trace():
    first = [request_for(made.lens(A)), request_for(made.scores(A, 0))]
    usual = {A.hash: (first, None), B.hash: ([request_for(made.lens(B))], "Scores are left out.")}
    bench = tb.Workbench([A, B], answerer=Stored([made.lens(A)], [A, B]), usual=lambda trace: usual[trace.hash])
    scores = bench.views[2]
    assert scores._requests[1] is None
    asked = {**scores._requests[0], "traces": [B.hash]}
    scores.set_state({"_requests": [scores._requests[0], asked]})
    bench.selection.trace = 1
    assert scores.request.traces == (B.hash,)
    assert scores.request.key in {request.key for request in bench.current_requests()}
    with pytest.warns(UserWarning, match="ignores the state that a page sent: this is not a request"):
        scores.set_state({"_requests": [{"analysis": 3}]})
    assert scores._requests[1] == asked


def test_the_bench_accepts_the_request_of_a_page_about_a_trace_without_one(tmp_path):
    bench = tb.Workbench([A, B, made.lens(A)], usual=lambda _: ([], None))
    lens = bench.views[1]
    about_a = lens._requests[0]
    assert lens._requests[1] is None
    lens.set_state({"_requests": [about_a, {**about_a, "traces": [B.hash]}]})
    bench.selection.trace = 1
    assert lens.request.traces == (B.hash,)
    bench.add(made.trace(0, 1, prompt_length=1))
    assert [each and each["traces"] for each in lens._requests] == [[A.hash], [B.hash], None]


def test_a_page_cannot_set_something_that_is_not_a_request():
    bench = tb.Workbench([A, B, made.lens(A)], usual=lambda _: ([], None))
    lens = bench.views[1]
    before = lens._requests
    for wrong in ([7], [{"analysis": "LogitLens"}], 7):
        with pytest.warns(UserWarning, match="ignores the state that a page sent"):
            lens.set_state({"_requests": wrong})
        assert lens._requests == before


def test_a_result_about_several_traces_speaks_about_the_first(monkeypatch):
    result = made.lens(A)
    object.__setattr__(result, "traces", (A.hash, B.hash))
    monkeypatch.setattr("tracebench.views.lens_table.LensTableView.pack", staticmethod(lambda *_: {}))
    c = made.trace(0, 1, prompt_length=1, seed=11)
    bench = tb.Workbench([A, B, c, result])
    said = {}
    for at in range(3):
        bench.selection.trace = at
        said[at] = bench.summary()
        bench._static()
    assert "top choice" in said[0]
    assert "top choice" not in said[1] + said[2]
    # It is not about the third trace, so its view asks nothing there.
    assert bench.views[1]._requests[2] is None


def test_a_page_fills_an_empty_request_and_changes_no_other(bench):
    scores = bench.views[2]
    before = list(scores._requests)
    scores.set_state({"_requests": [before[1]]})
    assert scores._requests == before


def test_no_trace_is_no_choice_where_there_are_some(bench):
    with pytest.raises(TraitError, match="trace=None selects nothing; trace goes over: 0 to 1"):
        bench.selection.select(trace=None)


def test_an_analysis_of_another_module_with_our_name_is_refused(models):
    lm, _ = models

    @dataclass(frozen=True)
    class LogitLens:
        top: int = 3

        def __call__(self, lm, trace):
            """Not ours."""

    with pytest.raises(TypeError, match=r"LogitLens of .* is not the registered LogitLens of tracebench"):
        tb.explore(lm, lm.read(range(5, 9)), LogitLens())


def test_a_trace_has_one_model(models):
    lm, _ = models
    trace = lm.read(range(5, 9))
    with pytest.raises(ValueError, match="is here already with another model"):
        tb.explore([(lm, trace), (tiny.lm(seed=1), trace)])


def test_a_result_that_is_added_about_a_trace_replaces_its_default(bench):
    other = made.lens(B, ranks=2)
    assert bench.add(B, other) == 1
    bench.selection.trace = 1
    assert bench.views[1].request.key == request_for(other).key
    both = made.lens(A)
    object.__setattr__(both, "traces", (A.hash, B.hash))
    with pytest.raises(ValueError, match="add takes what is about the new trace alone, got LogitLens about 2"):
        bench.add(B, both)
