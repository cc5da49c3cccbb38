import gc
import html
import json
import re
import weakref
import zlib
from base64 import b64decode
from dataclasses import replace

import pytest
from traitlets import TraitError

import tracebench as tb
from tests import made
from tracebench.offline.page import CSP, escape_script
from tracebench.offline.size import Measure
from tracebench.record.checks import Check
from tracebench.record.files import FileError
from tracebench.requests.code import request_for
from tracebench.requests.request import Absent, Request
from tracebench.requests.stored import Stored
from tracebench.sentences.generation import generation_sentence
from tracebench.sentences.lens_table import lens_sentence
from tracebench.sentences.token_scores import scores_sentence
from tracebench.sentences.words import as_text


def state_of(page: str):
    """The JSON and the buffer area of a saved page."""
    block = re.search(r'id="tracebench-state">([^<]*)</script>', page)[1]
    raw = zlib.decompress(b64decode(block))
    size = int.from_bytes(raw[:4], "little")
    return json.loads(raw[4 : 4 + size]), raw[4 + size :]


@pytest.fixture
def bench():
    trace = made.trace()
    return tb.Workbench([trace, made.lens(trace)])


def test_there_is_a_view_for_each_kind_of_result(bench):
    assert bench._stems == ["generation", "lens_table"]
    assert all(view.selection is bench.selection for view in bench.views)


def test_the_summary_is_a_sentence(bench):
    assert bench.summary(0).startswith("The text goes on with “·Paris” with p = ")


def test_things_that_a_bench_cannot_show_raise_a_sentence():
    with pytest.raises(ValueError, match="at least one trace or result"):
        tb.Workbench([])
    with pytest.raises(TypeError, match="got a str"):
        tb.Workbench([made.trace(), "lens"])
    with pytest.raises(ValueError, match="about another trace"):
        tb.Workbench([made.trace(seed=4), made.lens(made.trace())])


def test_an_unknown_keyword_raises_a_sentence():
    with pytest.raises(TypeError, match="does not know thme; it takes things, answerer"):
        tb.Workbench([made.trace()], thme="dark")


def test_a_saved_page_holds_every_widget_and_answer_once(bench, tmp_path):
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    state, _ = state_of(page)
    assert state["root"] == "w0"
    assert len(state["widgets"]) == 6
    assert list(state["baked"]) == [bench.views[1].request.key]
    refs = re.findall(r'"anywidget:(\w+)"', json.dumps(state))
    assert set(refs) <= set(state["widgets"])
    answers = [w["state"] for w in state["widgets"].values() if "_offline" in w["state"]]
    assert answers == [{"_offline": True}]


def test_the_arrays_of_a_saved_page_have_the_exact_bytes(bench, tmp_path):
    state, buffers = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    (answer,) = state["baked"].values()
    start, length = answer["entropy"]["$array"]["$buffer"]
    assert start % 8 == 0
    assert buffers[start : start + length] == bench.results[0].entropy.values.astype("<f4").tobytes()


def test_a_page_forbids_every_request(bench, tmp_path):
    page = bench.save(tmp_path / "a.html").read_text("utf-8")
    assert f'<meta http-equiv="Content-Security-Policy" content="{CSP}">' in page
    assert CSP.startswith("default-src 'none'")


def test_text_in_a_script_cannot_end_the_script():
    assert escape_script('a = "</SCRIPT><!--"') == 'a = "\\x3c/SCRIPT>\\x3c!--"'


def test_the_repr_of_the_path_states_the_size(bench, tmp_path):
    assert re.fullmatch(r"SavedPage\('.*a\.html', \d+ kB\)", repr(bench.save(tmp_path / "a.html")))


