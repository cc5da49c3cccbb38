"""Watch attention: the pattern of every layer of one pass, derived from what its attention was called with, and proved."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

import torch
from torch import nn

from tracebench.models.core import ModelCore
from tracebench.models.layout.family import pass_does_not_fit, run
from tracebench.models.layout.layout import CausalModel, Layout
from tracebench.models.layout.steady import steady
from tracebench.models.memory import DoesNotFit, fitting, free_bytes
from tracebench.models.numerics import SAME_STREAM, SAME_TEXT, relative_gap
from tracebench.models.state.digests import digest
from tracebench.models.watch.attention_calls import hear_calls
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
from tracebench.record.checks import Check
from tracebench.runtime.interrupts import Scope


@dataclass(frozen=True)
class Rows:
    """Some rows of the pattern of one layer; what is wanted of them is copied, the memory is used again.

    Args:
        layer: block index.
        queries: which queries; those of a layer come in order.
        pattern: [head, row, key], float32 (float64 of a model that computes in that), on the layer's device. Its keys may end
            before the last one: later ones get nothing.
        sink: [head, row], or None where the model has none.
        keys: how many the layer has.
    """

    layer: int
    queries: slice
    pattern: torch.Tensor
    sink: torch.Tensor | None
    keys: int


Keep = Callable[[Rows], None]


class NoAttentionError(ValueError):
    """A pass that showed no attention, in one sentence."""


@dataclass
class Watching:
    """What one pass showed, layer by layer.

    Args:
        via: layer -> the implementation that computed it; ``"eager"`` also where a module returned its weights itself.
        future: layer -> the largest weight on a key after its query, where only weights were seen.
        gaps: layer -> by how much pattern @ v missed the output of the layer's own call, of the output's range.
        sums: layer -> by how much a row of the pattern and its sink miss one, at the most.
        types: what the calls computed in.
    """

    via: dict[int, str] = field(default_factory=dict)
    gaps: dict[int, float] = field(default_factory=dict)
    sums: dict[int, float] = field(default_factory=dict)
    future: dict[int, float] = field(default_factory=dict)
    types: set[torch.dtype] = field(default_factory=set)


def watch_attention(lm: ModelCore, layers: Collection[int], keep: Keep) -> Scope[Watching]:
    """Within this scope, a forward pass of this thread hands the pattern of every wanted layer to ``keep``, some rows at a time.

    Args:
        lm: one pass of its model over one text is expected.
        layers: block indices; of the others only that they attend is noted.
        keep: called for all rows of a layer, layer by layer.
    """
    watcher = _Watcher(lm.layout, frozenset(layers), keep)
    calls = hear_calls(watcher)

    def enter(undo: ExitStack) -> Watching:
        for layer, block in enumerate(lm.layout.blocks):
            undo.callback(block.register_forward_pre_hook(partial(watcher.inside, layer)).remove)
            for module in block.modules():
                # What attends has parts; a norm or a matrix returns no weights.
                if next(module.children(), None) is not None:
                    undo.callback(module.register_forward_hook(watcher.left).remove)
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
    """One pass over a text whose attention is watched, and what is proved about it.

    Most families call a function of transformers, some torch's kernel, some return their weights. What does none of these
    is asked for its weights, which it may then compute in another way.

    Args:
        lm: the model.
        ids: the text.
        layers: block indices.
        keep: as in `watch_attention`.
        named: whether somebody named these layers, so that one of them without attention is an error.
        unhooked: the digest of a plain pass, from whoever put up hooks of his own before.

    Returns:
        The logits [token, vocabulary], what was seen, and the checks.

    Raises:
        DoesNotFit: the rows in the making would not fit the memory of the device; said before the pass.
        NoAttentionError: the model attends nowhere, in none of these layers, or not in one that was named.
        ValueError: a layer attends more than once in a pass.
    """
    insist_on_room(lm, len(ids))
    unhooked = lm.unhooked_digest(ids) if unhooked is None else unhooked
    given = torch.tensor([list(ids)], device=lm.device)
    asked: tuple[Check, ...] = ()
    with lm.running():
        with watch_attention(lm, layers, keep) as watching:
            logits = run(lm.model, given)[0]
        alone = hooks_check(digest(logits) == unhooked)
        if not watching.via:
            plain = logits
            with _put_back(lm.model), watch_attention(lm, layers, keep) as watching:
                logits = _run_asked(lm.model, given)[0]
            asked = (_asked_check(relative_gap(logits, plain), lm.coarsest),)
    if not watching.via:
        raise NoAttentionError(
            f"{type(lm.model).__name__} attends nowhere: no layer called an attention function or returned weights. "
            "It mixes tokens in another way (a state space, a convolution, a recurrence), and has no patterns to show"
        )
    missing = sorted(set(layers) - set(watching.via))
    if missing and (named or len(missing) == len(set(layers))):
        raise NoAttentionError(
            f"there is no attention in layer {', '.join(map(str, missing))} of {lm.name}: ask for some of the layers "
            f"{', '.join(map(str, sorted(watching.via)))}, which attend"
        )
    return logits, watching, (alone, *asked, *_identities(watching))


def insist_on_room(lm: ModelCore, length: int) -> None:
    """A sentence if the rows of a pattern in the making are more than the model's device has free.

    That is the least that watching takes there, whatever the pass itself takes beside it.
    """
    free, rows = free_bytes(lm.device), rows_at_once(lm.device)
    one = times_held(lm.device) * 4 * (lm.heads or 1)
    if free is None or one * min(rows, length) * length <= free:
        return
    fits = max(free // (one * rows), min(rows, math.isqrt(free // one)))
    ask = f"or read a shorter text, of {fits} tokens or fewer" if fits > 1 else "or load the model on another device"
    raise DoesNotFit(
        f"watching attention over {length} tokens takes {one * min(rows, length) * length / 1e9:.2g} GB of the memory of "
        f"{lm.device} beside the pass, where {free / 1e9:.2g} GB are free: free some, {ask}"
    )


def _run_asked(model: CausalModel, ids: torch.Tensor) -> torch.Tensor:
    with steady(model), fitting(pass_does_not_fit(model, ids)):
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False, output_attentions=True).logits


def _put_back(model: nn.Module) -> Scope[None]:
    """After this scope modules have the hooks and attributes they had: transformers leaves its own where weights are asked for."""

    def enter(undo: ExitStack) -> None:
        for module in model.modules():
            undo.callback(
                _as_it_was, module, set(vars(module)), set(module._forward_hooks), set(module._forward_pre_hooks)
            )

    return Scope(enter)


def _as_it_was(module: nn.Module, attributes: set[str], hooks: set[int], pre_hooks: set[int]) -> None:
    for name in set(vars(module)) - attributes:
        delattr(module, name)
    for key in set(module._forward_hooks) - hooks:
        for table in (module._forward_hooks, module._forward_hooks_with_kwargs, module._forward_hooks_always_called):
            table.pop(key, None)
    for key in set(module._forward_pre_hooks) - pre_hooks:
        for table in (module._forward_pre_hooks, module._forward_pre_hooks_with_kwargs):
            table.pop(key, None)


def _asked_check(gap: float, dtype: torch.dtype) -> Check:
    return Check(
        "asking for weights leaves the model alone",
        "identity",
        gap,
        SAME_TEXT[dtype],
        "This family computes its weights only when asked, in another order of summation: its logits stay those of a "
        "plain pass.",
        "of the logit range",
    )


def _identities(watching: Watching) -> tuple[Check, ...]:
    limit = max(SAME_STREAM[dtype] for dtype in watching.types)
    checks = [
        Check(
            "rows sum to one",
            "identity",
            _worst(watching.sums),
            limit,
            "Every row of every pattern, with its sink where the model has one, sums to one.",
        )
    ]
    if watching.gaps:
        checks.append(
            Check(
                "pattern @ values = attention",
                "identity",
                _worst(watching.gaps),
                limit,
                "Each pattern, applied to the values, gives the output of the layer's own attention call (in 15 mixtures of their features).",
                "of the output range",
            )
        )
    if watching.future:
        checks.append(
            Check(
                "no weight on later tokens",
                "identity",
                _worst(watching.future),
                0.0,
                "These weights were returned by the model, and its values were not seen: none is on a key after its query.",
            )
        )
    return tuple(checks)


def _worst(numbers: dict[int, float]) -> float:
    """The largest; NaN if any is."""
    return max(numbers.values(), key=lambda number: float("inf") if number != number else number)  # noqa: PLR0124


class _Watcher:
    """One pass of one thread over one model."""

    def __init__(self, layout: Layout, layers: frozenset[int], keep: Keep) -> None:
        self.thread = threading.get_ident()
        self.watching = Watching()
        self._layers, self._keep, self._room = layers, keep, Room()
        self._inside: int | None = None
        # A module may be shared by several blocks.
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
        """A block begins, or ends (None)."""
        if threading.get_ident() == self.thread:
            self._inside = layer

    def kernel(self, output: torch.Tensor, *args: Any, **kwargs: Any) -> None:
        """Torch's attention has returned, which a block itself has called (or nobody's block)."""
        layer = self._inside
        if layer is None:
            return
        if layer in self.watching.via:
            self._refuse(layer)
        self.watching.via[layer] = "sdpa"
        if layer in self._layers:
            self._derive(layer, read_kernel(output, *args, **kwargs))

    def left(self, module: nn.Module, _args: Any, output: Any) -> None:
        """A module of this model has returned: what it returns may be weights, where no function was called."""
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
        return next((layer for layer in layers if layer not in self.watching.via), None)

    def _refuse(self, layer: int) -> NoReturn:
        raise ValueError(
            f"block {layer} of this model attends more than once in a pass: which pattern is meant is not known"
        )

    @torch.no_grad()
    def _derive(self, layer: int, call: Call) -> None:
        keys, seen = call.key.shape[1], self.watching

        def take(queries: slice, pattern: torch.Tensor, sink: torch.Tensor | None) -> None:
            seen.types.add(pattern.dtype)
            self._keep(Rows(layer, queries, pattern, sink, keys))

        # In the types that are asked for, also where the user's code lets torch choose.
        with torch.autocast(call.query.device.type, enabled=False):
            seen.gaps[layer], seen.sums[layer] = derive(call, self._room, take)
        seen.types.update((call.query.dtype, call.value.dtype, call.output.dtype))


def _weights(output: Sequence[Any]) -> torch.Tensor | None:
    """Attention weights [1, head, query, key] among what a module returned beside its stream [1, query, feature]."""
    stream = output[0] if output else None
    if not isinstance(stream, torch.Tensor) or stream.ndim != 3:
        return None
    for value in output[1:]:
        if isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim == 4:
            square = value.shape[0] == 1 and value.shape[2:] == (stream.shape[1], stream.shape[1])
            if square and bool((value >= 0).all()):
                return value
    return None
