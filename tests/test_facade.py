"""`explore` and `snapshot` on the demo model."""

import pytest

import tracebench as tb
from tests import made
from tracebench.analyses import usual
from tracebench.offline.bake import answer
from tracebench.sentences.words import as_text


@pytest.fixture(scope="module")
def lm(demo_lm):
    return demo_lm


@pytest.fixture(scope="module")
def bench(lm):
    return tb.explore(lm, lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=3))


def test_exploring_computes_nothing_before_a_view_asks(lm, bench):
    fresh = tb.explore(lm, bench.trace)
    assert fresh.results == ()
    assert [check.name for check in fresh.trace.checks] == ["replay"]


def test_a_view_is_answered_by_the_session(bench):
    lens = answer(bench._answerer, bench.requests[0])
    assert lens.answer_layer(bench.trace.position(0)) == 27
    assert bench.summary(0).startswith("The model said “·Paris” with p = 0.702; top choice from layer 27 to 29")


def test_saving_computes_the_requests_of_the_views(lm, bench, tmp_path):
    fresh = tb.explore(lm, bench.trace, tb.InputXGradient())
    fresh.selection.step = 1
    page = fresh.save(tmp_path / "a.html").read_text("utf-8")
    # The first sentence is about the selected step.
    assert "“,” with p = 0.604; top choice from layer 12 to 29" in page
    found = {result.kind: result for result in tb.open(fresh.save(tmp_path / "a.trace")).results}
    assert set(found) == {"lens_table", "token_scores", "attention", "rollout"}
    scores = found["token_scores"]
    assert scores.target == tb.Target(1, of="log_prob")
    fresh.save(tmp_path / "all.trace", steps="all")
    steps = {r.target.step for r in tb.open(tmp_path / "all.trace").results if r.kind == "token_scores"}
    assert steps == set(bench.trace.steps)


def test_a_short_text_gets_integrated_gradients_and_a_long_one_a_single_pass(lm, monkeypatch):
    short, long = lm.read([5, 6, 7]), lm.read(range(100, 300))
    asked = [tb.explore(lm, trace).requests[1].analysis for trace in (short, long)]
    assert asked == ["IntegratedGradients", "InputXGradient"]
    # No step, nothing to explain; attention brings its rollout along, and a text that is too long has none unasked.
    alone = [r.analysis for r in tb.explore(lm, lm.read([5], prompt_length=1)).requests]
    assert alone == ["LogitLens", "AttentionPatterns", "AttentionRollout"]
    assert [r.analysis for r in tb.explore(lm, long).requests] == ["LogitLens", "InputXGradient", *alone[1:]]
    monkeypatch.setattr(usual, "WEIGHTS", lm.layers * lm.heads * len(long.tokens) ** 2 - 1)
    without = tb.explore(lm, long)
    assert [r.analysis for r in without.requests] == ["LogitLens", "InputXGradient"]
    scores, attention = without._data["notes"][0].split(" Attention to ")
    assert attention.startswith("200 tokens is not shown: ")
    assert scores == (
        "Scores of more than 128 tokens are by input x gradient (one pass). For integrated gradients (64 passes): "
        "tb.explore(lm, trace, tb.IntegratedGradients())."
    )
    assert tb.explore(lm, short)._data["notes"] == [None]


def test_a_chat_gets_adaptive_points_by_default(lm):
    question = [{"role": "user", "content": "Say hello."}]
    chat = lm.chat(question, max_new_tokens=1)
    bench = tb.explore(lm, chat)
    (asked,) = [request for request in bench.requests if request.analysis == "IntegratedGradients"]
    assert asked.params["quadrature"] == "adaptive"
    assert "quadrature='adaptive')(lm, trace" in asked.code
    (plain,) = [r for r in tb.explore(lm, lm.read(chat.tokens.ids)).requests if r.analysis == "IntegratedGradients"]
    assert plain.params["quadrature"] == "gauss-legendre"
    chosen = tb.explore(lm, chat, tb.IntegratedGradients()).requests[1]
    assert chosen.params["quadrature"] == "gauss-legendre"
    long = lm.chat([{"role": "user", "content": "hello " * 130}], max_new_tokens=1)
    assert (
        'tb.explore(lm, trace, tb.IntegratedGradients(quadrature="adaptive")).'
        in tb.explore(lm, long)._data["notes"][0]
    )


def test_a_note_names_the_default_method_of_a_long_text(lm):
    long = lm.read(range(100, 300))
    assert tb.explore(lm, long)._data["notes"][0].startswith("Scores of more than 128 tokens are by input x gradient")
    chosen = [tb.InputXGradient(), tb.IntegratedGradients()]
    assert [tb.explore(lm, long, method)._data["notes"] for method in chosen] == [[None], [None]]
    assert tb.explore(lm, lm.read(range(100, 300), prompt_length=200))._data["notes"] == [None]


def test_the_code_of_the_bench_makes_the_same_trace(bench):
    names = {}
    exec(bench._trace_data[0]._data["code"] + bench._data["code"], names)
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
def test_the_code_of_every_kind_of_trace_makes_the_same_trace(lm, make):
    from tracebench.requests.code import trace_code

    trace = make(lm)
    names = {}
    exec(trace_code(trace), names)
    assert names["trace"].hash == trace.hash


