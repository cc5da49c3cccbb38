"""A tokenizer of any class behind a few questions: names of ids, decode, encode, which ids are special."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any

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
            return None
        return self.tokenizer.convert_ids_to_tokens(token_id)

    def ids(self) -> list[int]:
        """Every id of the vocabulary, in order."""
        return sorted(self._in_vocabulary)

    def find(self, name: str) -> int | None:
        """The id with this spelling."""
        found = self._vocabulary.get(name)
        return None if found is None else int(found)

    def encode(self, text: str, *, special: bool) -> list[int]:
        return [int(i) for i in self.tokenizer(text, add_special_tokens=special)["input_ids"]]

    def decode(self, ids: Sequence[int]) -> str:
        """The tokenizer's own text of these ids, special tokens included, nothing cleaned up."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text.replace(SPACE_SIGN, " ") if self._leaves_signs else text

    @cached_property
    def exact(self) -> Callable[[int], bytes] | None:
        """Mistral's tekken vocabulary knows the bytes of its ids; other tokenizers know names only."""
        return getattr(self._mistral, "id_to_byte_piece", None)

    @cached_property
    def has_bytes(self) -> bool:
        """Whether characters outside the vocabulary become ``<0xE2>`` tokens, one for each byte."""
        names = [self.name(i) or "" for i in self.try_encode("\U00013000\U0010fffd")]
        return any(name.startswith("<0x") for name in names)

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
