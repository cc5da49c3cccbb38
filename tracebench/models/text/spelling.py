"""The exact bytes that one id of a vocabulary stands for.

A vocabulary spells its tokens in a code: GPT-2's byte alphabet, the ▁ of SentencePiece, ``<0xE2>``, ``##er``, ``to@@``,
``wer</w>``. The tokenizer's own decoder settles which: an id is decoded between two neighbours whose text is known, and
what is left is the text of the id. That text has lost half characters, so a rule reads them from the spelling instead.
A rule counts only if it gives what the decoder gives on a sample of the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain, islice
from typing import NamedTuple

from tracebench.models.text.codec import LOST, SPACE_SIGN, Codec

_WORD_END = "</w>"
#: How many tokens of the vocabulary a rule is tried on, and as many again among those with unusual characters.
_SAMPLE = 48
#: Letters that a neighbour may be, and how vocabularies spell a letter that touches the next one.
_LETTERS = "eaotinsrhldcumfpgwybvkxjqzEAOTINSRHLDCUMFPGWYBVKXJQZ"
_SPELLINGS = ("{}", "##{}", "{}@@")


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins: character -> byte (Radford et al. 2019, ``bytes_to_unicode``)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(rest)}


_ALPHABET = _byte_alphabet()


def _byte_level(name: str) -> bytes | None:
    return bytes(_ALPHABET[char] for char in name) if all(char in _ALPHABET for char in name) else None


def _byte_level_words(name: str) -> bytes | None:
    """CLIP's: the byte alphabet with a mark where a word ends."""
    found = _byte_level(name.removesuffix(_WORD_END))
    return found + b" " if found is not None and name.endswith(_WORD_END) else found


def _code_points(name: str) -> bytes | None:
    """ByT5's: a token is the character with the number of its byte."""
    return bytes([ord(name)]) if len(name) == 1 and ord(name) < 256 else None


def _hexadecimal(name: str) -> bytes | None:
    """MyT5's: a token is the number of its byte."""
    return bytes.fromhex(name) if re.fullmatch("[0-9a-f]{2}", name) else None


def _space_signs(name: str) -> bytes | None:
    return name.replace(SPACE_SIGN, " ").encode("utf-8", "surrogatepass")


#: From a spelling to its bytes; None where the rule has nothing to say.
RULES: tuple[Callable[[str], bytes | None], ...] = (
    _byte_level,
    _byte_level_words,
    _code_points,
    _hexadecimal,
    _space_signs,
)


class _Neighbour(NamedTuple):
    """An id that others are decoded between: what it writes as the first of a text, and as the last."""

    id: int
    first: str
    last: str