def test_a_page_over_the_limit_is_not_written(bench, tmp_path):
    with pytest.raises(
        FileError, match=r"the page would be about \d+ kB, more than max_bytes=1000: nothing was written"
    ):
        bench.save(tmp_path / "a.html", max_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_another_suffix_raises_a_sentence(bench, tmp_path):
    with pytest.raises(ValueError, match=r"save a bench as \.html \(a page\) or \.trace"):
        bench.save(tmp_path / "a.pdf")


def test_a_request_without_an_answer_is_left_out_of_the_page(tmp_path):
    trace = made.trace()
    bench = tb.Workbench(
        [trace, Request("LogitLens", {"top": 5}, (trace.hash,), code="tb.LogitLens(top=5)(lm, trace)")]
    )
    state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    assert state["baked"] == {}


def test_a_trace_without_steps_can_be_shown(tmp_path):
    trace = made.trace(0, 1, 2, prompt_length=3)
    page = tb.Workbench([trace, made.lens(trace)]).save(tmp_path / "a.html").read_text("utf-8")
    assert "nothing generated" in page


def test_a_snapshot_is_the_page_in_a_frame(bench):
    shown = tb.snapshot(bench)._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert "sandbox" not in shown
    page = html.unescape(re.search(r'srcdoc="([^"]*)"', shown)[1])
    assert state_of(page)[0]["root"] == "w0"


def test_a_bench_that_is_closed_is_freed():
    trace = made.trace()
    bench = tb.Workbench([trace, made.lens(trace)])
    gone = [weakref.ref(widget) for widget in (bench, bench.selection, bench._answers, *bench.views)]
    bench.close()
    del bench
    gc.collect()
    assert [ref() for ref in gone] == [None] * len(gone)


def test_the_size_is_estimated_before_it_is_written(tmp_path):
    trace = made.trace()
    bench = tb.Workbench([trace, made.lens(trace), *(made.scores(trace, step) for step in trace.steps)])
    estimate = bench.size()
    page = bench.save(tmp_path / "a.html")
    assert estimate.bytes == pytest.approx(page.stat().st_size, rel=0.1)
    assert set(estimate.parts) == {"code", "views", "LogitLens", "IntegratedGradients"}
    assert "LogitLens" in repr(estimate)
    assert not estimate.missing


def test_the_size_of_answers_at_other_steps_is_known_from_one(tmp_path):
    """The text is long, so that the answers are large compared with the code."""
    trace = made.trace(*([0, 1, 2, 3, 7, 10] * 60), prompt_length=320)
    results = [made.scores(trace, step, seed=step) for step in trace.steps]
    bench = tb.Workbench([trace, *results])
    known, wanted = bench._answerer.known(), [request_for(result) for result in results]
    first = {wanted[0].key: known[wanted[0].key]}
    estimate = Measure().estimate(bench, first, wanted)
    assert [request.target.step for request in estimate.missing] == list(trace.steps[1:])
    whole = bench.save(tmp_path / "a.html").stat().st_size
    assert estimate.parts["IntegratedGradients"] > 0.25 * whole
    assert estimate.bytes == pytest.approx(whole, rel=0.1)


def test_an_estimate_lists_missing_answers_and_computes_nothing():
    trace = made.trace()
    answerer = Waiting()
    request = Request("LogitLens", {"top": 3}, (trace.hash,))
    bench = tb.Workbench([trace, request], answerer=answerer)
    estimate = bench.size("all")
    assert (estimate.missing, estimate.unknown, answerer.asked) == ((request,), ("LogitLens",), [])
    assert repr(estimate).startswith("PageSize(at least ")


def test_a_page_that_is_clearly_too_large_is_refused_before_anything_is_computed(tmp_path):
    trace = made.trace()
    answerer = Waiting()
    bench = tb.Workbench([trace, Request("LogitLens", {"top": 3}, (trace.hash,))], answerer=answerer)
    with pytest.raises(FileError, match=r"would be about .*largest parts: code .*allow more: without any answer"):
        bench.save(tmp_path / "a.html", max_bytes=1000)
    assert answerer.asked == []


def test_a_refusal_says_what_to_leave_out(tmp_path):
    trace = made.trace(*([0, 1, 2, 3, 7, 10] * 60), prompt_length=320)
    bench = tb.Workbench([trace, made.lens(trace)])
    least = bench.size().bytes - bench.size().parts["LogitLens"]
    with pytest.raises(FileError, match=r"leave out LogitLens \(about \d+ kB\): tb.Workbench"):
        bench.save(tmp_path / "a.html", max_bytes=least + 1000)


class Waiting:
    """An answerer that could compute everything, has no results yet, and lists the requests."""

    def __init__(self):
        self.asked = []

    def ask(self, request, job):
        self.asked.append(request)
        job.on_error(Absent("It is not computed here."))

    def known(self):
        return {}

    def close(self):
        """There is no work to stop."""


def test_an_arrangement_is_data_that_names_views(bench):
    assert bench.arrangement == {"order": ["generation", "lens_table"], "hidden": [], "enlarged": None}
    bench.arrangement = {"order": ["lens_table"], "enlarged": "lens_table"}
    assert bench.arrangement == {"order": ["lens_table", "generation"], "hidden": [], "enlarged": "lens_table"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("lens_table", "an arrangement is a dict of order, hidden, enlarged, got 'lens_table'"),
        ({"hiden": []}, "has order, hidden, enlarged, got hiden; check the spelling"),
        ({"hidden": ["lens"]}, "hidden names 'lens', which is not a view of this bench: it has generation, lens_table"),
        ({"order": "lens_table"}, "order is a list of views"),
        ({"order": ["lens_table"] * 2}, "order names a view twice"),
        ({"enlarged": "lens_table", "hidden": ["lens_table"]}, "cannot be enlarged and hidden"),
    ],
)
def test_a_wrong_arrangement_raises_a_sentence_and_changes_nothing(bench, given, sentence):
    before = bench.arrangement
    with pytest.raises(TraitError, match=sentence):
        bench.arrangement = given
    assert bench.arrangement == before


