"""Attribution equals Captum's own calls on the same model and closed forms, and satisfies the methods' axioms."""

import copy

import numpy as np
import pytest
import torch
from captum.attr import LayerIntegratedGradients
from transformers import CTRLConfig, CTRLLMHeadModel

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.runtime.progress import Cancelled, listening
from tracebench.sentences.token_scores import scores_sentence
from tracebench.sentences.words import as_text

TEXT = "The Eiffel Tower is a wrought-iron"
IG = tb.IntegratedGradients(n_steps=20, baseline="zero", keep_first=False, keep_special=False)


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def lm(request):
    return tiny.lm(request.param)


@pytest.fixture(scope="module")
def llama():
    return tiny.lm("llama")


@pytest.fixture(scope="module")
def trace(llama):
    return llama.generate(TEXT, max_new_tokens=4)


def test_input_x_gradient_is_embedding_times_gradient(lm):
    """With torch alone: a hook returns the embedding module's output, which is differentiated."""
    trace = lm.generate(TEXT, max_new_tokens=2)
    caught = []

    def catch(_module, _args, output):
        caught.append(output.detach().requires_grad_())
        return caught[0]

    handle = lm.model.get_input_embeddings().register_forward_hook(catch)
    ids = torch.tensor([trace.tokens.ids[: trace.position(1) + 1]])
    lm.model(ids, use_cache=False).logits[0, -1, trace.token_at(1).id].backward()
    handle.remove()
    lm.model.zero_grad()
    expected = (caught[0] * caught[0].grad)[0].sum(-1)
    found = tb.InputXGradient()(lm, trace, tb.Target(1))
    np.testing.assert_allclose(found.scores.values[: len(expected)], expected.detach().numpy(), rtol=2e-4, atol=1e-6)
    assert np.isnan(found.scores.values[len(expected) :]).all()


def test_integrated_gradients_are_captums_own(lm):
    """`LayerIntegratedGradients` on the embedding module, with padding ids as the baseline."""
    trace = lm.generate(TEXT, max_new_tokens=2)
    stop, pad = trace.position(0) + 1, lm.tokenizer.eos_token_id
    ids = torch.tensor([trace.tokens.ids[:stop]])
    base = torch.full_like(ids, pad)
    base[0, 0] = ids[0, 0]
    token = trace.token_at(0).id

    def forward(x):
        return lm.model(x, use_cache=False).logits[:, -1, token]

    direct = LayerIntegratedGradients(forward, lm.model.get_input_embeddings())
    expected = direct.attribute(ids, base, n_steps=20, internal_batch_size=20)[0].sum(-1).detach().numpy()
    analysis = tb.IntegratedGradients(n_steps=20, baseline="eos", keep_special=False)
    found = analysis(lm, trace, tb.Target(0))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found.scores.values[:stop], expected, rtol=1e-3, atol=1e-4 * scale)
    assert found.scores.values[0] == 0
    assert [check.name for check in found.checks if check.kind == "identity" and check.state == "holds"] == [
        "own embeddings put in"
    ]


def test_a_model_that_scales_its_embeddings_in_place_scales_a_copy():
    torch.manual_seed(0)
    lm = tb.LanguageModel(
        CTRLLMHeadModel(CTRLConfig(vocab_size=300, n_embd=32, dff=64, n_layer=2, n_head=4)).eval(), None
    )
    found = tb.InputXGradient()(lm, lm.read([5, 6, 7], prompt_length=2))
    assert [check.state for check in found.checks] == ["holds", "holds"]
    assert (found.at(0)[:2] != 0).all()


def test_the_explained_number_is_the_models_own(lm):
    trace = lm.generate(TEXT, max_new_tokens=2)
    row = lm.logits(trace.tokens.ids)[trace.position(1)].float()
    p, taken = row.softmax(-1), trace.token_at(1).id
    for of, expected in {
        "logit": row[taken] - row[9],
        "log_prob": row.log_softmax(-1)[taken] - row.log_softmax(-1)[9],
        "prob": p[taken] - p[9],
        "entropy": -(p * p.clamp_min(1e-30).log()).sum(),
    }.items():
        target = tb.Target(1, against=None if of == "entropy" else 9, of=of)
        found = tb.InputXGradient()(lm, trace, target)
        assert found.values.values[0] == pytest.approx(float(expected), rel=1e-4, abs=1e-5)


def test_the_model_is_left_as_it_was(lm):
    trace = lm.generate(TEXT, max_new_tokens=2)
    _ = lm.model.train()
    next(iter(lm.model.parameters())).requires_grad_(False)
    with unchanged(lm.model):
        IG(lm, trace)
        tb.InputXGradient()(lm, trace, tb.Target(None))
    lm.model.eval()
    assert all(parameter.grad is None for parameter in lm.model.parameters())


