"""Where the parts of a model are: its blocks, final norm, unembedding, and the scale and softcap of its logits.

`family.py` finds and proves a `Layout`. Other code calls the modules of a layout and reads no weights, because offloaded
weights are in memory only during a call. The one exception is `unembedding.py`, which checks this first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

#: A transformers causal model. `Any`, because torch's module type lacks its attributes (``config``, ``generate`` ...).
CausalModel = Any


@dataclass(frozen=True)
class Head:
    """Scale and softcap of the logits after the unembedding: ``cap * tanh(scale * x / cap)``.

    Args:
        scale: factor; 1 where there is none.
        cap: softcap; None where there is none.
    """

    scale: float = 1.0
    cap: float | None = None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        if self.scale != 1.0:
            logits = logits * self.scale
        return logits if self.cap is None else torch.tanh(logits / self.cap) * self.cap


@dataclass(frozen=True)
class Layout:
    """A proved layout.

    Args:
        names: names of the blocks, as in ``named_modules()``.
        blocks: the residual blocks in order.
        final: the modules between the last block's output and the unembedding, in order (usually one norm).
        unembed: the unembedding.
        types: the input dtype of each module in ``final``, then that of the unembedding. They may differ: a half precision
            model may have a float32 stream.
        head: scale and softcap of the unembedding's output.
        gap: largest difference between ``readout`` of the last block and the model's logits, as a share of their range.
        merge: the function that merges several streams into one before ``final``; None where a block passes one stream.
            With it, blocks pass [stream, batch, token, feature].
        scored: how many token ids have a logit.
    """

    names: tuple[str, ...]
    blocks: tuple[nn.Module, ...]
    final: tuple[nn.Module, ...]
    unembed: nn.Module
    types: tuple[torch.dtype, ...]
    head: Head
    gap: float
    merge: Callable[[torch.Tensor], torch.Tensor] | None = None
    scored: int = 0

    @property
    def dtype(self) -> torch.dtype:
        """The input dtype of the unembedding; the model may cast its logits to a finer dtype afterwards."""
        return self.types[-1]

    def ordered(self, stream: torch.Tensor) -> torch.Tensor:
        """A block's input or output in the axis order of this package.

        Returns:
            [batch, token, feature], or [batch, token, stream, feature] where a block passes several streams.
        """
        return stream if self.merge is None else stream.movedim(0, -2)

    def normed(self, stream: torch.Tensor) -> torch.Tensor:
        """The input of the unembedding if the model stopped at this stream.

        Args:
            stream: [batch, token, ...], a block's output after `ordered`.

        Returns:
            [batch, token, feature]
        """
        if self.merge is not None:
            stream = self.merge(stream)
        for module, dtype in zip(self.final, self.types, strict=False):
            stream = module(stream.to(dtype))
        return stream.to(self.dtype)

    def readout(self, stream: torch.Tensor) -> torch.Tensor:
        """The logits if the model stopped at this stream.

        Args:
            stream: [batch, token, ...], a block's output after `ordered`.

        Returns:
            [batch, token, vocabulary]
        """
        return self.head(self.unembed(self.normed(stream)))


def hidden_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The stream that a block received: its first positional argument, or ``hidden_states``; None if no tensor."""
    candidates = [*args[:1], kwargs.get("hidden_states")]
    return next((value for value in candidates if isinstance(value, torch.Tensor)), None)


def hidden_output(output: Any) -> torch.Tensor | None:
    """The stream that a block returned: its output, or the first entry of a tuple; None if no tensor."""
    first = output[0] if isinstance(output, (tuple, list)) and output else output
    return first if isinstance(first, torch.Tensor) else None
