"""The few functions that tie floors together, on the demo model."""

import pytest

import tracebench as tb
from tests import made
from tracebench import facade
from tracebench.offline.bake import answer
from tracebench.requests.code import request_for


@pytest.fixture(scope="module")
def lm(demo_lm):
    return demo_lm


@pytest.fixture(scope="module")
def bench(lm):
    return tb.explore(lm, lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=3))


def test_exploring_computes_nothing_before_a_view_asks(lm, bench):
    fresh = tb.explore(lm, bench.trace)
    assert fresh._results() == []
    assert [check.name for check in fresh.trace.checks] == ["replay"]


def test_a_view_is_answered_by_the_session(bench):
    lens = answer(bench._answerer, bench._requests[0])
    assert lens.answer_layer(bench.trace.position(0)) == 27
    assert bench.summary(0).startswith("The model said “·Paris” with p = 0.702; it leads from layer 27")


def test_a_saved_bench_has_what_its_views_ask_although_none_asked(lm, bench, tmp_path):
    fresh = tb.explore(lm, bench.trace, attribution=tb.InputXGradient())
    fresh.selection.step = 1
    page = fresh.save(tmp_path / "a.html").read_text("utf-8")
    # The first sentence is of the step that the page opens at.
    assert "“,” with p = 0.604; it leads from layer 12" in page
    found = {result.kind: result for result in tb.open(fresh.save(tmp_path / "a.trace")).results}
    assert set(found) == {"lens_table", "token_scores", "attention", "rollout"}
    scores = found["token_scores"]
    assert scores.target == tb.Target(1, of="log_prob")  # of the step that is looked at
    fresh.save(tmp_path / "all.trace", steps="all")
    steps = {r.target.step for r in tb.open(tmp_path / "all.trace").results if r.kind == "token_scores"}
    assert steps == set(bench.trace.steps)


def test_a_short_text_gets_integrated_gradients_and_a_long_one_a_single_pass(lm, monkeypatch):
    short, long = lm.read([5, 6, 7]), lm.read(range(100, 300))
    asked = [tb.explore(lm, trace)._requests[1].analysis for trace in (short, long)]
    assert asked == ["IntegratedGradients", "InputXGradient"]
    # No step, nothing to explain; attention brings its rollout along, and a text that is too long has none unasked.
    alone = [r.analysis for r in tb.explore(lm, lm.read([5], prompt_length=1))._requests]
    assert alone == ["LogitLens", "AttentionPatterns", "AttentionRollout"]
    assert [r.analysis for r in tb.explore(lm, long)._requests] == ["LogitLens", "InputXGradient", *alone[1:]]
    monkeypatch.setattr(facade, "WEIGHTS", lm.layers * lm.heads * len(long.tokens) ** 2 - 1)
    without = tb.explore(lm, long)
    assert [r.analysis for r in without._requests] == ["LogitLens", "InputXGradient"]
    attention, scores = without._data["note"].split(" Scores of ")
    assert attention.startswith("Attention to 200 tokens is not shown: ")
    assert scores == (
        "more than 128 tokens are by input x gradient, one pass; integrated gradients, 64 passes: "
        "tb.explore(lm, trace, attribution=tb.IntegratedGradients())."
    )
    assert "note" not in tb.explore(lm, short)._data


def test_a_chat_gets_points_where_its_number_changes_and_says_so(lm):
    question = [{"role": "user", "content": "Say hello."}]
    chat = lm.chat(question, max_new_tokens=1)
    bench = tb.explore(lm, chat)
    (asked,) = [request for request in bench._requests if request.analysis == "IntegratedGradients"]
    assert asked.params["quadrature"] == "adaptive"
    assert "quadrature='adaptive')(lm, trace" in asked.code
    (plain,) = [r for r in tb.explore(lm, lm.read(chat.tokens.ids))._requests if r.analysis == "IntegratedGradients"]
    assert plain.params["quadrature"] == "gauss-legendre"
    chosen = tb.explore(lm, chat, attribution=tb.IntegratedGradients())._requests[1]
    assert chosen.params["quadrature"] == "gauss-legendre"
    long = lm.chat([{"role": "user", "content": "hello " * 130}], max_new_tokens=1)
    assert 'attribution=tb.IntegratedGradients(quadrature="adaptive")).' in tb.explore(lm, long)._data["note"]


def test_which_method_a_long_text_got_is_said_where_nobody_chose_it(lm):
    long = lm.read(range(100, 300))
    assert tb.explore(lm, long)._data["note"].startswith("Scores of more than 128 tokens are by input x gradient")
    chosen = [tb.InputXGradient(), tb.IntegratedGradients()]
    assert ["note" in tb.explore(lm, long, attribution=method)._data for method in chosen] == [False, False]
    assert "note" not in tb.explore(lm, lm.read(range(100, 300), prompt_length=200))._data


def test_the_code_of_the_bench_makes_the_same_trace(bench):
    names = {}
    exec(bench._data["code"], names)
    assert names["trace"].hash == bench.trace.hash
    assert repr(names["bench"]) == repr(bench)


@pytest.mark.parametrize(
    "make",
    [
        lambda lm: lm.read("Paris is in France.", prompt_length=2),
        lambda lm: lm.generate(
            "Paris 🗼 </script> שלום", max_new_tokens=2, temperature=1.5, top_k=20, seed=3, stop=["x"]
        ),
        lambda lm: lm.chat([{"role": "user", "content": "Say hello."}], max_new_tokens=2),
        lambda lm: lm.generate([504, 2253], max_new_tokens=1),
    ],
    ids=["read", "sampled", "chat", "ids"],
)
def test_the_code_of_every_kind_of_trace_makes_it_again(lm, make):
    from tracebench.views.generation import trace_code

    trace = make(lm)
    names = {}
    exec(trace_code(trace), names)
    assert names["trace"].hash == trace.hash


