"""Digests of the logits of plain passes: what a watched pass is held against, bit for bit."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

#: Digests that are kept (a digest is small, the ids beside it may not be).
REMEMBERED = 64


class Digests:
    """The digest of each sequence and state of a model."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[int, ...]], str] = {}

    def find(self, state: str, ids: Sequence[int]) -> str | None:
        """Of the plain pass of a model in this state over these ids; None if there was none."""
        return self._known.get((state, tuple(ids)))

    def keep(self, state: str, ids: Sequence[int], logits: torch.Tensor) -> None:
        """Remember the logits of a plain pass."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[state, tuple(ids)] = digest(logits)

    def clear(self) -> None:
        self._known.clear()


def digest(logits: torch.Tensor) -> str:
    """Digest of the exact bits of some logits."""
    bits = logits.contiguous().view(torch.uint8).cpu().numpy()
    return hashlib.blake2b(bits.data, digest_size=16).hexdigest()