def test_invalid_state_from_an_old_page_is_ignored_with_a_warning(bench):
    view = bench.views[1]
    for widget, state in (
        (bench, {"arrangement": {"hidden": ["radar"]}}),
        (view, {"_asked": {bench.trace.hash: {"analysis": "Radar"}}}),
    ):
        with pytest.warns(UserWarning, match=".* ignores the state that a page sent"):
            widget.set_state(state)
    assert bench.arrangement["hidden"] == []
    assert view.request == view.first_request


def test_two_views_of_a_kind_have_different_names():
    trace = made.trace()
    bench = tb.Workbench([trace, made.scores(trace, 0), made.scores(trace, 1)])
    assert bench.arrangement["order"] == ["generation", "token_scores", "token_scores-2"]


def test_a_page_asks_nothing_for_a_hidden_view_but_keeps_its_known_answers(tmp_path):
    trace = made.trace()
    answerer = Waiting()
    bench = tb.Workbench([trace, Request("LogitLens", {"top": 3}, (trace.hash,))], answerer=answerer)
    bench.arrangement = {"hidden": ["lens_table"]}
    bench.save(tmp_path / "a.html")
    assert answerer.asked == []
    computed = tb.Workbench([trace, made.lens(trace)])
    computed.arrangement = {"hidden": ["lens_table"]}
    state, _ = state_of(computed.save(tmp_path / "b.html").read_text("utf-8"))
    assert list(state["baked"]) == [computed.views[1].request.key]
    assert state["widgets"]["w0"]["state"]["arrangement"]["hidden"] == ["lens_table"]


def test_a_view_keeps_its_follow_up_and_the_summary_is_about_it(tmp_path):
    trace = made.trace()
    asked = made.scores(trace, 0, against=" Rome")
    bench = tb.Workbench([trace, made.scores(trace, 0), asked])
    bench.arrangement = {"hidden": ["token_scores-2"]}
    view = bench.views[1]
    first = view.request
    assert bench.summary(0) == as_text(generation_sentence(trace, 0))
    view.request = request_for(asked)
    assert view.request == request_for(asked)
    assert bench.summary(0) == as_text(scores_sentence(trace, asked, 0))
    state, _ = state_of(bench.save(tmp_path / "a.html").read_text("utf-8"))
    kept = [w["state"]["_asked"] for w in state["widgets"].values() if w["state"].get("_asked")]
    assert [each[trace.hash]["target"]["against"] for each in kept] == [" Rome"]
    # The follow-up of a hidden view does not lead. The default request ends the follow-up.
    bench.arrangement = {"hidden": ["token_scores", "token_scores-2"]}
    assert bench.summary(0) == as_text(generation_sentence(trace, 0))
    view.request = first
    assert not view.is_followup


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"analysis": "LogitLens"}, "LogitLens gives a lens_table, this view shows a token_scores"),
        ({"analysis": "Radar"}, "this is not a request, so the view keeps its own: there is no analysis 'Radar'"),
        ({"traces": ("another",)}, "about a trace that this view does not show"),
    ],
)
def test_a_request_that_does_not_fit_the_view_raises_a_sentence(change, sentence):
    trace = made.trace()
    view = tb.Workbench([trace, made.scores(trace, 0)]).views[1]
    with pytest.raises(TraitError, match=sentence):
        view.request = replace(view.request, **change)
    with pytest.raises(TypeError, match=r"request is a tb.Request or None \(the default request\), got 'why'"):
        view.request = "why"
    assert not view.is_followup


