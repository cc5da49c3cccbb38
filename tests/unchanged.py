"""Assert that a user's model is unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

HOOKS = (
    "_forward_hooks",
    "_forward_pre_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_hooks",
    "_backward_pre_hooks",
)


def state(model: Any) -> dict[str, Any]:
    """The observable state of a model: bits of weights, flags, modes, hooks, settings, random state."""
    seen: dict[str, Any] = {
        "config": model.config.to_dict(),
        "generation_config": (id(model.generation_config), model.generation_config.to_dict()),
        "random": torch.random.get_rng_state().numpy().tobytes(),
        "gradients": torch.is_grad_enabled(),
    }
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        bits = tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes() if not tensor.is_meta else b""
        seen[f"tensor {name}"] = (
            id(tensor),
            tensor.data_ptr(),
            tensor._version,
            tensor.requires_grad,
            tensor.grad,
            bits,
        )
    for name, module in model.named_modules():
        seen[f"module {name}"] = (id(module), module.training, sorted(vars(module)))
        seen[f"hooks {name}"] = {kind: list(getattr(module, kind)) for kind in HOOKS}
    return seen


@contextmanager
def unchanged(model: Any) -> Iterator[None]:
    """Assert that the body does not change the model, also if it raises."""
    before = state(model)
    try:
        yield
    finally:
        after = state(model)
        assert [name for name in before if after.get(name) != before[name]] == []
        assert sorted(after) == sorted(before)
