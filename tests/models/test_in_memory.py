"""Models other than plain decoders: supported where the proof holds; otherwise the error gives the next step."""

import warnings

import pytest
import torch
import transformers as hf
from torch import nn

import tracebench as tb
from tests import tiny
from tests.unchanged import unchanged

IDS = [5, 300, 7, 8, 250, 9, 10, 11]
TEXT = {**tiny.FAMILIES["llama"], "vocab_size": tiny.VOCABULARY, "pad_token_id": 0, "bos_token_id": 1}
VISION = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def jolted(model):
    """The model with larger weights: with the small initial ones all tokens are about equally likely."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.3 if parameter.ndim > 1 else 0.05
            parameter.add_(torch.randn(parameter.shape, generator=generator) * scale)
    return model.eval()


def gemma3():
    text = {**TEXT, **tiny.FAMILIES["gemma3_text"]}
    own = {"mm_tokens_per_image": 4, "image_token_index": 319, "boi_token_index": 318, "eoi_token_index": 317}
    return hf.Gemma3ForConditionalGeneration(hf.Gemma3Config(text_config=text, vision_config=VISION, **own))


def gemma3n():
    text = {**TEXT, **tiny.FAMILIES["gemma3n_text"]}
    audio = {
        "hidden_size": 16,
        "vocab_size": 8,
        "vocab_offset": tiny.VOCABULARY + 8,
        "input_feat_size": 16,
        "conf_num_hidden_layers": 5,
        "conf_num_attention_heads": 2,
        "sscp_conv_channel_size": (8, 4),
    }
    config = hf.Gemma3nConfig(text_config=text, audio_config=audio)
    # Its vision tower needs timm, which is not installed; a text does not call it.
    ids = {"vocab_size": 8, "vocab_offset": tiny.VOCABULARY, "rms_norm_eps": 1e-6}
    config.__dict__["vision_config"] = hf.SiglipVisionConfig(**VISION, **ids)
    return hf.Gemma3nForConditionalGeneration(config)


def llava():
    vision = {**VISION, "model_type": "clip_vision_model"}
    text = {**TEXT, "model_type": "llama"}
    config = hf.LlavaConfig(text_config=text, vision_config=vision, image_token_index=319)
    return hf.LlavaForConditionalGeneration(config)


def qwen2_vl():
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [1, 1, 2]}
    vision = {"depth": 3, "embed_dim": 16, "num_heads": 2, "hidden_size": 32, "patch_size": 14}
    own = {"image_token_id": 319, "video_token_id": 318, "vision_start_token_id": 317, "vision_end_token_id": 316}
    config = hf.Qwen2VLConfig(text_config={**TEXT, "rope_parameters": rope}, vision_config=vision, **own)
    return hf.Qwen2VLForConditionalGeneration(config)


# --- read as text alone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [gemma3, gemma3n, llava, qwen2_vl])
def test_a_vision_language_model_is_explained_by_its_text_model(make):
    """The vision tower has more layers than the text model: the longest list of blocks would be the wrong one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # by chance a first token may have no say at all
        model = jolted(make())
    with unchanged(model):
        lm = tb.LanguageModel(model, tiny.tokenizer())
        trace = lm.generate("The tower", max_new_tokens=4)
        results = [tb.LogitLens()(lm, trace), tb.AttentionPatterns()(lm, trace), tb.InputXGradient()(lm, trace)]
    assert all("vision" not in name and "visual" not in name for name in lm.layout.names)
    assert (lm.layers, lm.heads) == (2, 4)
    assert {check.state for found in (trace, *results) for check in found.checks} == {"holds"}
    explained = results[-1].at(0)[: trace.prompt_length]
    assert (explained != 0).all()


# --- refused ------------------------------------------------------------------------------------------------------------


def bare():
    return hf.LlamaModel(hf.LlamaConfig(**TEXT))


def llama_classifier():
    return hf.LlamaForSequenceClassification(hf.LlamaConfig(**TEXT))


def gpt2_classifier():
    sizes = {**tiny.FAMILIES["gpt2"], "vocab_size": tiny.VOCABULARY, "pad_token_id": 0}
    return hf.GPT2ForSequenceClassification(hf.GPT2Config(**sizes))


def tagger():
    return hf.LlamaForTokenClassification(hf.LlamaConfig(**TEXT))


