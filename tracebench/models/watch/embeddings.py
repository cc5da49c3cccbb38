"""Run a model on given embeddings: a hook replaces the output of its embedding module, and the rest runs as usual.

The *output* is replaced, not the weight: some families scale embeddings inside the module, and weights may be offloaded.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from tracebench.models.layout.steady import steady
from tracebench.runtime.interrupts import Scope

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore

#: Ids embedded at once for the mean embedding.
MANY = 4096


def embed(lm: ModelCore, ids: Sequence[int]) -> torch.Tensor:
    """The embeddings of these ids: [token, feature], float32 or wider."""
    with lm.running():
        found = lm.model.get_input_embeddings()(torch.tensor([list(ids)], device=lm.device))[0]
    return found.to(torch.promote_types(found.dtype, torch.float32))


def mean_embedding(lm: ModelCore) -> torch.Tensor:
    """The mean embedding over the vocabulary: [feature]."""
    total = torch.zeros((), device=lm.device, dtype=torch.float32)
    for start in range(0, lm.vocabulary_size, MANY):
        total = total + embed(lm, range(start, min(start + MANY, lm.vocabulary_size))).sum(0)
    return total / lm.vocabulary_size


def last_logits(lm: ModelCore, ids: Sequence[int], embeds: torch.Tensor | None = None) -> torch.Tensor:
    """The logits at the last position of a text, differentiable in ``embeds``: one pass without a cache.

    Args:
        lm: the model. Its weights get no gradients here, whatever their ``requires_grad``.
        ids: [token], the text.
        embeds: [batch, token, feature], replaces the output of the embedding module; None leaves it as it is.

    Returns:
        [batch, vocabulary], in the model's dtype.

    Raises:
        ValueError: the model does not call its embedding module exactly once per pass.
    """
    batch = 1 if embeds is None else len(embeds)
    given = torch.tensor([list(ids)], device=lm.device).expand(batch, -1)
    replaced = nullcontext() if embeds is None else _replaced(lm.model.get_input_embeddings(), embeds)
    with_gradients = torch.is_grad_enabled() and embeds is not None and embeds.requires_grad
    with lm.running(), _frozen(lm.model), steady(lm.model), replaced as calls, torch.set_grad_enabled(with_gradients):
        logits = lm.model(
            input_ids=given, attention_mask=torch.ones_like(given), use_cache=False, **_last_only(lm.model)
        ).logits[:, -1]
    if calls is not None and len(calls) != 1:
        raise ValueError(
            f"{lm.name} calls its embedding module {len(calls)} times in a pass, expected once: attribution cannot replace "
            "its embeddings; use an analysis without gradients, e.g. tb.LogitLens()"
        )
    return logits


def _last_only(model: Any) -> dict[str, int]:
    """The option that computes logits at the last position only, where the model has it: all logits need much memory."""
    known = inspect.signature(model.forward).parameters
    return {"logits_to_keep": 1} if "logits_to_keep" in known else {}


def _replaced(module: nn.Module, embeds: torch.Tensor) -> Scope[list[int]]:
    """Within this scope the module returns ``embeds`` in this thread; the yielded list has one entry per call."""
    thread, calls = threading.get_ident(), []

    def replace(_module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor | None:
        if threading.get_ident() != thread:
            return None
        calls.append(1)
        # A copy, because some models scale their embeddings in place.
        return embeds.to(output.device, output.dtype, copy=True)

    def enter(undo: ExitStack) -> list[int]:
        undo.callback(module.register_forward_hook(replace).remove)
        return calls

    return Scope(enter)


def _frozen(model: nn.Module) -> Scope[None]:
    """Within this scope no weight requires a gradient, which saves the memory for them."""

    def enter(undo: ExitStack) -> None:
        for parameter in model.parameters():
            if parameter.requires_grad:
                undo.callback(parameter.requires_grad_, True)
                parameter.requires_grad_(False)

    return Scope(enter)
