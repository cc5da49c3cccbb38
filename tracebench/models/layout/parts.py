"""Find the attention and the MLP of each block: ``block_out = block_in + attn_out + mlp_out``.

1. One short pass records the output of every module. Two modules are the parts of a block if their outputs, each times
   a constant factor, sum to what the block adds to its stream.
2. Two more passes change the input at the first position only. The output of the attention then changes at later
   positions too; the output of the MLP changes at the first position only. In the second of these passes the output of
   the part that runs first keeps its plain values at later positions, so that the other part is tested by itself.

A block has no parts if no two outputs sum to its change (a state space, a norm after the sum), or if not exactly one of
the two mixes positions.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import torch
from torch import nn

from tracebench.models.layout.family import probe_ids, run
from tracebench.models.layout.layout import CausalModel, Layout, hidden_input, hidden_output
from tracebench.models.numerics import SAME_STREAM, coarsest, relative_gap
from tracebench.runtime.interrupts import Scope

#: Config attributes that scale what a block adds. Factors without such an attribute are fitted.
BLOCK_SCALES = ("residual_multiplier",)


@dataclass(frozen=True)
class Parts:
    """The two modules whose outputs one block adds to its stream.

    Args:
        attn: its output times ``attn_scale`` is the attention's contribution. In a hybrid model, some layers have another
            module here that mixes positions.
        mlp: its output times ``mlp_scale`` is the MLP's contribution.
        attn_scale: the family's constant factor; 1 in most families.
        mlp_scale: likewise.
        gap: largest difference between the sum and the block's output, relative to the terms at the same element.
    """

    attn: nn.Module
    mlp: nn.Module
    attn_scale: float
    mlp_scale: float
    gap: float


@dataclass
class _Seen:
    """One block in one pass: its input, its output, and its modules' outputs in the order in which the modules ended."""

    entered: torch.Tensor | None = None
    left: torch.Tensor | None = None
    outputs: dict[nn.Module, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sum:
    """Two modules whose scaled outputs sum to what a block adds, in the order in which they ended."""

    modules: tuple[nn.Module, nn.Module]
    scales: tuple[float, float]
    gap: float


@torch.no_grad()
def find_parts(model: CausalModel, layout: Layout) -> tuple[Parts | None, ...]:
    """The parts of every block; None for a block where no two modules add up, or where both or neither mix positions.

    Args:
        model: in eval mode; it runs three times on a few tokens.
        layout: its proved layout.
    """
    if layout.merge is not None:
        # Such blocks pass several streams: positions are not axis 1, and no module adds to all streams at once.
        return (None,) * len(layout.blocks)
    ids = probe_ids(model)
    plain = _observe(model, layout, ids)
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    known = [1.0, *(float(getattr(config, name, None) or 1.0) for name in BLOCK_SCALES)]
    sums = [_adding(seen, tuple(dict.fromkeys(known))) for seen in plain]
    inputs = {layer: seen.entered for layer, seen in enumerate(plain) if seen.entered is not None}
    # Every block gets its input of the plain pass, changed at the first position only: so one pass tests all blocks.
    changed = {layer: _change_first(entered) for layer, entered in inputs.items()}
    firsts = {found.modules[0]: _change_first(seen.outputs[found.modules[0]]) for seen, found in _both(plain, sums)}
    other_input = _observe(model, layout, ids, changed)
    # The block's input changes too, because in parallel blocks the second part does not read the first one's output.
    other_first = _observe(model, layout, ids, changed, firsts)
    return tuple(
        None if found is None else _assign(found, *seen)
        for found, *seen in zip(sums, plain, other_input, other_first, strict=True)
    )


def _both(plain: list[_Seen], sums: list[_Sum | None]) -> list[tuple[_Seen, _Sum]]:
    return [(seen, found) for seen, found in zip(plain, sums, strict=True) if found is not None]


def _change_first(stream: torch.Tensor) -> torch.Tensor:
    """The stream with the features of its first position in reverse order."""
    return torch.cat([stream[:, :1].flip(-1), stream[:, 1:]], 1)


def _observe(
    model: CausalModel,
    layout: Layout,
    ids: torch.Tensor,
    inputs: Mapping[int, torch.Tensor] | None = None,
    outputs: Mapping[nn.Module, torch.Tensor] | None = None,
) -> list[_Seen]:
    """Run one pass and record every block.

    Args:
        model: the model that runs.
        layout: its layout.
        ids: [1, token], the text.
        inputs: layer -> stream that replaces the block's input.
        outputs: module -> stream that replaces the module's output.
    """
    inputs, outputs, thread = inputs or {}, outputs or {}, threading.get_ident()
    seen, calls, inside = [_Seen() for _ in layout.blocks], Counter[nn.Module](), [-1]

    def entering(layer: int, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if threading.get_ident() != thread:
            return None
        inside[0], stream = layer, hidden_input(args, kwargs)
        if layer in inputs:
            stream = inputs[layer]
            if args and isinstance(args[0], torch.Tensor):
                args = (stream.clone(), *args[1:])
            else:
                kwargs = {**kwargs, "hidden_states": stream.clone()}
        # Clone, because a block may add to its stream in place.
        seen[layer].entered = None if stream is None else stream.clone()
        return args, kwargs

    def ended(module: nn.Module, _args: Any, output: Any) -> Any:
        if threading.get_ident() != thread or inside[0] < 0:
            return None
        calls[module] += 1
        here, stream = seen[inside[0]], hidden_output(output)
        if module in outputs and stream is not None:
            stream = outputs[module].view_as(stream)
            output = (stream.clone(), *output[1:]) if isinstance(output, (tuple, list)) else stream.clone()
        if stream is not None and here.entered is not None and is_stream(stream, here.entered):
            here.outputs[module] = stream.clone().view_as(here.entered)
        return output

    def leaving(layer: int, _module: nn.Module, _args: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            inside[0], stream = -1, hidden_output(output)
            seen[layer].left = None if stream is None else stream.clone()

    def enter(undo: ExitStack) -> None:
        blocks = set(layout.blocks)
        for module in {m: None for block in layout.blocks for m in block.modules() if m not in blocks}:
            undo.callback(module.register_forward_hook(ended).remove)
        for layer, block in enumerate(layout.blocks):
            undo.callback(block.register_forward_pre_hook(partial(entering, layer), with_kwargs=True).remove)
            undo.callback(block.register_forward_hook(partial(leaving, layer)).remove)

    with Scope(enter):
        run(model, ids)
    for block in seen:
        # A module that runs more than once has no single output.
        block.outputs = {module: stream for module, stream in block.outputs.items() if calls[module] == 1}
    return seen


def is_stream(output: torch.Tensor, stream: torch.Tensor) -> bool:
    """Whether an output has the size of a stream; some MLPs merge the batch and token axes, so shapes may differ."""
    return output.is_floating_point() and output.shape[-1:] == stream.shape[-1:] and output.numel() == stream.numel()


def _adding(seen: _Seen, known: tuple[float, ...]) -> _Sum | None:
    """Two modules whose scaled outputs sum to what the block adds; None if there are none.

    Known factors (the same for both) are tried before fitted ones.
    """
    if seen.entered is None or seen.left is None:
        return None
    limit = SAME_STREAM[coarsest({seen.entered.dtype, seen.left.dtype, *(s.dtype for s in seen.outputs.values())})]
    entered, left = seen.entered.cpu().double(), seen.left.cpu().double()
    wide = _distinct({module: stream.cpu().double() for module, stream in seen.outputs.items()})
    pairs = list(combinations(wide, 2))
    for scale in (*known, None):
        for pair in pairs:
            one, two = (wide[module] for module in pair)
            scales = (scale, scale) if scale is not None else _fitted(one, two, left - entered)
            terms = (entered, scales[0] * one, scales[1] * two)
            gap = _missed(left, terms)
            # Dropping either term must break the sum; otherwise a near-zero module would match.
            if gap <= limit and all(_missed(left, (entered, term)) > limit for term in terms[1:]):
                return _Sum(pair, scales, gap)
    return None


def _fitted(one: torch.Tensor, two: torch.Tensor, added: torch.Tensor) -> tuple[float, float]:
    """The two factors with which two streams best sum to a third, by least squares."""
    found = torch.linalg.lstsq(torch.stack([one.flatten(), two.flatten()], -1), added.flatten()[:, None]).solution
    return float(found[0]), float(found[1])


def _missed(total: torch.Tensor, terms: tuple[torch.Tensor, ...]) -> float:
    """Largest difference between terms and their total, relative to the terms at the same element.

    Element by element, because a few features of a stream may be huge and would hide errors in the others.
    """
    size = sum(term.abs() for term in terms) + torch.finfo(torch.float32).tiny
    return float(((total - sum(terms)).abs() / size).max())


def _distinct(outputs: dict[nn.Module, torch.Tensor]) -> dict[nn.Module, torch.Tensor]:
    """One module for each distinct output: the largest, because an attention returns what its output projection returned."""
    kept: dict[nn.Module, torch.Tensor] = {}
    for module, stream in outputs.items():
        same = next((other for other, known in kept.items() if torch.equal(known, stream)), None)
        if same is None:
            kept[module] = stream
        elif len(list(module.modules())) > len(list(same.modules())):
            # Replace in place: `_assign` relies on the order in which modules ended.
            kept = {module if other is same else other: known for other, known in kept.items()}
    return kept


def _assign(found: _Sum, plain: _Seen, other_input: _Seen, other_first: _Seen) -> Parts | None:
    """Assign two modules to attention and MLP: the attention is the one that mixes positions.

    Args:
        found: the two modules.
        plain: their block in a plain pass.
        other_input: the block with a changed first position of its input.
        other_first: the block with a changed first position of its input and of the first module's output. Later positions
            of that output are plain; otherwise the second module would move because the first one did.

    Returns:
        None if both or neither mix positions.
    """
    (one, two), (scale_one, scale_two) = found.modules, found.scales
    moved = [
        _moved_later(plain.outputs[module], seen.outputs.get(module))
        for module, seen in ((one, other_input), (two, other_first))
    ]
    if moved == [True, False]:
        return Parts(one, two, scale_one, scale_two, found.gap)
    if moved == [False, True]:
        return Parts(two, one, scale_two, scale_one, found.gap)
    return None


def _moved_later(before: torch.Tensor, after: torch.Tensor | None) -> bool | None:
    """Whether an output changed after the first position; None if the module gave no output in the later pass."""
    if after is None:
        return None
    return relative_gap(after[:, 1:], before[:, 1:]) > SAME_STREAM[coarsest({before.dtype})]