def encoder():
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
    return hf.BertForMaskedLM(hf.BertConfig(vocab_size=tiny.VOCABULARY, **sizes))


@pytest.mark.parametrize("make", [bare, llama_classifier, gpt2_classifier, tagger, encoder])
def test_a_model_without_next_token_scores_is_refused(make):
    with pytest.raises(
        TypeError, match=r"it has no scores for a next token .*: load the causal model of these weights"
    ):
        tb.LanguageModel(make().eval(), tiny.tokenizer())


def t5():
    return hf.T5ForConditionalGeneration(
        hf.T5Config(vocab_size=tiny.VOCABULARY, d_model=32, d_ff=48, num_layers=2, num_heads=4, d_kv=8)
    )


def bart():
    ends = {f"{end}_{what}": n for end in ("encoder", "decoder") for what, n in {"layers": 2, "ffn_dim": 48}.items()}
    heads = {f"{end}_attention_heads": 4 for end in ("encoder", "decoder")}
    return hf.BartForConditionalGeneration(hf.BartConfig(vocab_size=tiny.VOCABULARY, d_model=32, **ends, **heads))


@pytest.mark.parametrize("make", [t5, bart])
def test_an_encoder_decoder_model_is_refused(make):
    model = make().eval()
    with (
        unchanged(model),
        pytest.raises(ValueError, match=r"has an encoder and a decoder: .*; load a decoder-only one"),
    ):
        tb.LanguageModel(model, tiny.tokenizer())


def test_the_decoder_of_an_encoder_decoder_model_is_explained():
    """`AutoModelForCausalLM` loads only the decoder of a Bart."""
    lm = tb.LanguageModel(jolted(hf.BartForCausalLM(bart().config)), tiny.tokenizer())
    found = tb.LogitLens()(lm, lm.read(IDS))
    assert {check.state for check in found.checks} == {"holds"}


def test_a_model_on_the_meta_device_is_refused():
    with torch.device("meta"):
        model = hf.LlamaForCausalLM(hf.LlamaConfig(**TEXT)).eval()
    with pytest.raises(ValueError, match=r"is on the meta device, which has shapes and no numbers: .*; load it with"):
        tb.LanguageModel(model, tiny.tokenizer())


@pytest.mark.parametrize("whole", [True, False])
def test_a_compiled_model_is_a_sentence_that_says_which_one_to_give(whole):
    model = tiny.model()
    if whole:
        made = torch.compile(model, backend="eager")
    else:
        model.model.layers[0].compile(backend="eager")
        made = model
    with pytest.raises(TypeError, match=r"got a compiled .*; give the model that was compiled"):
        tb.LanguageModel(made, tiny.tokenizer())
    if whole:
        assert tb.LanguageModel(made._orig_mod, tiny.tokenizer()).layers == 2


# --- quantised ----------------------------------------------------------------------------------------------------------


def quantised(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns that these kernels are deprecated
        return torch.ao.quantization.quantize_dynamic(tiny.model(), {nn.Linear}, dtype=dtype)


def test_packed_weights_are_read_and_watched_but_refuse_gradients():
    """Torch's real quantised kernels, which have no backward pass."""
    lm = tb.LanguageModel(quantised(torch.float16), tiny.tokenizer())
    trace = lm.generate("The tower", max_new_tokens=3)
    for analysis in (tb.LogitLens(), tb.AttentionPatterns()):
        assert {check.state for check in analysis(lm, trace).checks} == {"holds"}
    for analysis in (tb.InputXGradient(), tb.IntegratedGradients(n_steps=4)):
        with pytest.raises(ValueError, match=r"no gradient reaches the embeddings of .*: load it unquantised"):
            analysis(lm, trace)


def test_packed_weights_are_in_the_fingerprint():
    one, other = (tb.LanguageModel(quantised(torch.float16), None) for _ in range(2))
    assert one.fingerprint() == other.fingerprint()
    linear = other.model.model.layers[0].mlp.up_proj
    weight, bias = linear._packed_params._weight_bias()
    linear.set_weight_bias(weight * 2, bias)
    assert one.fingerprint() != other.fingerprint()


def test_activations_that_are_quantised_by_the_whole_text_are_refused_as_not_causal():
    with pytest.raises(ValueError, match=r"is not causal: .*\(dynamic quantisation\) must be loaded unquantised"):
        tb.LanguageModel(quantised(torch.qint8), tiny.tokenizer())
