"""Random mixtures of features: whether a matrix product is the right one shows in a few of them, in a fraction of the time.

Whether ``pattern @ value`` is ``output`` is asked of ``pattern @ (value @ signs)`` and ``output @ signs``. What is wrong in a
pattern is wrong in every feature alike, because all of them are weighted by it; a mixture misses it where the features' errors
happen to cancel, and of so many mixtures none does. Source: Freivalds, "Probabilistic Machines Can Use Less Running Time", 1977.
"""

from __future__ import annotations

from functools import cache

import torch

#: With the column that sums the rows 16, which matrix products like. Fewer features are compared as they are.
MIXTURES = 15


@cache
@torch.inference_mode(mode=False)
def signs(features: int) -> torch.Tensor:
    """[feature, mixture]: plus or minus one each, always the same; the features themselves where they are no more.

    As many plus as minus: what all features have in common would only make their range wider.
    """
    # Kept for later: not of the device, type and mode that somebody chose meanwhile.
    if features <= MIXTURES:
        return torch.eye(features, dtype=torch.float32, device="cpu")
    # A generator of its own: nobody else's numbers change.
    chance = torch.Generator("cpu").manual_seed(features)
    half = torch.ones(features, dtype=torch.float32, device="cpu")
    half[: features // 2] = -1
    found: list[torch.Tensor] = []
    while len(found) < MIXTURES:
        other = half[torch.randperm(features, generator=chance, device="cpu")]
        if not any(torch.equal(other, sign * each) for each in found for sign in (1, -1)):
            found.append(other)
    return torch.stack(found, 1)


def mixed(values: torch.Tensor) -> torch.Tensor:
    """[..., feature] -> [..., mixture + 1], contiguous; the last is 1, and sums the rows of what is multiplied by it."""
    mixing = signs(values.shape[-1]).to(values)
    found = values.new_ones((*values.shape[:-1], mixing.shape[1] + 1))
    found[..., :-1] = values @ mixing
    return found
