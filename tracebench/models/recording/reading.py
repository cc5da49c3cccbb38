"""Read a given text as if it had been generated: why was this surprising?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch

from tracebench.models.recording.origin import provenance
from tracebench.models.recording.scores import ScoreRows
from tracebench.models.text import given
from tracebench.record.arrays import whole
from tracebench.record.checks import Check
from tracebench.record.trace import Trace

if TYPE_CHECKING:
    from tracebench.models.core import ModelCore

#: Rows of logits that are turned into scores at once: memory is this many rows, not the text.
ROWS = 64


def read(
    lm: ModelCore, ids: Sequence[int], prompt_length: int, settings: dict[str, Any], *, checks: tuple[Check, ...] = ()
) -> Trace:
    """See `LanguageModel.read`; ``checks`` are of the text."""
    wanted, prompt_length = prompt_length, whole(prompt_length) or 0
    if not 1 <= prompt_length <= len(ids):
        raise ValueError(
            f"prompt_length is a whole number from 1 to {len(ids)} (the tokens of the text), got {wanted!r}"
        )
    for token_id in ids[prompt_length:]:
        given.insist_on_logit(token_id, lm.scored_size, lm.name)
    settings = {**settings, "prompt_length": prompt_length}
    lm.check_length(len(ids), 0)
    logits = lm.logits(ids)[prompt_length - 1 : -1]
    taken = torch.tensor(list(ids[prompt_length:]), dtype=torch.long)
    rows = ScoreRows()
    for start in range(0, len(taken), ROWS):
        part = logits[start : start + ROWS]
        rows.add(part)
        rows.realise(part, taken[start : start + ROWS])
        lm.breathe(start, len(taken), "reading")
    scores = rows.candidates(lm.pieces, len(taken))
    return Trace(lm.tokens(ids), prompt_length, scores, provenance(lm, settings, None), checks)
