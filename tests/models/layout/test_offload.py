"""Offloaded weights: between calls accelerate keeps them on the CPU and the modules on ``meta``."""

import accelerate
import pytest
import torch

import tracebench as tb
from tests import tiny
from tracebench.models.language_model import LanguageModel


@pytest.fixture(params=["llama", "gpt2", "gemma2", "mamba", "gemma3n_text"])
def pair(request):
    plain = tiny.lm(request.param)
    model = accelerate.cpu_offload(tiny.model(request.param), execution_device=torch.device("cpu"))
    assert any(parameter.device.type == "meta" for parameter in model.parameters())
    return plain, LanguageModel(model, tiny.tokenizer(), name="tiny")


def test_results_equal_those_without_offloading(pair):
    plain, away = pair
    assert away.device == torch.device("cpu")
    trace, other = plain.generate("The tower", max_new_tokens=4), away.generate("The tower", max_new_tokens=4)
    assert trace.tokens == other.tokens
    # A hook makes the model in memory call its unembedding as a module too: slices of a matrix sum in another order.
    plain.layout.unembed.register_forward_hook(lambda *_: None)
    table, of_other = tb.LogitLens(top=3)(plain, trace), tb.LogitLens(top=3)(away, other)
    assert (table.token_ids.values == of_other.token_ids.values).all()
    assert (table.probs.values == of_other.probs.values).all()
    assert [check.state for check in of_other.checks] == ["holds"] * 3


def test_the_weights_go_back_where_they_were(pair):
    _, away = pair
    before = where(away)
    tb.LogitLens(top=3)(away, away.read([5, 6, 7]))
    assert where(away) == before


def test_the_fingerprint_sees_offloaded_weights(pair):
    _, away = pair
    before = away.fingerprint()
    away.layout.final[0]._hf_hook.weights_map["weight"].data[0] += 1.0
    assert away.fingerprint() != before


def test_a_model_with_a_device_map_works(tmp_path):
    tiny.model().save_pretrained(tmp_path)
    tiny.tokenizer().save_pretrained(tmp_path)
    parts = ("embed_tokens", "layers.0", "layers.1", "norm", "rotary_emb")
    places = {f"model.{part}": "disk" if part == "layers.1" else "cpu" for part in parts} | {"lm_head": "cpu"}
    lm = tb.load(tmp_path, device_map=places, offload_folder=str(tmp_path / "disk"))
    trace = lm.generate("The tower", max_new_tokens=3)
    assert trace.tokens == tiny.lm().generate("The tower", max_new_tokens=3).tokens
    assert [check.state for check in tb.LogitLens()(lm, trace).checks] == ["holds"] * 3


def where(lm):
    return {name: parameter.device.type for name, parameter in lm.model.named_parameters()}
