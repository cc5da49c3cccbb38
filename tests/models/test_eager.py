"""Compiled code does not call the parts that are read: whatever was compiled, and when, is a sentence with the way back."""

import copy

import pytest
import torch
from torch import nn

import tracebench as tb
from tests import tiny


def compiled(function):
    return torch.compile(function, backend="eager")


class Compiled(nn.Linear):
    forward = compiled(nn.Linear.forward)


def whole(model):
    return compiled(model)


def forward(model):
    model.forward = compiled(model.forward)
    return model


def of_a_block(model):
    model.model.layers[1].forward = compiled(model.model.layers[1].forward)
    return model


def in_a_partial(model):
    from functools import partial

    model.model.norm.forward = partial(compiled(model.model.norm.forward))
    return model


def under_a_wrapper(model):
    from functools import wraps

    inner = compiled(model.forward)
    model.forward = wraps(inner)(lambda *args, **kwargs: inner(*args, **kwargs))
    return model


def in_place(model):
    model.compile(backend="eager")
    return model


def a_block_in_place(model):
    model.model.layers[0].mlp.compile(backend="eager")
    return model


def a_block(model):
    model.model.layers[0] = compiled(model.model.layers[0])
    return model


def by_its_class(model):
    head = Compiled(32, tiny.VOCABULARY, bias=False)
    head.weight = model.lm_head.weight
    model.lm_head = head
    return model


def under_accelerate(model):
    from accelerate.hooks import ModelHook, add_hook_to_module

    return add_hook_to_module(forward(model), ModelHook())


#: How a model may be compiled -> what leads back.
WAYS = {
    whole: r"give the model that was compiled \(it is ._orig_mod, and shares its weights\)$",
    forward: r"model\.forward was given to torch\.compile, undo it by del model\.forward$",
    of_a_block: r"undo it by del model\.model\.layers\.1\.forward$",
    in_a_partial: r"undo it by del model\.model\.norm\.forward$",
    under_a_wrapper: r"undo it by del model\.forward$",
    in_place: r"undo model\.compile\(\) by model\._compiled_call_impl = None$",
    a_block_in_place: r"undo model\.model\.layers\.0\.mlp\.compile\(\) by .* = None$",
    a_block: r"put model\.model\.layers\.0\._orig_mod in the place of model\.model\.layers\.0$",
    by_its_class: r"the forward of Compiled, the class of model\.lm_head, is under torch\.compile",
    under_accelerate: r"before accelerate took it: load the model again$",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_compiled_model_is_a_sentence(way):
    with pytest.raises(TypeError, match=rf"in eager mode, got a compiled \w+, whose parts are not .*{WAYS[way]}"):
        tb.LanguageModel(way(tiny.model()), tiny.tokenizer())


@pytest.mark.parametrize("way", [way for way in WAYS if way is not whole])
def test_one_that_is_compiled_later_is_the_same_sentence_wherever_it_is_used(way):
    lm = tiny.lm()
    trace = lm.generate("the tower", max_new_tokens=2)
    way(lm.model)
    for use in (
        lambda: lm.generate("the", max_new_tokens=1),
        lambda: lm.read("the tower"),
        lambda: tb.LogitLens()(lm, trace),
        lambda: tb.InputXGradient()(lm, trace),
        lambda: tb.AttentionPatterns()(lm, trace),
    ):
        with pytest.raises(TypeError, match=rf"in eager mode, got a compiled .*{WAYS[way]}"):
            use()


def test_what_leads_back_does():
    lm, plain = tiny.lm(), tiny.lm().read("the tower").hash
    forward(lm.model)
    del lm.model.forward
    in_place(lm.model)
    lm.model._compiled_call_impl = None
    a_block(lm.model)
    lm.model.model.layers[0] = lm.model.model.layers[0]._orig_mod
    lm.name = "tiny llama"
    assert lm.read("the tower").hash == plain


def test_what_must_not_be_compiled_is_eager():
    model = tiny.model()
    model.model.norm.forward = torch.compiler.disable(model.model.norm.forward)
    assert len(tb.LanguageModel(model, tiny.tokenizer()).read("the tower").steps) > 0


def test_a_copy_of_a_forward_that_is_not_compiled_is_eager():
    model = copy.deepcopy(tiny.model())
    inner = model.forward
    model.forward = lambda *args, **kwargs: inner(*args, **kwargs)
    tb.LanguageModel(model, tiny.tokenizer())