def test_a_view_without_requests_refuses_one():
    trace = made.trace()
    view = tb.Workbench([trace]).views[0]
    assert view.request is None
    with pytest.raises(TraitError, match="GenerationView has no request about this trace"):
        view.request = request_for(made.scores(trace, 0))


def test_of_two_follow_ups_the_first_visible_one_leads():
    trace = made.trace()
    rome, of = made.scores(trace, 0, against=" Rome"), made.scores(trace, 0, against=" of")
    bench = tb.Workbench([trace, made.scores(trace, 0), made.scores(trace, 0, of="prob"), rome, of])
    bench.views[1].request, bench.views[2].request = request_for(rome), request_for(of)
    assert bench.summary(0) == as_text(scores_sentence(trace, rome, 0))
    bench.arrangement = {"order": ["token_scores-2"]}
    assert bench.summary(0) == as_text(scores_sentence(trace, of, 0))


def test_a_given_comparison_leads_until_there_is_a_follow_up():
    trace = made.trace()
    rome, prob = made.scores(trace, 0, against=" Rome"), made.scores(trace, 0, of="prob")
    bench = tb.Workbench([trace, made.lens(trace), made.scores(trace, 0), rome, prob])
    assert bench.summary(0) == as_text(scores_sentence(trace, rome, 0))
    assert bench.summary(1) == as_text((*generation_sentence(trace, 1), *lens_sentence(trace, made.lens(trace), 1)))
    # A follow-up leads before a comparison.
    bench.views[2].request = request_for(prob)
    assert bench.summary(0) == as_text(scores_sentence(trace, prob, 0))


def test_a_view_without_fields_refuses_follow_ups():
    trace = made.trace()
    view = tb.Workbench([trace, made.lens(trace)]).views[1]
    with pytest.raises(TraitError, match=r"LensTableView cannot change its request: .* tb\.Workbench\(\[trace, req"):
        view.request = replace(view.request, params={**view.request.params, "top": 3})
    assert not view.is_followup


BAD = Check("completeness", "measure", 0.3, 0.05, "They add up.")


def test_the_checks_of_a_bench_are_those_of_all_visible_answers_by_view(tmp_path):
    trace = made.trace()
    good, bad = made.scores(trace, 0), made.scores(trace, 1, checks=(BAD,))
    bench = tb.Workbench([trace, made.lens(trace), good], answerer=Stored([made.lens(trace), good, bad]))
    assert {view: [check.name for check in checks] for view, checks in bench.checks.items()} == {
        "generation": ["replay"],
        "lens_table": ["last row = the model"],
        "token_scores": ["completeness"],
    }
    assert bench.checks.sentence == "3 of 3 checks hold"
    bench.selection.step = 1
    assert bench.checks.wrong == (("token_scores", BAD),)
    assert bench.checks.sentence == "2 of 3 checks hold (not: completeness in token scores)"
    assert repr(bench.checks).splitlines()[-2:] == ["token scores:", "  ! completeness: 0.3 (limit 0.05)"]
    # The static part of a page has the same sentence.
    assert "(not: completeness in token scores)" in bench.save(tmp_path / "a.html").read_text("utf-8")
    # Hidden scores do not count. The hidden lens counts, because its sentence is part of the summary.
    bench.arrangement = {"hidden": ["token_scores", "lens_table"]}
    assert list(bench.checks) == ["generation", "lens_table"]


