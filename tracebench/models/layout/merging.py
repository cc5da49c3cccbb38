"""How families merge the several streams of their last block where that is code of the model's forward, and no module.

Nothing that was called then shows what enters the final norm, so it is written down here once more. A row counts only if the
stream that it gives is what the model's next module was called with, and the logits come out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def altup(holder: Any, streams: torch.Tensor) -> torch.Tensor:
    """The mean over the streams, each of the others projected and scaled to the size of the first.

    Source: ``Gemma3nTextModel.forward`` after its blocks ("Per-layer inputs to single output"), in transformers'
    ``models/gemma3n/modeling_gemma3n.py``.

    Args:
        holder: the module that holds the blocks.
        streams: [batch, token, stream, feature].

    Returns:
        [batch, token, feature]
    """
    first, *others = streams.unbind(-2)
    size, merged = torch.mean(first**2, dim=-1, keepdim=True) ** 0.5, [first]
    for projection, stream in zip(holder.altup_unembed_projections, others, strict=True):
        projected = projection(stream).to(first.device, first.dtype)
        own = torch.mean(projected**2, dim=-1, keepdim=True).clamp(min=1e-5).sqrt()
        merged.append(projected * size / own)
    return torch.stack(merged).mean(0)


#: Class name of the module that holds the blocks -> how it merges the streams of the last one. Its blocks pass them along as
#: [stream, batch, token, feature]; the function is given them as everybody else is, [batch, token, stream, feature].
MERGING: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {"Gemma3nTextModel": altup}
