"""Attention rollout: closed forms, a reference of ten lines of numpy, and invariants."""

from itertools import pairwise

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.attention import patterns
from tracebench.analyses.attention.rollout import roll
from tracebench.models.layout.family import run
from tracebench.models.watch.capture import capture_streams

IDS = [5, 300, 7, 8, 250, 9, 10, 11, 12, 13]
SIZE = len(IDS)


def by_definition(weights, stays, heads):
    """Abnar and Zuidema's formula: [layer, head, query, key] -> [layer, query, key]."""
    found, before = [], np.eye(weights.shape[-1])
    for layer, stay in zip(weights, stays, strict=True):
        mixed = layer.mean(0) if heads == "mean" else layer.max(0)
        mixed = mixed / mixed.sum(-1, keepdims=True)
        kept = np.reshape(stay, (-1, 1))
        before = (kept * np.eye(len(mixed)) + (1 - kept) * mixed) @ before
        found.append(before)
    return np.stack(found)


@pytest.mark.parametrize("heads", ["mean", "max"])
@pytest.mark.parametrize("residual", [0.5, 0.0, 1.0, 0.2])
@pytest.mark.parametrize("name", ["llama", "gemma2", "bloom", "falcon"])
def test_the_rollout_is_the_product_of_its_layers(name, residual, heads):
    lm = tiny.lm(name)
    trace = lm.read(IDS)
    result = tb.AttentionRollout(residual=residual, heads=heads)(lm, trace)
    weights = np.asarray(tb.AttentionPatterns()(lm, trace).weights.values, np.float64)
    np.testing.assert_allclose(result.flow.values, by_definition(weights, [residual] * 2, heads), atol=1e-6)
    assert {check.state for check in result.checks} == {"holds"}


@pytest.mark.parametrize("name", ["llama", "gemma3n_text"])
def test_residual_norms_come_from_the_streams(name):
    """The streams of a family with several count as a single wide stream."""
    lm = tiny.lm(name)
    trace = lm.read(IDS)
    with lm.running(), capture_streams(lm.layout) as streams:
        run(lm.model, torch.tensor([IDS]))
    values = [stream[0].flatten(1).numpy().astype(np.float64) for stream in streams]
    stays = []
    for entered, left in pairwise(values):
        kept, added = np.linalg.norm(entered, axis=-1), np.linalg.norm(left - entered, axis=-1)
        stays.append(kept / (kept + added))
    result = tb.AttentionRollout(residual="norms")(lm, trace)
    weights = np.asarray(tb.AttentionPatterns()(lm, trace).weights.values, np.float64)
    np.testing.assert_allclose(result.flow.values, by_definition(weights, stays, "mean"), atol=1e-6)
    assert {check.state for check in result.checks} == {"holds"}


# --- closed forms ---------------------------------------------------------------------------------------------------


def rolled(mixes, stays):
    flow = np.array(mixes, np.float32)
    roll(flow, stays)
    return flow


def test_identity_attention_keeps_every_token_in_place():
    flow = rolled([np.eye(5)] * 4, [0.3] * 4)
    np.testing.assert_allclose(flow, np.broadcast_to(np.eye(5), flow.shape), atol=1e-7)


def test_a_residual_of_one_keeps_every_token_in_place():
    flow = rolled([np.tri(5) / np.arange(1, 6)[:, None]] * 3, [1.0] * 3)
    np.testing.assert_allclose(flow, np.broadcast_to(np.eye(5), flow.shape), atol=1e-7)


def test_attention_to_the_first_token_alone_spreads_it():
    """After l layers a later token keeps the share a^l of itself, and the first token has the rest."""
    first = np.zeros((6, 6))
    first[:, 0] = 1
    flow = rolled([first] * 5, [0.75] * 5)
    for layer in range(5):
        own = 0.75 ** (layer + 1)
        np.testing.assert_allclose(flow[layer, 1:, 0], 1 - own, atol=1e-6)
        np.testing.assert_allclose(np.diag(flow[layer])[1:], own, atol=1e-6)
        assert flow[layer, 0, 0] == 1


def test_uniform_causal_attention_without_a_residual():
    """Position 1 halves its own share in every layer; the rollout of one layer is its attention."""
    uniform = np.tri(4) / np.arange(1, 5)[:, None]
    flow = rolled([uniform] * 6, [0.0] * 6)
    np.testing.assert_allclose(flow[0], uniform, atol=1e-7)
    np.testing.assert_allclose(flow[:, 1, 1], 0.5 ** np.arange(1, 7), atol=1e-7)


def test_weight_on_a_sink_stays_in_place():
    flow = rolled([np.tri(3) * 0.0], [0.5])
    np.testing.assert_array_equal(flow[0], np.eye(3))
    half = np.zeros((2, 2))
    half[:, 0] = 0.4  # the sink takes 0.6
    np.testing.assert_allclose(rolled([half], [0.5])[0], [[1, 0], [0.2, 0.8]], atol=1e-7)


# --- models ---------------------------------------------------------------------------------------------------------


def test_a_uniform_model_by_its_weights():
    """With zero queries attention is uniform: every layer takes the mean over earlier positions."""
    lm = tiny.lm()
    with torch.no_grad():
        for block in lm.model.model.layers:
            block.self_attn.q_proj.weight.zero_()
    result = tb.AttentionRollout(residual=0.0)(lm, lm.read(IDS))
    uniform = np.tri(SIZE) / np.arange(1, SIZE + 1)[:, None]
    np.testing.assert_allclose(result.flow.values, [uniform, uniform @ uniform], atol=1e-6)


