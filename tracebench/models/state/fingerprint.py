"""A checksum of the bits of a model's weights. Torch's version counters miss edits through ``weight.data``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from tracebench.models.layout.offload import offloaded

#: Above this number of parameters, only a sample of each tensor is read.
WHOLE = 1_000_000_000
#: Elements of a tensor that are hashed one by one; the others enter only through the sum.
SAMPLE = 4096
#: Attributes of peft's layers. They are part of the state: switching or scaling an adapter changes no weight.
ADAPTER_STATE = ("active_adapters", "disable_adapters", "merged_adapters", "scaling")


def fingerprint(model: nn.Module) -> str:
    """A digest (16 hex digits) of all parameters, buffers and packed weights, and of the active adapters.

    Covers names, shapes and bits. All bits of a tensor enter through their sum; an evenly strided sample is also hashed
    element by element, because a sum misses two values that swap places. Above `WHOLE` parameters only the sample is
    hashed: see `LanguageModel.refresh`.

    Raises:
        ValueError: a tensor has a sparse or other layout whose bits are not read.
    """
    digest = hashlib.sha256()
    tensors = list(_tensors(model))
    whole = not is_sampled(model)
    for name, tensor in tensors:
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        if tensor.device.type == "meta" or not tensor.numel():
            continue
        bits = _bits(tensor)
        stride = max(1, bits.numel() // SAMPLE)
        digest.update(bits[::stride].contiguous().cpu().numpy().tobytes())
        if whole:
            digest.update(str(int(bits.sum(dtype=torch.int64))).encode())
    for prefix, module in model.named_modules():
        for name in ADAPTER_STATE:
            value = getattr(module, name, None)
            # The whole model has methods with these names.
            if value is not None and not callable(value):
                digest.update(f"{prefix}.{name} {value}".encode())
    return digest.hexdigest()[:16]


def is_sampled(model: nn.Module) -> bool:
    """Whether the model is too large for every bit to enter its fingerprint."""
    return sum(parameter.numel() for parameter in model.parameters()) > WHOLE


def _tensors(model: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    for prefix, module in model.named_modules():
        elsewhere = offloaded(module, "weights_map")
        for name, tensor in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            found = elsewhere[name] if tensor.device.type == "meta" and elsewhere is not None else tensor
            yield from _plain(f"{prefix}.{name}", found.detach())
        yield from _packed(prefix, module)


def _packed(prefix: str, module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors that a module saves besides its parameters and buffers, such as torch's packed quantised weights."""
    if type(module)._save_to_state_dict is nn.Module._save_to_state_dict:
        return
    saved: dict[str, Any] = {}
    module._save_to_state_dict(saved, f"{prefix}.", keep_vars=True)
    for name, value in saved.items():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(part, torch.Tensor):
                yield from _plain(name, part.detach())


def _plain(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """The plain tensors inside a tensor: a quantised weight (torchao, quanto) may wrap integers and their scales."""
    if is_traceable_wrapper_subclass(tensor):
        parts, context = tensor.__tensor_flatten__()
        # The context (such as the group size) counts too, but without memory addresses.
        described = re.sub(r" at 0x[0-9a-fA-F]+", "", f"{type(tensor).__name__} {context}")
        for part in parts:
            yield from _plain(f"{name} {described} {part}", getattr(tensor, part))
    elif tensor.is_quantized:
        yield name, tensor.dequantize()
    elif tensor.layout != torch.strided:
        raise ValueError(
            f"the weights {name} have the layout {str(tensor.layout).removeprefix('torch.')}, which the fingerprint cannot read, so "
            "it would miss an edit: convert them to dense tensors (tensor.to_dense())"
        )
    else:
        yield name, tensor


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    """The bits of a tensor as the widest integers that fit its size and offset."""
    flat = tensor.contiguous().reshape(-1)
    raw = flat.view(torch.uint8)
    for width, integer in ((8, torch.int64), (4, torch.int32), (2, torch.int16)):
        if raw.numel() % width == 0 and raw.storage_offset() % width == 0:
            return raw.view(integer)
    return raw
