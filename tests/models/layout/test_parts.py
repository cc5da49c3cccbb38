"""The two parts of a block, attention and MLP: which families have them, and that their sum holds on other texts."""

import threading

import pytest
import torch

from tests import tiny
from tests.unchanged import unchanged
from tracebench.models.layout import parts as module
from tracebench.models.layout.family import run
from tracebench.models.numerics import SAME_STREAM
from tracebench.models.watch.capture import capture_added, capture_streams

IDS = torch.tensor([[5, 300, 7, 8, 250, 9, 10, 11]])
EVERY = {**tiny.FAMILIES, **tiny.OTHER_ATTENTION}
#: Family -> layers without parts; the comment gives the reason.
NOT_OFFERED = {
    "mamba": {0, 1},  # one mixer and no MLP
    "openai-gpt": {0, 1},  # its norms come after the sums
    "gemma3n_text": {0, 1},  # its blocks pass several streams
    "gemma3n_text shared": {0, 1, 2, 3},
    "zamba2": {0, 1, 2},  # a transformer that is shared feeds a mixer
}
#: Family -> names of the two modules in a block, where they are not the whole attention and the whole MLP.
AFTER_A_NORM = ("post_attention_layernorm", "post_feedforward_layernorm")
NAMED = {
    "gemma2": AFTER_A_NORM,
    "gemma3_text": AFTER_A_NORM,
    "olmo2": AFTER_A_NORM,
    "glm4": ("post_self_attn_layernorm", "post_mlp_layernorm"),
    "bloom": ("self_attention.dense", "mlp.dense_4h_to_h"),  # the outer modules add the stream themselves
    "opt": ("self_attn", "fc2"),
    "gpt_neox": ("attention", "mlp"),
    "falcon": ("self_attention", "mlp"),
    "jamba": ("self_attn", "feed_forward"),
    **dict.fromkeys(("gpt2", "gpt2 reordered", "gpt_neo"), ("attn", "mlp")),
}


def missed(streams, added, layer):
    """Largest difference between the sum and the block's output, relative to the terms at the same element."""
    terms = [streams[layer].double(), added.attn[layer].double(), added.mlp[layer].double()]
    size = sum(term.abs() for term in terms)
    return float(((sum(terms) - streams[layer + 1].double()).abs() / size).max())


@pytest.fixture(scope="module", params=EVERY)
def found(request):
    lm = tiny.lm(request.param)
    with unchanged(lm.model):
        parts = lm.parts
    return request.param, lm, parts


def test_parts_are_offered_in_the_expected_layers_only(found):
    name, lm, parts = found
    assert {layer for layer, part in enumerate(parts) if part is None} == NOT_OFFERED.get(name, set())
    if all(parts):
        modules = dict(lm.model.named_modules())
        attn, mlp = NAMED.get(name, ("self_attn", "mlp"))
        assert parts[1].attn is modules[f"{lm.layout.names[1]}.{attn}"]
        assert parts[1].mlp is modules[f"{lm.layout.names[1]}.{mlp}"]
        scale = 0.3 if name == "granite" else 1.0
        assert {(part.attn_scale, part.mlp_scale) for part in parts} == {(scale, scale)}


def test_the_sum_holds_on_another_text(found):
    _, lm, parts = found
    with unchanged(lm.model), lm.running(), capture_streams(lm.layout) as streams:
        with capture_added(lm.layout, parts) as added:
            run(lm.model, IDS)
    offered = [layer for layer, part in enumerate(parts) if part is not None]
    assert list(added.attn) == list(added.mlp) == offered
    for layer in offered:
        assert added.attn[layer].shape == streams[layer].shape
        assert missed(streams, added, layer) <= SAME_STREAM[torch.float32]


@pytest.mark.parametrize("name", ["llama", "gemma2", "granite", "gpt_neox", "opt", "mamba", "qwen3_next"])
def test_half_precision_has_the_same_parts(name):
    names = []
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        lm = tiny.lm(name, dtype=dtype)
        known = {part: where for where, part in lm.model.named_modules()}
        names.append([None if part is None else (known[part.attn], known[part.mlp]) for part in lm.parts])
    assert names[0] == names[1] == names[2]


