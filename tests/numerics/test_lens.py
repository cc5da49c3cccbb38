"""The lens equals brute force: float64, one position at a time, with the model's own modules."""

import threading
import time

import numpy as np
import pytest
import torch

from tests import tiny
from tracebench.analyses.lens.logit_lens import LogitLens
from tracebench.models.layout.family import run
from tracebench.models.watch import unembedding
from tracebench.models.watch.capture import capture_streams
from tracebench.runtime.progress import listening

IDS = [5, 300, 7, 8, 250, 9, 10, 11, 12, 13, 14, 15]
WATCH = (17, 300)


def distributions(lm, ids):
    """Log-probabilities by the definition: [layer, token, vocabulary], float64."""
    with lm.running():
        with capture_streams(lm.layout) as streams:
            logits = run(lm.model, torch.tensor([ids]))
        rows = [[lm.layout.readout(stream[:, [at]])[0, 0] for at in range(len(ids))] for stream in streams]
    rows[-1] = list(logits[0])
    return torch.stack([torch.stack(row) for row in rows]).double().log_softmax(-1).numpy()


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def both(request):
    lm = tiny.lm(request.param)
    return LogitLens(top=4, watch=WATCH)(lm, lm.read(IDS)), distributions(lm, IDS)


def test_every_number_of_every_layer(both):
    table, logp = both
    p, final = np.exp(logp), np.exp(logp[-1])
    order = np.argsort(-logp, axis=-1)[..., :4]
    np.testing.assert_allclose(table.probs.values, np.take_along_axis(p, order, -1), rtol=2e-4, atol=1e-7)
    np.testing.assert_allclose(
        np.take_along_axis(p, table.token_ids.values.astype(int), -1), table.probs.values, rtol=2e-4
    )
    np.testing.assert_allclose(table.entropy.values, -(p * logp).sum(-1), atol=2e-5)
    np.testing.assert_allclose(table.kl.values, (final * (logp[-1] - logp)).sum(-1), atol=2e-5)
    leaders = np.broadcast_to(table.token_ids.values[-1:], order.shape).astype(int)
    np.testing.assert_allclose(table.final_probs.values, np.take_along_axis(p, leaders, -1), rtol=2e-4, atol=1e-9)
    np.testing.assert_allclose(table.watched.values, p[..., list(WATCH)], rtol=2e-4, atol=1e-9)


def test_the_realised_token_is_the_next_one_and_the_last_position_has_none(both):
    table, logp = both
    expected = np.exp(logp)[:, np.arange(len(IDS) - 1), IDS[1:]]
    np.testing.assert_allclose(table.realised.values[:, :-1], expected, rtol=2e-4, atol=1e-9)
    assert np.isnan(table.realised.values[:, -1]).all()


def test_the_last_row_is_the_model_and_its_own_reference(both):
    table, _ = both
    assert (table.kl.values[-1] == 0).all()
    assert (table.kl.values >= 0).all()
    np.testing.assert_array_equal(table.final_probs.values[-1], table.probs.values[-1])
    assert [check.state for check in table.checks] == ["holds"] * 3


def test_the_lens_predicts_a_step_at_the_position_of_the_step():
    lm = tiny.lm()
    trace = lm.generate("The tower", max_new_tokens=6)
    table = LogitLens(top=3)(lm, trace)
    for step in trace.steps:
        row = table.probs.sel(layer=1, token=trace.position(step))
        np.testing.assert_allclose(row.values, trace.candidates.probs.sel(step=step).values[:3], rtol=1e-4)
        assert table.token_ids.sel(layer=1, token=trace.position(step), rank=0) == trace.token_at(step).id
        assert table.realised.sel(layer=1, token=trace.position(step)) == pytest.approx(
            float(trace.candidates.chosen_probs.sel(step=step)), rel=1e-4
        )


def test_the_norm_uses_each_layers_own_statistics():
    """TransformerLens#1076: the statistics of the last layer's norm give early layers far too low or high entropy."""
    lm = tiny.lm()
    with torch.no_grad():
        lm.model.model.embed_tokens.weight.mul_(0.01)
    table = LogitLens(top=2)(lm, lm.read(IDS))
    with lm.running():
        with capture_streams(lm.layout) as streams:
            run(lm.model, torch.tensor([IDS]))
        norm = lm.model.model.norm
        scale = (streams[-1].pow(2).mean(-1, keepdim=True) + norm.variance_epsilon).rsqrt()
        wrong = lm.model.lm_head(streams[0] * scale * norm.weight)[0].softmax(-1)
        right = lm.model.lm_head(norm(streams[0]))[0].softmax(-1)
    found = table.probs.sel(layer=-1, rank=0).values
    np.testing.assert_allclose(found, right.amax(-1).numpy(), rtol=1e-4)
    assert (np.abs(wrong.amax(-1).numpy() - found) > 0.01).all()


