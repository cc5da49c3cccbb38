"""A pass leaves no trace in the model: what its own forward does to its buffers is undone.

longrope and dynamic NTK write or make their frequencies anew in every forward, and dynamic NTK keeps those of the longest
text that it has seen: a shorter text would then be computed in another way than before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from tracebench.runtime.interrupts import Scope

#: Elements of a buffer that a pass gets a copy of: frequencies are a few hundred, tables that are only read are larger.
SMALL = 2**16


def steady(model: nn.Module) -> Scope[None]:
    """Within this scope passes write into copies; after it every module has its own buffers, with their bits.

    Only of buffers that are not saved with the weights, because those are what a forward makes. A module whose buffers a pass
    made anew gets its attributes back too (how long the longest text was). A model that was moved or cast meanwhile, by a
    cell beside a view's pass, has its buffers where it is now.
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
    """Whether the buffers that a module has now are others than those that were lent, or were written to."""
    # Without versions (within inference_mode) nobody knows, so it may be.
    versions = {name: None if b is None or b.is_inference() else b._version for name, b in lent.items()}

    def ask(now: dict[str, Any]) -> bool:
        return now.keys() != lent.keys() or any(
            now[name] is not b or (b is not None and (b.is_inference() or b._version != versions[name]))
            for name, b in lent.items()
        )

    return ask


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
    # What torch keeps of a module (its hooks, its parameters) is changed in place: those are the same dictionaries.
    vars(module).update(attributes)
    if moved():
        for name, buffer in own.items():
            there = now.get(name)
            if buffer is not None and there is not None:
                module._buffers[name] = buffer.to(there.device, there.dtype)
