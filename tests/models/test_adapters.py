"""Models wrapped by PEFT: results include the adapter, and switching the adapter changes the fingerprint."""

import queue

import peft
import pytest
import torch

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged
from tracebench.analyses.base import request
from tracebench.requests.request import Job
from tracebench.session.session import Session

#: PEFT imports an older name of transformers.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")

IDS = [5, 300, 7, 8, 250, 9, 10, 11]
LORA = {"r": 4, "target_modules": ["q_proj", "v_proj", "down_proj"]}
#: Kinds of adapters; each changes the model in a different place.
ADAPTERS = {
    "lora": lambda: peft.LoraConfig(task_type="CAUSAL_LM", **LORA),
    "dora": lambda: peft.LoraConfig(task_type="CAUSAL_LM", use_dora=True, **LORA),
    "ia3": lambda: peft.IA3Config(
        task_type="CAUSAL_LM", target_modules=["k_proj", "down_proj"], feedforward_modules=["down_proj"]
    ),
    "a head of its own": lambda: peft.LoraConfig(
        task_type="CAUSAL_LM", r=4, target_modules=["q_proj"], modules_to_save=["lm_head"]
    ),
    "embeddings": lambda: peft.LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "embed_tokens"]),
}


def wrapped(config):
    torch.manual_seed(0)
    model = peft.get_peft_model(tiny.model(), config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # A new adapter changes nothing until its weights are set.
            if "lora" in name or "ia3" in name:
                parameter.normal_(0.5 if "ia3" in name else 0.0, 0.3)
    return model.eval()


@pytest.fixture(params=ADAPTERS)
def lm(request):
    return tb.LanguageModel(wrapped(ADAPTERS[request.param]()), tiny.tokenizer())


def test_an_adapted_model_is_proved_and_left_as_it_was(lm):
    with unchanged(lm.model):
        trace = lm.generate("The tower", max_new_tokens=3)
        results = [analysis(lm, trace) for analysis in (tb.LogitLens(), tb.AttentionPatterns(), tb.InputXGradient())]
        tb.IntegratedGradients(n_steps=4)(lm, trace)
    assert {check.state for found in (trace, *results) for check in found.checks} == {"holds"}


def test_the_adapter_is_part_of_the_lens(lm):
    """The last row equals transformers' logits with the adapter, and differs from those without."""
    table = tb.LogitLens(top=1)(lm, lm.read(IDS))
    given = torch.tensor([IDS])
    with torch.no_grad():
        adapted = lm.model(input_ids=given).logits[0].softmax(-1).amax(-1)
        with lm.model.disable_adapter():
            bare = lm.model(input_ids=given).logits[0].softmax(-1).amax(-1)
    last = torch.from_numpy(table.probs.sel(layer=1, rank=0).values)
    torch.testing.assert_close(last, adapted, rtol=1e-4, atol=1e-6)
    assert not torch.allclose(last, bare, rtol=1e-2)


def test_with_the_adapter_off_results_equal_the_base_model(lm):
    on = lm.fingerprint()
    with lm.model.disable_adapter():
        assert lm.fingerprint() != on
        assert torch.equal(lm.logits(IDS), tiny.lm().logits(IDS))
        table = tb.LogitLens()(lm, lm.read(IDS))
    assert {check.state for check in table.checks} == {"holds"}
    assert lm.fingerprint() == on


def test_each_adapter_and_scale_has_its_own_fingerprint():
    model = wrapped(ADAPTERS["lora"]())
    model.add_adapter("other", peft.LoraConfig(task_type="CAUSAL_LM", r=2, target_modules=["q_proj"]))
    seen = {}
    lm = tb.LanguageModel(model, tiny.tokenizer())
    for name in ("default", "other"):
        model.set_adapter(name)
        seen[name] = lm.fingerprint()
    model.set_adapter("default")
    assert lm.fingerprint() == seen["default"]
    for module in model.modules():
        if isinstance(module, peft.tuners.lora.LoraLayer):
            module.scale_layer(0.5)
    assert len({*seen.values(), lm.fingerprint()}) == 3


def test_a_session_computes_again_after_switching_the_adapter():
    lm = tb.LanguageModel(wrapped(ADAPTERS["lora"]()), tiny.tokenizer())
    trace = lm.read(IDS)
    session, answers = Session([(lm, trace)]), queue.Queue()

    def ask():
        session.ask(request(tb.LogitLens(top=1), trace), Job(lambda *_: None, answers.put, answers.put))
        return answers.get(timeout=120).probs.values

    with_it = ask()
    with lm.model.disable_adapter():
        without = ask()
    assert (with_it != without).any()
    assert (with_it == ask()).all()
    session.close()


def test_prompt_tuning_is_refused():
    model = peft.get_peft_model(tiny.model(), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    with pytest.raises(
        ValueError, match=r"gives logits for 9 positions of a text of 6 tokens .*; use the model without"
    ):
        tb.LanguageModel(model.eval(), tiny.tokenizer())


def test_learned_keys_are_read_but_their_patterns_refused():
    model = peft.get_peft_model(tiny.model(), peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=3))
    lm = tb.LanguageModel(model.eval(), tiny.tokenizer())
    trace = lm.read(IDS)
    assert {check.state for check in tb.LogitLens()(lm, trace).checks} == {"holds"}
    with pytest.raises(ValueError, match="attends to 11 keys in a text of 8 tokens"):
        tb.AttentionPatterns()(lm, trace)