def test_entropy_and_divergence_have_their_closed_form_on_a_rigged_model():
    """Three unembeddings written by hand: two equal top tokens, one certain token, and a uniform distribution."""
    lm = tiny.lm(tie_word_embeddings=False)
    size = len(lm.model.lm_head.weight)
    with torch.no_grad():
        lm.model.lm_head.weight.zero_()
    uniform = LogitLens(top=1)(lm, lm.read(IDS))
    np.testing.assert_allclose(uniform.entropy.values, np.log(size), rtol=1e-6)
    np.testing.assert_allclose(uniform.kl.values, 0, atol=1e-6)
    np.testing.assert_allclose(uniform.probs.values, 1 / size, rtol=1e-5)
    with torch.no_grad():
        lm.model.model.norm.weight.zero_()
        lm.model.model.norm.weight[0] = 1.0
        lm.model.lm_head.weight[3, 0] = lm.model.lm_head.weight[4, 0] = 1e4
    table = LogitLens(top=2)(lm, lm.read(IDS))
    with lm.running(), capture_streams(lm.layout) as streams:
        run(lm.model, torch.tensor([IDS]))
    # If the first feature is positive, two tokens share all probability; if negative, all other tokens share it.
    positive = torch.stack(list(streams))[:, 0, :, 0].numpy() > 0
    np.testing.assert_allclose(table.entropy.values, np.where(positive, np.log(2), np.log(size - 2)), atol=1e-5)


def test_a_masked_vocabulary_is_no_nan():
    """Some heads give -inf to tokens that must not be generated."""
    lm = tiny.lm()

    def mask(_module, _args, out):
        out = out.clone()
        out[..., 100:200] = float("-inf")
        return out

    lm.model.lm_head.register_forward_hook(mask)
    table = LogitLens(top=3, watch=(150,))(lm, lm.read(IDS))
    logp = distributions(lm, IDS)
    p = np.exp(logp)
    safe = np.where(p > 0, logp, 0)
    np.testing.assert_allclose(table.entropy.values, -(p * safe).sum(-1), atol=2e-5)
    np.testing.assert_allclose(table.kl.values, (p[-1] * (safe[-1] - safe)).sum(-1), atol=2e-5)
    assert (table.watched.values == 0).all()
    assert [check.state for check in table.checks] == ["holds"] * 3


def hooked(lm):
    """The same model with a hook on its unembedding, which is then called as a whole and not in slices."""
    lm.model.lm_head.register_forward_hook(lambda _module, _args, out: out.clone())
    return lm


@pytest.mark.parametrize("name", ["llama", "gpt2", "gemma2", "granite"])
def test_a_matrix_in_slices_reads_as_the_module_does(name, monkeypatch):
    monkeypatch.setattr(unembedding, "TOKENS", 128)
    plain, whole = tiny.lm(name), hooked(tiny.lm(name))
    assert len(unembedding.Unembedding(plain, 320).slices) > 1
    assert unembedding.Unembedding(whole, 320).slices == [slice(0, 320)]
    ours, theirs = (LogitLens(top=4, watch=WATCH)(lm, lm.read(IDS)) for lm in (plain, whole))
    np.testing.assert_array_equal(ours.token_ids.values, theirs.token_ids.values)
    for field in ("probs", "final_probs", "entropy", "kl", "watched"):
        np.testing.assert_allclose(getattr(ours, field).values, getattr(theirs, field).values, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 5, 8])
def test_the_number_of_rows_does_not_change_the_numbers(rows, monkeypatch):
    lm = tiny.lm()
    whole = LogitLens(top=4)(lm, lm.read(IDS))
    monkeypatch.setattr(unembedding, "ROWS", rows)
    parts = LogitLens(top=4)(lm, lm.read(IDS))
    np.testing.assert_allclose(parts.probs.values, whole.probs.values, rtol=1e-5)
    np.testing.assert_allclose(parts.kl.values, whole.kl.values, atol=1e-6)
    assert [check.state for check in parts.checks] == ["holds"] * 3


def test_the_lens_uses_fewer_rows_when_memory_runs_out(monkeypatch):
    lm, seen = tiny.lm(), []
    whole = LogitLens(top=4)(lm, lm.read(IDS))
    read = unembedding.Unembedding.__call__

    def short_of_memory(self, normed, tokens):
        seen.append(normed.shape[0] * normed.shape[1])
        if seen[-1] > 3:
            raise torch.OutOfMemoryError
        return read(self, normed, tokens)

    monkeypatch.setattr(unembedding.Unembedding, "__call__", short_of_memory)
    parts = LogitLens(top=4)(lm, lm.read(IDS))
    assert max(seen) > 3
    np.testing.assert_allclose(parts.probs.values, whole.probs.values, rtol=1e-5)
    monkeypatch.setattr(unembedding.Unembedding, "__call__", lambda *_: torch.empty(1 << 60))
    with pytest.raises(ValueError, match=r"not even one position of .* logits at a time fits"):
        LogitLens()(lm, lm.read(IDS))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_torchs_default_dtype_changes_nothing(dtype):
    lm = tiny.lm(vocab_size=5000)
    trace = lm.read(IDS)
    expected = LogitLens(top=4)(lm, trace)
    torch.set_default_dtype(dtype)
    try:
        found = LogitLens(top=4)(lm, trace)
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_allclose(found.entropy.values, expected.entropy.values, rtol=1e-6)


