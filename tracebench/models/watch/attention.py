"""Record the attention pattern of every layer in one pass, derived from the arguments of its attention call, and proved."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

import torch
from torch import nn

from tracebench.models.core import ModelCore
from tracebench.models.layout.family import pass_does_not_fit, run
from tracebench.models.layout.layout import CausalModel, Layout
from tracebench.models.layout.steady import steady
from tracebench.models.memory import DoesNotFit, fitting, free_bytes
from tracebench.models.numerics import relative_gap
from tracebench.models.state.digests import digest
from tracebench.models.watch.attention_calls import observe_calls
from tracebench.models.watch.capture import hooks_check
from tracebench.models.watch.pattern import (
    Call,
    Room,
    derive,
    misses_one,
    read_call,
    read_kernel,
    rows_at_once,
    times_held,
)
from tracebench.models.watch.watching import Watching, identities, requested_check
from tracebench.record.checks import Check
from tracebench.runtime.interrupts import Scope


@dataclass(frozen=True)
class Rows:
    """Some rows of the pattern of one layer. Copy what you keep: the memory is reused for the next rows.

    Args:
        layer: block index.
        queries: the query positions of these rows; the rows of a layer come in order.
        pattern: [head, row, key], float32 (float64 for a float64 model), on the layer's device. Keys that are left out at
            the end have weight 0.
        sink: [head, row], or None where the model has no sinks.
        keys: number of keys of the layer.
    """

    layer: int
    queries: slice
    pattern: torch.Tensor
    sink: torch.Tensor | None
    keys: int


Keep = Callable[[Rows], None]


class NoAttentionError(ValueError):
    """A pass without attention in the layers asked for."""


def watch_attention(lm: ModelCore, layers: Collection[int], keep: Keep) -> Scope[Watching]:
    """Within this scope, a forward pass of this thread passes the patterns of these layers to ``keep``, some rows at a time.

    Args:
        lm: the model; run exactly one pass over one text within the scope.
        layers: block indices. The other layers are only recorded in ``via``.
        keep: called for all rows of a layer, layer by layer.
    """
    watcher = _Watcher(lm.layout, frozenset(layers), keep)
    calls = observe_calls(watcher)

    def enter(undo: ExitStack) -> Watching:
        for layer, block in enumerate(lm.layout.blocks):
            undo.callback(block.register_forward_pre_hook(partial(watcher.inside, layer)).remove)
            for module in block.modules():
                # An attention module has submodules; a norm or a matrix returns no weights.
                if next(module.children(), None) is not None:
                    undo.callback(module.register_forward_hook(watcher.returned).remove)
            undo.callback(block.register_forward_hook(partial(watcher.inside, None)).remove)
        undo.enter_context(calls)
        return watcher.watching

    return Scope(enter)


def run_watched(
    lm: ModelCore,
    ids: Sequence[int],
    layers: Collection[int],
    keep: Keep,
    *,
    named: bool = False,
    unhooked: str | None = None,
) -> tuple[torch.Tensor, Watching, tuple[Check, ...]]:
    """Run one pass over a text, watch its attention, and check the patterns.

    Most families call a function of transformers, some call torch's kernel, and some return their weights. For a model that
    does none of these, a second pass requests the weights with ``output_attentions``; that may change how they are computed.

    Args:
        lm: the model.
        ids: the text.
        layers: block indices.
        keep: as in `watch_attention`.
        named: whether the user named these layers; then one of them without attention is an error.
        unhooked: the digest of a plain pass, if the caller took it before adding hooks.

    Returns:
        The logits [token, vocabulary], the measurements, and the checks.

    Raises:
        DoesNotFit: the rows that are computed at once exceed the free memory of the device; raised before the pass.
        NoAttentionError: the model has no attention, none in these layers, or none in a named layer.
        ValueError: a layer attends more than once in a pass.
    """
    insist_on_room(lm, len(ids))
    unhooked = lm.unhooked_digest(ids) if unhooked is None else unhooked
    given = torch.tensor([list(ids)], device=lm.device)
    requested: tuple[Check, ...] = ()
    with lm.running():
        with watch_attention(lm, layers, keep) as watching:
            logits = run(lm.model, given)[0]
        unchanged = hooks_check(digest(logits) == unhooked)
        if not watching.via:
            plain = logits
            with _modules_restored(lm.model), watch_attention(lm, layers, keep) as watching:
                logits = _run_with_weights(lm.model, given)[0]
            requested = (requested_check(relative_gap(logits, plain), lm.coarsest),)
    if not watching.via:
        raise NoAttentionError(
            f"{type(lm.model).__name__} attends nowhere: no layer called an attention function or returned weights. "
            "It mixes tokens in another way (a state space, a convolution, a recurrence), so it has no attention patterns"
        )
    missing = sorted(set(layers) - set(watching.via))
    if missing and (named or len(missing) == len(set(layers))):
        raise NoAttentionError(
            f"there is no attention in layer {', '.join(map(str, missing))} of {lm.name}: choose from the layers with "
            f"attention: {', '.join(map(str, sorted(watching.via)))}"
        )
    return logits, watching, (unchanged, *requested, *identities(watching))


def insist_on_room(lm: ModelCore, length: int) -> None:
    """Raise `DoesNotFit` if the pattern rows that are computed at once exceed the free memory of the model's device.

    This is the minimum that watching needs there; the pass itself comes on top.

    Args:
        lm: the model.
        length: tokens of the text.
    """
    free, rows = free_bytes(lm.device), rows_at_once(lm.device)
    bytes_per_weight = times_held(lm.device) * 4 * (lm.heads or 1)
    needed = bytes_per_weight * min(rows, length) * length
    if free is None or needed <= free:
        return
    fits = max(free // (bytes_per_weight * rows), min(rows, math.isqrt(free // bytes_per_weight)))
    ask = f"or read a shorter text, of {fits} tokens or fewer" if fits > 1 else "or load the model on another device"
    raise DoesNotFit(
        f"watching attention over {length} tokens takes {needed / 1e9:.2g} GB of the memory of "
        f"{lm.device} beside the pass, where {free / 1e9:.2g} GB are free: free some, {ask}"
    )


def _run_with_weights(model: CausalModel, ids: torch.Tensor) -> torch.Tensor:
    with steady(model), fitting(pass_does_not_fit(model, ids)):
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, output_attentions=True).logits


def _modules_restored(model: nn.Module) -> Scope[None]:
    """Remove added hooks and attributes after this scope: with ``output_attentions``, transformers leaves its own behind."""

    def enter(undo: ExitStack) -> None:
        for module in model.modules():
            undo.callback(
                _restore, module, set(vars(module)), set(module._forward_hooks), set(module._forward_pre_hooks)
            )

    return Scope(enter)


def _restore(module: nn.Module, attributes: set[str], hooks: set[int], pre_hooks: set[int]) -> None:
    for name in set(vars(module)) - attributes:
        delattr(module, name)
    for key in set(module._forward_hooks) - hooks:
        for table in (module._forward_hooks, module._forward_hooks_with_kwargs, module._forward_hooks_always_called):
            table.pop(key, None)
    for key in set(module._forward_pre_hooks) - pre_hooks:
        for table in (module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs):
            table.pop(key, None)


class _Watcher:
    """The listener of one pass of one thread over one model."""

    def __init__(self, layout: Layout, layers: frozenset[int], keep: Keep) -> None:
        self.thread = threading.get_ident()
        self.watching = Watching()
        self._layers, self._keep, self._room = layers, keep, Room()
        self._inside: int | None = None
        # Several blocks may share a module.
        self._blocks: dict[nn.Module, list[int]] = {}
        for layer, block in enumerate(layout.blocks):
            for module in block.modules():
                self._blocks.setdefault(module, []).append(layer)

    def watches(self, module: Any) -> bool:
        return module in self._blocks

    def called(self, name: str, result: Any, module: nn.Module, *args: Any, **kwargs: Any) -> None:
        """An attention function of this model has returned."""
        layer = self._next(self._blocks[module])
        if layer is None:
            self._refuse(self._blocks[module][-1])
        self.watching.via[layer] = name
        if layer in self._layers:
            self._derive(layer, read_call(name, result[0], module, *args, **kwargs))

    def inside(self, layer: int | None, *_: Any) -> None:
        """Hook: a block begins, or ends (None)."""
        if threading.get_ident() == self.thread:
            self._inside = layer

    def kernel(self, output: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Torch's attention kernel has returned; a call outside of all blocks is ignored."""
        layer = self._inside
        if layer is None:
            return
        if layer in self.watching.via:
            self._refuse(layer)
        self.watching.via[layer] = "sdpa"
        if layer in self._layers:
            self._derive(layer, read_kernel(output, *args, **kwargs))

    def returned(self, module: nn.Module, _args: Any, output: Any) -> None:
        """Hook: a module has returned. If its layer called no attention function, its output may contain the weights."""
        if threading.get_ident() != self.thread or not isinstance(output, (tuple, list)):
            return
        layer = self._next(self._blocks[module])
        weights = None if layer is None else _weights(output)
        if layer is None or weights is None:
            return
        self.watching.via[layer] = "eager"
        if layer in self._layers:
            pattern = weights.detach()[0].float()
            self.watching.future[layer] = float(pattern.triu(1).max())
            self.watching.sums[layer] = float(misses_one(pattern, None))
            self.watching.types.update((weights.dtype, pattern.dtype))
            self._keep(Rows(layer, slice(0, pattern.shape[1]), pattern, None, pattern.shape[2]))

    def _next(self, layers: list[int]) -> int | None:
        """The first of these layers without recorded attention."""
        return next((layer for layer in layers if layer not in self.watching.via), None)

    def _refuse(self, layer: int) -> NoReturn:
        raise ValueError(
            f"block {layer} of this model attends more than once in a pass, so it has no single pattern: use another model"
        )

    @torch.no_grad()
    def _derive(self, layer: int, call: Call) -> None:
        keys, seen = call.key.shape[1], self.watching

        def take(queries: slice, pattern: torch.Tensor, sink: torch.Tensor | None) -> None:
            seen.types.add(pattern.dtype)
            self._keep(Rows(layer, queries, pattern, sink, keys))

        # The user's code may run under autocast; the pattern must keep the dtypes that `derive` sets.
        with torch.autocast(call.query.device.type, enabled=False):
            seen.gaps[layer], seen.sums[layer] = derive(call, self._room, take)
        seen.types.update((call.query.dtype, call.value.dtype, call.output.dtype))


def _weights(output: Sequence[Any]) -> torch.Tensor | None:
    """The attention weights [1, head, query, key] in a module's output, after its stream [1, query, feature]; else None."""
    stream = output[0] if output else None
    if not isinstance(stream, torch.Tensor) or stream.ndim != 3:
        return None
    for value in output[1:]:
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim == 4:
            square = value.shape[0] == 1 and value.shape[2:] == (stream.shape[1], stream.shape[1])
            if square and bool((value >= 0).all()):
                return value
    return None
