"""Tiny random models of many families, and tokenizers trained on one paragraph. They need no download and little time."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from tracebench.models.language_model import LanguageModel

PARAGRAPH = (
    "The Eiffel Tower is a wrought-iron lattice tower on the Champ de Mars in Paris, France. It is named after the "
    "engineer Gustave Eiffel, whose company designed and built the tower from 1887 to 1889. Locally nicknamed "
    '"La dame de fer" (French for "Iron Lady"), it was constructed as the centrepiece of the 1889 World\'s Fair.'
)
VOCABULARY = 320
WINDOW = 128

_SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": WINDOW}
_GROUPED = {**_SIZES, "intermediate_size": 48, "num_key_value_heads": 2}
_EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}
_WINDOWS = {"sliding_window": 4, "layer_types": ["sliding_attention", "full_attention"]}

_LATENT = {"q_lora_rank": 16, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "v_head_dim": 12}
_SMALL_EXPERTS = {"n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16}
_DEEPSEEK = {**_GROUPED, **_LATENT, **_SMALL_EXPERTS, "num_key_value_heads": 4, "n_group": 1, "topk_group": 1}
#: Four streams, embeddings of the ids in every layer, and layers that take the keys and values of another.
_ALTUP = {
    **_GROUPED,
    "head_dim": 8,
    "sliding_window": 4,
    "laurel_rank": 8,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": VOCABULARY - 20,
    "activation_sparsity_pattern": [0.5, 0.0],
}
_LINEAR = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
#: From this length on, longrope uses other frequencies for the whole text.
LONGROPE_WINDOW = 24
LONGROPE = {
    "rope_type": "longrope",
    "factor": 8.0,
    "rope_theta": 1e4,
    "original_max_position_embeddings": LONGROPE_WINDOW,
    "short_factor": [1.0] * 4,
    "long_factor": [4.0] * 4,
}

#: model type (and, after a space, what is special) -> settings of its configuration. Everything that makes a family
#: special is switched on.
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _GROUPED,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": WINDOW},
    "gpt2 reordered": {
        "n_embd": 32,
        "n_layer": 2,
        "n_head": 4,
        "n_positions": WINDOW,
        "reorder_and_upcast_attn": True,
        "scale_attn_by_inverse_layer_idx": True,
        "attn_implementation": "eager",
    },
    "gpt_neo": {
        "hidden_size": 32,
        "num_layers": 2,
        "num_heads": 4,
        "intermediate_size": 48,
        "window_size": 4,
        "attention_types": [[["global", "local"], 1]],
        "max_position_embeddings": WINDOW,
    },
    "gpt_neox": {**_SIZES, "intermediate_size": 48},
    "opt": {**_SIZES, "ffn_dim": 48, "word_embed_proj_dim": 16},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "falcon": {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    "mistral": {**_GROUPED, "sliding_window": 4},
    "mixtral": {**_GROUPED, **_EXPERTS},
    "qwen2": {**_GROUPED, **_WINDOWS, "use_sliding_window": True},
    "qwen3": {**_GROUPED, "head_dim": 8},
    "qwen3_moe": {**_GROUPED, "head_dim": 8, "num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
    "gemma2": {**_GROUPED, **_WINDOWS, "head_dim": 8, "final_logit_softcapping": 0.5, "attn_logit_softcapping": 2.0},
    "gemma3_text": {**_GROUPED, **_WINDOWS, "head_dim": 8},
    "phi3": {**_GROUPED},
    "phi3 longrope": {
        **_GROUPED,
        "rope_parameters": LONGROPE,
        "original_max_position_embeddings": LONGROPE_WINDOW,
    },
    "olmo2": _GROUPED,
    "cohere2": {**_GROUPED, **_WINDOWS, "logit_scale": 0.25},
    "granite": {**_GROUPED, "logits_scaling": 8.0, "residual_multiplier": 0.3, "embedding_multiplier": 5.0},
    "gpt_oss": {**_GROUPED, **_EXPERTS, **_WINDOWS, "head_dim": 8},
    "deepseek_v3": _DEEPSEEK,
    # With few heads, its indexer gives many keys the same score (zero), so its choice of keys would be arbitrary.
    "deepseek_v32": {**_DEEPSEEK, "index_n_heads": 16, "index_head_dim": 16, "index_topk": 4},
    "glm4": {**_GROUPED, "head_dim": 8},
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "gemma3n_text": {**_ALTUP, "layer_types": ["sliding_attention"] * 2, "num_kv_shared_layers": 1},
}

#: More ways to attend, and to attend in some layers only; everything else about them is in `FAMILIES` already.
OTHER_ATTENTION: dict[str, dict[str, Any]] = {
    "granite_swa": {**_GROUPED, **_WINDOWS},
    "openai-gpt": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": WINDOW},
    "qwen3_next": {
        **_GROUPED,
        **_LINEAR,
        "head_dim": 8,
        "layer_types": ["linear_attention", "full_attention"],
        "num_experts": 4,
        "num_experts_per_tok": 2,
        "moe_intermediate_size": 16,
        "shared_expert_intermediate_size": 16,
    },
    "zamba2": {
        **_GROUPED,
        "num_hidden_layers": 3,
        "num_key_value_heads": 4,
        "num_mem_blocks": 1,
        "mamba_d_state": 8,
        "n_mamba_heads": 4,
        "mamba_headdim": 16,
        "mamba_ngroups": 1,
        "layers_block_type": ["mamba", "hybrid", "hybrid"],
    },
    "jamba": {
        **_GROUPED,
        "attn_layer_period": 2,
        "attn_layer_offset": 1,
        "expert_layer_period": 2,
        "expert_layer_offset": 1,
        "num_experts": 4,
        "mamba_d_state": 8,
    },
    "diffllama": _GROUPED,
    "gemma3n_text shared": {
        **_ALTUP,
        "num_hidden_layers": 4,
        "layer_types": ["sliding_attention", "full_attention"] * 2,
        "num_kv_shared_layers": 2,
        "activation_sparsity_pattern": [0.5, 0.5, 0.0, 0.0],
    },
}


def model(family: str = "llama", *, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """A random model in eval mode with logits that spread over a few nats. The random state of torch is unchanged."""
    known = FAMILIES | OTHER_ATTENTION
    ends = {"bos_token_id": 1, "eos_token_id": None, "pad_token_id": 0}
    config = AutoConfig.for_model(
        family.split(maxsplit=1)[0], **{"vocab_size": VOCABULARY, **ends, **known.get(family, {}), **changes}
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for parameter in made.parameters():
                # With the small initial weights all tokens would be equally likely, and tests could not fail.
                parameter.add_(torch.randn_like(parameter) * (0.3 if parameter.ndim > 1 else 0.05))
    return made.to(dtype).eval()


def lm(family: str = "llama", **changes: Any) -> LanguageModel:
    return LanguageModel(model(family, **changes), tokenizer(), name=f"tiny {family}")


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE like GPT-2's. It can encode every text, and some tokens are parts of characters."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator([PARAGRAPH], trainer)
    fast = PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="<|im_end|>")
    fast.add_special_tokens({"additional_special_tokens": ["<|im_start|>"]})
    fast.chat_template = (
        "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    return fast


@cache
def sentencepiece() -> PreTrainedTokenizerFast:
    """A tokenizer like Llama 2's: ▁ for spaces, one before the text, unknown characters as <0xE2> bytes."""
    made = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    made.train_from_iterator(
        [PARAGRAPH], trainers.BpeTrainer(vocab_size=420, special_tokens=special, show_progress=False)
    )
    # The trainer gets the bytes as special tokens, so that the vocabulary has them as ordinary pieces.
    made = Tokenizer.from_str(_without_bytes_added(made.to_str()))
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>")


@cache
def metaspace() -> PreTrainedTokenizerFast:
    """A tokenizer like T5's and XLNet's: Unigram over ▁pieces."""
    made = Tokenizer(models.Unigram())
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=150, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    made.train_from_iterator([PARAGRAPH], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", eos_token="</s>")


@cache
def wordpiece() -> PreTrainedTokenizerFast:
    """A tokenizer like BERT's: ## continues a word."""
    # The vocabulary is fixed, because the trainer breaks ties differently in every run.
    letters = sorted(set(PARAGRAPH.lower()) - {" ", "\n"})
    inside = [f"##{letter}" for letter in letters]
    vocabulary = ["[UNK]", "[SEP]", *letters, *inside, "in", "the", "par", "tower", "##er"]
    made = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(vocabulary)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.decoder = decoders.WordPiece(cleanup=False)
    return PreTrainedTokenizerFast(tokenizer_object=made, unk_token="[UNK]", sep_token="[SEP]")


def _without_bytes_added(text: str) -> str:
    import json

    data = json.loads(text)
    data["added_tokens"] = [token for token in data["added_tokens"] if not token["content"].startswith("<0x")]
    return json.dumps(data)
