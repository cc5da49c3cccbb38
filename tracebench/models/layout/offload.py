"""What accelerate's hooks know of a module whose weights are elsewhere between calls."""

from __future__ import annotations

from typing import Any

from torch import nn


def offloaded(module: nn.Module, attribute: str) -> Any:
    """An attribute of the module's accelerate hook (``weights_map``, ``execution_device``); None where there is none.

    Read by name, so that accelerate need not be installed.
    """
    hook = getattr(module, "_hf_hook", None)
    # Several hooks on one module stand in a sequential one.
    for one in getattr(hook, "hooks", None) or [hook]:
        value = getattr(one, attribute, None)
        if value is not None:
            return value
    return None
