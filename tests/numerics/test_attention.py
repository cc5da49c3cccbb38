"""Attention patterns equal transformers' eager weights in every family, and all identities hold."""

from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.models.watch import attention
from tracebench.models.watch.attention import run_watched
from tracebench.models.watch.pattern import ROWS, Call, Room, derive, read_call

IDS = [5, 300, 7, 8, 250, 9, 10, 11, 12, 13, 14, 15]
ATTENDING = [name for name in {**tiny.FAMILIES, **tiny.OTHER_ATTENTION} if name not in ("mamba", "diffllama")]
#: Families that compute their attention themselves, so that its values are not observed.
WEIGHTS_ONLY = {"bloom", "gpt_neo", "openai-gpt", "gpt2 reordered"}
HYBRID = {"qwen3_next": (1,), "zamba2": (1, 2), "jamba": (1,)}
#: Heads as wide as real ones, whose values are proved in mixtures of their features.
WIDE = {
    **{name: {"head_dim": 40} for name in ("llama", "gemma2", "gpt_oss", "mistral", "granite")},
    "deepseek_v3": {"v_head_dim": 24},
}


def eager(model, ids):
    """transformers' own attention weights [layer, head, query, key], from the same model loaded as eager."""
    made = type(model)._from_config(deepcopy(model.config), attn_implementation="eager").eval()
    made.load_state_dict(model.state_dict())
    given = torch.tensor([ids])
    with torch.no_grad():
        found = made(
            input_ids=given, attention_mask=torch.ones_like(given), use_cache=False, output_attentions=True
        ).attentions
    return torch.stack([weights[0] for weights in found if weights is not None]).float().numpy()


def states(result):
    return {check.name: check.state for check in result.checks}


@pytest.fixture(scope="module", params=ATTENDING)
def watched(request):
    lm = tiny.lm(request.param)
    with unchanged(lm.model):
        result = tb.AttentionPatterns()(lm, lm.read(IDS))
    return request.param, lm, result


def test_the_patterns_are_those_of_the_eager_model(watched):
    name, lm, result = watched
    expected, weights = eager(lm.model, IDS), np.asarray(result.weights.values)
    if name == "granite_swa":  # returns its weights before the sink takes its share
        expected = expected * (1 - np.asarray(result.sink.values)[..., None])
    np.testing.assert_allclose(weights, expected, atol=5e-6)


def test_every_identity_holds(watched):
    name, _, result = watched
    asked = ["asking for weights leaves the model alone"] if name == "openai-gpt" else []
    last = "no weight on later tokens" if name in WEIGHTS_ONLY else "pattern @ values = attention"
    assert [check.name for check in result.checks] == [
        "hooks leave the model alone",
        *asked,
        "rows sum to one",
        last,
        "scores as recorded",
    ]
    assert set(states(result).values()) == {"holds"}


def test_later_keys_have_weight_0_and_the_first_query_attends_to_itself_and_the_sink(watched):
    name, lm, result = watched
    weights = np.asarray(result.weights.values)
    assert (np.triu(weights, 1) == 0).all()
    assert result.layers == HYBRID.get(name, tuple(range(lm.layers)))
    taken = 0.0 if result.sink is None else np.asarray(result.sink.values)[..., 0]
    np.testing.assert_allclose(weights[..., 0, 0] + taken, 1, atol=1e-6)
    assert (result.sink is not None) == (name in ("gpt_oss", "granite_swa"))


def test_one_token(watched):
    name, lm, _ = watched
    result = tb.AttentionPatterns()(lm, lm.read(IDS[:1]))
    assert result.weights.shape[2:] == (1, 1)
    if result.sink is None:
        assert (np.asarray(result.weights.values) == 1).all(), name
    assert set(states(result).values()) == {"holds"}


