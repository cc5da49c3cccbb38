"""The check that the lens of the last block gives the model's own logits, computed slice by slice of the vocabulary."""

from __future__ import annotations

import numpy as np
import torch

from tracebench.models.numerics import SAME_STREAM, largest_gap, spread
from tracebench.record.checks import Check

#: Positions compared at once; their gap is relative to the range of their logits.
FEW = 16

MEANING = "Final norm, unembedding, scale and softcap on the last block's output give the model's own logits."


class LastRow:
    """Compares the lens of the last block with the model's own logits.

    Args:
        logits: [token, vocabulary], the model's own.
    """

    def __init__(self, logits: torch.Tensor) -> None:
        self._logits = logits
        self._gaps = np.zeros(-(-logits.shape[0] // FEW))

    def add(self, read: torch.Tensor, start: int, tokens: slice) -> None:
        """Compare one slice.

        Args:
            read: [token, slice], the lens of the last block.
            start: position of its first row.
            tokens: the slice of the vocabulary.
        """
        for first in range(0, read.shape[0], FEW):
            here = slice(first, min(first + FEW, read.shape[0]))
            gap = largest_gap(read[here], self._logits[start + here.start : start + here.stop, tokens])
            few = slice((start + here.start) // FEW, (start + here.stop - 1) // FEW + 1)
            self._gaps[few] = np.maximum(self._gaps[few], gap)  # propagates NaN

    def check(self, dtype: torch.dtype) -> Check:
        """The check, with the tolerance for the unembedding's dtype."""
        tiny = torch.finfo(torch.float32).tiny
        ranges = [max(spread(few), tiny) for few in self._logits.split(FEW)]
        gap = float(np.max(self._gaps / ranges))
        return Check("last row = the model", "identity", gap, SAME_STREAM[dtype], MEANING, "of the logit range")
