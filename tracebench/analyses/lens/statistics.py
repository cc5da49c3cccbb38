"""Softmax statistics of rows whose logits arrive one slice of the vocabulary at a time.

All sums are relative to the largest logit so far, and rescaled when a larger one arrives, so that nothing overflows.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

#: Size of the groups in which the top logits are searched: only groups with a large maximum are read.
GROUP = 32

LOWEST = torch.finfo(torch.float32).min


class Statistics:
    """Statistics of some rows over the slices added so far, in float32.

    Args:
        shape: (layers, tokens), the shape of the rows.
        top: number of top tokens to keep.
        kept_ids: [token, kept] ids whose logits are also kept, the same for every layer.
    """

    def __init__(self, shape: tuple[int, int], top: int, kept_ids: torch.Tensor) -> None:
        #: An explicit dtype, because a user may change torch's default.
        new: dict[str, Any] = {"device": kept_ids.device, "dtype": torch.float32}
        self._top, self._kept_ids = top, kept_ids
        #: [layer, token, kept], the logits of ``kept_ids``.
        self.kept = torch.full((*shape, kept_ids.shape[-1]), LOWEST, **new)
        #: [layer, token, rank], the top logits in falling order; of equal ones, the lower id comes first.
        self.leading = torch.empty(*shape, 0, **new)
        self.leading_ids = torch.empty(*shape, 0, device=kept_ids.device, dtype=torch.long)
        #: [layer, token], the largest logit so far, and sums relative to it.
        self._shift = torch.full(shape, LOWEST, **new)
        self._norm, self._inner, self._cross, self._mass = torch.zeros(4, *shape, **new)

    def add(self, logits: torch.Tensor, start: int, other: torch.Tensor | None = None) -> None:
        """Add the next slice.

        Args:
            logits: [layer, token, slice] in float32; overwritten.
            start: the id of the slice's first token.
            other: [token, slice] probabilities of the other distribution, for `cross`.
        """
        self._find_kept(logits, start)
        self._find_leading(logits, start)
        # A masked token has logit -inf, and 0 * -inf would be NaN.
        shift = self.leading[..., 0].clamp_min(LOWEST)
        moved, self._shift = (self._shift - shift).clamp_min_(LOWEST), shift
        logits.sub_(shift[..., None]).clamp_min_(LOWEST)
        weights = logits.exp()
        self._inner = (self._inner + self._norm * moved) * moved.exp()
        self._norm = self._norm * moved.exp() + weights.sum(-1)
        self._inner += weights.mul_(logits).sum(-1)
        if other is not None:
            self._cross += self._mass * moved + torch.mul(other, logits, out=weights).sum(-1)
            self._mass += other.sum(-1)

    def _find_kept(self, logits: torch.Tensor, start: int) -> None:
        size = logits.shape[-1]
        at = self._kept_ids - start
        inside = (at >= 0) & (at < size)
        found = logits.gather(-1, at.clamp(0, size - 1).expand(*logits.shape[:-1], -1))
        self.kept = torch.where(inside, found, self.kept)

    def _find_leading(self, logits: torch.Tensor, start: int) -> None:
        full = self.leading.shape[-1] == self._top and bool((self.leading[..., -1] > LOWEST).all())
        near, ids = larger(logits, self.leading[..., -1]) if full else candidates(logits, self._top)
        # Earlier slices have lower ids, so a stable sort puts the lower id first among equal logits.
        values, order = torch.sort(torch.cat([self.leading, near], -1), dim=-1, descending=True, stable=True)
        self.leading = values[..., : self._top].clone()  # a view would keep the whole array in memory
        self.leading_ids = torch.cat([self.leading_ids, ids + start], -1).gather(-1, order[..., : self._top])

    @property
    def lse(self) -> torch.Tensor:
        """[layer, token], log of the sum of exp(logit); -inf or NaN if the logits are no distribution."""
        return self._shift + self._norm.log()

    @property
    def inner(self) -> torch.Tensor:
        """[layer, token], mean of the log-probability: minus the entropy, in nats."""
        return self._inner / self._norm - self._norm.log()

    @property
    def cross(self) -> torch.Tensor:
        """[layer, token], mean of the log-probability under the other distribution: minus the cross entropy, in nats."""
        return self._cross - self._norm.log()

    def log_probs(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of logits of these rows: [layer, token, any] -> the same shape."""
        return logits - self._shift[..., None] - self._norm.log()[..., None]


def candidates(logits: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A subset of the logits that contains the top ones, and its indices in rising order.

    In two stages where that is faster: the top k lie in the k groups with the largest maxima.

    Args:
        logits: [..., vocabulary].
        top: number of top logits.

    Returns:
        Logits [..., candidate], and indices [..., candidate].
    """
    size, groups = logits.shape[-1], logits.shape[-1] // GROUP
    if groups <= 2 * top:
        return logits, torch.arange(size, device=logits.device).expand_as(logits)
    body = logits[..., : groups * GROUP].unflatten(-1, (groups, GROUP))
    # A stable sort takes the lower group among equal maxima.
    best = torch.sort(body.amax(-1), dim=-1, descending=True, stable=True).indices[..., :top].sort(-1).values[..., None]
    near = body.gather(-2, best.expand(*best.shape[:-1], GROUP)).flatten(-2)
    ids = (best * GROUP + torch.arange(GROUP, device=logits.device)).flatten(-2)
    rest = torch.arange(groups * GROUP, size, device=logits.device)
    return torch.cat([near, logits[..., groups * GROUP :]], -1), torch.cat([ids, rest.expand(*ids.shape[:-1], -1)], -1)


def larger(logits: torch.Tensor, bounds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The logits above the bound of their row, and their indices in rising order.

    Few logits exceed the lowest top logit so far, so groups without any are skipped.

    Args:
        logits: [..., vocabulary].
        bounds: [...], a bound per row.

    Returns:
        Logits [..., found], and indices [..., found]. Rows with fewer entries are filled with -inf and 0.
    """
    size, bound = logits.shape[-1], bounds.reshape(-1, 1)
    rows = logits.reshape(-1, size)
    if size % GROUP:
        rows = functional.pad(rows, (0, -size % GROUP), value=-math.inf)
    groups = rows.unflatten(-1, (-1, GROUP))
    row, group = (groups.amax(-1) > bound).nonzero(as_tuple=True)
    near = groups[row, group]
    pair, at = (near > bound[row]).nonzero(as_tuple=True)
    values, ids, row = near[pair, at], group[pair] * GROUP + at, row[pair]
    # Entries of one row are contiguous; their columns count from 0 in each row.
    counts = row.bincount(minlength=len(rows))
    column = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    shape = (*logits.shape[:-1], int(counts.max()))
    found = torch.full((len(rows), shape[-1]), -math.inf, device=logits.device, dtype=logits.dtype)
    found_ids = torch.zeros_like(found, dtype=torch.long)
    found[row, column], found_ids[row, column] = values, ids
    return found.view(shape), found_ids.view(shape)
