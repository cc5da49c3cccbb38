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
    parts += [{"token": trace.tokens.display[at]}, f" with p = {prob:.2f}"]
    if rank is None:
        parts.append(", past the recorded alternatives")
    elif rank > 0:
        best = trace.candidates.token_ids.values[step, 0]
        top = float(trace.candidates.probs.values[step, 0])
        parts += [
            f" (its choice number {rank + 1}; the first was ",
            {"token": trace.candidates.vocabulary.display(int(best))},
            f", p = {top:.2f})",
        ]
    return tuple(parts)


def finding(trace: Trace, lens: LensTable, step: int) -> Parts:
    """`said`, and the layer from which that token led to the end."""
    position, token = trace.position(step), trace.token_at(step)
    layer = lens.answer_layer(position, token.id)
    last = lens.layers[-1]
    if layer is None:
        return (*said(trace, step), "; the last layer itself puts another token first.")
    if layer == last:
        return (*said(trace, step), f"; it leads from the last layer, {last}, only.")
    where = "the embedding" if layer == -1 else f"layer {layer}"
    return (*said(trace, step), f"; it leads from {where} of 0–{last} on, to the end.")


def as_text(parts: Parts) -> str:
    """The sentence as plain text, tokens in quotation marks."""
    return "".join(part if isinstance(part, str) else f"“{part['token']}”" for part in parts)
