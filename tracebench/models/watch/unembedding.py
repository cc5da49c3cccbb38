"""The unembedding a slice of the vocabulary at a time, where it is a plain matrix.

All rows of many layers go through one slice after another: its weights are then read once and not once per layer, and the
logits are still in the processor's cache when their statistics are taken.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks

from tracebench.models.core import ModelCore

#: Tokens of the vocabulary in a slice; a `STEP` more in some.
TOKENS = 2048

#: Slices are so many tokens long, or a multiple: processors like that better.
STEP = 64

#: Rows that go through at once, at the most: with `TOKENS`, logits of 4 MB in float32.
ROWS = 512

#: Rows that go through all of the vocabulary at once, and their logits: fewer make the product slower, more take memory.
WHOLE_ROWS, WHOLE_LOGITS = 128, 128 * 50_000


class Unembedding:
    """Logits of what `Layout.normed` gave.

    Args:
        lm: the model.
        size: of its vocabulary.

    Attributes:
        slices: of the vocabulary, in order; all of it in one where the unembedding is more than a matrix.
        rows: that should go through at once, at the most.
        deep: whether they may be of several layers, as texts side by side. A hook may count on one text.
    """

    def __init__(self, lm: ModelCore, size: int) -> None:
        self._lm, self._layout = lm, lm.layout
        self._matrix = plain_matrix(self._layout.unembed)
        self.deep = self._matrix is not None
        self.slices = even_slices(0, size) if self._matrix else [slice(0, size)]
        self.rows = ROWS if self._matrix else max(1, min(WHOLE_ROWS, WHOLE_LOGITS // size))

    def __call__(self, normed: torch.Tensor, tokens: slice) -> torch.Tensor:
        """[batch, token, feature] -> [batch, token, slice of the vocabulary], one of `slices`."""
        if self._matrix is None:
            with self._lm.running():
                return self._layout.head(self._layout.unembed(normed))
        # A matrix has no mode; it is read under the lock, because who holds that may change it for a while.
        with self._lm.lock:
            weight, bias = self._matrix.weight.detach()[tokens], self._matrix.bias
            return self._layout.head(functional.linear(normed, weight, None if bias is None else bias.detach()[tokens]))


def plain_matrix(module: nn.Module) -> nn.Linear | None:
    """A module that is a matrix in memory and nothing else: no hook, no other forward, no quantised or absent weight."""
    if type(module) is not nn.Linear or "forward" in vars(module):
        return None
    if any((module._forward_hooks, module._forward_pre_hooks, _global_forward_hooks, _global_forward_pre_hooks)):
        return None
    tensors = [tensor for tensor in (module.weight, module.bias) if tensor is not None]
    plain = all(type(tensor.data) is torch.Tensor and tensor.device.type != "meta" for tensor in tensors)
    return module if plain else None


def even_slices(start: int, stop: int) -> list[slice]:
    """As few parts of a range as hold about `TOKENS` each, all about as large and all but the last of `STEP`s."""
    size = stop - start
    count = -(-size // TOKENS)
    inner = (start + size * number // count // STEP * STEP for number in range(count))
    return [slice(*ends) for ends in pairwise([*inner, stop])]