@pytest.mark.parametrize(
    "name", ["llama", "gemma2", "gpt_oss", "deepseek_v3", "granite_swa", "falcon", "bloom", "gemma3n_text shared"]
)
def test_identities_hold_in_half_precision(name):
    lm = tiny.lm(name, dtype=torch.bfloat16)
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    assert {check.state for check in result.checks if check.kind == "identity"} == {"holds"}
    limits = {check.limit for check in result.checks if check.name.startswith(("pattern", "rows"))}
    assert limits == {2**-7}


@pytest.mark.parametrize(
    ("name", "limit"), [("llama", 1e-13), ("gemma2", 1e-5), ("bloom", 1e-5), ("gpt_neo", 1e-5), ("openai-gpt", 1e-5)]
)
def test_a_float64_model_is_checked_in_float64_and_returned_in_float32(name, limit):
    """Eager functions (gemma2 caps its scores) and families that return their weights (bloom) use a float32 softmax."""
    lm = tiny.lm(name, dtype=torch.float64)
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    assert result.weights.values.dtype == np.float32
    assert {check.state for check in result.checks if check.kind == "identity"} == {"holds"}
    assert {check.limit for check in result.checks if check.name.startswith(("pattern", "rows"))} == {limit}


def test_under_autocast_the_limit_follows_the_computed_dtype():
    """The model's own: a user's autocast is off while a model runs."""
    lm = tiny.lm()
    for block in lm.model.model.layers:
        block.self_attn.forward = torch.autocast("cpu", dtype=torch.bfloat16)(block.self_attn.forward)
    lm.refresh()
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    assert {check.state for check in result.checks if check.kind == "identity"} == {"holds"}
    assert {check.limit for check in result.checks if check.name.startswith("pattern")} == {2**-7}


@pytest.mark.parametrize(
    ("name", "dtype"),
    [*((name, dtype) for name in WIDE for dtype in (torch.float32, torch.bfloat16)), ("llama", torch.float64)],
)
def test_wide_heads_keep_their_identities(name, dtype):
    lm = tiny.lm(name, dtype=dtype, **WIDE[name])
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    assert {check.state for check in result.checks if check.kind == "identity"} == {"holds"}
    if dtype == torch.float32:
        np.testing.assert_allclose(result.weights.values, eager(lm.model, IDS), atol=5e-6)


def test_sliding_windows_end_where_they_should():
    lm = tiny.lm("mistral")
    weights = np.asarray(tb.AttentionPatterns()(lm, lm.read(IDS)).weights.values)
    far = np.tril(np.ones((len(IDS), len(IDS)), bool), -lm.model.config.sliding_window)
    assert (weights[..., far] == 0).all()
    assert (weights[..., np.tril(~far)] > 0).all()


@pytest.mark.parametrize("rows", [1, 5, 12, 128])
@pytest.mark.parametrize("name", ["llama", "mistral", "gpt_oss", "bloom"])
def test_the_number_of_rows_at_once_does_not_matter(monkeypatch, name, rows):
    lm = tiny.lm(name)
    trace = lm.read(IDS)
    expected = tb.AttentionPatterns()(lm, trace)
    monkeypatch.setitem(ROWS, "cpu", rows)
    found = tb.AttentionPatterns()(lm, trace)
    np.testing.assert_allclose(found.weights.values, expected.weights.values, atol=1e-6)
    assert set(states(found).values()) == {"holds"}


def test_the_output_of_every_layer_follows_from_its_pattern():
    """End to end with the model's own modules: values, pattern, output projection."""
    lm = tiny.lm("llama")
    result = tb.AttentionPatterns()(lm, lm.read(IDS))
    seen = {}
    for layer, block in enumerate(lm.model.model.layers):
        handles = [
            block.self_attn.v_proj.register_forward_hook(lambda _m, _a, out, at=layer: seen.update({("v", at): out})),
            block.self_attn.register_forward_hook(lambda _m, _a, out, at=layer: seen.update({("out", at): out[0]})),
        ]
        with torch.no_grad():
            lm.model(torch.tensor([IDS]))
            values = seen["v", layer][0].view(len(IDS), 2, 8).transpose(0, 1).repeat_interleave(2, 0)
            mixed = torch.from_numpy(result.weights.sel(layer=layer).values) @ values
            out = block.self_attn.o_proj(mixed.transpose(0, 1).reshape(1, len(IDS), -1))
        torch.testing.assert_close(out, seen["out", layer], rtol=1e-5, atol=1e-5)
        for handle in handles:
            handle.remove()