@pytest.mark.parametrize("name", ["gpt_oss", "granite_swa"])
@pytest.mark.parametrize("heads", ["mean", "max"])
def test_models_with_sinks_keep_rows_that_sum_to_one(name, heads):
    lm = tiny.lm(name)
    trace = lm.read(IDS)
    result = tb.AttentionRollout(residual=0.25, heads=heads, last=0)(lm, trace)
    patterns = tb.AttentionPatterns(layers=(0,))(lm, trace)
    assert {check.state for check in result.checks} == {"holds"}
    np.testing.assert_allclose(result.flow.values.sum(-1), 1, atol=1e-6)
    left = 1 - np.asarray(patterns.sink.values)[0].mean(0)
    away = np.tril(result.flow.values[0], -1).sum(-1)
    assert (away <= 0.75 * left + 1e-6).all()


def test_a_hybrid_lists_the_layers_without_attention():
    lm = tiny.lm("qwen3_next")
    result = tb.AttentionRollout()(lm, lm.read(IDS))
    states = {check.name: check.state for check in result.checks}
    assert states.pop("layers without attention") == "amber"
    assert set(states.values()) == {"holds"}
    np.testing.assert_array_equal(result.flow.values[0], np.eye(SIZE))


def test_a_rollout_over_some_of_the_layers():
    lm = tiny.lm()
    trace = lm.read(IDS)
    weights = np.asarray(tb.AttentionPatterns()(lm, trace).weights.values, np.float64)
    result = tb.AttentionRollout(first=1)(lm, trace)
    assert result.layers == (1,)
    np.testing.assert_allclose(result.flow.values, by_definition(weights[1:], [0.5], "mean"), atol=1e-6)
    assert tb.AttentionRollout(last=0)(lm, trace).layers == (0,)


@pytest.mark.parametrize("residual", [0.5, "norms"])
def test_half_precision_and_one_token_leave_the_model_as_it_was(residual):
    lm = tiny.lm(dtype=torch.bfloat16)
    lm.model.train()
    with unchanged(lm.model):
        result = tb.AttentionRollout(residual=residual)(lm, lm.read(IDS))
        one = tb.AttentionRollout(residual=residual)(lm, lm.read(IDS[:1]))
    assert {check.state for check in (*result.checks, *one.checks) if check.kind == "identity"} == {"holds"}
    np.testing.assert_allclose(one.flow.values, np.ones((2, 1, 1)))


def test_the_shares_of_a_step_are_the_row_of_its_position(tmp_path):
    lm = tiny.lm()
    trace = lm.generate("The tower", max_new_tokens=3)
    result = tb.AttentionRollout(residual=np.float32(0.5), first=np.int64(0))(lm, trace)
    assert result.method == "AttentionRollout(residual=0.5, heads='mean', first=0, last=None)"
    shares = result.reaching(trace.position(1))
    assert shares.dims == ("layer", "key")
    np.testing.assert_array_equal(shares.values, result.flow.values[:, trace.position(1)])
    assert (np.asarray(shares.values)[:, trace.position(1) + 1 :] == 0).all()
    (found,) = tb.open(tb.save(tmp_path / "a.trace", trace, result)).results
    np.testing.assert_array_equal(found.flow.values, result.flow.values)
    assert (repr(found), found.checks) == (repr(result), result.checks)
    frame = result.to_pandas(layer=1)
    assert len(frame) == len(trace.tokens) * (len(trace.tokens) + 1) // 2
    assert frame.groupby("query").share.sum().to_numpy() == pytest.approx(1, abs=1e-5)
    assert len(result.to_pandas()) == 2 * len(frame)
    assert result.figure().layout.title.text == "What has come to each position by attention? After layer 1"


WRONG = {
    "residual": ([-0.1, 1.5, True, "norm", None, float("nan")], "residual is a number from 0 to 1"),
    "heads": (["min", 3, None], 'heads is "mean" or "max"'),
    "first": ([-1, 1.0, None, True], "first and last are layers, whole numbers from 0"),
    "last": ([1.0, "1", True], "first and last are layers, whole numbers from 0"),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, (values, _) in WRONG.items() for value in values])
def test_wrong_rollout_parameters_are_refused(name, value):
    with pytest.raises(ValueError, match=WRONG[name][1]):
        tb.AttentionRollout(**{name: value})


def test_targets_missing_layers_and_too_large_rollouts_are_refused(monkeypatch):
    lm = tiny.lm()
    trace = lm.read(IDS)
    with pytest.raises(ValueError, match="last is a layer from first on"):
        tb.AttentionRollout(first=1, last=0)
    for wrong in ({"last": 2}, {"first": 2}):
        with pytest.raises(ValueError, match="tiny llama has no layer 2: it has 2, from 0 to 1"):
            tb.AttentionRollout(**wrong)(lm, trace)
    with pytest.raises(ValueError, match="no target: leave it out"):
        tb.AttentionRollout()(lm, trace, tb.Target(step=0))
    monkeypatch.setattr(patterns, "MOST", 100)
    with pytest.raises(ValueError, match="choose fewer layers with first and last, or read a shorter text"):
        tb.AttentionRollout()(lm, trace)
