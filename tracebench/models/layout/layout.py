"""Where things are in a model: what feeds block 0, the blocks, and what turns the last one's output into logits.

A `Layout` says where; `family.py` finds it and proves it. Everybody else calls its modules and never reads a weight,
because offloaded weights are elsewhere between calls (`unembedding.py` reads a matrix of which it knows that it is not).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

#: A transformers causal model: a module whose attributes (``config``, ``generate`` ...) no type of ours can promise.
CausalModel = Any


@dataclass(frozen=True)
class Head:
    """What happens to logits after the unembedding: ``cap * tanh(scale * x / cap)``.

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
        names: of the blocks, as in ``named_modules()``.
        blocks: the residual blocks in order.
        final: the modules between the last block's output and the unembedding, in order (usually one norm).
        unembed: the unembedding.
        types: what each of ``final`` and then the unembedding is fed with (a float32 stream may enter half a model).
        head: what happens to the unembedding's output.
        gap: by how much ``readout`` of the last block missed the model's logits when it was proved, of their range.
        merge: where code and no module makes one stream of several before ``final``: what does; blocks then pass
            [stream, batch, token, feature].
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
        """What the unembedding computes in; logits may be cast to a finer type afterwards."""
        return self.types[-1]

    def ordered(self, stream: torch.Tensor) -> torch.Tensor:
        """What a block was given or gave, as everybody else has it: [batch, token, feature], or [batch, token, stream, feature]."""
        return stream if self.merge is None else stream.movedim(0, -2)

    def normed(self, stream: torch.Tensor) -> torch.Tensor:
        """What the unembedding is fed with where this stream is the last one.

        Args:
            stream: [batch, token, ...], as it left a block and was `ordered`.

        Returns:
            [batch, token, feature]
        """
        if self.merge is not None:
            stream = self.merge(stream)
        for module, dtype in zip(self.final, self.types, strict=False):
            stream = module(stream.to(dtype))
        return stream.to(self.dtype)

    def readout(self, stream: torch.Tensor) -> torch.Tensor:
        """The logits that a residual stream stands for.

        Args:
            stream: [batch, token, ...], as it left a block and was `ordered`.

        Returns:
            [batch, token, vocabulary]
        """
        return self.head(self.unembed(self.normed(stream)))


def hidden_input(args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.Tensor | None:
    """The stream that a block was called with: its first positional tensor, or ``hidden_states``."""
    candidates = [*args[:1], kwargs.get("hidden_states")]
    return next((value for value in candidates if isinstance(value, torch.Tensor)), None)


def hidden_output(output: Any) -> torch.Tensor | None:
    """The stream that a block returned: a tensor, or the first of a tuple."""
    first = output[0] if isinstance(output, (tuple, list)) and output else output
    return first if isinstance(first, torch.Tensor) else None
