"""What decides beside the weights what a model computes: its configuration, its hooks, and how torch is set."""

from __future__ import annotations

import hashlib
import itertools
import json
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from tracebench.models.layout.layout import CausalModel

#: Where modules keep their hooks, by the number of their handle, which is never given twice.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")

#: Forwards that stand in place of a module's own have no number: where one is in memory another may be later.
_FORWARDS: weakref.WeakKeyDictionary[Callable[..., Any], int] = weakref.WeakKeyDictionary()
_COUNT = itertools.count()


def circumstances(model: CausalModel) -> str:
    """16 hex digits over all that is the same in every thread.

    Hooks count by who put them up and not by what they do; ours are not there between passes.
    """
    return hashlib.sha256("\n".join(_said(model)).encode()).hexdigest()[:16]


def in_this_thread() -> str:
    """What torch has for each thread, and what changes the bits of a pass: how many threads help.

    Autocast is another, and is off while a model runs (see `neutral`).
    """
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


def _said(model: CausalModel) -> Iterator[str]:
    config = getattr(model, "config", None)
    if config is not None:
        # Objects in it are copied for every dictionary: where they are says nothing. Names may be of any kind, in one order.
        saved = json.dumps(config.to_dict(), skipkeys=True, default=lambda each: type(each).__qualname__)
        # Which attention runs is not a part of what a configuration saves.
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
