"""Which two modules of a block add up to what the block adds: ``block_out = block_in + attn_out + mlp_out``.

Found on one short pass and proved by two more. Two outputs are looked for whose sum, each times a number of the family's
own, is what the block adds to its stream: of a module before or after a norm, in sequence or side by side, whichever it is
that adds up. Which of the two attends is seen by what moves when all that reaches it is changed at one position alone: what
attends changes at later positions too, the MLP changes there and nowhere else. Both are tried, what comes second with the
first one's output held at the later positions. A block in which no two add up (a state space, a norm after the sum), or in
which not exactly one moves, has no parts.
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

#: Attributes of configurations by which a family scales what its blocks add. Others are fitted.
BLOCK_SCALES = ("residual_multiplier",)


@dataclass(frozen=True)
class Parts:
    """What one block adds to its stream.

    Args:
        attn: the module whose output, times ``attn_scale``, is what the attention adds (in some layers of a hybrid, what
            mixes positions in its place).
        mlp: the module whose output, times ``mlp_scale``, is what the MLP adds.
        attn_scale: the family's own factor; 1 in most.
        mlp_scale: likewise.
        gap: by how much the sum missed the block's output when it was proved: of the terms at the same place, the most.
    """

    attn: nn.Module
    mlp: nn.Module
    attn_scale: float
    mlp_scale: float
    gap: float


@dataclass
class _Seen:
    """One block in one pass: its stream before and after, and what its modules gave, in the order in which they ended."""

    entered: torch.Tensor | None = None
    left: torch.Tensor | None = None
    outputs: dict[nn.Module, torch.Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class _Sum:
    """Two modules that add up, the one that ended first first."""

    modules: tuple[nn.Module, nn.Module]
    scales: tuple[float, float]
    gap: float


@torch.no_grad()
def find_parts(model: CausalModel, layout: Layout) -> tuple[Parts | None, ...]:
    """The parts of every block; None where no two modules add up, or where they are not told apart.

    Args:
        model: in eval mode; it is run three times on a handful of tokens.
        layout: its proved layout.
    """
    if layout.merge is not None:
        # Positions are not their second axis inside of the blocks, and what adds to several of them at once is no module.
        return (None,) * len(layout.blocks)
    ids = probe_ids(model)
    plain = _observe(model, layout, ids)
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    known = [1.0, *(float(getattr(config, name, None) or 1.0) for name in BLOCK_SCALES)]
    sums = [_adding(seen, tuple(dict.fromkeys(known))) for seen in plain]
    inputs = {layer: seen.entered for layer, seen in enumerate(plain) if seen.entered is not None}
    # Every block sees the streams of the plain pass but for one position, so that one pass proves all blocks.
    others = {layer: _other_first(entered) for layer, entered in inputs.items()}
    firsts = {found.modules[0]: _other_first(seen.outputs[found.modules[0]]) for seen, found in _both(plain, sums)}
    other_input = _observe(model, layout, ids, others)
    # The block's input too: side by side, what comes second is not fed by the first.
    other_first = _observe(model, layout, ids, others, firsts)
    return tuple(
        None if found is None else _told_apart(found, *seen)
        for found, *seen in zip(sums, plain, other_input, other_first, strict=True)
    )


def _both(plain: list[_Seen], sums: list[_Sum | None]) -> list[tuple[_Seen, _Sum]]:
    return [(seen, found) for seen, found in zip(plain, sums, strict=True) if found is not None]


def _other_first(stream: torch.Tensor) -> torch.Tensor:
    """The stream with another first position: its features in reverse order."""
    return torch.cat([stream[:, :1].flip(-1), stream[:, 1:]], 1)


def _observe(
    model: CausalModel,
    layout: Layout,
    ids: torch.Tensor,
    inputs: Mapping[int, torch.Tensor] | None = None,
    outputs: Mapping[nn.Module, torch.Tensor] | None = None,
) -> list[_Seen]:
    """One pass, block by block.

    Args:
        model: what is run.
        layout: its layout.
        ids: the text.
        inputs: layer -> what its block is given in place of its stream.
        outputs: module -> what it gives in place of its own.
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
        # Copies: a block may add to its stream in place.
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
    for one in seen:
        # What is called more than once is not one part.
        one.outputs = {module: stream for module, stream in one.outputs.items() if calls[module] == 1}
    return seen


def is_stream(output: torch.Tensor, stream: torch.Tensor) -> bool:
    """Whether an output has a row for every position of a stream; some MLPs put texts and positions on one axis."""
    return output.is_floating_point() and output.shape[-1:] == stream.shape[-1:] and output.numel() == stream.numel()


def _adding(seen: _Seen, known: tuple[float, ...]) -> _Sum | None:
    """Two modules whose outputs, each times a number, are what the block adds; with a known number for both if one does."""
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
            # Without either of them it must be wrong: what adds next to nothing would fit beside anything.
            if gap <= limit and all(_missed(left, (entered, term)) > limit for term in terms[1:]):
                return _Sum(pair, scales, gap)
    return None


def _fitted(one: torch.Tensor, two: torch.Tensor, added: torch.Tensor) -> tuple[float, float]:
    """The numbers by which two streams come closest to a third."""
    found = torch.linalg.lstsq(torch.stack([one.flatten(), two.flatten()], -1), added.flatten()[:, None]).solution
    return float(found[0]), float(found[1])


def _missed(total: torch.Tensor, terms: tuple[torch.Tensor, ...]) -> float:
    """By how much terms miss their total, of their own size, place by place: a few features of a stream may be huge."""
    size = sum(term.abs() for term in terms) + torch.finfo(torch.float32).tiny
    return float(((total - sum(terms)).abs() / size).max())


def _distinct(outputs: dict[nn.Module, torch.Tensor]) -> dict[nn.Module, torch.Tensor]:
    """Of modules that gave the same, the largest: an attention gives what its output projection gave."""
    kept: dict[nn.Module, torch.Tensor] = {}
    for module, stream in outputs.items():
        same = next((other for other, known in kept.items() if torch.equal(known, stream)), None)
        if same is None:
            kept[module] = stream
        elif len(list(module.modules())) > len(list(same.modules())):
            # In its place: which of two came first is what tells them apart.
            kept = {module if other is same else other: known for other, known in kept.items()}
    return kept


def _told_apart(found: _Sum, plain: _Seen, other_input: _Seen, other_first: _Seen) -> Parts | None:
    """Which of two is the attention: the one that moves, if the other does not.

    Args:
        found: the two.
        plain: their block in a plain pass.
        other_input: with another first position of its stream.
        other_first: with another first position of what the first of the two gives as well, the rest of it as in the plain
            pass: else what comes second would move because the first did.
    """
    (one, two), (of_one, of_two) = found.modules, found.scales
    moved = [
        _moved_later(plain.outputs[module], seen.outputs.get(module))
        for module, seen in ((one, other_input), (two, other_first))
    ]
    if moved == [True, False]:
        return Parts(one, two, of_one, of_two, found.gap)
    if moved == [False, True]:
        return Parts(two, one, of_two, of_one, found.gap)
    return None


def _moved_later(before: torch.Tensor, after: torch.Tensor | None) -> bool | None:
    """Whether anything after the first position is another; None where it did not come at all."""
    if after is None:
        return None
    return relative_gap(after[:, 1:], before[:, 1:]) > SAME_STREAM[coarsest({before.dtype})]
