"""Observe every attention call while a model runs: calls of transformers' attention functions and of torch's kernel.

Within the scope, transformers' `AttentionInterface.get_interface` returns a wrapper that runs the chosen function unchanged
and then informs a listener. The configuration stays as it is: several families branch on the *name* of the
implementation and choose masks by it, so registering a new name would change the model.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import wraps
from typing import Any, Protocol, Self

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack, _pop_mode, _push_mode
from transformers.modeling_utils import AttentionInterface

from tracebench.runtime.interrupts import Scope


class Listener(Protocol):
    """Receives the attention calls of one thread."""

    def watches(self, module: Any) -> bool:
        """Whether to report calls by this module."""
        ...

    def called(self, name: str, result: Any, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        """An attention function has returned ``result`` to a watched module.

        Args:
            name: the implementation; ``"eager"`` for the model's own function.
            result: what the function returned.
            module: the caller, the first argument of the function.
            args: the function's other arguments.
            kwargs: its keyword arguments.
        """
        ...

    def kernel(self, output: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Torch's attention kernel has returned; not called for a kernel inside a reported attention function."""
        ...


def observe_calls(listener: Listener) -> Scope[None]:
    """Within this scope, the listener receives the attention calls of this thread."""
    subscription = _Subscription(listener)

    def enter(undo: ExitStack) -> None:
        undo.callback(_PATCH.remove, subscription)
        _PATCH.add(subscription)
        undo.enter_context(_KernelMode(subscription))

    return Scope(enter)


class _Subscription:
    """A listener, its thread, and the state of its scope."""

    def __init__(self, listener: Listener) -> None:
        self.listener, self.thread = listener, threading.get_ident()
        #: Whether an observed attention function is running: the kernel that it calls is part of that call.
        self.calling = False
        #: Whether the scope has ended. An interrupt may leave our mode on torch's stack, or in a frame that restores it later.
        self.ended = False


class _KernelMode(TorchFunctionMode):
    """Observes torch's attention kernel. A mode is active in its own thread only."""

    def __init__(self, subscription: _Subscription) -> None:
        super().__init__()
        self._subscription = subscription
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = _get_current_function_mode_stack()
        _push_mode(self)
        return self

    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        self._subscription.ended = True
        # Torch pops a mode while it calls it, and an interrupt at that moment leaves it popped. A plain pop would then fail
        # or remove another mode, so the whole stack is restored.
        _set_mode_stack(self._before)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is scaled_dot_product_attention and not self._subscription.calling and not self._subscription.ended:
            with _ModesDisabled():
                self._subscription.listener.kernel(result, *args, **(kwargs or {}))
        return result


class _ModesDisabled:
    """Disable our modes while a listener runs; otherwise its own attention calls are recorded, and its torch calls are slow.

    Torch pops only the mode that it is calling. A class, not a generator: an interrupt can leave a generator suspended,
    and freeing it later would put our modes back.
    """

    def __enter__(self) -> None:
        self._before = _get_current_function_mode_stack()
        _set_mode_stack([mode for mode in self._before if not isinstance(mode, _KernelMode)])

    def __exit__(self, *_: object) -> None:
        _set_mode_stack(self._before)


def _set_mode_stack(modes: list[Any]) -> None:
    for _mode in _get_current_function_mode_stack():
        _pop_mode()
    for mode in modes:
        _push_mode(mode)


class _Patch:
    """Wraps `get_interface` while there are subscriptions. One for all threads, because `get_interface` is global."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[_Subscription] = []
        self._before: Any = None
        self._ours: Any = None

    def add(self, subscription: _Subscription) -> None:
        interface: Any = AttentionInterface
        with self._lock:
            if not self._subscriptions:
                self._before = interface.get_interface
                # A new list: if other code wrapped our old wrapper, that wrapper keeps its own empty list.
                self._subscriptions = []
                self._ours = _observing(self._before, self._subscriptions)
                interface.get_interface = self._ours
            self._subscriptions.append(subscription)

    def remove(self, subscription: _Subscription) -> None:
        interface: Any = AttentionInterface
        with self._lock:
            if subscription in self._subscriptions:
                self._subscriptions.remove(subscription)
                if not self._subscriptions and interface.get_interface is self._ours:
                    interface.get_interface = self._before


def _observing(get_interface: Callable[..., Any], subscriptions: list[_Subscription]) -> Callable[..., Any]:
    """A wrapper of `get_interface` whose functions report to the subscriptions of the calling thread."""

    @wraps(get_interface)
    def observing(interface: AttentionInterface, name: str, default: Callable[..., Any]) -> Callable[..., Any]:
        function = get_interface(interface, name, default)
        here = [each for each in tuple(subscriptions) if each.thread == threading.get_ident()]
        if not here:
            return function
        # transformers falls back to the model's own eager function if it knows no implementation of that name.
        implementation = "eager" if function is default else name

        @wraps(function)
        def observed(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            # Another thread than the one that fetched the function may call it.
            active = [each for each in here if each.thread == threading.get_ident() and each.listener.watches(module)]
            for subscription in active:
                subscription.calling = True
            try:
                result = function(module, *args, **kwargs)
            finally:
                for subscription in active:
                    subscription.calling = False
            for subscription in active:
                with _ModesDisabled():
                    subscription.listener.called(implementation, result, module, *args, **kwargs)
            return result

        return observed

    return observing


_PATCH = _Patch()
