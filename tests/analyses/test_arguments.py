"""Wrong arguments of an analysis raise an error with the next step."""

import pytest
import torch

import tracebench as tb
from tests import tiny

ANALYSES = [
    tb.LogitLens(),
    tb.AttentionPatterns(),
    tb.AttentionRollout(),
    tb.IntegratedGradients(n_steps=2),
    tb.InputXGradient(),
]


@pytest.fixture(scope="module")
def lm():
    return tiny.lm()


def test_explore_and_replay_refuse_a_trace_of_another_model():
    small, trace = tiny.lm(vocab_size=200), tiny.lm().read([5, 300, 7])
    with pytest.raises(ValueError, match="has token id 300, tiny llama has only 200: it is of another model"):
        tb.explore(small, trace)
    with pytest.raises(ValueError, match=r"token id 300 is not in the vocabulary of tiny llama \(0 to 199\)"):
        small.replay(trace)


def test_a_token_id_past_the_models_vocabulary_is_refused(lm):
    small = tiny.lm(vocab_size=200)
    text = next(small.vocabulary([i]).text(i) for i in range(200, 300) if lm.token_id(lm.vocabulary([i]).text(i)) == i)
    with pytest.raises(ValueError, match="of this tokenizer, and the model has only 200"):
        tb.LogitLens(watch=(text,))(small, small.read([5, 6]))


def test_gradients_are_refused_in_inference_mode(lm):
    trace = lm.read([5, 6, 7])
    with (
        torch.inference_mode(),
        pytest.raises(
            ValueError, match=r"torch\.inference_mode\(\) switches them off: call it outside of inference_mode"
        ),
    ):
        tb.InputXGradient()(lm, trace, tb.Target(1))


def test_float64_scores_are_compared_in_the_float32_of_the_trace():
    lm = tiny.lm(dtype=torch.float64)
    for analysis in (tb.InputXGradient(), tb.IntegratedGradients(n_steps=64)):
        found = analysis(lm, lm.read([5, 6, 7, 8]), tb.Target(2))
        assert {check.name: check.state for check in found.checks}["score as recorded"] == "holds"
