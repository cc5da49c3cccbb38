"""Whether the text of a record is the text that was given, and else what differs."""

from __future__ import annotations

from tracebench.models.text.tokenizer import Pieces
from tracebench.record.checks import Check
from tracebench.record.signs import visible
from tracebench.record.tokens import Tokens

#: How much of each text a sentence shows.
_SHOWN = 16


def text_checks(pieces: Pieces, tokens: Tokens, given: object = None) -> tuple[Check, ...]:
    """A measure for each way in which the tokens stand for another text; none where they stand for the same.

    Args:
        pieces: the tokenizer.
        tokens: of the record.
        given: the text that was given; anything else was no text.
    """
    if pieces.tokenizer is None:
        return ()
    found = []
    if isinstance(given, str):
        # Without the special tokens that the tokenizer adds, and the spaces that it writes beside them.
        kept = pieces.tokens(pieces.encode(given, special=False)).text
        if kept != given:
            found.append(_check("text", "The tokenizer changes this text", given, kept))
    own = pieces.own_text(tokens.ids)
    if not pieces.agrees(tokens, own):
        found.append(_check("decoded text", "The tokenizer decodes its tokens otherwise", own, tokens.text))
    return tuple(found)


def _check(name: str, sentence: str, right: str, kept: str) -> Check:
    at = _alike(right, kept)
    ends = _alike(right[at:][::-1], kept[at:][::-1])
    differ = max(len(right), len(kept)) - at - ends
    meaning = f"{sentence}: from character {at} on it is {_part(right, at)}, and the tokens say {_part(kept, at)}."
    return Check(name, "measure", float(differ), 0.0, meaning, "characters")


def _alike(one: str, other: str) -> int:
    """How many characters two texts share from the beginning."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _part(text: str, at: int) -> str:
    return f"“{visible(text[at : at + _SHOWN])}”" if text[at:] else "at its end"