class Spelling:
    """The bytes of every id of a tokenizer's vocabulary."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec

    def piece(self, token_id: int) -> bytes | None:
        """The bytes of an id; None where the vocabulary has no such id."""
        if self.codec.exact is not None and token_id in self.codec.ordinary:
            return self.codec.exact(token_id)
        name = self.codec.name(token_id)
        if name is None:
            return None
        if token_id in self.codec.special:
            return name.encode("utf-8", "surrogatepass")
        if token_id in self.codec.added:
            return self._of_added(token_id, name).encode("utf-8", "surrogatepass")
        if self.is_byte(token_id):
            return _named_byte(name)
        found = self._rule(name) if self._rule is not None else None
        return self._by_decoder(token_id, name) if found is None else found

    def is_byte(self, token_id: int) -> bool:
        """Whether this is one of SentencePiece's ``<0xE2>`` tokens."""
        if token_id not in self.codec.byte_names:
            return False
        if self.codec.has_bytes:
            return True
        text = self.between(token_id)
        return text is not None and (self.codec.name(token_id) or "") not in text

    def between(self, token_id: int) -> str | None:
        """What the decoder writes for an id within a text; None where that cannot be told apart from its neighbours."""
        if self._neighbour is None:
            return None
        at, first, last = self._neighbour
        text = self.codec.decode([at, token_id, at])
        apart = text.startswith(first) and text.endswith(last) and len(text) >= len(first) + len(last)
        return text[len(first) : len(text) - len(last)] if apart else None

    @cached_property
    def edges(self) -> tuple[bool, bool]:
        """Whether the tokenizer puts a space of its own before a text, and after it."""
        words = (self.codec.decode([i]).strip() for i in islice(self._letters(), _SAMPLE))
        for word in filter(None, chain(_LETTERS, words)):
            ids = self.codec.try_encode(word)
            text = b"".join(self.piece(i) or b"" for i in ids).decode("utf-8", "replace")
            if text.strip().lower() == word.lower():
                return text.startswith(" "), text.endswith(" ")
        return False, False

    def coded(self, token_id: int) -> bytes | None:
        """The bytes of an added token that the vocabulary has too: there "é" may be the name of a byte."""
        if token_id not in self.codec.shared or self._rule is None:
            return None
        return self._rule(self.codec.added[token_id])

    def corrected(self, token_id: int) -> bool:
        """Whether the decoder writes something else for an added token than the text that it matches."""
        if token_id not in self.codec.added or token_id in self.codec.special:
            return False
        return self.between(token_id) != (self.piece(token_id) or b"").decode("utf-8", "replace")

    def _of_added(self, token_id: int, content: str) -> str:
        """An added token matches its content, but some vocabularies spell content in their code (Gemma's "▁▁")."""
        text = self.between(token_id)
        if text is None or LOST in text:
            return content
        return text if text == content or token_id in self.codec.try_encode(text) else content

    def _by_decoder(self, token_id: int, name: str) -> bytes:
        text = self.between(token_id)
        if text is None:
            text = self.codec.decode([token_id])
        if LOST in text and LOST not in name:
            found = (rule(name) for rule in RULES)
            known = next(
                (piece for piece in found if piece is not None and piece.decode("utf-8", "replace") == text), None
            )
            if known is not None:
                return known
        return text.encode("utf-8", "surrogatepass")

    @cached_property
    def _rule(self) -> Callable[[str], bytes | None] | None:
        """The rule that says most, of those that give what the decoder gives on a sample of the vocabulary."""
        sample = [(self.codec.name(i) or "", self.between(i)) for i in self._sample]
        sample = [(name, text) for name, text in sample if text is not None]
        best, most = None, len(sample) // 2
        for rule in RULES:
            said = [(piece, name, text) for name, text in sample if (piece := rule(name)) is not None]
            # ASCII letters look the same in every code: a rule needs a spelling that it changes.
            shown = rule is _space_signs or any(piece != name.encode() for piece, name, _ in said)
            if len(said) > most and shown and all(_gives(piece, text) for piece, _, text in said):
                best, most = rule, len(said)
        return best

    @cached_property
    def _sample(self) -> list[int]:
        some = _spread(self.codec.ids, 40 * _SAMPLE)
        ordinary = [i for i in some if i in self.codec.ordinary and i not in self.codec.byte_names]
        unusual = [i for i in ordinary if not re.fullmatch("[A-Za-z0-9]*", self.codec.name(i) or "")]
        return [*_spread(ordinary), *_spread(unusual)]

    @cached_property
    def _neighbour(self) -> _Neighbour | None:
        """The best neighbour touches what stands beside it, so that every space is the other token's."""
        spaced: _Neighbour | None = None
        for token_id in islice(self._letters(), 200):
            alone, twice = self.codec.decode([token_id]), self.codec.decode([token_id, token_id])
            before, after = twice.removesuffix(alone), twice.removeprefix(alone)
            if after != twice and after.isalnum():
                return _Neighbour(token_id, alone, after)
            if before != twice and before.isalnum():
                # "a@@" keeps its mark as the last of a text only.
                return _Neighbour(token_id, before, alone)
            if after != twice and after[:1].isspace():
                spaced = spaced or _Neighbour(token_id, alone, after)
        return spaced

    def _letters(self) -> Iterator[int]:
        for spelling in _SPELLINGS:
            for letter in _LETTERS:
                found = self.codec.find(spelling.format(letter))
                if found is not None and found not in self.codec.special:
                    yield found
        yield from (i for i in _spread(self.codec.ids, 40 * _SAMPLE) if (self.codec.name(i) or "").isalnum())


def _named_byte(name: str) -> bytes:
    number = name.strip("<>|").removeprefix("byte")
    return bytes([int(number, 16 if number.startswith("0x") else 10)])


def _gives(piece: bytes, text: str) -> bool:
    return text in (piece.decode("utf-8", "replace"), piece.decode("utf-8", "ignore"))


def _spread(ids: Sequence[int], count: int = _SAMPLE) -> Sequence[int]:
    """Some of many, from the first to the last."""
    return ids[:: max(1, -(-len(ids) // count))]
