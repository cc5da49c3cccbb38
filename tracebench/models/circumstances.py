"""What decides beside the weights what a model computes: its configuration, hooks, and how torch is set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import torch

from tracebench.models.layout import CausalModel

#: Where modules keep their hooks, by the number of their handle, which is never given twice.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")


def circumstances(model: CausalModel) -> str:
    """16 hex digits over all of it. Hooks count by who put them up and not by what they do; ours are not there between passes."""
    return hashlib.sha256("\n".join(_said(model)).encode()).hexdigest()[:16]


def _said(model: CausalModel) -> Iterator[str]:
    config = getattr(model, "config", None)
    if config is not None:
        # Which attention runs is not a part of what a configuration saves.
        yield f"{config.to_dict()} {getattr(config, '_attn_implementation', None)}"
    for name, module in model.named_modules():
        hooks = [list(getattr(module, kind)) for kind in _HOOKS]
        own = module.__dict__.get("forward")
        if any(hooks) or own is not None:
            yield f"{name} {hooks} {None if own is None else id(own)}"
    devices = sorted({parameter.device.type for parameter in model.parameters()} | {"cpu"})
    kinds = [device for device in devices if torch.amp.is_autocast_available(device)]
    autocast = [(device, torch.get_autocast_dtype(device)) for device in kinds if torch.is_autocast_enabled(device)]
    yield f"{torch.get_num_threads()} {autocast} {torch.get_default_dtype()} {torch.get_float32_matmul_precision()}"
