"""The sentence of a trace about a step: the generated token, and how sure the model was."""

from __future__ import annotations

import numpy as np

from tracebench.record.trace import Trace
from tracebench.sentences.words import Parts, equals


def generation_sentence(trace: Trace, step: int) -> Parts:
    """``The model said “·Paris” with p = 0.702``: the token of a step and its probability.

    Raises:
        IndexError: the trace has no such step.
    """
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