def test_the_code_of_a_lens_makes_the_same_lens(lm, bench):
    (view,) = [view for view in bench.views if view.stem == "lens_table"]
    names = {"tb": tb, "lm": lm, "trace": bench.trace}
    exec("lens = " + view._request["code"].removeprefix("lens = "), names)
    assert tb.Request.from_json(view._request).key == bench._requests[0].key


def test_what_is_no_model_or_no_trace_is_a_sentence(lm):
    with pytest.raises(TypeError, match="takes a LanguageModel first"):
        tb.explore("demo", made.trace())
    with pytest.raises(TypeError, match=r"got a LlamaForCausalLM: .* tb\.LanguageModel\(model, tokenizer\)"):
        tb.explore(lm.model, made.trace())
    with pytest.raises(TypeError, match="takes a trace or a prompt, got a int"):
        tb.explore(lm, 3)
    with pytest.raises(TypeError, match="the model first and then the trace"):
        tb.explore(made.trace(), lm)


@pytest.mark.parametrize(
    ("lens", "error", "sentence"),
    [
        (tb.LogitLens, TypeError, "lens is an analysis with its parameters, .* got the class LogitLens"),
        (made.lens(made.trace()), TypeError, r"a finished LensTable goes to tb\.Workbench"),
        ("LogitLens", TypeError, "lens is an analysis with its parameters, .* got 'LogitLens'"),
        (False, TypeError, "lens is an analysis with its parameters, .* got False"),
        (tb.Target(), TypeError, "lens is an analysis with its parameters, .* got Target"),
        (tb.InputXGradient(), TypeError, r"lens is an analysis that gives a lens_table, .* got InputXGradient\(\)"),
        (tb.LogitLens(watch=(" Parisian Rome",)), ValueError, "' Parisian Rome' is not one token"),
        (tb.LogitLens(watch=(10**6,)), ValueError, "token id 1000000 is not in the vocabulary"),
    ],
)
def test_a_lens_that_cannot_be_run_is_said_before_anything_runs(lm, monkeypatch, lens, error, sentence):
    monkeypatch.setattr(tb.LanguageModel, "generate", lambda *_a, **_k: pytest.fail("it generated first"))
    with pytest.raises(error, match=sentence):
        tb.explore(lm, "Paris", lens=lens)


@pytest.mark.parametrize("wrong", [None, made.trace(), "page.html"])
def test_a_snapshot_of_no_bench_is_a_sentence(wrong):
    with pytest.raises(TypeError, match=r"snapshot takes a bench, got a \w+: tb\.explore\(lm, trace\) makes one"):
        tb.snapshot(wrong)


def test_a_view_that_cannot_be_answered_loses_nothing_of_the_others(lm, tmp_path):
    """The first token is its own baseline: there is nothing to explain at the step after it, and a lens there is."""
    bench = tb.explore(lm, lm.generate([3], max_new_tokens=1))
    with pytest.warns(
        UserWarning,
        match="IntegratedGradients is not in what was saved: at this step there is nothing to explain: the only",
    ):
        page = bench.save(tmp_path / "a.html")
    assert "leads" in page.read_text("utf-8") or "last layer" in page.read_text("utf-8")
    with pytest.warns(UserWarning, match="not in what was saved"):
        kinds = {r.kind for r in tb.open(bench.save(tmp_path / "a.trace")).results}
    assert kinds == {"lens_table", "attention", "rollout"}
    with pytest.warns(UserWarning, match="not in what was saved"):
        errors = [tree for tree in bench.baked().values() if "$error" in tree]
    assert len(errors) == 1
    assert "nothing to explain" in errors[0]["$error"]
    assert errors[0]["absent"]  # no Python computes it either


def test_a_result_too_large_for_a_page_loses_nothing_of_the_others(lm, bench, tmp_path, monkeypatch):
    def too_large(_result, _trace):
        raise ValueError("it is 90 MB, and a page holds 64 MB")

    monkeypatch.setattr("tracebench.views.token_scores.TokenScoresView.pack", staticmethod(too_large))
    fresh = tb.explore(lm, bench.trace, attribution=tb.InputXGradient())
    with pytest.warns(UserWarning, match=r"TokenScores\(InputXGradient, .*\) is not in what was saved: it is 90 MB"):
        page = fresh.save(tmp_path / "a.html").read_text("utf-8")
    assert "it leads from layer 27" in page


def test_a_closed_bench_is_a_sentence(lm, tmp_path):
    bench = tb.explore(lm, lm.generate([3, 4], max_new_tokens=1), attribution=tb.InputXGradient())
    bench.close()
    for ask in (
        lambda: bench.save(tmp_path / "a.html"),
        lambda: bench.save(tmp_path / "a.trace"),
        bench.size,
        lambda: tb.snapshot(bench),
    ):
        with pytest.raises(
            ValueError, match=r"this bench was closed, and its views with it: make it anew with tb\.explore"
        ):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_the_size_of_a_form_that_is_none_is_a_sentence(bench):
    with pytest.raises(ValueError, match=r"attention is 'compact' .* got 'FULL'"):
        bench.size(attention="FULL")


def test_a_step_that_is_its_own_baseline_says_so(lm):
    trace = lm.read("The Eiffel Tower")
    every = tb.IntegratedGradients(n_steps=8)(lm, trace, tb.Target(None))
    said = tb.Workbench([trace, every])._said({r.key: every for r in [request_for(every)]})[1]
    assert any("no token scores anything, because the text before it is its own baseline." in each for each in said)