def test_a_hidden_lens_counts_if_its_sentence_is_part_of_the_summary():
    """Twin of js/test/bench/proofs.test.ts."""
    trace = made.trace()
    first, second = made.lens(trace), made.lens(trace, ranks=2, seed=7)
    # The order of the answers does not matter.
    bench = tb.Workbench([trace, first, second], answerer=Stored([second, first]))
    assert list(bench.checks) == ["generation", "lens_table", "lens_table-2"]
    bench.arrangement = {"hidden": ["lens_table"]}
    assert list(bench.checks) == ["generation", "lens_table-2", "lens_table"]
    assert bench.summary(0) == as_text((*generation_sentence(trace, 0), *lens_sentence(trace, first, 0)))
    bench.arrangement = {"hidden": ["lens_table-2"]}
    assert list(bench.checks) == ["generation", "lens_table"]


def test_the_checks_of_a_rollout_count_in_the_attention_view():
    trace = made.trace()
    bench = tb.Workbench([trace, made.attention(trace), made.rollout(trace)])
    assert [check.name for check in bench.checks["attention"]] == ["rows add up", "followed back = followed up"]
    assert [request.analysis for request in bench.views[1].alternatives] == ["AttentionRollout"]


def test_an_answer_that_two_views_show_counts_once():
    trace = made.trace()
    one, other = made.scores(trace, 0), made.scores(trace, 0, against=" Rome")
    bench = tb.Workbench([trace, one, other])
    assert list(bench.checks) == ["generation", "token_scores", "token_scores-2"]
    bench.views[2].request = bench.views[1].request
    assert list(bench.checks) == ["generation", "token_scores"]
    assert bench.checks.sentence == "2 of 2 checks hold"


def test_the_head_also_has_the_sentences_of_the_other_answers():
    trace = made.trace()
    rome = made.scores(trace, 0, against=" Rome")
    bench = tb.Workbench([trace, made.lens(trace), made.scores(trace, 0), rome])
    sentences = bench._head().sentences()
    assert as_text(sentences[0]) == bench.summary(0)
    assert list(map(as_text, sentences)) == [
        as_text(each)
        for each in (
            scores_sentence(trace, rome, 0),
            (*generation_sentence(trace, 0), *lens_sentence(trace, made.lens(trace), 0)),
            scores_sentence(trace, made.scores(trace, 0), 0),
        )
    ]
    bench.views[2].request = request_for(rome)
    assert bench._head().sentences()[0] == scores_sentence(trace, rome, 0)


def _asking(bench, monkeypatch):
    """A function that asks like a page, and drops the answer."""
    monkeypatch.setattr(type(bench._answers), "send", lambda _self, _content, _buffers=None: None)
    ids = iter(range(100))
    return lambda result: bench._answers._on_message(
        None, {"kind": "ask", "id": str(next(ids)), "request": request_for(result).to_json()}, []
    )


def test_the_static_part_keeps_the_sentence_of_a_hidden_lens(monkeypatch):
    trace = made.trace()
    lens, first, second = made.lens(trace), made.scores(trace, 0), made.scores(trace, 1)
    knows_nothing = type("KnowsNothing", (Stored,), {"known": lambda _self: {}})([lens, first, second], [trace])
    bench = tb.Workbench([trace, lens, first], answerer=knows_nothing)
    bench._answers.kept.max_bytes = 1
    ask = _asking(bench, monkeypatch)
    ask(lens)
    ask(first)
    full = bench._static()["text/html"]
    bench.arrangement = {"hidden": ["lens_table"]}
    ask(second)
    ask(first)
    assert bench._static()["text/html"] == full


def test_after_an_error_the_old_answer_is_not_in_the_static_part(monkeypatch):
    trace, broken = made.trace(), []
    lens = made.lens(trace)

    class Breaks(Stored):
        def ask(self, request, job):
            if broken:
                job.on_error(RuntimeError("no memory"))
            else:
                super().ask(request, job)

        def known(self):
            return {} if broken else super().known()

    bench = tb.Workbench([trace, lens], answerer=Breaks([lens], [trace]))
    monkeypatch.setattr("IPython.display.display", lambda *_args, **_kwargs: None)
    bench._ipython_display_()
    ask = _asking(bench, monkeypatch)
    ask(lens)
    broken.append(True)
    ask(lens)
    assert list(bench.checks) == ["generation"]
    assert bench.checks.sentence in bench._static()["text/html"]