def test_completeness_in_double_precision():
    """On a smooth model more points bring the sum as close to the difference as needed."""
    lm = tiny.lm("llama", dtype=torch.float64)
    trace = lm.read([5, 6, 7, 8, 9])
    gaps = []
    for n_steps in (4, 16, 64, 256):
        found = tb.IntegratedGradients(n_steps=n_steps, baseline="eos")(lm, trace, tb.Target(3))
        total, difference = np.nansum(found.scores.values), found.values.values[0] - found.baseline_values.values[0]
        gaps.append(next(check.value for check in found.checks if check.name == "completeness"))
        assert gaps[-1] >= abs(total - difference) / abs(difference) - 1e-5
    assert gaps[-1] < 1e-6
    assert gaps[-1] <= gaps[0]


def test_scores_are_linear_in_the_explained_number(llama, trace):
    ours, theirs, both = (
        IG(llama, trace, tb.Target(1, *pair)).scores.values for pair in ((20, None), (30, None), (20, 30))
    )
    np.testing.assert_allclose(both, ours - theirs, rtol=1e-3, atol=1e-5)


def test_a_difference_of_logits_is_a_difference_of_log_probabilities(llama, trace):
    one, other = (IG(llama, trace, tb.Target(1, 20, 30, of=of)).scores.values for of in ("logit", "log_prob"))
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("analysis", [IG, tb.InputXGradient()])
def test_a_target_of_every_step_equals_single_steps(llama, trace, analysis):
    every = analysis(llama, trace, tb.Target(None))
    assert every.scores.dims == ("step", "token")
    for step in trace.steps:
        alone = analysis(llama, trace, tb.Target(step))
        np.testing.assert_array_equal(every.at(step), alone.at(step))
        assert every.values.sel(step=step) == alone.values.values[0]
        there = ~np.isnan(every.at(step))
        assert there.tolist() == [at <= trace.position(step) for at in range(len(trace.tokens))]


def test_later_tokens_do_not_change_the_scores(llama, trace):
    shorter = llama.read(trace.tokens.ids[:-1], prompt_length=trace.prompt_length)
    one, other = (IG(llama, t, tb.Target(0)).at(0) for t in (trace, shorter))
    np.testing.assert_array_equal(one[: len(other)], other)


def test_a_token_that_is_its_own_baseline_scores_nothing(llama):
    eos = llama.tokenizer.eos_token_id
    trace = llama.read([5, eos, 7, 8])
    found = tb.IntegratedGradients(n_steps=8, keep_first=False, keep_special=False)(llama, trace, tb.Target(2))
    assert found.scores.values[1] == 0
    assert (found.scores.values[[0, 2]] != 0).all()


def test_kept_tokens_score_0_and_are_named_in_the_baseline(llama):
    special = next(iter(llama.tokenizer.all_special_ids))
    trace = llama.read([5, 6, special, 8, 9])
    found = tb.IntegratedGradients(n_steps=8, baseline="mean")(llama, trace, tb.Target(3))
    assert (found.scores.values[[0, 2]] == 0).all()
    assert (found.scores.values[[1, 3]] != 0).all()
    assert found.baseline == (
        "each token replaced by the mean embedding of the vocabulary, except the first and special tokens"
    )


def test_the_mean_embedding_is_the_mean(llama):
    from tracebench.models.watch.embeddings import mean_embedding

    expected = llama.model.get_input_embeddings().weight.mean(0)
    torch.testing.assert_close(mean_embedding(llama), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["llama", "gemma2", "mamba", "gemma3n_text"])
def test_half_precision_is_integrated_in_float32(name):
    lm = tiny.lm(name, dtype=torch.bfloat16)
    trace = lm.generate(TEXT, max_new_tokens=2)
    found = IG(lm, trace)
    assert found.scores.values.dtype == np.float32
    assert np.isfinite(found.at(0)[: trace.prompt_length]).all()
    assert next(check for check in found.checks if check.kind == "identity").state == "holds"


@pytest.mark.parametrize(
    ("analysis", "target", "expected"),
    [
        (IG, tb.Target(9), (IndexError, "step 9 is not there")),
        (IG, "step 0", (TypeError, "expected a target")),
        (IG, tb.Target(0, "The Eiffel"), (ValueError, "is not one token of this vocabulary")),
    ],
)
def test_bad_input_is_refused(llama, trace, analysis, target, expected):
    with pytest.raises(expected[0], match=expected[1]):
        analysis(llama, trace, target)


def test_a_baseline_token_that_the_tokenizer_lacks_is_refused(llama, trace):
    tokenizer = copy.deepcopy(llama.tokenizer)
    tokenizer.pad_token = None
    lm = tb.LanguageModel(llama.model, tokenizer)
    with pytest.raises(ValueError, match="has no pad token: choose baseline='eos', 'zero' or 'mean'"):
        tb.IntegratedGradients(baseline="pad")(lm, trace)


