"""The columns that name a token. Every table has the same ones, so that any two tables can be joined."""

from __future__ import annotations

import numpy as np

from tracebench.record.tokens import Tokens


def named(tokens: Tokens, at: np.ndarray) -> dict[str, np.ndarray]:
    """The columns ``token_id`` and ``text`` (exact) of the tokens at positions ``at`` [row]."""
    ids, texts = np.asarray(tokens.ids, np.int64), np.asarray(tokens.texts, object)
    return {"token_id": ids[at], "text": texts[at]}
