"""What every analysis promises."""

from __future__ import annotations

import ast
import json
import random
from contextlib import suppress
from dataclasses import FrozenInstanceError, fields, is_dataclass

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.contracts import rows, samples
from tests.contracts.samples import arrays, lm, trace
from tests.unchanged import unchanged
from tracebench.requests.request import Request
from tracebench.runtime.progress import Cancelled, listening

NAMES = {analysis.name: analysis.type for analysis in rows.ANALYSES}

every_analysis = pytest.mark.parametrize("row", rows.ANALYSES, ids=str)
every_type = pytest.mark.parametrize("analysis", [row.type for row in rows.ANALYSES], ids=lambda a: a.__name__)
every_text = pytest.mark.parametrize("text", samples.ORDINARY)


# --- parameters -----------------------------------------------------------------------------------------------------


@every_type
def test_it_is_frozen_data(analysis):
    made = analysis()
    assert is_dataclass(made)
    assert made == analysis()
    assert hash(made) == hash(analysis())
    for name in [field.name for field in fields(made)] or ["anything"]:
        with pytest.raises(FrozenInstanceError):
            setattr(made, name, None)


@every_type
def test_sequences_become_tuples(analysis):
    for name, value in samples.sequences(analysis):
        made = analysis(**{name: list(value)})
        assert getattr(made, name) == value
        assert type(getattr(made, name)) is tuple
        assert made == analysis(**{name: value})


@every_type
def test_its_repr_is_python_that_makes_it_again(analysis):
    about = trace("generated")
    assert eval(repr(analysis()), NAMES) == analysis()
    for field in fields(analysis):
        accepted = 0
        for value in samples.others(field, analysis):
            try:
                made = analysis(**{field.name: value})
            except (TypeError, ValueError):
                continue
            accepted += 1
            again = eval(repr(made), NAMES)
            assert again == made
            assert made != analysis()
            assert rows.asked(again, about).key == rows.asked(made, about).key != rows.asked(analysis(), about).key
        assert accepted, f"no other value of {field.name} was tried: say in samples.py which there are"


@every_analysis
def test_what_a_menu_offers_is_the_repr_of_an_analysis(row):
    reprs = [method for _, method in row.methods]
    assert [repr(eval(method, NAMES)) for method in reprs] == reprs
    assert reprs[:1] in ([], [repr(row.type())])
    assert len({label for label, _ in row.methods}) == len(reprs)


@every_type
def test_unknown_and_wrong_parameters_are_sentences(analysis):
    with pytest.raises(TypeError, match="nonsense"):
        analysis(nonsense=1)
    for field in fields(analysis):
        with pytest.raises((TypeError, ValueError), match=rf"\b{field.name}\b.* got .*<object"):
            analysis(**{field.name: object()})


# --- what it gives --------------------------------------------------------------------------------------------------


@every_text
@every_analysis
def test_it_gives_the_kind_of_its_row(row, text):
    for result in samples.found(row, text):
        assert result.kind == row.gives
        assert type(result).__name__ in {kind.result.__name__ for kind in rows.KINDS if kind.name == row.gives}
        assert result.trace == trace(text).hash
        assert result.method == repr(row.type())
        assert 0 <= result.cost < 600
        asked = rows.asked(row.type(), trace(text), getattr(result, "target", None))
        assert rows.request_of(result).key == asked.key


@every_analysis
def test_a_target_is_explained_or_refused(row):
    about, analysis = trace("generated"), row.type()
    (first, *_) = samples.found(row, "generated")
    if getattr(first, "target", None) is None:
        with pytest.raises(ValueError, match="target"):
            analysis(lm(), about, tb.Target(step=1))
    else:
        assert first.target == tb.Target(step=0)
        assert analysis(lm(), about, tb.Target(step=1)).target == tb.Target(step=1)
        with pytest.raises(IndexError, match=r"step 99 .* the steps are 0 to 2"):
            analysis(lm(), about, tb.Target(step=99))
    # A target that is false is no missing one.
    for wrong in (0, "", {}):
        with pytest.raises((TypeError, ValueError), match="target"):
            analysis(lm(), about, wrong)


