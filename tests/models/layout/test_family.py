import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM

from tests import tiny
from tests.unchanged import unchanged
from tracebench.models.language_model import LanguageModel
from tracebench.models.layout import family, merging
from tracebench.models.layout.family import LayoutError, discover, run
from tracebench.models.layout.layout import Head

HEADS = {"gemma2": Head(1.0, 0.5), "cohere2": Head(0.25), "granite": Head(0.125), "gemma3n_text": Head(1.0, 30.0)}


@pytest.mark.parametrize("name", tiny.FAMILIES)
def test_a_family_is_found_by_proof(name):
    model = tiny.model(name)
    with unchanged(model):
        layout = discover(model)
    assert len(layout.blocks) == 2
    assert [dict(model.named_modules())[n] for n in layout.names] == list(layout.blocks)
    assert layout.unembed is model.get_output_embeddings()
    assert layout.head == HEADS.get(name, Head())
    assert layout.gap <= 1e-6


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt_oss", "mamba", "gemma3n_text"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_layout_is_found_in_half_precision(name, dtype):
    # In half precision mamba keeps its stream in float32 and casts the input of the unembedding.
    layout = discover(tiny.model(name, dtype=dtype))
    assert len(layout.blocks) == 2
    assert layout.dtype == dtype


XLM = {"emb_dim": 32, "n_layers": 2, "n_heads": 4, "max_position_embeddings": 64}
REFUSED = {
    "xlm": (XLM, "XLMWithLMHeadModel is not causal: changing the last token changed earlier logits by"),
    "xlm causal": (
        {**XLM, "causal": True},
        r"found no list of blocks .*; looked at transformer\.attentions, transformer\.layer_norm1, .* spread over several lists",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_family_without_a_provable_layout_is_refused(name):
    settings, sentence = REFUSED[name]
    model = tiny.model(name, **settings)
    with unchanged(model), pytest.raises(LayoutError, match=sentence):
        LanguageModel(model, None)


def test_a_layout_is_found_in_double_precision():
    assert discover(tiny.model(dtype=torch.float64)).dtype == torch.float64


def test_no_hook_is_left_by_the_proof():
    model = tiny.model()
    discover(model)
    assert hooks(model) == 0


def test_no_hook_is_left_when_the_proof_fails():
    model = tiny.model()
    model.model.layers[1].register_forward_hook(raising)
    with pytest.raises(KeyboardInterrupt):
        discover(model)
    assert hooks(model) == 1


def test_an_encoder_is_refused_as_not_causal():
    config = AutoConfig.for_model(
        "bert", vocab_size=99, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48
    )
    with pytest.raises(
        LayoutError, match="BertLMHeadModel is not causal: changing the last token changed earlier logits"
    ):
        discover(AutoModelForCausalLM.from_config(config).eval())


def test_an_encoder_with_a_decoder_is_refused():
    config = AutoConfig.for_model("t5", vocab_size=99, d_model=32, d_ff=48, num_layers=2, num_heads=4, d_kv=8)
    with pytest.raises(LayoutError, match="has an encoder and a decoder"):
        discover(AutoModelForSeq2SeqLM.from_config(config).eval())


def test_a_model_without_an_unembedding_is_refused():
    config = AutoConfig.for_model("llama", vocab_size=99, **tiny.FAMILIES["llama"])
    with pytest.raises(LayoutError, match="has no unembedding"):
        discover(AutoModel.from_config(config).eval())


def test_nan_logits_name_the_first_module_that_gave_nan():
    model = tiny.model()
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[3, 3] = float("nan")
    with pytest.raises(
        LayoutError, match=r"gives NaN, first in the output of model\.layers\.1\.mlp\.up_proj: check its weights"
    ):
        discover(model)


def test_an_unknown_scale_is_an_error_that_names_the_table():
    model = tiny.model()
    model.lm_head.register_forward_hook(lambda _m, _a, out: out * 2.0)
    discover(model)  # a hook on the unembedding applies to our calls too

    class Scaled(type(model)):
        def forward(self, *args, **kwargs):
            out = super().forward(*args, **kwargs)
            out.logits = out.logits * 3.0
            return out

    model.__class__ = Scaled
    with pytest.raises(LayoutError, match="Add the config attribute that scales the logits to HEAD_ATTRIBUTES"):
        discover(model)
    model.config.lm_head_multiplier = 3.0
    assert discover(model).head == Head(3.0)


def test_a_head_with_functions_between_its_modules_counts_as_one_unembedding():
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = AutoConfig.for_model("roberta", vocab_size=tiny.VOCABULARY, is_decoder=True, **sizes)
    model = AutoModelForCausalLM.from_config(config).eval()
    layout = discover(model)
    assert layout.unembed is model.lm_head
    assert layout.final == ()
    assert layout.gap <= 1e-6


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_scale_between_the_last_block_and_the_unembedding_is_found(dtype):
    latent = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 8}
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    config = AutoConfig.for_model("minicpm3", vocab_size=tiny.VOCABULARY, dim_model_base=8, **sizes, **latent)
    model = AutoModelForCausalLM.from_config(config).to(dtype).eval()
    layout = discover(model)
    assert layout.final == (model.model.norm,)
    assert layout.head.scale == pytest.approx(0.25, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "attribute", "sizes"),
    [
        ("recurrent_gemma", "logits_soft_cap", {"num_attention_heads": 4, "num_key_value_heads": 1, "lru_width": 32}),
        ("xlstm", "output_logit_soft_cap", {"num_heads": 4}),
    ],
)
def test_every_config_name_of_the_softcap_is_known(name, attribute, sizes):
    sizes |= {"hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 48, attribute: 0.25}
    config = AutoConfig.for_model(name, vocab_size=tiny.VOCABULARY, **sizes)
    layout = discover(AutoModelForCausalLM.from_config(config).eval())
    assert layout.head == Head(1.0, 0.25)
    assert layout.gap <= 1e-6


def test_an_attribute_that_the_model_does_not_apply_does_not_count():
    model = tiny.model()
    model.config.logit_scale = 7.0
    assert discover(model).head == Head()


def test_blocks_whose_output_changes_before_the_next_block_are_refused():
    model = tiny.model()
    model.model.layers[1].register_forward_pre_hook(
        lambda _m, args, kwargs: ((args[0] + 1.0, *args[1:]), kwargs), with_kwargs=True
    )
    with pytest.raises(
        LayoutError, match=r"found no list of blocks .* add a row to EXCEPTIONS in tracebench\.models\.layout\.family"
    ):
        discover(model)


def test_a_row_of_exceptions_chooses_the_block_list(monkeypatch):
    model = tiny.model()
    monkeypatch.setitem(family.EXCEPTIONS, "LlamaForCausalLM", "model.other")
    with pytest.raises(LayoutError, match="found no list of blocks"):
        discover(model)
    monkeypatch.setitem(family.EXCEPTIONS, "LlamaForCausalLM", "model.layers")
    assert discover(model).names == ("model.layers.0", "model.layers.1")


def test_streams_merged_by_a_function_are_read_with_the_row_of_their_family():
    model = tiny.model("gemma3n_text")
    layout, streams = discover(model), []
    handle = layout.blocks[-1].register_forward_hook(lambda _m, _a, out: streams.append(out))
    ids = torch.tensor([[5, 6, 7], [8, 9, 10]])
    with torch.no_grad():
        logits = run(model, ids)
        handle.remove()
        assert streams[0].shape == (4, 2, 3, 32)
        assert layout.ordered(streams[0]).shape == (2, 3, 4, 32)
        assert torch.equal(layout.readout(layout.ordered(streams[0])), logits)


MERGED_OR_READ = (
    r"no module call leads from the last block \(model\.layers\.1\) to the unembedding\. If .* add a row to "
    r"tracebench\.models\.layout\.merging that does the same\. If it also reads the outputs of earlier blocks, no lens can"
)


@pytest.mark.parametrize(
    "row", [None, lambda _holder, streams: streams.mean(-2), lambda _holder, streams: streams[:, :, 0]]
)
def test_a_row_that_merges_differently_from_the_model_is_refused(monkeypatch, row):
    model = tiny.model("gemma3n_text")
    monkeypatch.delitem(merging.MERGING, "Gemma3nTextModel")
    if row is not None:
        monkeypatch.setitem(merging.MERGING, "Gemma3nTextModel", row)
    with unchanged(model), pytest.raises(LayoutError, match=MERGED_OR_READ):
        discover(model)


def test_a_model_that_reads_earlier_blocks_at_its_end_is_refused():
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "n_layers_per_attn_res_block": 1, "rel_extent": 16}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8}
    heads |= {f"swa_{name}": number for name, number in heads.items()}
    experts = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
    model = tiny.model("inkling2_text", **sizes, **heads, **experts)
    with pytest.raises(LayoutError, match=MERGED_OR_READ):
        discover(model)


def test_a_tiny_vocabulary_is_still_proved_causal():
    # 230 is the distance between the first and last probe id, so at these vocabulary sizes the two ids are equal.
    for size in (23, 46, 115, 230):
        assert len(discover(tiny.model(vocab_size=size)).blocks) == 2


def test_an_object_that_is_no_model_is_refused():
    with pytest.raises(TypeError, match="expected a transformers causal model, got a str"):
        LanguageModel("gpt2", None)
    with pytest.raises(TypeError, match="got a Linear"):
        LanguageModel(nn.Linear(2, 2), None)


def test_a_repr_does_not_run_the_model():
    lm = tiny.lm()
    lm.model.register_forward_hook(raising)
    assert repr(lm) == "LanguageModel(tiny llama: 2 layers, 4 heads, float32, cpu)"


def test_a_readout_is_the_models_head():
    model = tiny.model("gemma2")
    streams = []
    model.model.layers[1].register_forward_hook(lambda _m, _a, out: streams.append(out))
    with torch.no_grad():
        logits = run(model, torch.tensor([[5, 6, 7]]))
        assert torch.equal(discover(model).readout(streams[0]), logits)


def hooks(model):
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def raising(*_):
    raise KeyboardInterrupt
