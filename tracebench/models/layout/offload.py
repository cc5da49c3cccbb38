"""Attributes of accelerate's hooks on a module with offloaded weights."""

from __future__ import annotations

from typing import Any

from torch import nn


def offloaded(module: nn.Module, attribute: str) -> Any:
    """An attribute of the module's accelerate hook (``weights_map``, ``execution_device``); None where there is none.

    Read by name, so that accelerate need not be installed.
    """
    hook = getattr(module, "_hf_hook", None)
    # accelerate wraps several hooks of one module in a SequentialHook.
    for single in getattr(hook, "hooks", None) or [hook]:
        value = getattr(single, attribute, None)
        if value is not None:
            return value
    return None
