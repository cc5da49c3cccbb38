"""The checksum of the weights: sees every edit, and only edits."""

import pytest
import torch
from torch import nn

from tests import tiny
from tracebench.models import fingerprint as module
from tracebench.models.fingerprint import fingerprint


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


def test_an_edit_that_is_taken_back_is_none(model):
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


def test_two_values_that_change_places_are_seen_though_their_sum_is_the_same(model):
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


def test_a_module_in_place_of_another_counts(model):
    before = fingerprint(model)
    model.lm_head = nn.Linear(32, tiny.VOCABULARY, bias=False)
    assert fingerprint(model) != before


def test_weights_that_are_views_with_holes_are_read_whole(model):
    wide = torch.zeros(tiny.VOCABULARY, 64)
    wide[:, ::2] = model.lm_head.weight.data
    before = fingerprint(model)
    model.lm_head.weight.data = wide[:, ::2]
    assert fingerprint(model) == before


def test_switching_an_adapter_counts_though_no_weight_changes(model):
    """As peft's layers say it of themselves."""
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