def test_a_hook_on_the_unembedding_sees_one_text_at_a_time():
    lm, seen = tiny.lm(), []
    lm.model.lm_head.register_forward_hook(lambda _module, _args, out: seen.append(out.shape))
    LogitLens()(lm, lm.read(IDS))
    assert {tuple(shape) for shape in seen} == {(1, len(IDS), 320)}


def test_a_hook_on_all_modules_is_seen():
    lm = tiny.lm()
    trace = lm.read(IDS)
    double = lambda module, _args, out: out * 2 if module is lm.model.lm_head else None  # noqa: E731
    handle = torch.nn.modules.module.register_module_forward_hook(double)
    try:
        lm.refresh()
        assert [check.state for check in LogitLens()(lm, trace).checks if check.kind == "identity"] == ["holds"] * 2
    finally:
        handle.remove()


def test_edits_that_another_thread_makes_under_the_lock_are_not_read():
    lm = tiny.lm()
    trace, weight, others = lm.read(IDS), lm.model.lm_head.weight.data, []
    expected = LogitLens()(lm, trace)
    began = threading.Event()

    def borrow():
        with lm.lock:
            weight.neg_()
            began.set()
            time.sleep(0.3)
            weight.neg_()

    def tick(*_):
        if not others:
            others.append(threading.Thread(target=borrow))
            others[0].start()
            began.wait(120)

    with pytest.MonkeyPatch.context() as patch, listening(tick):
        patch.setattr(unembedding, "ROWS", 4)
        found = LogitLens()(lm, trace)
    others[0].join()
    np.testing.assert_allclose(found.kl.values, expected.kl.values, atol=1e-5)


@pytest.mark.parametrize("size", [1e28, 1e32])
def test_logits_of_absurd_size_are_no_nan(size):
    lm = tiny.lm(vocab_size=5000, tie_word_embeddings=False)
    with torch.no_grad():
        lm.model.lm_head.weight.mul_(size)
    table = LogitLens()(lm, lm.read(IDS))
    assert np.isfinite(table.entropy.values).all()
    assert not np.isnan(table.kl.values).any()


def test_a_wrong_last_row_is_found_in_every_slice(monkeypatch):
    """One wrong logit of the last layer, at one position, in one slice."""
    monkeypatch.setattr(unembedding, "TOKENS", 128)
    read = unembedding.Unembedding.__call__

    def wrong(self, normed, tokens):
        out = read(self, normed, tokens)
        if tokens.start > 0 and len(normed) == 1:
            out[0, 7, 3] += wrong.by
        return out

    monkeypatch.setattr(unembedding.Unembedding, "__call__", wrong)
    lm = tiny.lm()
    for wrong.by, state in ((0.0, "holds"), (0.01, "broken"), (float("nan"), "broken")):
        check = next(c for c in LogitLens()(lm, lm.read(IDS)).checks if c.name == "last row = the model")
        assert (check.state == "holds") == (state == "holds")


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt_oss", "mamba"])
def test_a_half_precision_model_is_read_in_its_dtype_with_float32_statistics(name):
    lm = tiny.lm(name, dtype=torch.bfloat16)
    table = LogitLens(top=3)(lm, lm.read(IDS))
    logp = distributions(lm, IDS)
    np.testing.assert_allclose(table.entropy.values, -(np.exp(logp) * logp).sum(-1), atol=0.03)
    assert {check.name: check.state for check in table.checks if check.kind == "identity"} == {
        "hooks leave the model alone": "holds",
        "last row = the model": "holds",
    }


def test_the_known_answers_of_the_demo_model(demo_lm):
    trace = demo_lm.generate("The Eiffel Tower is located in the city of", max_new_tokens=1)
    assert trace.completion == " Paris"
    assert float(trace.candidates.chosen_probs.sel(step=0)) == pytest.approx(0.70, abs=0.005)
    table = LogitLens(top=5, watch=(" Rome",))(demo_lm, trace)
    assert [check.state for check in table.checks] == ["holds"] * 3
    assert table.answer_layer(trace.position(0)) in range(20, 30)
    trace = demo_lm.generate("When Mary and John went to the store, John gave a drink to", max_new_tokens=1)
    assert trace.completion == " Mary"
    assert float(trace.candidates.chosen_probs.sel(step=0)) == pytest.approx(0.92, abs=0.005)