@every_analysis
def test_the_same_question_gives_the_same_numbers(row):
    about = trace("generated")
    for result in samples.found(row, "generated"):
        torch.manual_seed(99)
        asked = Request.from_json(json.loads(json.dumps(rows.request_of(result).to_json())))
        assert arrays(rows.answered(asked, lm(), about).to_record()) == arrays(result.to_record())


@every_analysis
def test_a_text_without_steps_is_answered_or_refused_in_a_sentence(row):
    if not samples.found(row, "one token"):
        with pytest.raises(IndexError, match="this trace has no steps"):
            row.type()(lm(), trace("one token"))


@every_analysis
def test_the_code_of_its_request_computes_it(row):
    about = trace("generated")
    for result in samples.found(row, "generated"):
        asked = rows.asked(row.type(), about, getattr(result, "target", None))
        assert asked.code == rows.request_of(result).code
        *imports, call = ast.parse(asked.code).body
        names = {"tb": tb, "lm": lm(), "trace": about}
        exec(compile(ast.Module(imports, []), "code", "exec"), names)
        again = eval(compile(ast.Expression(call.value), "code", "eval"), names)
        assert arrays(again.to_record()) == arrays(result.to_record())


# --- the model is left as it was ------------------------------------------------------------------------------------


@pytest.fixture
def training():
    """A model in the middle of a person's work: training, some gradients off, an attention implementation chosen."""
    model = tiny.model(vocab_size=400)
    model.set_attn_implementation("eager")
    model.train()
    model.model.layers[0].requires_grad_(requires_grad=False)
    model.model.layers[1].mlp.eval()
    return tb.LanguageModel(model, tiny.tokenizer(), name="tiny llama")


def settings(model):
    """What `unchanged` does not look at."""
    return (
        {
            name: module.config._attn_implementation
            for name, module in model.named_modules()
            if hasattr(module, "config")
        },
        {name: module.training for name, module in model.named_modules()},
        np.random.get_state()[1].tolist(),  # noqa: NPY002 - the one that users have
        random.getstate(),
        torch.get_default_dtype(),
        torch.is_inference_mode_enabled(),
    )


@every_analysis
def test_the_model_is_left_as_it_was(row, training):
    about = training.read([5, 6, 7, 8], prompt_length=2)
    before = settings(training.model)
    with unchanged(training.model):
        row.type()(training, about)
    assert settings(training.model) == before


@pytest.mark.parametrize("failure", [Cancelled, KeyboardInterrupt])
@every_analysis
def test_the_model_is_left_as_it_was_when_it_is_stopped(row, training, failure):
    about = training.read([5, 6, 7, 8], prompt_length=2)
    before = settings(training.model)

    def stop(*_):
        raise failure

    with unchanged(training.model), listening(stop), pytest.raises(failure):
        row.type()(training, about)
    handle = training.model.get_input_embeddings().register_forward_hook(stop)
    try:
        # An analysis that does not run the model is not stopped by it.
        with unchanged(training.model), suppress(failure):
            row.type()(training, about)
    finally:
        handle.remove()
    assert settings(training.model) == before


# --- what it is called with by mistake ------------------------------------------------------------------------------


@every_type
def test_other_things_than_a_model_and_a_trace(analysis):
    about = trace("one step")
    for first, second, said in (
        (lm(), "text", "takes a trace after the model, got a str: make one with lm.generate"),
        (about, lm(), "takes the model first and then the trace, got a Trace first: make a model with tb.load"),
        (lm().model, about, "got a LlamaForCausalLM first: .* tb.LanguageModel"),
    ):
        with unchanged(lm().model), pytest.raises(TypeError, match=said):
            analysis()(first, second)


@every_type
def test_a_trace_of_another_model(analysis):
    small, about = tiny.lm(vocab_size=200), tiny.lm().read([5, 300, 7])
    with pytest.raises(ValueError, match="has token id 300, tiny llama has only 200: it is of another model"):
        analysis()(small, about)
