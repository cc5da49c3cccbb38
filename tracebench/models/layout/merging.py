"""How families with several streams merge them after the last block, where the model's forward does it without a module.

No module call shows this step, so it is repeated here. `discover` accepts a row only if its result equals the input of
the model's next module, and the layout reproduces the logits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def altup(holder: Any, streams: torch.Tensor) -> torch.Tensor:
    """The mean over the streams, after the others are projected and scaled to the root mean square of the first.

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


#: Class name of the module that holds the blocks -> how it merges the streams of the last block.
#: The blocks pass [stream, batch, token, feature]; the function takes [batch, token, stream, feature] (`Layout.ordered`).
MERGING: dict[str, Callable[[Any, torch.Tensor], torch.Tensor]] = {"Gemma3nTextModel": altup}
