"""Whether a model runs in eager mode: compiled code does not call the modules whose inputs and outputs are read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn


def insist_on_eager(model: nn.Module) -> None:
    """A ``TypeError`` for a model that torch.compile has compiled, as a whole or in part; it says how to undo that."""
    for name, module in model.named_modules():
        undo = _undo(module, f"model.{name}" if name else "model")
        if undo:
            raise TypeError(
                f"expected a transformers causal model as it is in eager mode, got a compiled {type(model).__name__}, whose "
                f"parts are not called one by one; give the model that was compiled{undo}"
            )


def _undo(module: nn.Module, name: str) -> str | None:
    """How to get the module back in eager mode; None where it is."""
    if "_orig_mod" in module._modules:
        if name == "model":
            return " (it is ._orig_mod, and shares its weights)"
        return f", in eager mode: put {name}._orig_mod in the place of {name}"
    if module._compiled_call_impl is not None:
        return f", in eager mode: undo {name}.compile() by {name}._compiled_call_impl = None"
    if _is_compiled(vars(module).get("forward")):
        return f", in eager mode: {name}.forward was given to torch.compile, undo it by del {name}.forward"
    if _is_compiled(vars(module).get("_old_forward")):  # kept there by accelerate, which calls it from its own
        return f", in eager mode: {name}.forward was given to torch.compile before accelerate took it: load the model again"
    if _is_compiled(type(module).forward):
        return f", in eager mode: the forward of {type(module).__name__}, the class of {name}, is under torch.compile: take the decorator away"
    return None


def _is_compiled(function: Callable[..., Any] | None) -> bool:
    """Whether torch.compile made this function (or the one that a partial or a method calls)."""
    inner = getattr(function, "func", None) or getattr(function, "__func__", None)
    if inner is not None:
        return _is_compiled(inner)
    # torch.compiler.disable leaves the same mark, and another.
    return hasattr(function, "_torchdynamo_orig_callable") and not getattr(function, "_torchdynamo_disable", False)
