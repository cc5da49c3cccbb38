"""Everything but the weights that decides what a model computes: its configuration, its hooks and torch's settings."""

from __future__ import annotations

import hashlib
import itertools
import json
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from tracebench.models.layout.layout import CausalModel

#: The dictionaries in which modules keep their hooks. Their keys are handle ids, which torch never reuses.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")

#: A number for each function that replaces a module's forward. Its address would not do, because Python reuses addresses.
_FORWARDS: weakref.WeakKeyDictionary[Callable[..., Any], int] = weakref.WeakKeyDictionary()
_COUNT = itertools.count()


def circumstances(model: CausalModel) -> str:
    """A digest (16 hex digits) of the configuration, the hooks and those torch settings that hold in every thread.

    A hook counts by its handle id, whatever it does. This package's own hooks exist only during passes.
    """
    return hashlib.sha256("\n".join(_facts(model)).encode()).hexdigest()[:16]


def in_this_thread() -> str:
    """Torch's setting of this thread that changes the bits of a pass: number of threads. Autocast is off in a pass."""
    return str(torch.get_num_threads())


def set_in_torch() -> dict[str, Any]:
    """What is set in torch for all threads and may change the numbers of a pass, where it differs from torch's default."""
    found: dict[str, Any] = {}
    if torch.get_default_dtype() != torch.float32:
        found["default_dtype"] = str(torch.get_default_dtype()).removeprefix("torch.")
    if torch.are_deterministic_algorithms_enabled():
        found["deterministic_algorithms"] = True
    for name, backend in (("cuda", torch.backends.cuda), ("mkldnn", torch.backends.mkldnn)):
        precision = _precision(getattr(backend, "matmul", None))
        if precision not in _FULL:
            found[f"{name}_matmul_precision"] = precision
    return found


#: How torch names products of float32 that round nothing more.
_FULL = ("none", "ieee", "highest")


def _precision(matmul: Any) -> str:
    """Of products of float32. Newer torch has it for each backend, and refuses the older call once that was used."""
    found = getattr(matmul, "fp32_precision", None)
    return torch.get_float32_matmul_precision() if found is None else str(found)


def _facts(model: CausalModel) -> Iterator[str]:
    config = getattr(model, "config", None)
    if config is not None:
        # Objects enter by their class: `to_dict` copies them, so their addresses change. Unsorted: keys may be of any type.
        saved = json.dumps(config.to_dict(), skipkeys=True, default=lambda value: type(value).__qualname__)
        # `to_dict` leaves out the attention implementation.
        yield f"{saved} {getattr(config, '_attn_implementation', None)}"
    for name, module in model.named_modules():
        hooks = [list(getattr(module, kind)) for kind in _HOOKS]
        own = module.__dict__.get("forward")
        if any(hooks) or own is not None:
            yield f"{name} {hooks} {None if own is None else _numbered(own)}"
    yield json.dumps(set_in_torch())


def _numbered(forward: Callable[..., Any]) -> int:
    number = _FORWARDS.get(forward)
    if number is None:
        number = _FORWARDS[forward] = next(_COUNT)
    return number
