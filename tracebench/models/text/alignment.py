"""Where the tokens of a text stand in it, also where a tokenizer drops white space or rewrites characters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

_SPACE = re.compile(
    rb"(?:[\s\x1c-\x1f]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)*"
)


def aligned(text: str, ids: Sequence[int], pieces: Sequence[bytes], tokenizer: Any) -> list[tuple[int, int]] | None:
    """For each token the bytes ``[start, stop)`` of the text that it stands for; None where that is not known.

    Args:
        text: what was encoded.
        ids: of its tokens.
        pieces: the bytes of each token.
        tokenizer: asked for its own offsets where the pieces do not spell the text.
    """
    return _by_pieces(text.encode(), pieces) or _by_offsets(text, ids, tokenizer)


def _by_pieces(data: bytes, pieces: Sequence[bytes]) -> list[tuple[int, int]] | None:
    """The pieces one after another. White space may be missing in them (marks that strip it) or added before a word."""
    spans, at = [], 0
    for piece in pieces:
        space = _SPACE.match(data, at)
        after = space.end() if space else at
        word = piece.lstrip(b" ")
        for start, part in ((at, piece), (at, word), (after, word)):
            if data.startswith(part, start):
                spans.append((start, start + len(part)))
                at = start + len(part)
                break
        else:
            return None
    return spans if _SPACE.fullmatch(data, at) else None


def _by_offsets(text: str, ids: Sequence[int], tokenizer: Any) -> list[tuple[int, int]] | None:
    """The tokenizer's own offsets, if it has them for exactly these tokens."""
    try:
        encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    except (NotImplementedError, TypeError, ValueError):
        return None
    offsets = encoded.get("offset_mapping")
    if offsets is None or list(encoded["input_ids"]) != list(ids):
        return None
    bytes_before = [0, *accumulate(len(char.encode()) for char in text)]
    return [(bytes_before[a], bytes_before[b]) for a, b in offsets]
