"""What is set for all code changes no number: torch's defaults and modes, numpy's error handling and ways to print."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

import tracebench as tb
from tests import tiny
from tracebench.models.state.circumstances import set_in_torch

PROMPT = "The tower of Paris"


@contextmanager
def changed(put, value, back):
    put(value)
    try:
        yield
    finally:
        put(back)


def precision(of):
    return changed(torch.set_float32_matmul_precision, of, "highest")


@contextmanager
def both_ways_to_set_the_precision():
    """The older call raises once the newer way was used."""
    matmul = torch.backends.mkldnn.matmul
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        yield
    finally:
        matmul.fp32_precision = before


@contextmanager
def raising():
    with np.errstate(all="raise"):
        yield


#: What a user may set, and what the record then says.
SETTINGS = {
    "default dtype bfloat16": (
        lambda: changed(torch.set_default_dtype, torch.bfloat16, torch.float32),
        {"default_dtype": "bfloat16"},
    ),
    "default dtype float64": (
        lambda: changed(torch.set_default_dtype, torch.float64, torch.float32),
        {"default_dtype": "float64"},
    ),
    "default device": (lambda: changed(torch.set_default_device, "meta", None), {}),
    "default device of a block": (lambda: torch.device("meta"), {}),
    "no gradients": (lambda: changed(torch.set_grad_enabled, False, True), {}),
    "autocast": (lambda: torch.autocast("cpu", dtype=torch.bfloat16), {}),
    "deterministic": (
        lambda: changed(torch.use_deterministic_algorithms, True, False),
        {"deterministic_algorithms": True},
    ),
    "numpy raises": (raising, {}),
    "numpy prints two digits": (lambda: np.printoptions(precision=2, legacy="1.13"), {}),
    "a seed": (lambda: changed(torch.manual_seed, 3, 0), {}),
}

#: Everything that gives numbers.
ANSWERS = {
    "generate": lambda lm, _: lm.generate(PROMPT, max_new_tokens=4),
    "sample": lambda lm, _: lm.generate(PROMPT, max_new_tokens=4, temperature=0.8, top_k=40, top_p=0.9, seed=4),
    "chat": lambda lm, _: lm.chat([{"role": "user", "content": PROMPT}], max_new_tokens=2),
    "read": lambda lm, _: lm.read(PROMPT),
    "replay": lambda lm, trace: lm.replay(trace),
    "lens": lambda lm, trace: tb.LogitLens(watch=(7,))(lm, trace),
    "gradient": lambda lm, trace: tb.InputXGradient()(lm, trace, tb.Target(None)),
    "entropy": lambda lm, trace: tb.InputXGradient()(lm, trace, tb.Target(1, of="entropy")),
    "integrated": lambda lm, trace: tb.IntegratedGradients(n_steps=16)(lm, trace, tb.Target(1, against=9)),
    "few steps": lambda lm, trace: tb.IntegratedGradients(n_steps=3)(lm, trace),
    "mean baseline": lambda lm, trace: tb.IntegratedGradients(n_steps=4, baseline="mean")(lm, trace),
    "zero baseline": lambda lm, trace: tb.IntegratedGradients(n_steps=4, baseline="zero")(lm, trace),
    "adaptive": lambda lm, trace: tb.IntegratedGradients(n_steps=12, quadrature="adaptive")(lm, trace),
    "probability": lambda lm, trace: tb.IntegratedGradients(n_steps=4)(lm, trace, tb.Target(0, of="prob")),
    "patterns": lambda lm, trace: tb.AttentionPatterns()(lm, trace),
    "rollout": lambda lm, trace: tb.AttentionRollout()(lm, trace),
    "rollout by norms": lambda lm, trace: tb.AttentionRollout(residual="norms")(lm, trace),
}


def numbers(found):
    """All of a record or result but how long it took, its arrays as bytes."""
    record = found.to_record()
    about = {name: value for name, value in record.json.items() if name not in ("cost", "provenance")}
    arrays = {name: np.asarray(getattr(array, "values", array)) for name, array in record.arrays.items()}
    seen = {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
    # Probabilities and tables are made when they are asked for.
    table = {name: repr(column.tolist()) for name, column in found.to_pandas().items()}
    return about, seen, table, repr(found)


@pytest.fixture(scope="module")
def asked():
    """A model with sinks, windows and experts, a trace of it, and every answer as it is where nothing is set."""
    lm = tiny.lm("gpt_oss", max_position_embeddings=512)
    trace = lm.generate(PROMPT, max_new_tokens=3)
    return lm, trace, {name: numbers(ask(lm, trace)) for name, ask in ANSWERS.items()}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_set_for_all_code_changes_no_bit(asked, setting, answer):
    lm, trace, expected = asked
    with SETTINGS[setting][0]():
        # Also what is computed once and kept.
        lm.refresh()
        found = numbers(ANSWERS[answer](lm, trace))
    assert found == expected[answer]


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_model_is_proved_whatever_is_set(setting):
    expected = tiny.lm("llama")
    model = tiny.model("llama")
    with SETTINGS[setting][0]():
        lm = tb.LanguageModel(model, tiny.tokenizer())
        parts = lm.parts
    assert lm.layout.head == expected.layout.head
    assert lm.layout.gap == expected.layout.gap
    assert [part and (part.attn_scale, part.mlp_scale) for part in parts] == [
        part and (part.attn_scale, part.mlp_scale) for part in expected.parts
    ]


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_setting_is_there_again_afterwards(setting):
    lm = tiny.lm()

    def seen():
        return (
            torch.get_default_dtype(),
            torch.get_default_device(),
            torch.is_grad_enabled(),
            torch.is_autocast_enabled("cpu"),
            torch.are_deterministic_algorithms_enabled(),
            np.geterr(),
        )

    with SETTINGS[setting][0]():
        before = seen()
        tb.IntegratedGradients(n_steps=2)(lm, lm.generate(PROMPT, max_new_tokens=1))
        assert seen() == before


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_is_set_for_all_threads_is_in_the_record(setting):
    lm = tiny.lm()
    with SETTINGS[setting][0]():
        assert lm.read(PROMPT).provenance.torch == SETTINGS[setting][1]
    assert lm.read(PROMPT).provenance.torch == {}


@pytest.mark.parametrize("of", ["high", "medium"])
def test_coarser_products_are_in_the_record_whatever_they_change(of, tmp_path):
    """Some processors round them, others do not; they are set for all threads, so that they cannot be set aside."""
    lm = tiny.lm()
    with precision(of):
        trace = lm.read(PROMPT)
    assert trace.provenance.torch["cuda_matmul_precision"] == "tf32"
    tb.save(tmp_path / "a.trace", trace)
    assert tb.open(tmp_path / "a.trace").trace.provenance.torch == trace.provenance.torch


def test_products_may_be_set_in_both_ways():
    lm = tiny.lm()
    with both_ways_to_set_the_precision():
        before = lm.state()
        assert lm.read(PROMPT).provenance.torch == {"mkldnn_matmul_precision": "bf16"}
    assert lm.state() != before
    assert set_in_torch() == {}


def test_every_analysis_is_here(asked):
    from tracebench import registry

    *_, expected = asked
    methods = {about.get("method", "").split("(")[0] for about, *_ in expected.values()}
    assert methods - {""} == {row.name for row in registry.ANALYSES}


@pytest.mark.parametrize("answer", ["generate", "sample", "read", "replay", "lens", "patterns", "rollout"])
def test_inference_mode_changes_no_bit_where_no_gradient_is_followed(asked, answer):
    lm, trace, expected = asked
    with torch.inference_mode():
        lm.refresh()
        assert numbers(ANSWERS[answer](lm, trace)) == expected[answer]
