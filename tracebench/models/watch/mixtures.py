"""Verify a matrix product in a few random mixtures of its features, in a fraction of the time.

Instead of ``pattern @ value == output``, compare ``pattern @ (value @ signs)`` with ``output @ signs``. A mixture misses an
error only if the errors of its features cancel; 15 mixtures make that very unlikely.

Source: Freivalds, "Probabilistic Machines Can Use Less Running Time", 1977.
"""

from __future__ import annotations

from functools import cache

import torch

#: Number of mixtures. With the column of ones there are 16 columns, an efficient size. Up to 15 features stay unmixed.
MIXTURES = 15


@cache
@torch.inference_mode(mode=False)
def signs(features: int) -> torch.Tensor:
    """The mixing matrix [feature, mixture] of plus and minus ones, the same at every call.

    Each column has as many plus as minus ones, so that an offset common to all features cancels: it would only widen the
    range of the output. Up to `MIXTURES` features give the identity matrix.
    """
    # The result is cached, so its device, dtype and mode are fixed here and do not follow torch's current defaults.
    if features <= MIXTURES:
        return torch.eye(features, dtype=torch.float32, device="cpu")
    # A separate generator leaves torch's global random state alone.
    generator = torch.Generator("cpu").manual_seed(features)
    half = torch.ones(features, dtype=torch.float32, device="cpu")
    half[: features // 2] = -1
    found: list[torch.Tensor] = []
    while len(found) < MIXTURES:
        column = half[torch.randperm(features, generator=generator, device="cpu")]
        if not any(torch.equal(column, sign * other) for other in found for sign in (1, -1)):
            found.append(column)
    return torch.stack(found, 1)


def mixed(values: torch.Tensor) -> torch.Tensor:
    """Mix the features: [..., feature] -> [..., mixture + 1], contiguous.

    The last column is 1, so that ``pattern @ mixed(value)`` has the row sums of the pattern in its last column.
    """
    mixing = signs(values.shape[-1]).to(values)
    found = values.new_ones((*values.shape[:-1], mixing.shape[1] + 1))
    found[..., :-1] = values @ mixing
    return found
