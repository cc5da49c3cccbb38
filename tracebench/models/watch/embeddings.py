"""Put other embeddings into a model: what its embedding module gives out is exchanged, everything after it runs as ever.

The *output* of the module, not rows of its weight: some families scale in there, and offloaded weights are elsewhere.
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

#: Ids that are embedded at once for their mean.
MANY = 4096


def embed(lm: ModelCore, ids: Sequence[int]) -> torch.Tensor:
    """What the embedding module gives for these ids: [token, feature], float32 or wider."""
    with lm.running():
        found = lm.model.get_input_embeddings()(torch.tensor([list(ids)], device=lm.device))[0]
    return found.to(torch.promote_types(found.dtype, torch.float32))


def mean_embedding(lm: ModelCore) -> torch.Tensor:
    """The mean over the vocabulary: [feature]."""
    total = torch.zeros((), device=lm.device, dtype=torch.float32)
    for start in range(0, lm.vocabulary_size, MANY):
        total = total + embed(lm, range(start, min(start + MANY, lm.vocabulary_size))).sum(0)
    return total / lm.vocabulary_size


def last_logits(lm: ModelCore, ids: Sequence[int], embeds: torch.Tensor | None = None) -> torch.Tensor:
    """The logits that follow a text, differentiable in ``embeds``: one pass, no cache.

    Args:
        lm: its weights get no gradients here, whatever they are set to.
        ids: the text, [token].
        embeds: [batch, token, feature], put in place of what the embedding module gives; None leaves it alone.

    Returns:
        [batch, vocabulary], in the model's own type; of the last position.

    Raises:
        ValueError: the embedding module is not called once per pass, so nothing can be put in.
    """
    batch = 1 if embeds is None else len(embeds)
    given = torch.tensor([list(ids)], device=lm.device).expand(batch, -1)
    put_in = nullcontext() if embeds is None else _put_in(lm.model.get_input_embeddings(), embeds)
    wanted = torch.is_grad_enabled() and embeds is not None and embeds.requires_grad
    with lm.running(), _frozen(lm.model), steady(lm.model), put_in as calls, torch.set_grad_enabled(wanted):
        logits = lm.model(
            input_ids=given, attention_mask=torch.ones_like(given), use_cache=False, **_last_only(lm.model)
        ).logits[:, -1]
    if calls is not None and len(calls) != 1:
        raise ValueError(
            f"{lm.name} calls its embedding module {len(calls)} times in a pass, expected once: its tokens cannot be "
            "exchanged by their embeddings"
        )
    return logits


def _last_only(model: Any) -> dict[str, int]:
    """Most models can leave out the logits of all other positions, which would be larger than anything else."""
    known = inspect.signature(model.forward).parameters
    return {"logits_to_keep": 1} if "logits_to_keep" in known else {}


def _put_in(module: nn.Module, embeds: torch.Tensor) -> Scope[list[int]]:
    """Within this scope the module gives ``embeds`` to passes of this thread; the list counts them."""
    thread, calls = threading.get_ident(), []

    def exchange(_module: nn.Module, _args: Any, output: torch.Tensor) -> torch.Tensor | None:
        if threading.get_ident() != thread:
            return None
        calls.append(1)
        # A copy: some models scale their embeddings in place.
        return embeds.to(output.device, output.dtype, copy=True)

    def enter(undo: ExitStack) -> list[int]:
        undo.callback(module.register_forward_hook(exchange).remove)
        return calls

    return Scope(enter)


def _frozen(model: nn.Module) -> Scope[None]:
    """Within this scope no weight asks for a gradient: nothing is kept for theirs."""

    def enter(undo: ExitStack) -> None:
        for parameter in model.parameters():
            if parameter.requires_grad:
                undo.callback(parameter.requires_grad_, True)
                parameter.requires_grad_(False)

    return Scope(enter)
