"""The model's own generation settings: set aside while we generate, and what the record says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from transformers import GenerationConfig

from tracebench.models.text.given import listed_ids
from tracebench.record.checks import Check
from tracebench.runtime.interrupts import Scope

if TYPE_CHECKING:
    from tracebench.models.recording.generation import Sampling

#: What prepares every step of transformers' ``generate``.
PREPARE = "prepare_inputs_for_generation"

#: How a token is drawn from the scores: a caller of ours gives these.
DRAWING = (
    "do_sample",
    "temperature",
    "top_k",
    "top_p",
    "min_p",
    "top_h",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
)

#: Settings that we follow, and settings that change no token: how much is generated is the caller's, the rest is speed and format.
FOLLOWED = (
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
    "use_cache",
    "max_length",
    "max_new_tokens",
    "max_time",
    "cache_implementation",
    "cache_config",
    "max_cache_len",
    "low_memory",
    "prefill_chunk_size",
    "compile_config",
    "disable_compile",
    "continuous_batching_config",
    "num_return_sequences",
    "output_attentions",
    "output_hidden_states",
    "output_scores",
    "output_logits",
    "return_dict_in_generate",
    "return_legacy_cache",
    "decoder_start_token_id",
    "is_assistant",
    "use_mtp",
    "num_assistant_tokens",
    "num_assistant_tokens_schedule",
    "assistant_confidence_threshold",
    "assistant_early_exit",
    "assistant_lookbehind",
    "assistant_ensemble_weight",
    "target_lookbehind",
    "speculation_type",
    "prompt_lookup_num_tokens",
    "max_matching_ngram_size",
    "_from_model_config",
    "_commit_hash",
    "_original_object_hash",
    "transformers_version",
)

#: Values with which a setting does nothing.
IDLE: dict[str, Any] = {
    "do_sample": False,
    "early_stopping": False,
    "renormalize_logits": False,
    "remove_invalid_values": False,
    "token_healing": False,
    "num_beams": 1,
    "num_beam_groups": 1,
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "typical_p": 1.0,
    "repetition_penalty": 1.0,
    "encoder_repetition_penalty": 1.0,
    "length_penalty": 1.0,
    "guidance_scale": 1.0,
    "epsilon_cutoff": 0.0,
    "eta_cutoff": 0.0,
    "min_p": 0.0,
    "diversity_penalty": 0.0,
    "no_repeat_ngram_size": 0,
    "encoder_no_repeat_ngram_size": 0,
    "min_length": 0,
    "min_new_tokens": 0,
}


def set_aside(own: GenerationConfig, sampling: Sampling) -> dict[str, Any]:
    """The parts of a model's own settings that we do not follow, with their values as JSON has them."""
    given = {
        "do_sample": sampling.sampled,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
    }
    return {
        name: _plain(value)
        for name, value in vars(own).items()
        if name not in FOLLOWED
        and value is not None
        and value != []
        and not (name in IDLE and value == IDLE[name])
        and not (name in given and value == given[name])
    }


def set_aside_check(aside: Mapping[str, Any]) -> tuple[Check, ...]:
    """A check where something was set aside: amber where the model would have said other tokens with the same sampling."""
    if not aside:
        return ()
    changing = [name for name in aside if name not in DRAWING]
    drawing = [name for name in aside if name in DRAWING]
    parts = []
    if changing:
        parts.append(
            f"{_named(aside, changing)} would change scores or forbid tokens; the scores here are the model's without that, and "
            "what it says elsewhere may differ"
        )
    if drawing:
        parts.append(
            f"{_named(aside, drawing)} would draw tokens; give generate(temperature=...) to draw them here too"
        )
    return (
        Check(
            "the model's own generation settings",
            "measure",
            float(len(changing)),
            0.0,
            f"Set aside from its generation_config: {'. Also '.join(parts)}.",
            "settings that change scores",
        ),
    )


def end_tokens(own: GenerationConfig) -> list[int] | None:
    """The ids that end a generation; None where there are none. Given as one, several, an empty list or a tensor."""
    return listed_ids(own.eos_token_id) or None


def settings_aside(model: Any, sampling: Sampling) -> Scope[None]:
    """Within this scope the model's generation settings are neutral; the user's own object comes back untouched.

    Given as an argument they would be merged with the model's own, which is what must not happen.
    """
    own = model.generation_config
    eos = end_tokens(own)
    pad = listed_ids(own.pad_token_id) or eos
    neutral = GenerationConfig(
        bos_token_id=own.bos_token_id,
        eos_token_id=eos,
        pad_token_id=pad[0] if pad else None,
        do_sample=sampling.sampled,
        max_new_tokens=sampling.max_new_tokens,
        use_cache=True,
        # Said only when sampling: transformers warns of settings that greedy decoding would ignore.
        **({"temperature": 1.0, "top_k": 0, "top_p": 1.0} if sampling.sampled else {}),
    )

    def enter(undo: ExitStack) -> None:
        # Where it is kept and not where it is seen: a wrapper (PEFT, FSDP) only passes on what is inside.
        for holder in [m for m in model.modules() if "generation_config" in vars(m)] or [model]:
            undo.callback(setattr, holder, "generation_config", holder.generation_config)
            holder.generation_config = neutral
        # PEFT exchanges this method of what it wraps, and what it puts back is no attribute that was there before.
        for module in model.modules():
            if hasattr(module, PREPARE) and PREPARE not in vars(module):
                undo.callback(vars(module).pop, PREPARE, None)

    return Scope(enter)


def _named(aside: Mapping[str, Any], names: list[str]) -> str:
    return ", ".join(f"{name}={aside[name]!r}" for name in names)


def _plain(value: Any) -> Any:
    """A setting as JSON holds it; in Python's words where JSON has none."""
    value = value.to_dict() if hasattr(value, "to_dict") else value
    value = value.tolist() if hasattr(value, "tolist") else value
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return repr(value)
