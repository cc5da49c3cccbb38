"""Every family, end to end: generation, reading and the lens give what the model itself computes."""

import numpy as np
import pytest
import torch

from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.lens.logit_lens import LogitLens

PROMPT = "The Eiffel Tower"


@pytest.fixture(scope="module", params=tiny.FAMILIES)
def lm(request):
    return tiny.lm(request.param)


def test_generating_greedily_is_what_transformers_does(lm):
    ids = torch.tensor([lm.encode(PROMPT)])
    expected = lm.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8)
    trace = lm.generate(PROMPT, max_new_tokens=8)
    assert list(trace.tokens.ids) == expected[0].tolist()
    assert trace.prompt_length == ids.shape[1]
    assert [trace.chosen_rank(step) for step in trace.steps] == [0] * 8


def test_candidates_equal_a_forward_pass_over_each_prefix(lm):
    trace = lm.generate(PROMPT, max_new_tokens=4)
    for step in trace.steps:
        beginning = torch.tensor([trace.tokens.ids[: trace.prompt_length + step]])
        with torch.no_grad():
            logits = lm.model(beginning, use_cache=False).logits[0, -1].double()
        logp = logits.log_softmax(-1)
        ids = np.asarray(trace.candidates.token_ids.sel(step=step)).tolist()
        limit = 5e-5 * float(logits.max() - logits.min())
        np.testing.assert_allclose(trace.candidates.logits.sel(step=step), logits[ids], atol=limit, rtol=0)
        np.testing.assert_allclose(trace.candidates.probs.sel(step=step), logp[ids].exp(), atol=1e-5)
        np.testing.assert_allclose(trace.candidates.entropy.sel(step=step), -(logp.exp() * logp).sum(), atol=1e-4)
        best = logits.topk(len(ids)).values
        np.testing.assert_allclose(logits[ids], best, atol=limit, rtol=0)


def test_every_check_holds(lm):
    trace = lm.generate(PROMPT, max_new_tokens=6)
    lens = LogitLens(top=3)(lm, trace)
    assert {check.name: check.state for check in (*trace.checks, *lens.checks)} == {
        "replay": "holds",
        "hooks leave the model alone": "holds",
        "last row = the model": "holds",
        "scores as recorded": "holds",
    }


def test_the_model_is_left_as_it_was(lm):
    _ = lm.layout  # the first pass of some families fills buffers that the model itself would fill
    with unchanged(lm.model):
        lm.refresh()
        trace = lm.generate(PROMPT, max_new_tokens=3)
        lm.generate(PROMPT, max_new_tokens=3, temperature=1.2, seed=4)
        lm.read(trace.tokens.ids)
        LogitLens(watch=("The",))(lm, trace)


def test_the_lens_reads_each_block_with_the_models_own_head(lm):
    """Independent of the layout: the model's own forward pass without the later blocks."""
    trace = lm.read(PROMPT)
    lens = LogitLens(top=4)(lm, trace)
    last = lm.layout.blocks[-1]

    def skip(_module, args, kwargs, output):
        entered = args[0] if args else kwargs["hidden_states"]
        return (entered, *output[1:]) if isinstance(output, tuple) else entered

    # With the last block skipped, the model itself reads the stream after the first one.
    handle = last.register_forward_hook(skip, with_kwargs=True)
    try:
        with torch.no_grad():
            logits = lm.model(torch.tensor([trace.tokens.ids]), use_cache=False).logits[0].double()
    finally:
        handle.remove()
    probs = logits.softmax(-1)
    ids = np.asarray(lens.token_ids.sel(layer=0)).astype(int)
    np.testing.assert_allclose(lens.probs.sel(layer=0), np.take_along_axis(probs.numpy(), ids, -1), atol=2e-6)
    np.testing.assert_allclose(lens.entropy.sel(layer=0), -(probs * probs.log()).sum(-1), atol=2e-5)


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt_oss", "mamba", "gemma3n_text", "gemma3n_text shared"])
def test_half_precision_is_what_transformers_does_and_every_check_holds(name):
    lm = tiny.lm(name, dtype=torch.bfloat16)
    ids = torch.tensor([lm.encode(PROMPT)])
    expected = lm.model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=8)
    with unchanged(lm.model):
        trace = lm.generate(PROMPT, max_new_tokens=8)
        lens = LogitLens(top=3)(lm, trace)
    assert list(trace.tokens.ids) == expected[0].tolist()
    assert trace.provenance.dtype == "bfloat16"
    assert {check.state for check in (*trace.checks, *lens.checks)} == {"holds"}