def test_a_baseline_that_is_the_text_is_refused(llama):
    eos = llama.tokenizer.eos_token_id
    trace = llama.read([5, eos, 6], prompt_length=2)
    with pytest.raises(
        ValueError, match="only the first token and special tokens come before it, and keep their own emb"
    ):
        tb.IntegratedGradients()(llama, trace)
    with pytest.raises(ValueError, match="only the first token comes before it, and keeps its own embedding"):
        tb.IntegratedGradients()(llama, llama.read([5, 6], prompt_length=1))
    with pytest.raises(
        ValueError, match=r"is the text itself, so there is nothing to explain: choose another baseline$"
    ):
        tb.IntegratedGradients(keep_first=False, keep_special=False)(llama, llama.read([eos, 6], prompt_length=1))
    # With a target of every step, those steps score 0 and the others are explained.
    every = tb.IntegratedGradients(n_steps=8)(llama, llama.read([5, eos, 6, 7], prompt_length=1), tb.Target(None))
    assert (every.at(0)[0], every.at(1)[0]) == (0, 0)
    assert every.at(2)[2] != 0
    with pytest.raises(IndexError, match="no steps to explain"):
        IG(llama, llama.read([5], prompt_length=1), tb.Target(None))


@pytest.mark.parametrize("bad", [{"n_steps": 0}, {"n_steps": 1.5}, {"baseline": "black"}, {"keep_first": 1}])
def test_wrong_parameters_are_refused(bad):
    with pytest.raises((ValueError, TypeError), match=next(iter(bad))):
        tb.IntegratedGradients(**bad)


def test_it_can_be_cancelled_and_leaves_the_model(llama, trace):
    ticks = []

    def stop(done, total, _note):
        ticks.append((done, total))
        if len(ticks) == 3:
            raise Cancelled

    with unchanged(llama.model), listening(stop), pytest.raises(Cancelled):
        tb.IntegratedGradients(n_steps=200, baseline="zero")(llama, trace, tb.Target(None))
    assert ticks[0] == (0, 200 * 4)


def test_a_model_without_gradients_is_refused(trace):
    lm = tiny.lm("llama")

    class Quantised(torch.autograd.Function):
        @staticmethod
        def forward(_ctx, x):
            return x.clone()

        @staticmethod
        def backward(_ctx, _grad):
            raise RuntimeError("derivative for aten::_weight_int8pack_mm is not implemented")

    lm.model.model.layers[0].mlp.register_forward_hook(lambda _m, _a, out: Quantised.apply(out))
    with pytest.raises(ValueError, match=r"no gradient reaches the embeddings of .*: load it unquantised"):
        IG(lm, lm.read(trace.tokens.ids))


def test_a_file_keeps_it(llama, trace, tmp_path):
    for target in (tb.Target(1, 20, 30), tb.Target(None, of="entropy")):
        found = IG(llama, trace, target)
        (again,) = tb.open(tb.save(tmp_path / "a.trace", trace, found)).results
        for name in ("scores", "values", "baseline_values", "explained"):
            np.testing.assert_array_equal(getattr(again, name).values, getattr(found, name).values)
        assert (again.target, again.method, again.baseline, again.unit) == (
            target,
            repr(IG),
            found.baseline,
            found.unit,
        )
        frame = again.to_pandas()
        assert frame.score.tolist() == [float(x) for step in again.steps for x in again.at(step) if not np.isnan(x)]
        assert type(again.figure()).__name__ == "Figure"


def test_the_demo_model_adds_up(demo_lm):
    trace = demo_lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=1)
    found = tb.IntegratedGradients(n_steps=128)(demo_lm, trace, tb.Target(0, " Paris", " Rome"))
    assert [check.state for check in found.checks] == ["holds"] * 3
    assert found.at(0)[2] == np.nanmax(found.at(0)[1:])  # "iffel" says Paris, not Rome


def test_the_check_of_every_step_is_that_of_the_worst_step(llama):
    trace = llama.generate([5, 6, 7, 8], max_new_tokens=5)
    analysis = tb.IntegratedGradients(n_steps=16)
    every = analysis(llama, trace, tb.Target(None, of="log_prob"))
    hold = []
    for step in trace.steps:
        own = next(
            check
            for check in analysis(llama, trace, tb.Target(step, of="log_prob")).checks
            if check.name == "completeness"
        )
        said = as_text(scores_sentence(trace, every, step))
        hold.append(own.state == "holds")
        assert ("the scores do not add up" in said) != hold[-1]
        assert ("“completeness” does not at another step" in said) == hold[-1]
        if not hold[-1]:
            assert f": {own.value * 100:.2g} % is missing" in said
    assert True in hold
    assert False in hold
