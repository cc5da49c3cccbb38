"""The sentence of a lens: the layers at which the generated token is the top choice. It continues that of the trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts

if TYPE_CHECKING:
    from tracebench.results.lens_table import LensTable


def lens_sentence(trace: Trace, lens: LensTable, step: int) -> Parts:
    """``; top choice from layer 27 to 29.``: the end of the sentence about a step.

    Args:
        trace: the trace of the lens.
        lens: a lens over the whole text.
        step: one of ``trace.steps``.
    """
    position, token = trace.position(step), trace.token_at(step)
    layer, last = lens.answer_layer(position, token.id), lens.layers[-1]
    leads = np.asarray(lens.token_ids.sel(token=position).sel(rank=0)) == token.id
    before = [
        each for each, leading in zip(lens.layers, leads, strict=True) if leading and (layer is None or each < layer)
    ]
    also = f"; also up to {_named(before[-1])}" if before else ""
    if layer is None:
        return (f"; another token is the top choice at the last layer, {last}{also.replace('also', 'this one')}.",)
    if layer == last:
        return (f"; top choice at layer {last}{also or ' only'}.",)
    return (f"; top choice from {_named(layer)} to {last}{also}.",)


def _named(layer: int) -> str:
    return "the embedding" if layer == -1 else f"layer {layer}"
