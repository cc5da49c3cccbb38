"""After every call, finished or not, the user's model is the same as before, bit for bit."""

import os
import random

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import signals, tiny
from tests.unchanged import unchanged
from tracebench.models.layout.steady import steady
from tracebench.runtime.progress import listening

RUNS = {
    "generate": lambda lm: lm.generate("The tower", max_new_tokens=5),
    "sample": lambda lm: lm.generate(
        "The tower", max_new_tokens=5, temperature=0.8, top_k=9, top_p=0.9, seed=3, stop="zz"
    ),
    "chat": lambda lm: lm.chat([{"role": "user", "content": "tower?"}], max_new_tokens=4),
    "read": lambda lm: lm.read(tiny.PARAGRAPH[:40]),
    "lens": lambda lm: tb.LogitLens(top=3, watch=(9,))(lm, lm.read([5, 6, 7, 8, 9])),
    "scores": lambda lm: tb.IntegratedGradients(n_steps=600, baseline="zero")(
        lm, lm.read([5, 6, 7, 8, 9]), tb.Target(3)
    ),
    "adaptive": lambda lm: tb.IntegratedGradients(n_steps=600, quadrature="adaptive")(
        lm, lm.read([5, 6, 7, 8, 9]), tb.Target(3)
    ),
    "gradient": lambda lm: tb.InputXGradient()(lm, lm.read([5, 6, 7]), tb.Target(None)),
    "layout": lambda lm: lm.layout,
    "fingerprint": lambda lm: lm.fingerprint(),
}
FAILURES = (ValueError, KeyboardInterrupt)


def state(lm):
    """All observable state of a model."""
    model = lm.model
    modules = dict(model.named_modules())
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return {
        "weights": {name: tensor.clone() for name, tensor in model.state_dict().items()},
        "identity": {name: id(parameter) for name, parameter in model.named_parameters()},
        "requires_grad": {name: parameter.requires_grad for name, parameter in model.named_parameters()},
        "grad": {name: parameter.grad is None for name, parameter in model.named_parameters()},
        "training": {name: module.training for name, module in modules.items()},
        "hooks": {name: [list(getattr(module, kind)) for kind in kinds] for name, module in modules.items()},
        "attributes": {name: sorted(vars(module)) for name, module in modules.items()},
        "config": model.config.to_dict(),
        "generation": (id(model.generation_config), model.generation_config.to_dict()),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state()[1].tolist(),  # noqa: NPY002 - the global state that users rely on
        "python": random.getstate(),
        "modes": (torch.is_grad_enabled(), torch.is_inference_mode_enabled()),
    }


def assert_same(before, after):
    for key, value in before.items():
        if key == "weights":
            assert all(torch.equal(after[key][name], tensor) for name, tensor in value.items())
        elif key == "torch":
            assert torch.equal(after[key], value)
        else:
            assert after[key] == value, key


@pytest.fixture(params=["llama", "gpt2", "gemma2", "gpt_oss", "mamba"])
def lm(request):
    """A model in the middle of a training run."""
    lm = tiny.lm(request.param, attention_dropout=0.5) if request.param == "llama" else tiny.lm(request.param)
    lm.model.train()
    next(iter(lm.model.parameters())).requires_grad_(False)
    lm.model.generation_config.repetition_penalty = 1.7
    return lm


@pytest.mark.parametrize("run", RUNS)
def test_after_a_run(lm, run):
    before = state(lm)
    RUNS[run](lm)
    assert_same(before, state(lm))


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("run", ["generate", "sample", "chat", "read", "lens", "scores", "adaptive", "gradient"])
def test_after_an_error_or_an_interrupt_between_micro_batches(lm, run, failure):
    ticks = []

    def stop(done, total, _note):
        ticks.append((done, total))
        if len(ticks) == (1 if run == "read" else 2):
            raise failure("stop")

    before = state(lm)
    with listening(stop), pytest.raises(failure, match="stop"):
        RUNS[run](lm)
    assert_same(before, state(lm))
    assert lm.lock._owner is None


