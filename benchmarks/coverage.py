"""Build a tiny model of every causal family in the installed transformers, and check that its layout is proved or refused.

Budget: at least 105 families are accepted, all their identities hold (the lens at the last block, the attention patterns,
the gradients of the tokens), and the model stays the same bit for bit.
"""

import argparse
import os
import signal
import sys
import time
import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers import logging as transformers_logging
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

import tracebench as tb
from tests.unchanged import state
from tracebench.models.layout.family import run
from tracebench.models.numerics import relative_gap
from tracebench.models.watch.attention import NoAttentionError

#: Minimum number of families that are accepted with all identities.
ENOUGH = 105
#: Seconds per family.
LIMIT = 60
#: Maximum parameters. A larger model has size settings whose names are missing in `SETTINGS`.
TINY = 20_000_000
TOKENS = 12
VOCABULARY = 320
#: Tolerance of the causality test, relative to the range of the logits: far below the effect of reading later tokens, far
#: above rounding.
CAUSAL = 1e-3

_WIDTH = dict.fromkeys(("hidden_size", "n_embd", "d_model", "embedding_size", "emb_dim", "lru_width"), 32)
_DEPTH = dict.fromkeys(
    (
        "num_hidden_layers",
        "n_layer",
        "n_layers",
        "num_layers",
        "decoder_layers",
        "encoder_layers",
        "num_decoder_layers",
    ),
    4,
)
_HEADS = dict.fromkeys(
    ("num_attention_heads", "n_head", "n_heads", "num_heads", "decoder_attention_heads", "encoder_attention_heads"), 4
)
_GROUPS = dict.fromkeys(("num_key_value_heads", "num_kv_heads"), 2)
_FEATURES = dict.fromkeys(("head_dim", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim", "rotary_dim"), 8)
_INNER = dict.fromkeys(("intermediate_size", "ffn_dim", "decoder_ffn_dim", "encoder_ffn_dim", "ffn_hidden_size"), 48)
_EXPERTS = {
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "moe_k", "moe_topk"), 2),
    **dict.fromkeys(
        (
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "shared_intermediate_size",
            "expert_ffn_hidden_size",
        ),
        16,
    ),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group", "n_groups", "n_shared_experts"), 1),
}
_STATES = {
    **dict.fromkeys(("state_size", "mamba_d_state"), 8),
    **dict.fromkeys(("linear_num_value_heads", "linear_num_key_heads"), 2),
    "mamba_n_heads": 4,
    "mamba_d_head": 16,
    "mamba_d_ssm": 64,
    **dict.fromkeys(("linear_key_head_dim", "linear_value_head_dim"), 8),
}
#: Setting -> tiny value, for every configuration that knows the setting.
SETTINGS: dict[str, Any] = {
    **_WIDTH,
    **_DEPTH,
    **_HEADS,
    **_GROUPS,
    **_FEATURES,
    **_INNER,
    **_EXPERTS,
    **_STATES,
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank"), 16),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 128),
    "vocab_size": VOCABULARY,
    "sliding_window": 4,
    # In hybrids, every other layer has attention.
    "attention_types": [[["global", "local"], 2]],
    **dict.fromkeys(("attn_layer_period", "layer_group_size"), 2),
    "attn_layer_offset": 1,
    "attn_layer_indices": [1, 3],
    # Settings whose defaults would be larger than the model, or need more layers than it has.
    **dict.fromkeys(("num_kv_shared_layers", "hidden_size_per_layer_input"), 0),
    "vocab_size_per_layer_input": VOCABULARY,
    # Some encoders become decoders with this setting.
    "is_decoder": True,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
#: Settings to try in turn until a model runs: latent attention has no groups, and some heads have their own width.
VARIANTS: tuple[dict[str, Any], ...] = ({}, dict.fromkeys(_GROUPS, 4), {"head_dim": 16}, {"num_experts_per_tok": 1})


@dataclass
class Family:
    """The outcome for one family.

    Args:
        name: its model type.
        causal: whether the model is causal; None if no model could be built.
        accepted: whether its layout was proved.
        lens: ``"holds"``, or the broken identity. Likewise ``attention`` (or ``"none"``), ``gradient`` and ``left``.
        why: the message of the refusal, or of the error while building.
        seconds: time for the family.
    """

    name: str
    causal: bool | None = None
    accepted: bool = False
    lens: str = "-"
    attention: str = "-"
    gradient: str = "-"
    left: str = "-"
    why: str = ""
    seconds: float = 0.0

    @property
    def whole(self) -> bool:
        return (
            self.accepted
            and (self.lens, self.gradient, self.left) == ("holds",) * 3
            and self.attention in ("holds", "none")
        )

    def __str__(self) -> str:
        if self.causal is None:
            return f"- {self.name}: not built: {self.why}"
        sign = "✓" if self.whole else "✗" if self.causal else "·"
        if not self.accepted:
            return f"{sign} {self.name}: refused, model {self.left}: {self.why}"
        parts = f"lens {self.lens}, attention {self.attention}, gradient {self.gradient}, model {self.left}"
        return f"{sign} {self.name}: accepted, {parts}{f', {self.why}' if self.why else ''} ({self.seconds:.1f} s)"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", help="model types; all of them if none is given")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    transformers_logging.set_verbosity(transformers_logging.CRITICAL)
    names = options.families or sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    found = []
    for name in names:
        found.append(cover(name))
        print(found[-1], flush=True)
    built = [family for family in found if family.causal is not None]
    causal = [family for family in built if family.causal]
    whole = [family for family in causal if family.whole]
    print(f"{len(names)} families, {len(built)} built, {len(causal)} of them causal")
    print(f"  causal and accepted: {sum(family.accepted for family in causal)}, with every identity: {len(whole)}")
    for part in ("lens", "attention", "gradient", "left"):
        counts = Counter(getattr(family, part).split(" (")[0] for family in causal)
        print(f"  {part}: {', '.join(f'{count} {state}' for state, count in counts.most_common())}")
    print(f"  not causal: {sum(not f.accepted for f in built if not f.causal)} refused", end="")
    print(f", {sum(f.accepted for f in built if not f.causal)} accepted")
    kept = len(whole) >= ENOUGH
    print(f"{'✓' if kept else '✗'} families accepted with every identity: {len(whole)} (at least {ENOUGH})")
    return 0 if kept else 1


def cover(name: str) -> Family:
    """Test one family; an error becomes part of the outcome."""
    family, started = Family(name), time.perf_counter()
    for variant in VARIANTS:
        try:
            with _limited():
                model = tiny(name, variant)
                family.causal = is_causal(model)
            break
        except Exception as error:  # noqa: BLE001 - one family must not stop the others
            family.why = family.why or _sentence(error)
    else:
        return family
    family.why = ""
    before = state(model)
    try:
        with _limited():
            _test(family, model)
    except Exception as error:  # noqa: BLE001
        family.why = _sentence(error)
    changed = _changed(before, state(model))
    family.left = (
        f"changed ({changed[0]}{f' and {len(changed) - 1} more' if changed[1:] else ''})" if changed else "holds"
    )
    family.seconds = time.perf_counter() - started
    return family


def tiny(name: str, variant: dict[str, Any]) -> Any:
    """A random model in eval mode whose logits spread over a few nats.

    Args:
        name: the model type.
        variant: settings that override `SETTINGS`.
    """
    known = CONFIG_MAPPING[name]().to_dict()
    config = CONFIG_MAPPING[name](**{key: value for key, value in {**SETTINGS, **variant}.items() if key in known})
    with torch.device("meta"):
        size = sum(parameter.numel() for parameter in AutoModelForCausalLM.from_config(config).parameters())
    if size > TINY:
        raise ValueError(f"{size / 1e6:.0f} million parameters: add its size settings to SETTINGS")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            # With the small initial weights all tokens would be about equally likely, which tests nothing.
            parameter.add_(torch.randn_like(parameter) * (0.3 if parameter.ndim > 1 else 0.05))
    return model.eval()


@torch.no_grad()
def is_causal(model: Any) -> bool:
    """Whether a change of the last token leaves the earlier logits unchanged."""
    one = torch.tensor([text()])
    other = one.clone()
    other[0, -1] += 1
    return relative_gap(run(model, other)[:, :-1], run(model, one)[:, :-1]) < CAUSAL


def text() -> list[int]:
    return [5 + (13 * n * n + 7 * n) % (VOCABULARY - 10) for n in range(TOKENS)]


def _test(family: Family, model: Any) -> None:
    lm = tb.LanguageModel(model, None, name=f"tiny {family.name}")
    trace = lm.read(text(), prompt_length=TOKENS - 1)
    _ = lm.layout
    family.accepted = True
    family.lens = _identities(lambda: tb.LogitLens()(lm, trace))
    try:
        family.attention = _identities(lambda: tb.AttentionPatterns()(lm, trace), NoAttentionError)
    except NoAttentionError:
        family.attention = "none"
    family.gradient = _identities(lambda: _reached(tb.InputXGradient()(lm, trace)))


def _reached(result: Any) -> Any:
    """The result, if gradients reach the tokens before the explained one; else raises a ``ValueError``."""
    scores = np.asarray(result.scores.values)[: TOKENS - 1]
    if not np.isfinite(scores).all():
        raise ValueError("scores are not finite")
    if not scores.any():
        raise ValueError("no gradient reaches the tokens")
    return result


def _identities(call: Any, *raised: type[Exception]) -> str:
    """``"holds"``, or the broken identities of the result of a call; errors of the types ``raised`` are raised."""
    try:
        checks = call().checks
    except (*raised, TimeoutError):
        raise
    except Exception as error:  # noqa: BLE001 - go on with the other identities
        return f"failed ({_sentence(error)})"
    identities = [check for check in checks if check.kind == "identity"]
    broken = [str(check) for check in identities if check.state != "holds"]
    if not identities:
        return "not proved"
    return f"broken ({'; '.join(broken)})" if broken else "holds"


def _changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [key for key in {**before, **after} if key not in before or key not in after or before[key] != after[key]]


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"


@contextmanager
def _limited() -> Generator[None]:
    """Raise a ``TimeoutError`` after `LIMIT` seconds, on systems with alarm signals."""
    if os.name != "posix":
        yield
        return

    def ring(*_: Any) -> None:
        raise TimeoutError(f"took more than {LIMIT} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(LIMIT)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    sys.exit(main())
