"""Hear of every call of attention while a model runs: of transformers' functions, and of torch's kernel.

Nothing is replaced and nothing is configured: within the scope, transformers' `AttentionInterface.get_interface` gives
the function that it would have given, which runs unchanged and is then observed. Code in several families branches on
the *name* of the implementation, and masks are chosen by it: another name would be another model.
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
    """Who is told of the calls of one thread."""

    def watches(self, module: Any) -> bool:
        """Whether calls by this module are to be told."""
        ...

    def called(self, name: str, result: Any, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        """A function of this implementation (``"eager"`` where the model's own ran) has given a watched module its result."""
        ...

    def kernel(self, output: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Torch's attention has returned, and no function that is told of has called it."""
        ...


def hear_calls(listener: Listener) -> Scope[None]:
    """Within this scope, the calls of attention in this thread are told to the listener."""
    ear = _Ear(listener)

    def enter(undo: ExitStack) -> None:
        undo.callback(_PATCH.remove, ear)
        _PATCH.add(ear)
        undo.enter_context(_Kernels(ear))

    return Scope(enter)


class _Ear:
    """The thread of a listener, and what runs in it."""

    def __init__(self, listener: Listener) -> None:
        self.listener, self.thread = listener, threading.get_ident()
        #: Whether a function that is told of runs: the kernel that it calls is not another attention.
        self.calling = False
        #: An interrupt may leave a mode of ours behind, on torch's stack or in a frame that puts it back there later.
        self.ended = False


class _Kernels(TorchFunctionMode):
    """Observes torch's attention; a mode holds for its own thread."""

    def __init__(self, ear: _Ear) -> None:
        super().__init__()
        self._ear = ear
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = _get_current_function_mode_stack()
        _push_mode(self)
        return self

    def __exit__(self, exc_type: object, exc_val: object, exc_tb: object) -> None:
        self._ear.ended = True
        # Torch takes a mode off while it calls it, and an interrupt at that moment leaves it off: popping without looking
        # would then be an error, or take off somebody else's.
        _stack(self._before)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is scaled_dot_product_attention and not self._ear.calling and not self._ear.ended:
            with _Aside():
                self._ear.listener.kernel(result, *args, **(kwargs or {}))
        return result


class _Aside:
    """Without our modes: what a listener does is nobody's attention, and each step of it would take a detour through them.

    While a mode is called, torch takes it off itself; the others are still there. A class and not a generator: an interrupt
    can leave a generator suspended, and when it is freed, whenever that is, it would put our modes back.
    """

    def __enter__(self) -> None:
        self._before = _get_current_function_mode_stack()
        _stack([mode for mode in self._before if not isinstance(mode, _Kernels)])

    def __exit__(self, *_: object) -> None:
        _stack(self._before)


def _stack(modes: list[Any]) -> None:
    for _mode in _get_current_function_mode_stack():
        _pop_mode()
    for mode in modes:
        _push_mode(mode)


class _Patch:
    """`get_interface` while anybody listens. One for all threads, since what is wrapped is one for all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ears: list[_Ear] = []
        self._before: Any = None
        self._ours: Any = None

    def add(self, ear: _Ear) -> None:
        interface: Any = AttentionInterface
        with self._lock:
            if not self._ears:
                self._before = interface.get_interface
                self._ears = []  # a list of its own: whoever wrapped ours meanwhile still calls the one before
                self._ours = _observing(self._before, self._ears)
                interface.get_interface = self._ours
            self._ears.append(ear)

    def remove(self, ear: _Ear) -> None:
        interface: Any = AttentionInterface
        with self._lock:
            if ear in self._ears:
                self._ears.remove(ear)
                if not self._ears and interface.get_interface is self._ours:
                    interface.get_interface = self._before


def _observing(get_interface: Callable[..., Any], ears: list[_Ear]) -> Callable[..., Any]:
    @wraps(get_interface)
    def observing(interface: AttentionInterface, name: str, default: Callable[..., Any]) -> Callable[..., Any]:
        function = get_interface(interface, name, default)
        mine = [ear for ear in tuple(ears) if ear.thread == threading.get_ident()]
        if not mine:
            return function
        # Without an implementation of that name, the model's own eager function is what runs.
        said = "eager" if function is default else name

        @wraps(function)
        def observed(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            # The function may have been fetched in one thread and be called in another.
            heard = [ear for ear in mine if ear.thread == threading.get_ident() and ear.listener.watches(module)]
            for ear in heard:
                ear.calling = True
            try:
                result = function(module, *args, **kwargs)
            finally:
                for ear in heard:
                    ear.calling = False
            for ear in heard:
                with _Aside():
                    ear.listener.called(said, result, module, *args, **kwargs)
            return result

        return observed

    return observing


_PATCH = _Patch()