def test_the_attention_is_recognised_in_either_order():
    """Two blocks of a parallel family, one of which computes its MLP before its attention."""
    lm = tiny.lm("gpt_neox")
    block = lm.model.gpt_neox.layers[0]

    def other_order(hidden_states, **options):
        added = block.mlp(block.post_attention_layernorm(hidden_states))
        attended = block.attention(
            block.input_layernorm(hidden_states),
            **{k: v for k, v in options.items() if k not in ("use_cache", "output_attentions")},
        )[0]
        return added + attended + hidden_states

    block.forward = other_order
    part = lm.parts[0]
    assert (part.attn, part.mlp) == (block.attention, block.mlp)


def test_two_modules_that_both_mix_positions_are_not_offered():
    lm = tiny.lm()
    block = lm.model.model.layers[0]
    block.mlp.register_forward_hook(lambda _m, _a, out: out.cumsum(1))
    parts = lm.parts
    assert parts[0] is None
    assert parts[1] is not None


def test_parallel_modules_that_both_mix_positions_are_not_offered():
    """In a parallel block the second module does not read the first one, so only a change of its own input shows mixing."""
    lm = tiny.lm("gpt_neox")
    lm.model.gpt_neox.layers[0].mlp.register_forward_hook(lambda _m, _a, out: out.cumsum(1))
    parts = lm.parts
    assert parts[0] is None
    assert parts[1] is not None


def test_an_mlp_that_amplifies_small_changes_is_not_taken_for_the_attention():
    """A huge feature hides the attention's effect on later positions, and the MLP's norm removes that feature."""
    lm = tiny.lm()
    block = lm.model.model.layers[0]

    def huge(_module, _args, out):
        added = torch.zeros_like(out[0])
        added[..., 0] = 1e6 * torch.arange(1, out[0].shape[1] + 1)
        return (out[0] + added, *out[1:])

    block.self_attn.register_forward_hook(huge)
    with torch.no_grad():
        block.post_attention_layernorm.weight.fill_(1e6)
        block.post_attention_layernorm.weight[0] = 0.0
    part = lm.parts[0]
    assert part is None or part.attn is block.self_attn


def test_a_wrong_sum_is_found_beside_huge_features():
    """With massive activations, errors elsewhere are small relative to the range of a stream."""
    lm = tiny.lm()
    block = lm.model.model.layers[1]
    with torch.no_grad():
        lm.model.model.embed_tokens.weight[:, 0] = 1e6
    block.register_forward_hook(lambda _m, _a, out: out + torch.nn.functional.pad(out[..., 1:] * 1e-2, (1, 0)))
    lm.refresh()
    assert lm.parts[0] is not None
    assert lm.parts[1] is None


def test_a_scale_without_a_config_attribute_is_fitted():
    lm = tiny.lm("granite")
    for block in lm.layout.blocks:
        block.residual_multiplier = 0.45
    lm.refresh()
    for part in lm.parts:
        assert (part.attn_scale, part.mlp_scale) == pytest.approx((0.45, 0.45), rel=1e-5)


def test_parts_are_found_once_and_again_after_a_refresh(monkeypatch):
    lm = tiny.lm()
    calls = []
    real = module.find_parts
    monkeypatch.setattr("tracebench.models.core.find_parts", lambda *a: calls.append(1) or real(*a))
    assert lm.parts is lm.parts
    lm.refresh()
    assert lm.parts[0] is not None
    assert calls == [1, 1]


def test_another_threads_pass_is_not_captured():
    lm = tiny.lm()
    with capture_added(lm.layout, lm.parts) as added:
        thread = threading.Thread(target=lambda: lm.model(IDS))
        thread.start()
        thread.join()
    assert (added.attn, added.mlp) == ({}, {})


def test_an_interrupt_in_the_proof_leaves_the_model_as_it_was():
    lm = tiny.lm()

    def stop(*_):
        raise KeyboardInterrupt

    handle = lm.model.model.layers[1].mlp.register_forward_hook(stop)
    with unchanged(lm.model), pytest.raises(KeyboardInterrupt):
        _ = lm.parts
    handle.remove()
    assert lm.parts[1] is not None


def test_the_demo_model(demo_lm):
    parts = demo_lm.parts
    assert None not in parts
    with demo_lm.running(), capture_streams(demo_lm.layout) as streams, capture_added(demo_lm.layout, parts) as added:
        run(demo_lm.model, torch.tensor([demo_lm.encode("The Eiffel Tower is located in the city of")]))
    assert max(missed(streams, added, layer) for layer in range(30)) <= SAME_STREAM[torch.float32]
