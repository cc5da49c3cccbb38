"""A tokenizer of any class behind a few questions: names of ids, decode, encode, which ids are special."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

#: How vocabularies name a byte: SentencePiece, and GPT-NeoX Japanese.
BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>|<\|byte([0-9]{1,3})\|>")
#: What a decoder writes for bytes that are no character.
LOST = "\ufffd"
#: SentencePiece writes this sign for a space.
SPACE_SIGN = "\u2581"


class Codec:
    """What tracebench asks of a tokenizer, answered for fast, slow and Mistral's own classes alike."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    @cached_property
    def added(self) -> dict[int, str]:
        """The added tokens: id -> the text that they match."""
        return {i: token.content for i, token in self._added.items()}

    @cached_property
    def shared(self) -> frozenset[int]:
        """Added tokens that are in the vocabulary itself as well, but for special tokens."""
        own = getattr(self.tokenizer, "vocab_size", 0)
        return frozenset(i for i in self.added if i < own) - self.special

    @cached_property
    def special(self) -> frozenset[int]:
        """Ids of special tokens."""
        marked = {i for i, token in self._added.items() if token.special}
        return frozenset(marked | {int(i) for i in self.tokenizer.all_special_ids})

    def name(self, token_id: int) -> str | None:
        """The vocabulary's own spelling of an id; None where the vocabulary has no such id.

        Embeddings are often padded past the vocabulary, so a model can predict an id without a text.
        """
        if token_id in self.added:
            return self.added[token_id]
        # Slow classes give their unknown token for any id, and SentencePiece raises: ask the vocabulary first.
        if self._is_slow and token_id not in self._in_vocabulary:
            return self._named_aside(token_id)
        if self._is_slow and token_id in self.byte_names:
            # Some slow classes decode a byte here already, and lose it (GPT-NeoX Japanese).
            return self._names[token_id]
        return self.tokenizer.convert_ids_to_tokens(token_id)

    @cached_property
    def ids(self) -> tuple[int, ...]:
        """Every id of the vocabulary, in order."""
        return tuple(sorted(self._in_vocabulary))

    def find(self, name: str) -> int | None:
        """The id with this spelling."""
        found = self._vocabulary.get(name)
        return None if found is None else int(found)

    def encode(self, text: str, *, special: bool) -> list[int]:
        return [int(i) for i in self.tokenizer(text, add_special_tokens=special)["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        """The tokenizer's own text of these ids, special tokens included, nothing cleaned up."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        if not self._leaves_signs:
            return text
        text = text.replace(SPACE_SIGN, " ")
        return text if not ids or ids[0] in self.special else text.removeprefix(" ")

    @cached_property
    def ordinary(self) -> frozenset[int]:
        """Ids that are neither special nor added."""
        return self._in_vocabulary - self.special - set(self.added)

    @cached_property
    def byte_names(self) -> frozenset[int]:
        """Ids that are named like a byte."""
        return frozenset(int(i) for name, i in self._vocabulary.items() if BYTE.fullmatch(name)) - set(self.added)

    @cached_property
    def exact(self) -> Callable[[int], bytes] | None:
        """Mistral's tekken vocabulary knows the bytes of its ids; other tokenizers know names only."""
        return getattr(self._mistral, "id_to_byte_piece", None)

    @cached_property
    def has_bytes(self) -> bool:
        """Whether characters outside the vocabulary become ``<0xE2>`` tokens, one for each byte."""
        return any(BYTE.fullmatch(self.name(i) or "") for i in self.try_encode("\U00013000\U0010fffd"))

    def try_encode(self, text: str) -> list[int]:
        """Ids of a probe; none where this tokenizer refuses it (some take only prepared input)."""
        try:
            return self.encode(text, special=False)
        except Exception:  # noqa: BLE001 - classes refuse in many ways, and a probe only looks for evidence
            return []

    @cached_property
    def _mistral(self) -> Any:
        """The tokenizer inside `MistralCommonBackend`."""
        instruct = getattr(getattr(self.tokenizer, "tokenizer", None), "instruct_tokenizer", None)
        return getattr(instruct, "tokenizer", None)

    @cached_property
    def _leaves_signs(self) -> bool:
        """Whether decoding leaves the sign where the text has a space: `mistral-common` does for SentencePiece."""
        if self._mistral is None:
            return False
        ids = self.try_encode("a b")
        return SPACE_SIGN in self.tokenizer.decode(ids, skip_special_tokens=False)

    @cached_property
    def _is_slow(self) -> bool:
        return getattr(self.tokenizer, "backend_tokenizer", None) is None

    @cached_property
    def _vocabulary(self) -> Mapping[str, int]:
        return self.tokenizer.get_vocab()

    def _named_aside(self, token_id: int) -> str | None:
        """A name that is not listed in the vocabulary, but leads back to the id: M2M100's languages."""
        try:
            name = self.tokenizer.convert_ids_to_tokens(token_id)
            leads_back = self.tokenizer.convert_tokens_to_ids(name) == token_id
            # Classes with a token for each byte make a character of any number.
            return name if leads_back and len(name) > 1 and name in self.tokenizer.decode([token_id]) else None
        except Exception:  # noqa: BLE001 - classes refuse an id past the vocabulary in many ways
            return None

    @cached_property
    def _names(self) -> Mapping[int, str]:
        return {int(i): name for name, i in self._vocabulary.items()}

    @cached_property
    def _in_vocabulary(self) -> frozenset[int]:
        found = {int(i) for i in self._vocabulary.values()} | set(self._added)
        # Tekken's names are lossy: several ids share one, and its table of names keeps only the last.
        return frozenset(found | set(range(self.tokenizer.vocab_size)) if self.exact else found)

    @cached_property
    def _added(self) -> dict[int, Any]:
        found = getattr(self.tokenizer, "added_tokens_decoder", None)
        # In `MistralCommonBackend` this is a method that raises: no token can be added there.
        return {int(i): token for i, token in found.items()} if isinstance(found, Mapping) else {}
