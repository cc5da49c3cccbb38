"""What a step comes down to, in one sentence a person can repeat.

A sentence is a tuple of parts: text, or ``{"token": "·Paris"}``, so that a view can set tokens apart from prose.
"""

from __future__ import annotations

import numpy as np

from tracebench.results.lens_table import LensTable
from tracebench.trace import Trace

Parts = tuple[str | dict[str, str], ...]


def said(trace: Trace, step: int) -> Parts:
    """What was said at a step and how sure the model was; needs the trace alone."""
    trace.check_step(step)
    at = trace.prompt_length + step
    prob = float(np.asarray(trace.candidates.chosen_probs.values)[step])
    rank = trace.chosen_rank(step)
    parts: list[str | dict[str, str]] = ["The text goes on with " if trace.was_read else "The model said "]
    parts += [{"token": trace.tokens.display[at]}, f" with p = {probability(prob)}"]
    if rank is None:
        parts.append(", past the recorded alternatives")
    elif rank > 0:
        best = trace.candidates.token_ids.values[step, 0]
        top = float(trace.candidates.probs.values[step, 0])
        parts += [
            f" (its choice number {rank + 1}; the first was ",
            {"token": trace.candidates.vocabulary.display(int(best))},
            f", p = {probability(top)})",
        ]
    return tuple(parts)


def probability(p: float) -> str:
    """As the views write it (``js/src/format.ts``): what is not 0 never reads as 0, what is not 1 never as 1."""
    written = f"{p:.3f}"
    if p > 0 and float(written) == 0:
        return f"{p:.0e}".replace("e-0", "e-").replace("e-", "e−")
    return ">0.999" if p < 1 and float(written) == 1 else written


def finding(trace: Trace, lens: LensTable, step: int) -> Parts:
    """`said`, and the layer from which that token led to the end."""
    position, token = trace.position(step), trace.token_at(step)
    layer, last = lens.answer_layer(position, token.id), lens.layers[-1]
    leads = np.asarray(lens.token_ids.sel(token=position).sel(rank=0)) == token.id
    before = [
        each for each, leading in zip(lens.layers, leads, strict=True) if leading and (layer is None or each < layer)
    ]
    lost = f" (it led before, up to {_named(before[-1])}, and lost it)" if before else ""
    if layer is None:
        return (*said(trace, step), f"; the last layer itself puts another token first{lost}.")
    if layer == last:
        return (*said(trace, step), f"; it leads in the last layer, {last}, {'again' if before else 'only'}{lost}.")
    return (*said(trace, step), f"; it leads from {_named(layer)} of 0–{last} on, to the end{lost}.")


def _named(layer: int) -> str:
    return "the embedding" if layer == -1 else f"layer {layer}"


def as_text(parts: Parts) -> str:
    """The sentence as plain text, tokens in quotation marks."""
    return "".join(part if isinstance(part, str) else f"“{part['token']}”" for part in parts)
