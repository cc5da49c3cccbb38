"""The fingerprint of the weights changes with every edit, and only then."""

import pytest
import torch
from torch import nn

import tracebench as tb
from tests import tiny
from tracebench.models.state import fingerprint as module
from tracebench.models.state.fingerprint import fingerprint


@pytest.fixture
def model():
    return tiny.model()


def test_it_is_the_same_as_long_as_the_weights_are(model):
    before = fingerprint(model)
    model.train()
    model.requires_grad_(False)
    model.generation_config.top_k = 3
    assert fingerprint(model) == before
    assert fingerprint(tiny.model()) == before
    assert len(before) == 16


def test_an_edit_that_is_undone_restores_the_fingerprint(model):
    before = fingerprint(model)
    kept = model.lm_head.weight.data.clone()
    model.lm_head.weight.data.mul_(2)
    assert fingerprint(model) != before
    model.lm_head.weight.data.copy_(kept)
    assert fingerprint(model) == before


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_one_bit_anywhere_is_seen(dtype):
    model = tiny.model(dtype=dtype)
    seen = {fingerprint(model)}
    parameters = list(model.parameters())
    for parameter in parameters:
        for index in (0, parameter.numel() // 2, parameter.numel() - 1):
            bits = parameter.data.view(-1).view(torch.uint8)
            bits[index * parameter.element_size()] ^= 1
            seen.add(fingerprint(model))
    assert len(seen) == 1 + 3 * len(parameters)


def test_swapping_two_values_changes_the_fingerprint(model):
    before = fingerprint(model)
    weight = model.model.layers[0].mlp.up_proj.weight.data
    weight[[0, 1]] = weight[[1, 0]].clone()
    assert fingerprint(model) != before


def test_minus_zero_and_nan_are_bits_too(model):
    weight = model.model.norm.weight.data
    weight[0] = 0.0
    zero = fingerprint(model)
    weight[0] = -0.0
    assert fingerprint(model) != zero
    weight[0] = float("nan")
    assert fingerprint(model) == fingerprint(model)


def test_a_buffer_counts(model):
    before = fingerprint(model)
    model.register_buffer("extra", torch.ones(3))
    assert fingerprint(model) != before


def test_replacing_a_module_counts(model):
    before = fingerprint(model)
    model.lm_head = nn.Linear(32, tiny.VOCABULARY, bias=False)
    assert fingerprint(model) != before


def test_weights_that_are_strided_views_are_read_whole(model):
    wide = torch.zeros(tiny.VOCABULARY, 64)
    wide[:, ::2] = model.lm_head.weight.data
    before = fingerprint(model)
    model.lm_head.weight.data = wide[:, ::2]
    assert fingerprint(model) == before


def test_switching_an_adapter_counts_though_no_weight_changes(model):
    """The attributes have the names that peft's layers use."""
    layer = model.model.layers[0].self_attn.q_proj
    layer.disable_adapters = False
    on = fingerprint(model)
    layer.disable_adapters = True
    assert fingerprint(model) != on


def test_a_very_large_model_is_sampled_until_it_is_refreshed(monkeypatch):
    monkeypatch.setattr(module, "WHOLE", 1000)
    lm = tiny.lm()
    before = lm.fingerprint()
    lm.model.lm_head.weight.data[0, 0] += 1
    lm.refresh()
    assert lm.fingerprint() != before


class Scaled(torch.Tensor):
    """Integers and their scale as a single weight tensor, like those of torchao and quanto, which are not installed here."""

    @staticmethod
    def __new__(cls, data, scale, group):
        return torch.Tensor._make_wrapper_subclass(cls, data.shape, dtype=scale.dtype)

    def __init__(self, data, scale, group):
        self.data_, self.scale, self.group = data, scale, group

    def __tensor_flatten__(self):
        return ["data_", "scale"], (self.group,)

    @staticmethod
    def __tensor_unflatten__(parts, context, _size, _stride):
        return Scaled(parts["data_"], parts["scale"], *context)

    @classmethod
    def __torch_dispatch__(cls, func, _types, args=(), kwargs=None):
        if func is torch.ops.aten.detach.default:
            return cls(args[0].data_, args[0].scale, args[0].group)
        if func in {torch.ops.aten.view.default, torch.ops.aten.reshape.default, torch.ops.aten.view.dtype}:
            raise NotImplementedError(f"{func} of quantised weights")
        plain = [a.data_ * a.scale if isinstance(a, Scaled) else a for a in args]
        return func(*plain, **(kwargs or {}))


def quantised(model, group=32):
    weight = model.lm_head.weight.detach()
    scale = weight.abs().amax(1, keepdim=True) / 127
    model.lm_head.weight = nn.Parameter(
        Scaled((weight / scale).round().to(torch.int8), scale, group), requires_grad=False
    )
    return model


@pytest.fixture
def untied():
    return tiny.model(tie_word_embeddings=False)


def test_edits_of_integers_or_of_scales_change_the_fingerprint(untied):
    model = quantised(untied)
    before = fingerprint(model)
    assert fingerprint(model) == before
    weight = model.lm_head.weight
    seen = {before}
    for part in (weight.data_, weight.scale):
        kept = part.clone()
        part[0, 0] += 1
        seen.add(fingerprint(model))
        part.copy_(kept)
        assert fingerprint(model) == before
    weight.group = 64
    seen.add(fingerprint(model))
    assert len(seen) == 4


def test_a_model_with_such_weights_is_explained(untied):
    lm = tb.LanguageModel(quantised(untied), None)
    lens = tb.LogitLens(top=3)(lm, lm.read([5, 6, 7, 8]))
    assert {check.state for check in lens.checks if check.kind == "identity"} == {"holds"}


class Packed(nn.Parameter):
    """A parameter subclass that packs two weights into a byte, like those of bitsandbytes."""


def test_a_parameter_subclass_is_read_by_its_bytes(model):
    layer = model.model.layers[0].mlp.up_proj
    layer.weight = Packed(torch.arange(48 * 16, dtype=torch.int32).to(torch.uint8).view(-1, 1), requires_grad=False)
    before = fingerprint(model)
    layer.weight.data[5] += 16
    assert fingerprint(model) != before


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
@pytest.mark.parametrize("channels", [False, True])
def test_torchs_quantised_tensors_count_with_their_scales(model, channels):
    def buffer(scale):
        values = torch.tensor([[0.5, -0.25], [0.125, 0.75]])
        if channels:
            scales = torch.tensor([0.01, scale])
            return torch.quantize_per_channel(values, scales, torch.zeros(2, dtype=torch.int64), 0, torch.qint8)
        return torch.quantize_per_tensor(values, scale, 0, torch.qint8)

    found = []
    for scale in (0.01, 0.02, 0.01):
        model.register_buffer("quantised", buffer(scale))
        found.append(fingerprint(model))
    assert found[0] == found[2] != found[1]


def test_sparse_weights_are_refused(model):
    model.register_buffer("gaps", torch.eye(3).to_sparse())
    with pytest.raises(ValueError, match=r"the weights \.gaps have the layout sparse_coo.*tensor\.to_dense"):
        fingerprint(model)
