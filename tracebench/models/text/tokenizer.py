"""From token ids to the exact bytes they stand for, on any Hugging Face tokenizer.

Each id has its bytes (`Spelling`), and a sequence is those bytes one after the other. The result is compared with the
tokenizer's own decode, which decides about spaces at the ends and beside special tokens.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any

from tracebench.models.text.codec import BYTE, LOST, Codec
from tracebench.models.text.spelling import Spelling
from tracebench.record.arrays import whole
from tracebench.record.tokens import Tokens, Vocabulary, display_piece, piece_text

#: Where a decoder has lost bytes: it writes a replacement character, or the name of a byte.
_LOST = re.compile(f"(?:{LOST}|{BYTE.pattern})+")


class Pieces:
    """The vocabulary of a tokenizer as bytes.

    Args:
        tokenizer: a Hugging Face tokenizer, fast or slow; None shows ids.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._codec = Codec(tokenizer)
        self._spelling = Spelling(self._codec)
        self._cache: dict[int, bytes | None] = {}

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """The sequence with its pieces; concatenated they are its text."""
        ids = tuple(int(i) for i in ids)
        pieces = [self.piece(i) for i in ids]
        # An id without a text is decoded as nothing, so it has no say in whether the others agree.
        known = [n for n, i in enumerate(ids) if self._known(i) is not None]
        agreed = self._agreeing([ids[n] for n in known])
        for n, piece in zip(known, agreed, strict=True):
            pieces[n] = piece
        return Tokens(ids, tuple(pieces), tuple(i in self.special for i in ids))

    def continuation(self, ids: Sequence[int], start: int) -> tuple[str, str]:
        """The text of the tokens from ``start`` on, and before it the space with which the text before ends, if any.

        A vocabulary keeps the space before a word in the word's own token, or in the token before it ("wer</w>").
        """
        before, *new = self.tokens(ids[start - 1 :]).pieces
        return (" " if before.endswith(b" ") else ""), b"".join(new).decode("utf-8", "replace")

    def own_text(self, ids: Sequence[int]) -> str:
        """What the tokenizer itself decodes of the ids that it knows."""
        return self._codec.decode([int(i) for i in ids if self._known(int(i)) is not None])

    def agrees(self, tokens: Tokens, own: str) -> bool:
        """Whether the pieces are the text that the tokenizer itself decodes, but for spaces at the ends."""
        known = [piece for i, piece in zip(tokens.ids, tokens.pieces, strict=True) if self._known(i) is not None]
        return _fits(known, own, stripped=True)

    def vocabulary(self, ids: Iterable[int]) -> Vocabulary:
        wanted = {int(i) for i in ids}
        return Vocabulary({i: self.piece(i) for i in sorted(wanted)}, frozenset(wanted & self.special))

    def piece(self, token_id: int) -> bytes:
        """The bytes of one token of the vocabulary."""
        found = self._known(token_id)
        return f"[{token_id}]".encode() if found is None else found

    def _known(self, token_id: int) -> bytes | None:
        """The bytes of an id; None where it has no text."""
        if self.tokenizer is None:
            return None
        if token_id not in self._cache:
            self._cache[token_id] = self._spelling.piece(token_id)
        return self._cache[token_id]

    def find(self, token: str | int, size: int) -> int:
        """The id of a token given as exact text or as an id below ``size``; else a sentence saying what it is instead."""
        if not isinstance(token, str):
            found = whole(token)
            if found is None:
                raise TypeError(f"a token is exact text (str) or a vocabulary id (int), got {token!r}")
            if not 0 <= found < size:
                raise ValueError(f"token id {found} is not in the vocabulary (0 to {size - 1})")
            return found
        if self.tokenizer is None:
            raise ValueError(f"{token!r} is text, but this model has no tokenizer: give a vocabulary id")
        if not token:
            raise ValueError("'' is no token at all: give a token's exact text with its space, e.g. ' the', or its id")
        found = self._ids.get(token.encode("utf-8", "surrogatepass"))
        if found is not None and found < size:
            return found
        if found is not None:
            raise ValueError(
                f"{token!r} is token {found} of this tokenizer, and the model has only {size}: it is the tokenizer of another "
                "model, or of one with more tokens; give another token"
            )
        raise ValueError(f"{token!r} is not one token of this vocabulary; {self._instead(token)}")

    def _instead(self, text: str) -> str:
        """What a text is that is no token, and what may have been meant."""
        parts = self.encode(text, special=False)
        if not parts:
            return "its tokenizer drops it, so that no token stands for it. Give another text, or an id."
        shown = " + ".join(f"“{display_piece(self.piece(i), i in self.special)}” ({i})" for i in parts)
        meant = self._meant(text, parts)
        return f"it is {shown}. Give one of those, or an id.{f' Try {meant}.' if meant else ''}"

    def _meant(self, text: str, parts: list[int]) -> str:
        if (" " + text).encode() in self._ids:
            return f"{' ' + text!r}, with its space"
        if len(parts) == 1 and parts[0] not in self.special:
            return repr(
                self.piece(parts[0]).decode("utf-8", "replace")
            )  # the tokenizer's own spelling, e.g. lower case
        names = [self.piece(i).decode("utf-8", "replace") for i in sorted(self.special)]
        return "".join(map(repr, difflib.get_close_matches(text, names, n=1, cutoff=0.75)))

    def encode(self, text: str, *, special: bool = True) -> list[int]:
        """Token ids of a text; a sentence where the tokenizer cannot hold it."""
        if self.tokenizer is None:
            raise ValueError("this model has no tokenizer: give token ids instead of text")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            at = error.start
            raise ValueError(
                f"the text has a lone surrogate (U+{ord(text[at]):04X}) at character {at}, which no tokenizer can hold; "
                'remove it, e.g. text.encode("utf-8", "replace").decode()'
            ) from None
        return self._codec.encode(text, special=special)

    @cached_property
    def special(self) -> frozenset[int]:
        return frozenset() if self.tokenizer is None else self._codec.special

    @cached_property
    def digest(self) -> str:
        """16 hex digits over the vocabulary and the tokenizer's own settings."""
        if self.tokenizer is None:
            return ""
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        text = backend.to_str() if backend is not None else json.dumps(self.tokenizer.get_vocab(), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @cached_property
    def _ids(self) -> dict[bytes, int]:
        """bytes -> id. Of two with the same bytes the lower id counts, but never a ``<0x41>``: no text is encoded so."""
        ids = sorted(self._codec.ids, key=lambda i: (self._spelling.is_byte(i), i))
        return {self.piece(i): i for i in reversed(ids)}

    def _agreeing(self, ids: list[int]) -> list[bytes]:
        """The pieces of known ids, with the spaces at the ends and beside special tokens as the decoder writes them."""
        if not ids:
            return []
        own = self._codec.decode(ids)
        options = [self._edged(pieces) for pieces in self._spaced(ids)]
        exact = [pieces for both in options for pieces in both if _is(pieces, own)]
        # Where bytes are lost at an end, the decoder does not tell whether it wrote a space there.
        fitting = [pieces for both in options for pieces in reversed(both) if _fits(pieces, own)]
        # A decoder may strip the spaces of the text itself: the pieces keep them.
        loose = [edged for _, edged in options if _fits(edged, own, stripped=True)]
        # Pieces without half characters know what the decoder has lost.
        told = sorted([*exact, *fitting], key=_is_cut)
        found = next(iter([*told, *loose]), None)
        return found or self._by_prefix(ids, own) or options[0][1]

    def _spaced(self, ids: list[int]) -> Iterator[list[bytes]]:
        """The pieces, with added tokens read as spellings, and with the spaces that the decoder writes by special ones."""
        pieces = [self.piece(i) for i in ids]
        yield pieces
        coded = [self._spelling.coded(i) or piece for i, piece in zip(ids, pieces, strict=True)]
        if coded != pieces:
            yield coded
        if any(i in self.special for i in ids):
            yield [
                (self._spelling.between(i) or piece.decode()).encode() if i in self.special else piece
                for i, piece in zip(ids, pieces, strict=True)
            ]

    def _edged(self, pieces: list[bytes]) -> tuple[list[bytes], list[bytes]]:
        """The pieces, and the pieces without the space that the tokenizer itself puts at an end of a text."""
        before, after = self._spelling.edges
        edged = list(pieces)
        filled = [n for n, piece in enumerate(pieces) if piece]
        if filled and before:
            edged[filled[0]] = edged[filled[0]].removeprefix(b" ")
        if filled and after:
            edged[filled[-1]] = edged[filled[-1]].removesuffix(b" ")
        return pieces, edged

    def _by_prefix(self, ids: list[int], own: str) -> list[bytes] | None:
        """Pieces as what each token adds to the decoded text; None where that rewrites what came before, or loses bytes."""
        if LOST in own or any(self._spelling.corrected(i) for i in ids):
            return None
        out, before = [], ""
        for stop in range(1, len(ids) + 1):
            text = self._codec.decode(ids[:stop])
            if not text.startswith(before):
                return None
            out.append(text[len(before) :].encode("utf-8", "surrogatepass"))
            before = text
        return out


def _is_cut(pieces: list[bytes]) -> bool:
    """Whether the text has part of a character."""
    return piece_text(b"".join(pieces)) is None


def _is(pieces: list[bytes], own: str) -> bool:
    """Whether pieces are exactly the text that a decoder gives."""
    joined = b"".join(pieces)
    return own in (joined.decode("utf-8", "replace"), joined.decode("utf-8", "ignore"))


def _fits(pieces: list[bytes], own: str, *, stripped: bool = False) -> bool:
    """Whether pieces are the text that a decoder gives, with anything where it has lost bytes."""
    joined = b"".join(pieces)
    text, kept = joined.decode("utf-8", "replace"), joined.decode("utf-8", "ignore")
    if stripped:
        text, kept, own = text.strip(), kept.strip(), own.strip()
    return own in (text, kept) or _in_order(text, _LOST.sub(LOST, own).split(LOST))


def _in_order(text: str, parts: list[str]) -> bool:
    """Whether a text is these parts in order, with anything between them."""
    first, *others = parts
    if not others:
        return text == first
    *middle, last = others
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return text.startswith(first) and text.endswith(last) and at + len(last) <= len(text)
