"""Compute logits one slice of the vocabulary at a time, if the unembedding is a plain matrix.

Rows of several layers pass through one slice after another. So the weights are read once instead of once per layer, and the
logits are still in the CPU's cache when the statistics read them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.module import _global_forward_hooks, _global_forward_pre_hooks

from tracebench.models.core import ModelCore

#: Vocabulary tokens per slice; some slices have one `STEP` more.
TOKENS = 2048

#: The length of a slice is a multiple of this, which makes the matrix product faster.
STEP = 64

#: Maximum rows at once; with `TOKENS`, that is 4 MB of float32 logits.
ROWS = 512

#: Maximum rows, and maximum logits, at once over the whole vocabulary: fewer are slower, more need memory.
WHOLE_ROWS, WHOLE_LOGITS = 128, 128 * 50_000


class Unembedding:
    """Logits of normed streams (`Layout.normed`).

    Args:
        lm: the model.
        size: number of logits per position.

    Attributes:
        slices: slices of the vocabulary in order; a single one if the unembedding is not a plain matrix.
        rows: maximum rows to pass at once.
        deep: whether one call may batch several layers. False where a hook may expect a batch of one text.
    """

    def __init__(self, lm: ModelCore, size: int) -> None:
        self._lm, self._layout = lm, lm.layout
        self._matrix = plain_matrix(self._layout.unembed)
        self.deep = self._matrix is not None
        self.slices = even_slices(0, size) if self._matrix else [slice(0, size)]
        self.rows = ROWS if self._matrix else max(1, min(WHOLE_ROWS, WHOLE_LOGITS // size))

    def __call__(self, normed: torch.Tensor, tokens: slice) -> torch.Tensor:
        """Logits of one of `slices`: [batch, token, feature] -> [batch, token, slice of the vocabulary]."""
        if self._matrix is None:
            with self._lm.running():
                return self._layout.head(self._layout.unembed(normed))
        # A matrix has no train or eval mode. Read it under the lock, because another thread may edit it under the lock.
        with self._lm.lock:
            weight, bias = self._matrix.weight.detach()[tokens], self._matrix.bias
            return self._layout.head(functional.linear(normed, weight, None if bias is None else bias.detach()[tokens]))


def plain_matrix(module: nn.Module) -> nn.Linear | None:
    """The module if it is a plain matrix in memory: no hook, no replaced forward, no quantised or offloaded weight; else None."""
    if type(module) is not nn.Linear or "forward" in vars(module):
        return None
    if any((module._forward_hooks, module._forward_pre_hooks, _global_forward_hooks, _global_forward_pre_hooks)):
        return None
    tensors = [tensor for tensor in (module.weight, module.bias) if tensor is not None]
    plain = all(type(tensor.data) is torch.Tensor and tensor.device.type != "meta" for tensor in tensors)
    return module if plain else None


def even_slices(start: int, stop: int) -> list[slice]:
    """Split a range into slices of similar size, about `TOKENS` each; all but the last end at a multiple of `STEP`."""
    size = stop - start
    count = -(-size // TOKENS)
    inner = (start + size * number // count // STEP * STEP for number in range(count))
    return [slice(*ends) for ends in pairwise([*inner, stop])]
