"""Undo what a model's forward does to its own buffers, so that a pass leaves the model as it was.

longrope and dynamic NTK recompute their frequencies in every forward. Dynamic NTK keeps those of the longest text so far,
and a shorter text would then give other logits than before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from tracebench.runtime.interrupts import Scope

#: Buffers up to this many elements are copied for a pass. Frequencies have a few hundred; larger tables are only read.
SMALL = 2**16


def steady(model: nn.Module) -> Scope[None]:
    """Within this scope, passes write into copies of the buffers; after it every module has its own buffers back.

    Only non-persistent buffers are copied, because a forward recomputes no others. A module whose buffers changed also gets
    its attributes back (such as the longest length seen). If a notebook cell moves or casts the model during the scope,
    the buffers follow it.
    """

    def enter(undo: ExitStack) -> None:
        placed = _placed(model)
        for module in model.modules():
            if module._buffers:
                own = dict(module._buffers)
                lent = own | {name: _copy(own[name]) for name in module._non_persistent_buffers_set & own.keys()}
                undo.callback(
                    _put_back, module, own, _written(lent), dict(vars(module)), lambda: _placed(model) != placed
                )
                module._buffers.update(lent)

    return Scope(enter)


def _placed(model: nn.Module) -> set[tuple[torch.device, torch.dtype]]:
    return {(parameter.device, parameter.dtype) for parameter in model.parameters()}


def _copy(buffer: torch.Tensor | None) -> torch.Tensor | None:
    if buffer is None or not buffer.is_floating_point() or buffer.numel() > SMALL:
        return buffer
    return buffer.clone()


def _written(lent: dict[str, Any]) -> Callable[[dict[str, Any]], bool]:
    """A function that tells whether a module replaced or wrote to the lent buffers."""
    # Inference tensors have no version counter: count them as written.
    versions = {name: None if b is None or b.is_inference() else b._version for name, b in lent.items()}

    def is_written(now: dict[str, Any]) -> bool:
        return now.keys() != lent.keys() or any(
            now[name] is not b or (b is not None and (b.is_inference() or b._version != versions[name]))
            for name, b in lent.items()
        )

    return is_written


def _put_back(
    module: nn.Module,
    own: dict[str, Any],
    written: Callable[[dict[str, Any]], bool],
    attributes: dict[str, Any],
    moved: Callable[[], bool],
) -> None:
    now = dict(module._buffers)
    module._buffers.clear()
    module._buffers.update(own)
    if not written(now):
        return
    for name in set(vars(module)) - set(attributes):
        delattr(module, name)
    # Hooks and parameters that were added meanwhile stay: torch keeps them in dictionaries that it changes in place.
    vars(module).update(attributes)
    if moved():
        for name, buffer in own.items():
            there = now.get(name)
            if buffer is not None and there is not None:
                module._buffers[name] = buffer.to(there.device, there.dtype)