# --- a wrong pattern fails its check --------------------------------------------------------------------------------


WRONG = {
    "no softcap": ("gemma2", {"softcap": None}),
    "no window": ("mistral", {"mask": None, "causal": True}),
    "no mask": ("llama", {"causal": False}),
    "no sinks": ("gpt_oss", {"sinks": None}),
    "another scale": ("granite", {"scaling": 0.3}),
}


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_pattern_that_is_not_the_models_breaks_the_identity(monkeypatch, wrong, wide):
    name, changes = WRONG[wrong]
    lm = tiny.lm(name, **WIDE[name] if wide else {})
    trace = lm.read(IDS)
    right = attention.derive
    monkeypatch.setattr(attention, "derive", lambda call, *rest: right(replace(call, **changes), *rest))
    assert states(tb.AttentionPatterns()(lm, trace))["pattern @ values = attention"] == "broken"


def test_a_function_that_ignores_its_arguments_breaks_the_identity(monkeypatch):
    from transformers.modeling_utils import AttentionInterface

    def blunt(module, query, key, value, attention_mask, **_):
        return value.repeat_interleave(module.num_key_value_groups, 1).cumsum(2).transpose(1, 2).contiguous(), None

    lm = tiny.lm("llama")
    monkeypatch.setitem(AttentionInterface._global_mapping, "sdpa", blunt)
    assert states(tb.AttentionPatterns()(lm, lm.read(IDS)))["pattern @ values = attention"] == "broken"


# --- arguments that no model in these tests uses ----------------------------------------------------------------------


def call_of(**options):
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 6, 8, generator=generator)
    key, value = (torch.randn(1, 2, 6, 8, generator=generator) for _ in range(2))
    mask = options.pop("attention_mask", None)
    name = options.pop("name", "flash_attention_2")
    return read_call(name, torch.zeros(1, 6, 4, 8), torch.nn.Identity(), query, key, value, mask, **options)


def derived(call):
    """The whole pattern [head, query, key], its sink [head, query] or None, and the gap."""
    pattern = torch.zeros(*call.query.shape[:2], call.key.shape[1])
    sink = None if call.sinks is None else torch.zeros(call.query.shape[:2])

    def take(rows, made, taken):
        pattern[:, rows, : made.shape[-1]] = made
        if sink is not None:
            sink[:, rows] = taken

    gap, miss = derive(call, Room(), take)
    assert not miss > 1e-6  # NaN where a row sees nothing
    return pattern, sink, gap


