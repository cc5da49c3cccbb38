"""Find a model's layout from its module tree, and accept it only if it reproduces the model's logits.

`discover` watches one short forward pass:

- The blocks are the module list in which the output of each member is the input of the next.
- The final modules lead from the last block's output to the unembedding's input, possibly with a constant factor.
- Scale and softcap of the logits come from the config attributes in `HEAD_ATTRIBUTES`.

A model that discovery cannot handle gets a row in `EXCEPTIONS`. A family whose forward merges several streams in code,
outside of any module, gets a row in `MERGING`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from tracebench.models.layout.layout import CausalModel, Head, Layout, hidden_input, hidden_output
from tracebench.models.layout.merging import MERGING
from tracebench.models.layout.offload import offloaded
from tracebench.models.layout.steady import steady
from tracebench.models.memory import fitting
from tracebench.models.numerics import SAME_STREAM, SAME_TEXT, coarsest, relative_gap
from tracebench.runtime.interrupts import Scope

#: Config attribute (transformers' names) -> how it changes the logits.
HEAD_ATTRIBUTES = {
    "logit_scale": "multiply",
    "logits_scaling": "divide",
    "lm_head_multiplier": "multiply",
    "final_logit_softcapping": "cap",
    "logits_soft_cap": "cap",
    "output_logit_soft_cap": "cap",
}

#: Class name of the model -> dotted name of its block list. Only for models whose block list is not the longest chain.
EXCEPTIONS: dict[str, str] = {}

#: Tokens of the watched pass: longer than a convolution's window, short enough to cost next to nothing.
PROBE = 6


class LayoutError(ValueError):
    """A model whose layout could not be proved; the message says which proof failed."""


@dataclass
class Call:
    """One module call, with the stream that it received and the stream that it returned."""

    module: nn.Module
    entered: torch.Tensor | None
    left: torch.Tensor | None


@dataclass(frozen=True)
class Route:
    """How the stream gets from the last block to the unembedding.

    Args:
        calls: the module calls in between, in order.
        head: the call of the unembedding, or of a module that contains it.
        scale: the factor between the stream after ``calls`` and the input of ``head``.
    """

    calls: tuple[Call, ...]
    head: Call
    scale: float


@torch.no_grad()
def discover(model: CausalModel) -> Layout:
    """Find and prove the layout of a causal model.

    Args:
        model: in eval mode; it runs twice on `PROBE` tokens.

    Raises:
        LayoutError: the model is not causal, has no chain of blocks, or its logits cannot be reproduced.
    """
    if getattr(model.config, "is_encoder_decoder", False):
        raise LayoutError(
            f"{type(model).__name__} has an encoder and a decoder: expected a causal language model, which reads the "
            "text that it continues; load a decoder-only one, e.g. tb.load('gpt2')"
        )
    unembed = getattr(model, "get_output_embeddings", lambda: None)()
    if not isinstance(unembed, nn.Module):
        raise LayoutError(
            f"{type(model).__name__} has no unembedding (get_output_embeddings() is None): expected a causal language "
            "model, as AutoModelForCausalLM.from_pretrained(name) or tb.load(name) loads it"
        )
    ids = probe_ids(model)
    if ids.is_meta:
        raise LayoutError(
            f"{type(model).__name__} is on the meta device, which has shapes and no numbers: expected weights in memory; "
            "load it with from_pretrained(...), or fill it with model.to_empty(device=...) and load_state_dict(...)"
        )
    calls, logits = _watch(model, ids)
    if logits.shape[:2] != ids.shape:
        raise LayoutError(
            f"{type(model).__name__} gives logits for {logits.shape[1]} positions of a text of {ids.shape[1]} tokens "
            "(prompt tuning adds virtual ones): expected one position per token; use the model without its learned prompt"
        )
    _prove_numbers(model, calls, logits)
    _prove_causal(model, ids, logits)
    names, chain = _blocks(model, calls)
    last = chain[-1].left
    heads = _heads(model, unembed, calls)
    if last is None or not heads:
        raise LayoutError(f"{type(model).__name__} did not call its unembedding in a plain forward pass")
    after = calls[calls.index(chain[-1]) + 1 :]
    route, merge = _find_route(last, heads, after), None
    holder = model.get_submodule(names[0].rpartition(".")[0].rpartition(".")[0])
    row = MERGING.get(type(holder).__name__)
    if route is None and row is not None:
        merge = partial(row, holder)
        route = _find_route(merge(last.movedim(0, -2)), heads, after)
    if route is None:
        raise LayoutError(
            f"{type(model).__name__}: no module call leads from the last block ({names[-1]}) to the unembedding. "
            "If its forward merges several streams outside of modules, add a row to tracebench.models.layout.merging that "
            "does the same. If it also reads the outputs of earlier blocks, no lens can explain it: use another model"
        )
    blocks = tuple(call.module for call in chain)
    final = tuple(call.module for call in route.calls)
    types = tuple(call.entered.dtype for call in (*route.calls, route.head) if call.entered is not None)
    layout = Layout(names, blocks, final, route.head.module, types, Head(route.scale), 0.0, merge)
    return _with_head(model, layout, layout.ordered(last), logits)


def probe_device(model: CausalModel) -> torch.device:
    """The device that the model expects token ids on."""
    embedding = model.get_input_embeddings()
    weight = next(iter(embedding.parameters()), None)
    device = weight.device if weight is not None else torch.device("cpu")
    if device.type != "meta":
        return device
    where = offloaded(embedding, "execution_device")
    return torch.device(where) if where is not None else device


def vocabulary_size(model: CausalModel) -> int:
    """How many token ids the embedding module accepts."""
    embedding = model.get_input_embeddings()
    size = getattr(embedding, "num_embeddings", None)
    # An adapter that wraps an embedding has no `num_embeddings`, only the weight.
    return int(embedding.weight.shape[0] if size is None else size)


def probe_ids(model: CausalModel) -> torch.Tensor:
    """`PROBE` token ids [1, token] for a proof."""
    size = vocabulary_size(model)
    # Distinct ids, spread over the vocabulary, away from the special tokens at its start.
    ids = [(size // 3 + 7 * n * n + 11 * n) % size for n in range(PROBE)]
    return torch.tensor([ids], device=probe_device(model))


def run(model: CausalModel, ids: torch.Tensor) -> torch.Tensor:
    """One plain forward pass without a cache: [batch, token] -> logits [batch, token, vocabulary]."""
    with steady(model), fitting(pass_does_not_fit(model, ids)):
        return model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits


def pass_does_not_fit(model: CausalModel, ids: torch.Tensor) -> str:
    """The error message for a pass that runs out of memory."""
    length = ids.shape[1]
    # Logits have the dtype of the floating weights; quantised weights are bytes.
    size = next((p.element_size() for p in model.parameters() if p.is_floating_point()), 4)
    logits = length * vocabulary_size(model) * size
    # The layout proof itself reads PROBE tokens, so a shorter text does not help.
    shorter = f"read a shorter text, of {length // 2} tokens or fewer"
    ask = shorter if length > PROBE else "load the model in a type of fewer bytes"
    return (
        f"one pass over {length} tokens does not fit the memory of {ids.device} (its logits alone take {logits / 1e9:.2g} "
        f"GB): free some, or {ask}"
    )


def _watch(model: CausalModel, ids: torch.Tensor) -> tuple[list[Call], torch.Tensor]:
    """Run one pass and return every module call, in the order in which the calls *end*, and the logits."""
    calls: list[Call] = []
    thread = threading.get_ident()

    def note(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if threading.get_ident() == thread:
            calls.append(Call(module, hidden_input(args, kwargs), hidden_output(output)))

    def enter(undo: ExitStack) -> None:
        for module in model.modules():
            undo.callback(module.register_forward_hook(note, with_kwargs=True).remove)

    with Scope(enter):
        return calls, run(model, ids)


def _prove_numbers(model: nn.Module, calls: list[Call], logits: torch.Tensor) -> None:
    if not bool(torch.isnan(logits).any()):
        return
    names = {module: name for name, module in model.named_modules()}
    first = next(
        (names[call.module] for call in calls if call.left is not None and bool(torch.isnan(call.left).any())), ""
    )
    raise LayoutError(
        f"{type(model).__name__} gives NaN{f', first in the output of {first}' if first else ''}: check its weights and its dtype "
        "(float16 overflows in many models; bfloat16 and float32 do not)"
    )


def _prove_causal(model: CausalModel, ids: torch.Tensor, logits: torch.Tensor) -> None:
    other = ids.clone()
    other[0, -1] = (ids[0, -1] + 1) % vocabulary_size(model)
    gap = relative_gap(run(model, other)[:, :-1], logits[:, :-1])
    if not gap <= SAME_TEXT[coarsest({logits.dtype, *(parameter.dtype for parameter in model.parameters())})]:
        raise LayoutError(
            f"{type(model).__name__} is not causal: changing the last token changed earlier logits by {gap:.2g} of "
            "their range. Expected a decoder: an encoder needs is_decoder=True, a model whose activations are quantised "
            "by the range of the whole text (dynamic quantisation) must be loaded unquantised"
        )


def _blocks(model: nn.Module, calls: list[Call]) -> tuple[tuple[str, ...], list[Call]]:
    """The names and calls of the longest module list that forms a `_chain`."""
    best: tuple[tuple[str, ...], list[Call]] | None = None
    wanted = EXCEPTIONS.get(type(model).__name__)
    for name, modules in _lists(model):
        if wanted is not None and name != wanted:
            continue
        chain = _chain(modules, calls)
        if chain is not None and (best is None or len(chain) > len(best[1])):
            best = (tuple(f"{name}.{i}" for i in range(len(chain))), chain)
    if best is None:
        raise LayoutError(
            f"{type(model).__name__}: found no list of blocks in which the output of each is the input of the next; looked at "
            f"{', '.join(name for name, _ in _lists(model)) or 'no lists, it has none'}. If its layers are spread over several "
            "lists, use another model; otherwise add a row to EXCEPTIONS in tracebench.models.layout.family"
        )
    return best


def _lists(model: nn.Module) -> Iterator[tuple[str, list[nn.Module]]]:
    for name, module in model.named_modules():
        if isinstance(module, nn.ModuleList) and len(module):
            yield name, list(module)


def _chain(modules: list[nn.Module], calls: list[Call]) -> list[Call] | None:
    """The calls of these modules, if each ran once and its output is the input of the next; else None."""
    chain = []
    for module in modules:
        mine = [call for call in calls if call.module is module]
        if len(mine) != 1 or not any(True for _ in module.parameters()):
            return None
        chain += mine
    for before, call in pairwise(chain):
        if not _same(before.left, call.entered):
            return None
    shapes = {None if s is None else s.shape for s in (chain[0].entered, *(call.left for call in chain))}
    return chain if len(shapes) == 1 and None not in shapes else None


def _heads(model: CausalModel, unembed: nn.Module, calls: list[Call]) -> list[Call]:
    """The call of the unembedding, then the calls of the modules that contain it, from the inside out.

    A head may apply plain functions between its modules; then only the call of the whole head continues the stream.
    """
    around = [module for module in model.modules() if any(part is unembed for part in module.modules())]
    order = {module: depth for depth, module in enumerate(reversed(around))}
    return sorted((call for call in calls if call.module in order), key=lambda call: order[call.module])


def _find_route(last: torch.Tensor, heads: list[Call], after: list[Call]) -> Route | None:
    """The route that ends in exactly the input of a head; else one that ends in a multiple of it; else None."""
    for scaled in (False, True):
        for head in heads:
            route = _extend(Route((), head, 1.0), last, after, scaled=scaled)
            if route is not None:
                return route
    return None


def _extend(route: Route, start: torch.Tensor, calls: list[Call], *, scaled: bool) -> Route | None:
    """Extend a route by calls until the stream ``start`` reaches its head: each call receives what the last one returned."""
    if _same(start, route.head.entered):
        return route
    scale = _multiple(start, route.head.entered) if scaled else None
    if scale is not None:
        return replace(route, scale=scale)
    for at, call in enumerate(calls):
        if call.left is not None and _same(start, call.entered) and not _same(start, call.left):
            longer = replace(route, calls=(*route.calls, call))
            complete = _extend(longer, call.left, calls[at + 1 :], scaled=scaled)
            if complete is not None:
                return complete
    return None


def _with_head(model: CausalModel, layout: Layout, last: torch.Tensor, logits: torch.Tensor) -> Layout:
    """The layout with the scale and softcap that reproduce the model's logits.

    Tries the values of the config's attributes first, then without the scale, without the softcap, and without both.
    """
    config = model.config.get_text_config() if hasattr(model.config, "get_text_config") else model.config
    own = layout.head.scale
    scale, cap = own, None
    for attribute, how in HEAD_ATTRIBUTES.items():
        value = getattr(config, attribute, None)
        if not value:
            continue
        if how == "cap":
            cap = float(value)
        else:
            scale *= float(value) if how == "multiply" else 1.0 / float(value)
    tried = []
    for head in dict.fromkeys((Head(scale, cap), Head(own, cap), Head(scale), Head(own))):
        found = replace(layout, head=head).readout(last)
        gap = relative_gap(found.to(logits.device), logits) if found.shape == logits.shape else float("inf")
        if gap <= SAME_STREAM[layout.dtype]:
            return replace(layout, head=head, gap=gap, scored=logits.shape[-1])
        tried.append(f"{head}: {gap:.2g}")
    raise LayoutError(
        f"{type(model).__name__}: final norm and unembedding do not give the model's logits (gap relative to their "
        f"range: {'; '.join(tried)}). Add the config attribute that scales the logits to HEAD_ATTRIBUTES in "
        "tracebench.models.layout.family"
    )


def _same(one: torch.Tensor | None, other: torch.Tensor | None) -> bool:
    """Whether the later stream equals the earlier one, moved and cast to the later one's device and dtype."""
    if one is None or other is None or one.shape != other.shape:
        return False
    if one is other:
        return True
    return torch.equal(one.to(other.device, other.dtype), other)


def _multiple(one: torch.Tensor, other: torch.Tensor | None) -> float | None:
    """The factor between the earlier and the later stream; None if the later one is no multiple."""
    if other is None or one.shape != other.shape or not one.is_floating_point():
        return None
    # On the CPU, because some devices lack float64. PROBE tokens are cheap to move.
    before, after = one.cpu().double(), other.cpu().double()
    scale = float((before * after).sum() / before.square().sum())
    gap = relative_gap(before * scale, after)
    return scale if gap <= SAME_STREAM[coarsest({one.dtype, other.dtype})] else None
