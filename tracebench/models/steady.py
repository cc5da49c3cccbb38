"""A pass leaves no trace in the model: what its own forward does to its buffers is undone.

longrope and dynamic NTK write or make their frequencies anew in every forward, and dynamic NTK keeps those of the longest
text that it has seen: a shorter text would then be computed in another way than before.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from tracebench.interrupts import Scope

#: Elements of a buffer that a pass gets a copy of: frequencies are a few hundred, tables that are only read are larger.
SMALL = 2**16


def steady(model: nn.Module) -> Scope[None]:
    """Within this scope passes write into copies; after it every module has its own buffers, with their bits.

    Only of buffers that are not saved with the weights, because those are what a forward makes. A module that has such
    gets its attributes back too (how long the longest text was).
    """

    def enter(undo: ExitStack) -> None:
        for module in model.modules():
            if module._buffers:
                own = dict(module._buffers)
                lent = {name: _copy(own[name]) for name in module._non_persistent_buffers_set & own.keys()}
                undo.callback(_put_back, module, own, dict(vars(module)))
                module._buffers.update(lent)

    return Scope(enter)


def _copy(buffer: torch.Tensor | None) -> torch.Tensor | None:
    if buffer is None or not buffer.is_floating_point() or buffer.numel() > SMALL:
        return buffer
    return buffer.clone()


def _put_back(module: nn.Module, own: dict[str, Any], attributes: dict[str, Any]) -> None:
    now = module._buffers
    replaced = now.keys() != own.keys() or any(now[name] is not buffer for name, buffer in own.items())
    now.clear()
    now.update(own)
    if replaced:
        for name in set(vars(module)) - set(attributes):
            delattr(module, name)
        # What torch keeps of a module (its hooks, its parameters) is changed in place: those are the same dictionaries.
        vars(module).update(attributes)
