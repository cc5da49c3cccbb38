"""Softmax statistics of rows whose logits come a slice of the vocabulary at a time.

What was added is kept relative to the largest logit so far and rescaled when a larger one comes, so that nothing overflows.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn import functional

#: Logits from which the leading ones are looked for in groups of so many, by their largest.
GROUP = 32

LOWEST = torch.finfo(torch.float32).min


class Statistics:
    """What is known of some rows after the slices that were added, in float32.

    Args:
        shape: of the rows: [layer, token].
        top: leading tokens that are kept.
        asked: [token, asked] ids whose logits are kept, the same in every layer.
    """

    def __init__(self, shape: tuple[int, int], top: int, asked: torch.Tensor) -> None:
        #: Named, because a user may have set another type as torch's default.
        new: dict[str, Any] = {"device": asked.device, "dtype": torch.float32}
        self._top, self._asked = top, asked
        #: [layer, token, asked]
        self.asked = torch.full((*shape, asked.shape[-1]), LOWEST, **new)
        #: [layer, token, rank], by their logits; of equals the lower id comes first.
        self.leading = torch.empty(*shape, 0, **new)
        self.leading_ids = torch.empty(*shape, 0, device=asked.device, dtype=torch.long)
        #: The largest logit, and all sums relative to it.
        self._shift = torch.full(shape, LOWEST, **new)
        self._norm, self._inner, self._cross, self._mass = torch.zeros(4, *shape, **new)

    def add(self, logits: torch.Tensor, start: int, other: torch.Tensor | None = None) -> None:
        """Take in the next slice.

        Args:
            logits: [layer, token, slice] in float32; is overwritten.
            start: the id of its first token.
            other: [token, slice] probabilities of a distribution for `cross`.
        """
        self._find_asked(logits, start)
        self._find_leading(logits, start)
        # A masked token has -inf, and 0 * -inf would be NaN.
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

    def _find_asked(self, logits: torch.Tensor, start: int) -> None:
        size = logits.shape[-1]
        at = self._asked - start
        inside = (at >= 0) & (at < size)
        found = logits.gather(-1, at.clamp(0, size - 1).expand(*logits.shape[:-1], -1))
        self.asked = torch.where(inside, found, self.asked)

    def _find_leading(self, logits: torch.Tensor, start: int) -> None:
        full = self.leading.shape[-1] == self._top and bool((self.leading[..., -1] > LOWEST).all())
        near, ids = larger(logits, self.leading[..., -1]) if full else candidates(logits, self._top)
        # What was there has lower ids: of equals the lower comes first, as it is stable.
        values, order = torch.sort(torch.cat([self.leading, near], -1), dim=-1, descending=True, stable=True)
        self.leading = values[..., : self._top].clone()  # not as a view, which would keep all of them
        self.leading_ids = torch.cat([self.leading_ids, ids + start], -1).gather(-1, order[..., : self._top])

    @property
    def lse(self) -> torch.Tensor:
        """[layer, token] log of the sum of exp(logit): -inf or NaN where there is no distribution."""
        return self._shift + self._norm.log()

    @property
    def inner(self) -> torch.Tensor:
        """[layer, token] mean of the log-probability: minus the entropy."""
        return self._inner / self._norm - self._norm.log()

    @property
    def cross(self) -> torch.Tensor:
        """[layer, token] mean of the log-probability under the other distribution: minus the cross entropy."""
        return self._cross - self._norm.log()

    def log_probs(self, logits: torch.Tensor) -> torch.Tensor:
        """Of logits of these rows: [layer, token, any] -> the same."""
        return logits - self._shift[..., None] - self._norm.log()[..., None]


def candidates(logits: torch.Tensor, top: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [..., vocabulary] among which the leading ones are, and their indices, lower ones first.

    In two stages where that is quicker: the top k lie in the k groups with the largest maxima.
    """
    size, groups = logits.shape[-1], logits.shape[-1] // GROUP
    if groups <= 2 * top:
        return logits, torch.arange(size, device=logits.device).expand_as(logits)
    body = logits[..., : groups * GROUP].unflatten(-1, (groups, GROUP))
    # Stable, so that of groups with equal maxima the lower ones are taken.
    best = torch.sort(body.amax(-1), dim=-1, descending=True, stable=True).indices[..., :top].sort(-1).values[..., None]
    near = body.gather(-2, best.expand(*best.shape[:-1], GROUP)).flatten(-2)
    ids = (best * GROUP + torch.arange(GROUP, device=logits.device)).flatten(-2)
    rest = torch.arange(groups * GROUP, size, device=logits.device)
    return torch.cat([near, logits[..., groups * GROUP :]], -1), torch.cat([ids, rest.expand(*ids.shape[:-1], -1)], -1)


def larger(logits: torch.Tensor, bounds: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits [..., vocabulary] above the bound of their row [...], and their indices, lower ones first.

    [..., as many as the row with the most has]; where others have none it says -inf and 0. Few are above a bound of the
    leading tokens so far: groups without any are passed over.
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
    # Those of a row stand together: side by side from its first column on.
    counts = row.bincount(minlength=len(rows))
    column = torch.arange(len(row), device=row.device) - (counts.cumsum(0) - counts)[row]
    shape = (*logits.shape[:-1], int(counts.max()))
    found = torch.full((len(rows), shape[-1]), -math.inf, device=logits.device, dtype=logits.dtype)
    found_ids = torch.zeros_like(found, dtype=torch.long)
    found[row, column], found_ids[row, column] = values, ids
    return found.view(shape), found_ids.view(shape)