def test_a_wrong_model_or_trace_raises_a_sentence(lm):
    with pytest.raises(TypeError, match="takes a LanguageModel first"):
        tb.explore("demo", made.trace())
    with pytest.raises(TypeError, match=r"got a LlamaForCausalLM: .* tb\.LanguageModel\(model, tokenizer\)"):
        tb.explore(lm.model, made.trace())
    with pytest.raises(TypeError, match="takes a trace or a prompt, got a int"):
        tb.explore(lm, 3)
    with pytest.raises(TypeError, match="the model first and the trace second"):
        tb.explore(made.trace(), lm)


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        (tb.LogitLens, TypeError, "takes analyses with their parameters .* got the class LogitLens"),
        (made.lens(made.trace()), TypeError, r"show a finished LensTable with tb\.Workbench"),
        ("LogitLens", TypeError, "takes analyses with their parameters .* got 'LogitLens'"),
        (False, TypeError, "takes analyses with their parameters .* got False"),
        (tb.Target(), TypeError, "takes analyses with their parameters .* got Target"),
        (tb.LogitLens(watch=(" Parisian Rome",)), ValueError, "' Parisian Rome' is not one token"),
        (tb.LogitLens(watch=(10**6,)), ValueError, "token id 1000000 is not in the vocabulary"),
    ],
)
def test_an_invalid_analysis_raises_before_anything_runs(lm, monkeypatch, given, error, sentence):
    monkeypatch.setattr(tb.LanguageModel, "generate", lambda *_a, **_k: pytest.fail("it generated first"))
    with pytest.raises(error, match=sentence):
        tb.explore(lm, "Paris", given)


def test_an_analysis_replaces_the_default_of_its_kind(lm, bench):
    given = tb.LogitLens(top=3), tb.AttentionRollout(residual=0.25)
    asked = {request.analysis: request.params for request in tb.explore(lm, bench.trace, *given).requests}
    assert list(asked) == ["LogitLens", "IntegratedGradients", "AttentionPatterns", "AttentionRollout"]
    assert (asked["LogitLens"]["top"], asked["AttentionRollout"]["residual"]) == (3, 0.25)
    twice = tb.explore(lm, bench.trace, tb.InputXGradient(), tb.IntegratedGradients(n_steps=8)).requests
    assert [request.analysis for request in twice[:3]] == ["LogitLens", "InputXGradient", "IntegratedGradients"]
    assert all(request.target == tb.Target(0, of="log_prob") for request in twice[1:3])


@pytest.mark.parametrize("wrong", [None, made.trace(), "page.html"])
def test_a_snapshot_of_something_else_raises_a_sentence(wrong):
    with pytest.raises(TypeError, match=r"snapshot takes a bench, got a \w+: make one with tb\.explore\(lm, trace\)"):
        tb.snapshot(wrong)


def test_a_failed_request_does_not_lose_the_other_answers(lm, tmp_path):
    """The first token is its own baseline, so there is nothing to explain after it; the lens has an answer."""
    bench = tb.explore(lm, lm.generate([3], max_new_tokens=1))
    with pytest.warns(
        UserWarning,
        match="IntegratedGradients was not saved: at this step there is nothing to explain: only the first token comes",
    ):
        page = bench.save(tmp_path / "a.html")
    assert "top choice" in page.read_text("utf-8")
    with pytest.warns(UserWarning, match="was not saved"):
        kinds = {r.kind for r in tb.open(bench.save(tmp_path / "a.trace")).results}
    assert kinds == {"lens_table", "attention", "rollout"}
    with pytest.warns(UserWarning, match="was not saved"):
        errors = [tree for tree in bench.baked().values() if "$error" in tree]
    assert len(errors) == 1
    assert "nothing to explain" in errors[0]["$error"]
    assert errors[0]["absent"]  # the question has no answer, so there is no code


def test_a_result_that_is_too_large_does_not_lose_the_other_answers(lm, bench, tmp_path, monkeypatch):
    def too_large(_result, _trace):
        raise ValueError("it is 90 MB, and a page holds 64 MB")

    monkeypatch.setattr("tracebench.views.token_scores.TokenScoresView.pack", staticmethod(too_large))
    fresh = tb.explore(lm, bench.trace, tb.InputXGradient())
    with pytest.warns(UserWarning, match=r"TokenScores\(InputXGradient, .*\) was not saved: it is 90 MB"):
        page = fresh.save(tmp_path / "a.html").read_text("utf-8")
    assert "top choice from layer 27 to 29" in page


def test_a_closed_bench_raises_a_sentence(lm, tmp_path):
    bench = tb.explore(lm, lm.generate([3, 4], max_new_tokens=1), tb.InputXGradient())
    bench.close()
    for ask in (
        lambda: bench.save(tmp_path / "a.html"),
        lambda: bench.save(tmp_path / "a.trace"),
        bench.size,
        lambda: tb.snapshot(bench),
    ):
        with pytest.raises(ValueError, match=r"this bench is closed: make a new one with tb\.explore"):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_a_size_with_an_unknown_detail_raises_a_sentence(bench):
    with pytest.raises(ValueError, match=r"detail is 'compact' .* got 'FULL'"):
        bench.size(detail="FULL")


def test_a_step_that_is_its_own_baseline_says_so(lm):
    trace = lm.read("The Eiffel Tower")
    every = tb.IntegratedGradients(n_steps=8)(lm, trace, tb.Target(None))
    said = map(as_text, tb.Workbench([trace, every])._head().sentences())
    assert any("no token scores anything, because the text before it is its own baseline." in each for each in said)
