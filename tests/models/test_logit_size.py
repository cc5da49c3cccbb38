"""A head may have fewer rows than the embedding, or more: what cannot be said or read is a sentence."""

import copy

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny

#: Rows of the head; the embedding has 320.
FEW, MANY = 312, 330
SENTENCE = r"token id 315 has an embedding in tiny and no logit \(those are 0 to 311\): it can stand in a prompt"


def lm_with(rows):
    model = tiny.model("llama")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model.lm_head = torch.nn.Linear(32, rows)
    return tb.LanguageModel(model, tiny.tokenizer(), name="tiny")


@pytest.fixture(scope="module")
def few():
    return lm_with(FEW)


@pytest.fixture(scope="module")
def trace(few):
    """A token without a logit stands in the prompt."""
    return few.generate([5, 315, 7], max_new_tokens=3)


def test_a_token_without_a_logit_is_no_step(few):
    for read in (lambda: few.read([5, 6, 315, 7]), lambda: few.read([5, 315])):
        with pytest.raises(ValueError, match=SENTENCE):
            read()
    assert few.read([5, 6, 315, 7], prompt_length=3).tokens.ids == (5, 6, 315, 7)


@pytest.mark.parametrize("token", [315, "text"])
def test_nor_is_it_explained_watched_or_compared_with(few, trace, token):
    token = few.vocabulary([315]).pieces[315].decode() if token == "text" else token
    for ask in (
        lambda: tb.InputXGradient()(few, trace, tb.Target(token=token)),
        lambda: tb.IntegratedGradients(n_steps=2)(few, trace, tb.Target(against=token)),
        lambda: tb.LogitLens(watch=(token,))(few, trace),
    ):
        with pytest.raises(ValueError, match=SENTENCE):
            ask()


def test_every_analysis_reads_a_prompt_that_has_it(few, trace, tmp_path):
    lens = tb.LogitLens()(few, trace)
    results = [
        lens,
        tb.InputXGradient()(few, trace),
        tb.AttentionPatterns()(few, trace),
        tb.AttentionRollout()(few, trace),
    ]
    assert {check.state for result in results for check in result.checks} == {"holds"}
    # No layer says it; the others are as they are.
    np.testing.assert_array_equal(lens.realised.values[:, 0], 0)
    assert (lens.realised.values[:, 1:-1] > 0).all()
    tb.save(tmp_path / "a.trace", trace, *results)
    opened = tb.open(tmp_path / "a.trace")
    assert opened.trace.tokens.ids == trace.tokens.ids
    np.testing.assert_array_equal(opened.results[0].realised.values, lens.realised.values)
    tb.explore(few, trace).save(tmp_path / "a.html")
    assert tb.Workbench([*opened]).checks.wrong == ()


def test_a_trace_of_a_model_with_more_logits_is_of_another_model(few):
    wider = tiny.lm().read([5, 6, 315])
    for analysis in (tb.LogitLens(), tb.InputXGradient(), tb.AttentionPatterns()):
        with pytest.raises(
            ValueError, match="has token id 315 after its prompt, tiny has only 312 logits: it is of another model"
        ):
            analysis(few, wider)


def test_a_token_without_an_embedding_is_a_sentence_when_it_is_said():
    many = lm_with(MANY)
    with torch.no_grad():
        many.model.lm_head.bias[325] = 50
    for new in (1, 3):
        with pytest.raises(
            ValueError, match=r"tiny said token id 325, for which it has no embedding \(those are 0 to 319\)"
        ):
            many.generate("the tower", max_new_tokens=new)
    trace = many.read("the tower")
    assert trace.candidates.token_ids.values[0, 0] == 325
    lens = tb.LogitLens(top=1)(many, trace)
    assert lens.token_ids.sel(layer=1, token=0).values[0] == 325
    assert {check.state for check in lens.checks} == {"holds"}


def test_a_baseline_that_is_no_token_of_the_model_is_a_sentence():
    tokenizer = copy.deepcopy(tiny.tokenizer())
    tokenizer.add_special_tokens({"eos_token": "<|far|>"})
    lm = tb.LanguageModel(tiny.model(), tokenizer, name="tiny")
    with pytest.raises(ValueError, match=r"token id 320 is not in the vocabulary of tiny \(0 to 319\)"):
        tb.IntegratedGradients(n_steps=2)(lm, lm.read([5, 6, 7], prompt_length=2))
