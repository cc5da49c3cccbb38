"""What a record says about a step: the token that was taken, and how sure the model was."""

from __future__ import annotations

import numpy as np

from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts, equals


def said(trace: Trace, step: int) -> Parts:
    """What was said at a step and how sure the model was; needs the trace alone."""
    trace.check_step(step)
    at = trace.prompt_length + step
    prob = float(np.asarray(trace.candidates.chosen_probs.values)[step])
    rank = trace.chosen_rank(step)
    parts: list[str | dict[str, str]] = ["The text goes on with " if trace.was_read else "The model said "]
    parts += [{"token": trace.tokens.display[at]}, f" with p {equals(prob)}"]
    if rank is None:
        parts.append(", past the recorded alternatives")
    elif rank > 0:
        best = trace.candidates.token_ids.values[step, 0]
        top = float(trace.candidates.probs.values[step, 0])
        parts += [
            f" (its choice number {rank + 1}; the first was ",
            {"token": trace.candidates.vocabulary.display(int(best))},
            f", p {equals(top)})",
        ]
    return tuple(parts)
