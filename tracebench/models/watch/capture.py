"""Record the residual stream of one pass: the input of block 0, the output of every block, and what every block adds.

The hooks change nothing. They act only in the thread that registered them, although torch calls them in every thread.
They are removed afterwards, also after an error or an interrupt.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import nn

from tracebench.models.layout.layout import Layout, hidden_input, hidden_output
from tracebench.models.layout.parts import Parts
from tracebench.record.checks import Check
from tracebench.runtime.interrupts import Scope


class Streams(list):
    """Residual streams in order: entry 0 is the input of block 0 (layer coordinate -1), entry l+1 the output of block l.

    Each is [batch, token, feature], in the model's dtype and on its own device. Families with several streams have
    [batch, token, stream, feature].
    """


def capture_streams(layout: Layout) -> Scope[Streams]:
    """Within this scope, each forward pass of this thread replaces the contents of the yielded list."""
    thread = threading.get_ident()
    streams = Streams()

    def entering(_module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if threading.get_ident() == thread:
            # Clone, because a block may add to its input in place.
            streams[:] = [layout.ordered(_kept(hidden_input(args, kwargs))).clone()]

    def leaving(_module: nn.Module, _args: Any, output: Any) -> None:
        if threading.get_ident() == thread:
            streams.append(layout.ordered(_kept(hidden_output(output))).clone())

    def enter(undo: ExitStack) -> Streams:
        undo.callback(layout.blocks[0].register_forward_pre_hook(entering, with_kwargs=True).remove)
        for block in layout.blocks:
            undo.callback(block.register_forward_hook(leaving).remove)
        return streams

    return Scope(enter)


@dataclass
class Added:
    """Contributions of the blocks of one pass: ``streams[layer] + attn[layer] + mlp[layer] = streams[layer + 1]`` of `Streams`.

    Args:
        attn: layer -> [batch, token, feature], including the family's factor; no entry for a block without parts.
        mlp: likewise.
    """

    attn: dict[int, torch.Tensor] = field(default_factory=dict)
    mlp: dict[int, torch.Tensor] = field(default_factory=dict)


def capture_added(layout: Layout, parts: Sequence[Parts | None]) -> Scope[Added]:
    """Within this scope, each forward pass of this thread replaces the contents of the yielded `Added`.

    Args:
        layout: the layout of the model that runs.
        parts: `ModelCore.parts`.
    """
    thread, added = threading.get_ident(), Added()
    shapes: dict[int, torch.Size] = {}

    def entering(layer: int, _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if threading.get_ident() == thread:
            shapes[layer] = _kept(hidden_input(args, kwargs)).shape

    def leaving(
        into: dict[int, torch.Tensor], layer: int, scale: float, _module: nn.Module, _args: Any, out: Any
    ) -> None:
        if threading.get_ident() == thread:
            stream = _kept(hidden_output(out)).view(shapes[layer])
            into[layer] = stream.clone() if scale == 1.0 else stream * scale

    def enter(undo: ExitStack) -> Added:
        for layer, (block, part) in enumerate(zip(layout.blocks, parts, strict=True)):
            if part is None:
                continue
            undo.callback(block.register_forward_pre_hook(partial(entering, layer), with_kwargs=True).remove)
            for into, module, scale in (
                (added.attn, part.attn, part.attn_scale),
                (added.mlp, part.mlp, part.mlp_scale),
            ):
                undo.callback(module.register_forward_hook(partial(leaving, into, layer, scale)).remove)
        return added

    return Scope(enter)


def _kept(stream: torch.Tensor | None) -> torch.Tensor:
    if stream is None:
        raise RuntimeError("a block was called without a stream; the proved layout no longer fits this model")
    return stream.detach()


def hooks_check(same: bool) -> Check:
    """The check that hooks changed nothing.

    Args:
        same: whether the logits of the watched pass and of a plain pass have the same digest.
    """
    return Check(
        "hooks leave the model alone",
        "identity",
        0.0 if same else 1.0,
        0.0,
        "The logits of the watched pass are those of a plain pass, bit for bit.",
    )
