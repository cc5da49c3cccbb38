"""A cache of digests of the logits of plain passes; a watched pass must give the same bits."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

#: Entries in the cache. A digest is small, but its key holds all token ids.
REMEMBERED = 64


class Digests:
    """A cache: state of the model and token ids -> digest of the logits."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, tuple[int, ...]], str] = {}

    def find(self, state: str, ids: Sequence[int]) -> str | None:
        """The digest of a plain pass over these ids in this state; None if it is not cached."""
        return self._known.get((state, tuple(ids)))

    def keep(self, state: str, ids: Sequence[int], logits: torch.Tensor) -> None:
        """Cache the digest of the logits of a plain pass; a full cache is cleared first."""
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[state, tuple(ids)] = digest(logits)

    def clear(self) -> None:
        self._known.clear()


def digest(logits: torch.Tensor) -> str:
    """A digest (32 hex digits) of the exact bits of some logits."""
    bits = logits.contiguous().view(torch.uint8).cpu().numpy()
    return hashlib.blake2b(bits.data, digest_size=16).hexdigest()
