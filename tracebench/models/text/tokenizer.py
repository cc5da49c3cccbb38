"""From token ids to the exact bytes they stand for, on any Hugging Face tokenizer.

The byte-level alphabet, the ▁ of SentencePiece, ``<0xE2>`` bytes and ``##`` pieces are told apart by the tokenizer's own
decoder, and the result is compared with ``tokenizer.decode``. Where they disagree, pieces come from decoding prefixes.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

from tracebench.record.arrays import whole
from tracebench.record.tokens import Tokens, Vocabulary, display_piece

_BYTE = re.compile(r"^<0x([0-9A-Fa-f]{2})>$")


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins: character -> byte (Radford et al. 2019, ``bytes_to_unicode``)."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    return {chr(b): b for b in plain} | {chr(256 + n): b for n, b in enumerate(rest)}


_ALPHABET = _byte_alphabet()


class Pieces:
    """The vocabulary of a tokenizer as bytes.

    Args:
        tokenizer: a Hugging Face tokenizer, fast or slow; None shows ids.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self._cache: dict[int, bytes] = {}

    def tokens(self, ids: Sequence[int]) -> Tokens:
        """The sequence with its pieces; concatenated they are what the tokenizer decodes."""
        ids = tuple(int(i) for i in ids)
        pieces = [self.piece(i) for i in ids]
        if self.tokenizer is not None:
            # An id without a text is decoded as nothing, so it has no say in whether the others agree.
            known = [n for n, i in enumerate(ids) if self._known(i)]
            agreed = self._agreeing(tuple(ids[n] for n in known), tuple(pieces[n] for n in known))
            for n, piece in zip(known, agreed, strict=True):
                pieces[n] = piece
        return Tokens(ids, tuple(pieces), tuple(i in self.special for i in ids))

    def vocabulary(self, ids: Iterable[int]) -> Vocabulary:
        wanted = {int(i) for i in ids}
        return Vocabulary({i: self.piece(i) for i in sorted(wanted)}, frozenset(wanted & self.special))

    def piece(self, token_id: int) -> bytes:
        """The bytes of one token of the vocabulary."""
        if token_id not in self._cache:
            self._cache[token_id] = self._piece(token_id)
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
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    @cached_property
    def special(self) -> frozenset[int]:
        if self.tokenizer is None:
            return frozenset()
        ids = set(self.tokenizer.all_special_ids)
        added = getattr(self.tokenizer, "added_tokens_decoder", {})
        return frozenset(ids | {int(i) for i, token in added.items() if token.special})

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
        named = sorted(self.tokenizer.get_vocab().items(), key=lambda item: (bool(_BYTE.match(item[0])), item[1]))
        return {self.piece(i): i for _, i in reversed(named)}

    @cached_property
    def _scheme(self) -> str:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        decoder = json.dumps(json.loads(backend.to_str()).get("decoder")) if backend is not None else ""
        for mark, scheme in (
            ("ByteLevel", "bytes"),
            ("WordPiece", "wordpiece"),
            ("\\u2581", "spaces"),
        ):
            if mark in decoder:
                return scheme
        return "unknown"

    @cached_property
    def _added(self) -> dict[int, str]:
        return {int(i): token.content for i, token in getattr(self.tokenizer, "added_tokens_decoder", {}).items()}

    def _piece(self, token_id: int) -> bytes:
        if self.tokenizer is None:
            return f"[{token_id}]".encode()
        if token_id in self._added:
            return self._added[token_id].encode("utf-8", "surrogatepass")
        if not self._known(token_id):
            return f"[{token_id}]".encode()
        token = self.tokenizer.convert_ids_to_tokens(token_id)
        if self._scheme == "bytes" and all(char in _ALPHABET for char in token):
            return bytes(_ALPHABET[char] for char in token)
        if match := _BYTE.match(token):
            return bytes([int(match[1], 16)])
        if self._scheme == "spaces":
            return token.replace("\u2581", " ").encode()
        if self._scheme == "wordpiece":
            return token.removeprefix("##").encode() if token.startswith("##") else b" " + token.encode()
        return self.tokenizer.decode([token_id]).encode("utf-8", "surrogatepass")

    def _known(self, token_id: int) -> bool:
        """Embeddings are often padded past the vocabulary: an id there can be predicted, and has no text."""
        return token_id in self._added or self.tokenizer.convert_ids_to_tokens(token_id) is not None

    def _agreeing(self, ids: tuple[int, ...], pieces: tuple[bytes, ...]) -> tuple[bytes, ...]:
        decoded = self._decode(ids)
        joined = b"".join(pieces).decode("utf-8", "replace")
        if joined == decoded:
            return pieces
        if joined == " " + decoded:
            # SentencePiece writes a space before the text and drops it when decoding.
            first = next(n for n, piece in enumerate(pieces) if piece)
            return (*pieces[:first], pieces[first][1:], *pieces[first + 1 :])
        return self._by_prefix(ids) or pieces

    def _by_prefix(self, ids: tuple[int, ...]) -> tuple[bytes, ...] | None:
        """Pieces as what each token adds to the decoded text; None where decoding a prefix rewrites what came before."""
        out, before = [], ""
        for stop in range(1, len(ids) + 1):
            text = self._decode(ids[:stop])
            if not text.startswith(before):
                return None
            out.append(text[len(before) :].encode("utf-8", "surrogatepass"))
            before = text
        return tuple(out)

    def _decode(self, ids: tuple[int, ...]) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