def by_definition(call):
    """The pattern by its definition: a float64 softmax, one head and one row at a time."""
    heads, queries, _ = call.query.shape
    found = np.zeros((heads, queries, call.key.shape[1]))
    for head in range(heads):
        key = call.key[head // (heads // len(call.key))].double()
        for row in range(queries):
            scores = call.query[head, row].double() @ key.T * call.scaling
            if call.softcap:
                scores = torch.tanh(scores / call.softcap) * call.softcap
            if call.bias is not None:
                scores = scores + call.bias.expand(heads, queries, -1)[head, row]
            seen = torch.arange(len(scores)) <= row if call.causal else torch.ones(len(scores), dtype=bool)
            if call.window:
                seen &= torch.arange(len(scores)) > row - call.window
            if call.mask is not None:
                seen &= call.mask.expand(heads, queries, -1)[head, row]
            scores[~seen] = -np.inf
            if call.sinks is not None:
                scores = torch.cat([scores, call.sinks[[head]].double()])
            found[head, row] = scores.softmax(-1)[:queries]
    return found


PADDED = torch.tensor([[0, 1, 1, 1, 1, 1]])
KERNELS = {
    "flash": {},
    "a window": {"sliding_window": 3},
    "padding": {"attention_mask": PADDED},
    "a cap, sinks and a window": {"softcap": 1.5, "s_aux": torch.tensor([0.0, 1.0, -1.0, 3.0]), "sliding_window": 2},
    "not causal": {"is_causal": False},
    "a bias": {"position_bias": torch.linspace(-2, 2, 36).view(1, 1, 6, 6), "name": "sdpa"},
    "a scale": {"scaling": 2.0, "name": "sdpa"},
    "a mask of one row": {"attention_mask": PADDED.bool()[:, None, None], "name": "sdpa"},
}


@pytest.mark.parametrize("at_once", [2, 128])
@pytest.mark.parametrize("options", KERNELS.values(), ids=KERNELS)
def test_the_pattern_follows_every_argument_of_a_kernel(monkeypatch, options, at_once):
    monkeypatch.setitem(ROWS, "cpu", at_once)
    call = call_of(**options)
    pattern, sink, _ = derived(call)
    rows = slice(1, None) if "attention_mask" in options else slice(None)  # a row without any key is undefined
    np.testing.assert_allclose(pattern.numpy()[:, rows], by_definition(call)[:, rows], atol=1e-6)
    assert (sink is None) == (call.sinks is None)
    if sink is not None:
        np.testing.assert_allclose(pattern.sum(-1) + sink, 1, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("keys", [1, 7, 128, 5000])
def test_a_softmax_that_overwrites_its_scores_gives_the_same_bits(keys, dtype):
    """`derive` relies on this property of torch on the CPU."""
    scores = torch.randn(9, 128, keys, dtype=dtype, generator=torch.Generator().manual_seed(0)) * 30
    scores[..., 1::3] = -torch.inf
    beside = torch.softmax(scores, -1)
    assert torch.equal(torch.softmax(scores, -1, out=scores), beside)


def test_the_mask_function_of_flex_attention_becomes_a_tensor():
    from torch.nn.attention.flex_attention import create_block_mask

    mask = create_block_mask(lambda _b, _h, q, k: (q >= k) & (q - k < 2), 1, None, 6, 6, device="cpu")
    pattern, _, _ = derived(call_of(name="flex_attention", attention_mask=mask))
    expected, _, _ = derived(call_of(sliding_window=2))
    torch.testing.assert_close(pattern, expected)


def test_a_batch_of_texts_is_refused():
    one = torch.zeros(2, 4, 6, 8)
    with pytest.raises(ValueError, match="one text at a time, got a batch of 2"):
        read_call("sdpa", one, torch.nn.Identity(), one, one, one)


def test_an_output_without_range_has_no_gap():
    zeros = torch.zeros(2, 3, 4)
    _, _, gap = derived(Call(zeros, zeros, zeros, zeros.transpose(0, 1), 1.0, causal=True))
    assert gap == 0


def test_the_demo_model(demo_lm):
    trace = demo_lm.generate("When Mary and John went to the store, John gave a drink to", max_new_tokens=1)
    result = tb.AttentionPatterns()(demo_lm, trace)
    assert set(states(result).values()) == {"holds"}
    assert result.weights.shape[:2] == (30, 9)
    seen = {}
    logits, watching, _ = run_watched(
        demo_lm, trace.tokens.ids, range(30), lambda rows: seen.update({rows.layer: rows.pattern.clone()})
    )
    assert torch.equal(logits, demo_lm.logits(trace.tokens.ids))
    assert set(watching.via.values()) == {"sdpa"}
    np.testing.assert_array_equal(np.stack([seen[layer].numpy() for layer in range(30)]), result.weights.values)
