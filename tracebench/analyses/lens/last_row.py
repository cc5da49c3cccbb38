"""The check that the last block's lens is the model, taken while the vocabulary goes by slice by slice."""

from __future__ import annotations

import numpy as np
import torch

from tracebench.models.numerics import SAME_STREAM, largest_gap, spread
from tracebench.record.checks import Check

#: Positions that are compared at once with the model's own logits, of whose range.
FEW = 16

MEANING = "Final norm, unembedding, scale and softcap on the last block's output give the model's own logits."


class LastRow:
    """How far the lens of the last block is from the model's own logits [token, vocabulary]."""

    def __init__(self, logits: torch.Tensor) -> None:
        self._logits = logits
        self._gaps = np.zeros(-(-logits.shape[0] // FEW))

    def add(self, read: torch.Tensor, start: int, tokens: slice) -> None:
        """Compare [token, slice] as it was read with the logits from position ``start`` on."""
        for first in range(0, read.shape[0], FEW):
            here = slice(first, min(first + FEW, read.shape[0]))
            gap = largest_gap(read[here], self._logits[start + here.start : start + here.stop, tokens])
            few = slice((start + here.start) // FEW, (start + here.stop - 1) // FEW + 1)
            self._gaps[few] = np.maximum(self._gaps[few], gap)  # NaN stays

    def check(self, dtype: torch.dtype) -> Check:
        """Of a model whose unembedding computes in this type."""
        tiny = torch.finfo(torch.float32).tiny
        ranges = [max(spread(few), tiny) for few in self._logits.split(FEW)]
        gap = float(np.max(self._gaps / ranges))
        return Check("last row = the model", "identity", gap, SAME_STREAM[dtype], MEANING, "of the logit range")
