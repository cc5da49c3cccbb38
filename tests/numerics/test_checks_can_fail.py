"""Every check fails on the fault that it is there to find."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tracebench.analyses.attention import rollout
from tracebench.models.watch import attention, pattern
from tracebench.models.watch.unembedding import Unembedding
from tracebench.record.arrays import LabeledArray

IDS = [5, 300, 7, 8, 250, 9]
#: This family computes and returns its attention weights only on request.
ASKED = "openai-gpt"


def states(result):
    return {check.name: check.state for check in result.checks}


def read(lm):
    return lm.read(IDS, prompt_length=3)


def restless(lm):
    """The model, changed so that every pass gives other logits than the pass before."""
    passes = 0

    def other(_module, _args, output):
        nonlocal passes
        passes += 1
        return output * (1 + 0.1 * passes)

    lm.model.get_output_embeddings().register_forward_hook(other)
    return lm


def misremembered(trace):
    """The trace with other recorded scores."""
    scores = trace.candidates
    moved = {name: getattr(scores, name) for name in ("logits", "realised")}
    moved = {name: LabeledArray(np.asarray(array.values) + 0.5, array.axes) for name, array in moved.items()}
    return replace(trace, candidates=replace(scores, **moved))


@pytest.mark.parametrize("analysis", [tb.LogitLens(), tb.AttentionPatterns(), tb.AttentionRollout()])
def test_a_pass_changed_by_hooks_fails_its_check(analysis):
    lm = tiny.lm()
    trace = read(lm)
    assert states(analysis(lm, trace))["hooks leave the model alone"] == "holds"
    assert states(analysis(restless(lm), trace))["hooks leave the model alone"] == "broken"


@pytest.mark.parametrize("analysis", [tb.InputXGradient(), tb.IntegratedGradients(n_steps=4)])
def test_embeddings_other_than_the_texts_own_fail_their_check(analysis):
    lm = tiny.lm()
    trace = read(lm)
    assert states(analysis(lm, trace))["own embeddings put in"] == "holds"
    assert states(analysis(restless(lm), trace))["own embeddings put in"] == "broken"


def test_requested_weights_of_a_different_pass_fail_their_check():
    lm = tiny.lm(ASKED)
    trace = read(lm)
    name = "asking for weights leaves the model alone"
    assert states(tb.AttentionPatterns()(lm, trace))[name] == "holds"
    assert states(tb.AttentionPatterns()(restless(lm), trace))[name] == "broken"


def test_weights_on_later_tokens_fail_their_check(monkeypatch):
    lm = tiny.lm(ASKED)
    right = attention._weights
    monkeypatch.setattr(attention, "_weights", lambda output: _turned(right(output)))
    found = states(tb.AttentionPatterns()(lm, read(lm)))
    assert found["no weight on later tokens"] == "broken"


def _turned(weights):
    return None if weights is None else weights.flip(-1)


class Less:
    """Torch with a softmax that does not sum to one."""

    def __getattr__(self, name):
        return getattr(torch, name)

    def softmax(self, *args, out):
        return torch.softmax(*args, out=out).mul_(0.99)


@pytest.mark.parametrize("name", ["llama", "gpt_oss"])
def test_rows_that_do_not_sum_to_one_fail_their_check(monkeypatch, name):
    lm = tiny.lm(name)
    trace = read(lm)
    assert states(tb.AttentionPatterns()(lm, trace))["rows sum to one"] == "holds"
    monkeypatch.setattr(pattern, "torch", Less())
    assert states(tb.AttentionPatterns()(lm, trace))["rows sum to one"] == "broken"


@pytest.mark.parametrize("residual", [0.5, "norms"])
def test_a_rollout_in_the_wrong_order_fails_its_check(monkeypatch, residual):
    right, lm = rollout.roll, tiny.lm()

    def turned(mixes, stays):
        right(mixes[::-1], stays[::-1])
        mixes[:] = mixes[::-1].copy()

    analysis = tb.AttentionRollout(residual=residual)
    assert states(analysis(lm, read(lm)))["followed back = followed up"] == "holds"
    monkeypatch.setattr(rollout, "roll", turned)
    assert states(analysis(lm, read(lm)))["followed back = followed up"] == "broken"


def test_a_last_row_other_than_the_model_fails_its_check(monkeypatch):
    lm = tiny.lm()
    trace, right = read(lm), Unembedding.__call__
    monkeypatch.setattr(Unembedding, "__call__", lambda *given: right(*given) * 1.01)
    assert states(tb.LogitLens()(lm, trace))["last row = the model"] == "broken"


@pytest.mark.parametrize("analysis", [tb.LogitLens(), tb.AttentionPatterns(), tb.AttentionRollout()])
def test_scores_that_differ_from_the_trace_fail_their_check(analysis):
    lm = tiny.lm()
    assert states(analysis(lm, misremembered(read(lm))))["scores as recorded"] == "amber"


@pytest.mark.parametrize("analysis", [tb.InputXGradient(), tb.IntegratedGradients(n_steps=4)])
def test_one_score_that_differs_from_the_trace_fails_its_check(analysis):
    lm = tiny.lm()
    assert states(analysis(lm, misremembered(read(lm))))["score as recorded"] == "amber"


def test_a_replay_by_another_model_fails_its_check():
    lm = tiny.lm()
    trace = lm.generate(IDS, max_new_tokens=3)
    assert states(trace)["replay"] == "holds"
    assert states(tiny.lm(seed=1).replay(trace))["replay"] == "amber"


def test_a_path_with_too_few_points_fails_its_check():
    lm = tiny.lm()
    trace = read(lm)
    assert states(tb.IntegratedGradients(n_steps=256)(lm, trace))["completeness"] == "holds"
    assert states(tb.IntegratedGradients(n_steps=1)(lm, trace))["completeness"] == "amber"


def test_limits_do_not_depend_on_the_checked_values():
    """Two models of one family have different values and the same limits."""

    def limits(seed):
        lm = tiny.lm("qwen3_next", seed=seed)
        trace = read(lm)
        analyses = (tb.LogitLens(), tb.AttentionPatterns(), tb.AttentionRollout(), tb.IntegratedGradients(n_steps=4))
        with torch.random.fork_rng(devices=[]):
            return [(check.name, check.limit) for each in analyses for check in each(lm, trace).checks]

    assert limits(0) == limits(1)
