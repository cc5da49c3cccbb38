"""A checksum of a model's weights, by their bits: an edit through ``weight.data`` bumps no version counter."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import is_traceable_wrapper_subclass

from tracebench.models.layout.offload import offloaded

#: Above this many parameters, tensors are sampled.
WHOLE = 1_000_000_000
#: How many elements of a tensor are hashed one by one; the rest enter by their sum.
SAMPLE = 4096
#: What peft's layers say of themselves: switching an adapter off, or scaling it, changes no weight.
ADAPTER_STATE = ("active_adapters", "disable_adapters", "merged_adapters", "scaling")


def fingerprint(model: nn.Module) -> str:
    """16 hex digits over names, shapes and bits of all parameters, buffers and packed weights, and over which adapters are active.

    Every bit enters a sum per tensor, and an evenly strided sample is hashed element by element (the sum alone would
    not see two values change places). Above `WHOLE` parameters only the sample is taken: see `LanguageModel.refresh`.
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
            # A model as a whole has methods of these names.
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
    """What a module saves beside its parameters and buffers: kernels of quantised weights keep them in packets."""
    if type(module)._save_to_state_dict is nn.Module._save_to_state_dict:
        return
    saved: dict[str, Any] = {}
    module._save_to_state_dict(saved, f"{prefix}.", keep_vars=True)
    for name, value in saved.items():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(part, torch.Tensor):
                yield from _plain(name, part.detach())


def _plain(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """The plain tensors that a tensor is made of: quantised weights (torchao, quanto) may be integers and their scales in one."""
    if is_traceable_wrapper_subclass(tensor):
        parts, context = tensor.__tensor_flatten__()
        # What stands beside the parts, such as the size of a group, is weighed too; where an object is in memory says nothing.
        said = re.sub(r" at 0x[0-9a-fA-F]+", "", f"{type(tensor).__name__} {context}")
        for part in parts:
            yield from _plain(f"{name} {said} {part}", getattr(tensor, part))
    elif tensor.is_quantized:
        yield name, tensor.dequantize()
    elif tensor.layout != torch.strided:
        raise ValueError(
            f"the weights {name} are in the layout {str(tensor.layout).removeprefix('torch.')}, whose bits are not read, so "
            "an edit of them would not be seen: give them as dense tensors (tensor.to_dense())"
        )
    else:
        yield name, tensor


def _bits(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.contiguous().reshape(-1)
    raw = flat.view(torch.uint8)
    for width, integer in ((8, torch.int64), (4, torch.int32), (2, torch.int16)):
        if raw.numel() % width == 0 and raw.storage_offset() % width == 0:
            return raw.view(integer)
    return raw
