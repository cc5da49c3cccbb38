"""The attention pattern of one call, computed from its arguments: scores, masks, softmax, sinks, and their proof."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from tracebench.models.watch.mixtures import mixed

#: Query rows computed at once. On the CPU few rows fit the cache, and a causal mask lets them skip the keys after the last
#: row. On other devices each call has a cost, so there are more rows per call.
ROWS = {"cpu": 128}
MANY_ROWS = 512

#: ``take(rows, pattern [head, row, key], sink [head, row] or None)`` receives the pattern of some queries. Keys that are left
#: out at the end have weight 0. It must copy what it keeps: the memory is reused for the next rows.
Take = Callable[[slice, torch.Tensor, torch.Tensor | None], None]


@dataclass(frozen=True)
class Call:
    """Arguments and output of one attention call, for one text.

    Args:
        query: [head, query, feature].
        key: [group, key, feature]; consecutive heads share a group.
        value: [group, key, value feature].
        output: [query, head, value feature].
        scaling: factor of the scores.
        softcap: softcap of the scores, or None.
        bias: added to the scores; broadcasts to [head, query, key], or None.
        mask: bool (True: attends) or added to the scores; broadcasts to [head, query, key], or None.
        causal: whether keys after the query are masked, in addition to ``mask``.
        window: number of keys, up to its own position, that a query sees in addition to ``mask``, or None.
        sinks: [head], score of a sink that takes a share of the softmax and has no value, or None.
        rounds: whether scores are rounded to the query's dtype. Eager functions do this; kernels do not.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    output: torch.Tensor
    scaling: float
    softcap: float | None = None
    bias: torch.Tensor | None = None
    mask: torch.Tensor | None = None
    causal: bool = False
    window: int | None = None
    sinks: torch.Tensor | None = None
    rounds: bool = False


def read_call(  # noqa: PLR0917 - the order is that of transformers' functions
    name: str,
    output: torch.Tensor,
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *_: Any,
    scaling: float | None = None,
    is_causal: bool | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    position_bias: torch.Tensor | None = None,
    **_others: Any,
) -> Call:
    """The `Call` of one of transformers' attention functions; the parameters have transformers' names.

    - ``eager`` follows its mask alone.
    - ``sdpa`` without a mask is causal.
    - Flash kernels are causal and apply windows themselves; their mask only marks padding.

    ``output`` is the function's output, [1, query, head, feature].

    Raises:
        ValueError: a batch of several texts.
    """
    if query.shape[0] != 1:
        raise ValueError(f"attention is watched for one text at a time, got a batch of {query.shape[0]}")
    eager, sdpa = "eager" in name, "sdpa" in name
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    mask = attention_mask
    if eager or (sdpa and mask is not None) or query.shape[2] == 1:
        causal = False
    if mask is not None and not isinstance(mask, torch.Tensor):
        mask, causal = _block_mask(mask, query.shape[2], key.shape[2]), False
    elif mask is not None and mask.ndim == 2:
        mask = mask[:, None, None, : key.shape[2]].bool()
    return Call(
        query=query.detach()[0],
        key=key.detach()[0],
        value=value.detach()[0],
        output=output.detach().reshape(query.shape[2], query.shape[1], -1),
        scaling=float(query.shape[-1] ** -0.5 if scaling is None else scaling),
        softcap=softcap,
        bias=None if position_bias is None else position_bias.detach()[0],
        mask=None if mask is None else mask.detach()[0],
        causal=bool(causal),
        window=None if eager or sdpa else sliding_window,
        sinks=None if s_aux is None else s_aux.detach(),
        rounds=eager,
    )


def read_kernel(  # noqa: PLR0917 - the order is torch's
    output: torch.Tensor,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,  # noqa: ARG001 - a parameter of torch's
    is_causal: bool = False,
    scale: float | None = None,
    **_others: Any,
) -> Call:
    """The `Call` of torch's attention kernel, with tensors [1, head, query, feature]; the parameters have torch's names.

    Raises:
        ValueError: a batch of several texts, or tensors of another number of axes.
    """
    if query.ndim != 4 or query.shape[0] != 1:
        raise ValueError(f"attention is watched for one text at a time, got queries of shape {tuple(query.shape)}")
    return Call(
        query=query.detach()[0],
        key=key.detach()[0],
        value=value.detach()[0],
        output=output.detach()[0].transpose(0, 1),
        scaling=float(query.shape[-1] ** -0.5 if scale is None else scale),
        mask=None
        if attn_mask is None
        else attn_mask.detach().reshape((1,) * (4 - attn_mask.ndim) + attn_mask.shape)[0],
        causal=is_causal,
    )


def _block_mask(mask: Any, queries: int, keys: int) -> torch.Tensor:
    """The mask of flex attention as a tensor; flex attention itself has a function."""
    from torch.nn.attention.flex_attention import create_mask

    return create_mask(mask.mask_mod, 1, 1, queries, keys, device=str(mask.kv_indices.device))


