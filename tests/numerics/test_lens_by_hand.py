"""The lens equals float64 arithmetic on transformers' hidden states, computed without this package."""

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny

TEXT = "The Eiffel Tower is a wrought-iron lattice"
FAMILIES = ["llama", "gpt2", "gemma2", "granite", "cohere2", "gpt_oss"]
TOP = 6


@pytest.fixture(scope="module", params=FAMILIES)
def lm(request):
    return tiny.lm(request.param)


@pytest.fixture(scope="module")
def trace(lm):
    return lm.read(TEXT)


@pytest.fixture(scope="module")
def lens(lm, trace):
    return tb.LogitLens(top=TOP, watch=("The", 7))(lm, trace)


@pytest.fixture(scope="module")
def logp(lm, trace):
    return reference(lm, trace.tokens.ids)


def reference(lm, ids):
    """Log-probabilities [layer, token, vocabulary] in float64: norm, scale and softcap by hand, without this package."""
    model, config = lm.model, lm.model.config
    with torch.no_grad():
        states = list(model(torch.tensor([ids]), output_hidden_states=True, use_cache=False).hidden_states)
        # transformers returns the last hidden state after the final norm; a hook catches the stream before it.
        norm = model.transformer.ln_f if hasattr(model, "transformer") else model.model.norm
        before = []
        handle = norm.register_forward_pre_hook(lambda _m, args: before.append(args[0].clone()))
        model(torch.tensor([ids]), use_cache=False)
        handle.remove()
        states[-1] = before[0]
        rows = torch.cat([normed(norm, state[0].double()) for state in states]).view(len(states), len(ids), -1)
    logits = rows @ model.get_output_embeddings().weight.detach().double().T
    logits = logits * getattr(config, "logit_scale", 1.0) / getattr(config, "logits_scaling", 1.0)
    cap = getattr(config, "final_logit_softcapping", None)
    return (torch.tanh(logits / cap) * cap if cap else logits).log_softmax(-1).numpy()


def normed(norm, x):
    """The final norm in float64: LayerNorm or RMSNorm by the model's class (gemma adds 1 to the weight)."""
    weight, name = norm.weight.detach().double(), type(norm).__name__
    eps = next(getattr(norm, key) for key in ("eps", "variance_epsilon") if hasattr(norm, key))
    if "RMS" not in name:
        x = x - x.mean(-1, keepdim=True)
    x = x / (x.pow(2).mean(-1, keepdim=True) + eps).sqrt()
    bias = getattr(norm, "bias", None)
    return x * (weight + 1 if name.startswith("Gemma") else weight) + (
        bias.detach().double() if bias is not None else 0
    )


def test_probabilities_and_order(lens, logp):
    ids = np.asarray(lens.token_ids.values).astype(int)
    np.testing.assert_allclose(lens.probs.values, np.exp(np.take_along_axis(logp, ids, -1)), rtol=2e-4, atol=1e-7)
    best = np.sort(logp, -1)[..., ::-1][..., :TOP]
    np.testing.assert_allclose(lens.probs.values, np.exp(best), rtol=2e-4, atol=1e-7)
    assert (np.diff(lens.probs.values, axis=-1) <= 0).all()


def test_entropy(lens, logp):
    np.testing.assert_allclose(lens.entropy.values, -(np.exp(logp) * logp).sum(-1), atol=2e-5)


def test_kl_is_from_the_final_layer_to_this_one(lens, logp):
    expected = (np.exp(logp[-1:]) * (logp[-1:] - logp)).sum(-1)
    np.testing.assert_allclose(lens.kl.values, expected, atol=2e-5)
    assert (lens.kl.values >= 0).all()
    assert (lens.kl.values[-1] == 0).all()
    other = (np.exp(logp) * (logp - logp[-1:])).sum(-1)
    assert np.abs(expected - other).max() > 2e-4  # the direction matters here, so this test would notice


def test_later_tokens_do_not_change_a_position(lens, lm, trace):
    shorter = tb.LogitLens(top=TOP)(lm, lm.read(trace.tokens.ids[:4]))
    np.testing.assert_allclose(shorter.entropy.values, lens.entropy.values[:, :4], atol=1e-4)
    np.testing.assert_allclose(shorter.probs.values, lens.probs.values[:, :4], rtol=1e-3, atol=1e-6)


def test_a_certain_model_has_entropy_0_and_finite_numbers():
    lm = tiny.lm("llama")
    with torch.no_grad():
        lm.model.lm_head.weight.mul_(1e4)
    lens = tb.LogitLens(top=3)(lm, lm.read(TEXT))
    assert (lens.probs.values[..., 0] > 0.999).mean() > 0.9
    assert np.isfinite(lens.kl.values).all()
    assert (lens.entropy.values >= 0).all()
    assert lens.entropy.values.min() < 1e-6


def test_more_ranks_than_tokens_in_the_vocabulary():
    lm = tiny.lm("llama", vocab_size=23)
    lens = tb.LogitLens(top=99)(lm, lm.read([1, 2, 3]))
    assert lens.token_ids.shape == (3, 3, 23)
    np.testing.assert_allclose(lens.probs.values.sum(-1), 1, rtol=1e-5)


def test_a_text_of_one_token():
    lm = tiny.lm("llama")
    lens = tb.LogitLens(top=2)(lm, lm.read([5]))
    assert lens.token_ids.shape == (3, 1, 2)
    assert np.isnan(lens.realised.values).all()
    # A trace without steps has no recorded scores to compare with.
    assert "scores as recorded" not in {check.name for check in lens.checks}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
@pytest.mark.parametrize("name", ["llama", "gemma2"])
def test_statistics_are_float32_for_every_model_dtype(name, dtype):
    lm = tiny.lm(name, dtype=dtype)
    trace = lm.read(TEXT)
    lens = tb.LogitLens(top=3)(lm, trace)
    with torch.no_grad():
        logp = lm.model(torch.tensor([trace.tokens.ids])).logits[0].double().log_softmax(-1)
    np.testing.assert_allclose(
        lens.entropy.sel(layer=1), -(logp.exp() * logp).sum(-1), atol=3e-4 if dtype == torch.bfloat16 else 1e-5
    )
    assert [check.state for check in lens.checks if check.kind == "identity"] == ["holds", "holds"]


def test_the_answer_layer_is_the_first_from_which_the_token_stays_on_top(lens):
    leaders = np.asarray(lens.token_ids.isel(rank=0))
    for position in range(leaders.shape[1]):
        for token in {*leaders[:, position].tolist(), 0}:
            rows = [layer for n, layer in enumerate(lens.layers) if (leaders[n:, position] == token).all()]
            assert lens.answer_layer(position, token) == (rows[0] if rows else None)
        assert lens.answer_layer(position) == lens.answer_layer(position, int(leaders[-1, position]))