#: Calls of a block per run; the test breaks each pass once (only some passes of the chat and the generations).
PASSES = {
    "generate": (0, 1, 5),
    "sample": (0, 1, 5),
    "chat": (0, 1, 3),
    "read": (0,),
    "lens": (0, 1),
    "scores": (0, 1, 2),
    "adaptive": (0, 1, 3),
    "gradient": (0, 1, 3),
    "layout": (0, 1),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize(("run", "passes"), [(run, n) for run, many in PASSES.items() for n in many])
def test_after_an_error_or_an_interrupt_inside_the_model(run, failure, passes):
    lm = tiny.lm()
    if run == "layout":
        lm.refresh()
    calls = []

    def stop(*_):
        calls.append(1)
        if len(calls) > passes:
            raise failure("stop")

    handle = lm.model.model.layers[1].mlp.register_forward_hook(stop)
    before = state(lm)
    with pytest.raises(failure, match="stop"):
        RUNS[run](lm)
    assert_same(before, state(lm))
    assert lm.lock._owner is None
    handle.remove()


@signals.SWALLOWED
def test_after_interrupts_at_any_moment(tmp_path):
    """Real interrupts, which also happen during set-up and clean-up."""
    lm = tiny.lm("gpt2")
    lm.model.train()
    lm.model.transformer.h[1].eval()
    trace = lm.generate("The tower", max_new_tokens=3)
    lens, scores = tb.LogitLens(top=3), tb.IntegratedGradients(n_steps=4, baseline="zero")
    result, expected = lens(lm, trace), lm.logits(trace.tokens.ids)
    jobs = (
        lambda: lm.generate("The tower", max_new_tokens=3, temperature=1.0, seed=1),
        lambda: lm.read([5, 6, 7]),
        lambda: (lm.refresh(), lm.layout),
        lambda: lens(lm, trace),
        lambda: scores(lm, trace),
        lambda: tb.save(tmp_path / "a.trace", trace, result),
    )
    before, hits = state(lm), 0
    for job in jobs:
        for _ in signals.interrupted_at_random(job, 40):
            assert_same(before, state(lm))
            assert (lm.lock._owner, lm.lock._depth, lm.lock._cells_waiting) == (None, 0, 0)
            assert set(os.listdir(tmp_path)) <= {"a.trace"}
            hits += 1
    assert hits == 240
    assert torch.equal(lm.logits(trace.tokens.ids), expected)
    assert tb.open(tb.save(tmp_path / "a.trace", trace, result)).trace.hash == trace.hash


def test_the_logits_before_and_after_are_equal_bit_for_bit():
    lm = tiny.lm()
    before = lm.logits([5, 6, 7])
    trace = lm.generate("The tower", max_new_tokens=4)
    tb.LogitLens()(lm, trace)
    assert torch.equal(lm.logits([5, 6, 7]), before)


def test_a_backward_pass_still_works_afterwards():
    # Dynamic NTK recomputes a buffer in its forward; under inference mode that buffer would break the user's training.
    lm = tiny.lm(rope_parameters={"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4})
    lm.read(tiny.PARAGRAPH[:60])
    lm.generate("The tower", max_new_tokens=4)
    lm.model(torch.tensor([[5, 6, 7]])).logits.sum().backward()
    assert lm.model.lm_head.weight.grad is not None


LENGTHS = {
    "dynamic": {
        "rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4},
        "max_position_embeddings": 16,
    },
    "longrope": {"rope_parameters": tiny.LONGROPE},
}


@pytest.mark.parametrize("kind", LENGTHS)
def test_a_long_text_does_not_change_the_logits_of_a_shorter_one(kind):
    """Dynamic NTK keeps the frequencies of the longest text, which would change transformers' own later passes."""
    model, ids = tiny.model(**LENGTHS[kind]), torch.tensor([[5 + n for n in range(20)]])
    with unchanged(model):
        lm = tb.LanguageModel(model, tiny.tokenizer())
        model.config.max_position_embeddings = 128  # the window that limits a text
        lm.generate([5, 6, 7], max_new_tokens=40)
        model.config.max_position_embeddings = LENGTHS[kind].get("max_position_embeddings", 128)
    with torch.no_grad():
        assert torch.equal(model(ids).logits, tiny.model(**LENGTHS[kind])(ids).logits)


@pytest.mark.parametrize("kind", LENGTHS)
def test_a_model_cast_by_a_cell_during_a_pass_keeps_matching_buffers(kind):
    """Restored as they were, its frequencies would have another dtype or device than the weights."""
    model = tiny.model(**LENGTHS[kind])
    with steady(model):
        model(torch.tensor([[5 + n for n in range(40)]]))
        model.double()
    expected = tiny.model(**LENGTHS[kind]).double()
    assert {name: buffer.dtype for name, buffer in model.named_buffers()} == {
        name: buffer.dtype for name, buffer in expected.named_buffers()
    }
    model(torch.tensor([[5, 6, 7]]))


def test_attributes_that_a_users_hook_sets_on_a_module_stay():
    lm = tiny.lm()
    rotary = lm.model.model.rotary_emb
    handle = rotary.register_forward_hook(
        lambda module, _args, _out: setattr(module, "seen", getattr(module, "seen", 0) + 1)
    )
    lm.logits([5, 6, 7])
    handle.remove()
    assert rotary.seen == 1


def test_hooks_of_the_user_see_our_passes_and_may_keep_what_they_see():
    lm = tiny.lm()
    kept = []
    lm.model.lm_head.register_forward_hook(lambda _m, _a, out: kept.append((out, out.clone())))
    tb.LogitLens()(lm, lm.read([5, 6, 7, 8]))
    assert kept
    assert all(torch.equal(out, copy) for out, copy in kept)