class Room:
    """Scratch memory for the rows being computed, reused for the next rows."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, torch.dtype, torch.device], torch.Tensor] = {}

    def __call__(self, what: str, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
        """An uninitialised tensor of this shape. It reuses the memory of the last tensor with this name."""
        size, held = math.prod(shape), self._held.get((what, dtype, device))
        if held is None or len(held) < size:
            held = self._held[what, dtype, device] = torch.empty(size, dtype=dtype, device=device)
        return held[:size].view(shape)


def rows_at_once(device: torch.device) -> int:
    """Number of query rows computed at once on this device."""
    return ROWS.get(device.type, MANY_ROWS)


def times_held(device: torch.device) -> int:
    """Number of copies of the rows in memory: 1 if the softmax overwrites the scores, else 2.

    On the CPU it overwrites them, so that they fit the cache. A test shows that the result is the same bit for bit.
    """
    return 1 if device.type == "cpu" else 2


def derive(call: Call, room: Room, take: Take) -> tuple[float, float]:
    """Compute the pattern of a call in float32 (float64 for a float64 kernel), some rows at a time.

    Args:
        call: the arguments and output of the call.
        room: scratch memory.
        take: receives all rows, in order.

    Returns:
        Two numbers: the largest difference between pattern @ value and the output, in mixtures of its features
        (`mixtures.py`), relative to their range; and the largest difference between one and a row's sum with its sink.
    """
    heads, queries, features = call.query.shape
    groups, keys, _ = call.key.shape
    device = call.query.device
    at_once = min(rows_at_once(device), queries)
    # Eager functions compute the softmax in float32 for every dtype.
    exact = torch.float64 if call.query.dtype == torch.float64 and not call.rounds else torch.float32
    wide = call.query.dtype if call.rounds else exact
    query, key = call.query.to(wide), call.key.to(wide).transpose(1, 2)
    # [group, key, mixture] and [head, query, mixture]; the last column holds row sums, which must be 1.
    value, output = mixed(call.value.to(exact)), mixed(call.output.to(exact)).transpose(0, 1)
    # A window excludes later keys too.
    causal = call.causal or bool(call.window)
    ahead = query.new_full((at_once, at_once), float("-inf")).triu_(1) if causal else None
    missed = output.new_zeros(output.shape[-1])
    for start in range(0, queries, at_once):
        rows = slice(start, min(start + at_once, queries))
        seen = min(rows.stop, keys) if causal else keys
        # Consecutive heads share a group: one product takes the rows of all its heads, without copying keys.
        scaled = room("query", (heads, rows.stop - start, features), wide, device)
        torch.mul(query[:, rows], 1.0 if call.rounds else call.scaling, out=scaled)
        scaled = scaled.view(groups, -1, features)
        scores = room("scores", (groups, scaled.shape[1], seen), wide, device)
        torch.bmm(scaled, key[..., :seen].expand(groups, -1, -1), out=scores)
        scores = _masked(call, scores.view(heads, -1, seen), rows, ahead).to(exact)
        sink = lead = None
        if call.sinks is not None:
            lead = torch.logsumexp(scores, -1) - call.sinks.to(scores).reshape(-1, 1)
            sink = torch.sigmoid(-lead)
        out = scores if times_held(device) == 1 else room("pattern", tuple(scores.shape), exact, device)
        pattern = torch.softmax(scores, -1, out=out)
        if lead is not None:
            pattern.mul_(torch.sigmoid(lead)[..., None])
        expected = output[:, rows].reshape(groups, scaled.shape[1], -1)
        difference = torch.baddbmm(expected, pattern.view(groups, -1, seen), value[:, :seen], beta=-1)
        difference = difference.view(heads, -1, len(missed))
        if sink is not None:
            difference[..., -1] += sink
        # amax and maximum propagate NaN
        missed = torch.maximum(missed, difference.abs_().amax((0, 1)))
        take(rows, pattern, sink)
    low, high = torch.aminmax(output[..., :-1])
    spread = max(float(high - low), torch.finfo(torch.float32).tiny)
    return float(missed[:-1].max()) / spread, float(missed[-1])


def misses_one(pattern: torch.Tensor, sink: torch.Tensor | None) -> torch.Tensor:
    """Largest difference between one and the sum of a row with its sink. Shapes: [head, row, key] and [head, row]."""
    total = pattern.sum(-1)
    if sink is not None:
        total += sink
    return total.sub_(1.0).abs_().max()


def _masked(call: Call, scores: torch.Tensor, rows: slice, ahead: torch.Tensor | None) -> torch.Tensor:
    """Apply scale, softcap, bias and masks to scores [head, row, key].

    Args:
        call: the arguments of the call.
        scores: the scores of these rows; overwritten. For a causal call the keys end at the last row's own key.
        rows: the query positions.
        ahead: [row, key], minus infinity for keys after the query; None if the call is not causal.
    """
    seen = scores.shape[-1]
    if call.rounds:
        scores.mul_(call.scaling)
    if call.softcap is not None:
        scores.div_(call.softcap).tanh_().mul_(call.softcap)
    if call.bias is not None:
        scores += _part(call.bias, rows, seen)
    if call.mask is not None:
        mask = _part(call.mask, rows, seen)
        if mask.dtype == torch.bool:
            scores.masked_fill_(~mask, float("-inf"))
        else:
            scores = scores + mask
    # Adding minus infinity takes a fifth of the time of masked_fill_.
    if call.window:
        scores += scores.new_full(scores.shape[1:], float("-inf")).tril_(rows.start - call.window)
    if ahead is not None:
        # All rows see the keys before the first row.
        first, count = min(rows.start, seen), rows.stop - rows.start
        scores[..., first:] += ahead[:count, : seen - first]
    return scores


def _part(array: torch.Tensor, rows: slice, seen: int) -> torch.Tensor:
    """The part for these rows and the first ``seen`` keys of an array that broadcasts to [head, query, key]."""
    return array[..., :seen] if array.shape[-2] == 1 else array[..., rows, :seen]
