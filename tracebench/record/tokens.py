"""Token ids, each with its exact bytes (its *piece*).

A piece is `bytes` because a token may be half of a UTF-8 character: two tokens then make one emoji. The text of a
sequence is its concatenated pieces, decoded. `display_piece` alone decides how one token is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tracebench.record.counts import counted
from tracebench.record.signs import CLOSE, OPEN, visible


class Token(NamedTuple):
    """One token: its vocabulary id, its bytes, and whether it is a special token."""

    id: int
    piece: bytes
    special: bool


def piece_text(piece: bytes) -> str | None:
    """The text of a piece, or None if its bytes are not whole characters."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError:
        return None


def piece_kind(piece: bytes, special: bool = False) -> str:
    """``special``, ``bytes`` (not valid UTF-8 alone), ``space`` (white space only) or ``text``."""
    if special:
        return "special"
    text = piece_text(piece)
    if text is None:
        return "bytes"
    return "space" if text == "" or text.isspace() else "text"


def display_piece(piece: bytes, special: bool = False) -> str:
    """The text on the screen: white space as · ↵ ⇥, invisible characters as ⟨200B⟩, part of a character as ⟨E2 80⟩."""
    text = piece_text(piece)
    if text is None:
        return "".join(_display_run(run) for run in _runs(piece))
    # Some decoders put spaces around a special token, which do not belong to its name.
    return visible(text.strip(" ") if special else text)


def _runs(piece: bytes) -> Iterator[bytes]:
    """Split bytes into runs of whole characters and runs of cut characters."""
    broken = b""
    rest = piece
    while rest:
        try:
            rest.decode("utf-8")
        except UnicodeDecodeError as error:
            if error.start:
                yield from filter(None, (broken, rest[: error.start]))
                broken = b""
            broken += rest[error.start : error.end]
            rest = rest[error.end :]
        else:
            yield from filter(None, (broken, rest))
            return
    if broken:
        yield broken


def _display_run(run: bytes) -> str:
    text = piece_text(run)
    return visible(text) if text is not None else OPEN + run.hex(" ").upper() + CLOSE


@dataclass(frozen=True)
class Tokens:
    """A sequence of tokens, each with its exact bytes.

    Args:
        ids: vocabulary ids, one per token.
        pieces: the bytes of each token; concatenated they are the text in UTF-8.
        special: whether each token is special (BOS, EOS, chat template marks).

    Raises:
        ValueError: the three have different lengths.
    """

    ids: tuple[int, ...]
    pieces: tuple[bytes, ...]
    special: tuple[bool, ...]

    def __post_init__(self) -> None:
        if not len(self.ids) == len(self.pieces) == len(self.special):
            raise ValueError(
                f"{counted(len(self.ids), 'id')}, {counted(len(self.pieces), 'piece')} and "
                f"{counted(len(self.special), 'special mark')}: expected the same number of each"
            )

    @property
    def text(self) -> str:
        return b"".join(self.pieces).decode("utf-8", "replace")

    @property
    def offsets(self) -> tuple[tuple[int, int], ...]:
        """The byte range ``(start, stop)`` of each token in the UTF-8 text."""
        spans, at = [], 0
        for piece in self.pieces:
            spans.append((at, at + len(piece)))
            at += len(piece)
        return tuple(spans)

    @property
    def display(self) -> tuple[str, ...]:
        return tuple(display_piece(p, s) for p, s in zip(self.pieces, self.special, strict=True))

    @property
    def texts(self) -> tuple[str, ...]:
        """The exact text of each token; cut characters are U+FFFD."""
        return tuple(piece.decode("utf-8", "replace") for piece in self.pieces)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays for a file."""
        return _pack(self.ids, self.pieces, self.special)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Tokens:
        return cls(*_unpack(arrays))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, at: int) -> Token:
        return Token(self.ids[at], self.pieces[at], self.special[at])

    def __iter__(self) -> Iterator[Token]:
        return map(Token, self.ids, self.pieces, self.special)

    def __repr__(self) -> str:
        shown = " ".join(self.display[:8]) + (" ..." if len(self) > 8 else "")
        return f"Tokens({len(self)}: {shown})"


@dataclass(frozen=True)
class Vocabulary:
    """The part of a vocabulary that a record mentions. With it, a saved file needs no tokenizer.

    Args:
        pieces: vocabulary id -> the bytes of the token.
        special: the ids of the special tokens.
    """

    pieces: Mapping[int, bytes]
    special: frozenset[int] = frozenset()

    def text(self, token_id: int) -> str:
        """The text of a token; cut characters are U+FFFD."""
        return self._piece(token_id).decode("utf-8", "replace")

    def display(self, token_id: int) -> str:
        return display_piece(self._piece(token_id), token_id in self.special)

    def kind(self, token_id: int) -> str:
        return piece_kind(self._piece(token_id), token_id in self.special)

    def find(self, text: str) -> int | None:
        """The id of the token with exactly this text; None if the record does not mention one."""
        wanted = text.encode("utf-8", "surrogatepass")
        return next((token_id for token_id, piece in self.pieces.items() if piece == wanted), None)

    def check_ids(self, ids: Iterable[int]) -> None:
        """Raise a ``KeyError`` if the piece of an id is missing."""
        for token_id in ids:
            self._piece(token_id)

    def union(self, other: Vocabulary) -> Vocabulary:
        return Vocabulary({**self.pieces, **other.pieces}, self.special | other.special)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Plain arrays for a file, sorted by id so that equal vocabularies give equal bytes."""
        ids = tuple(sorted(self.pieces))
        return _pack(ids, tuple(self.pieces[i] for i in ids), tuple(i in self.special for i in ids))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Vocabulary:
        ids, pieces, special = _unpack(arrays)
        return cls(dict(zip(ids, pieces, strict=True)), frozenset(i for i, s in zip(ids, special, strict=True) if s))

    def __contains__(self, token_id: int) -> bool:
        return token_id in self.pieces

    def __len__(self) -> int:
        return len(self.pieces)

    def __repr__(self) -> str:
        return f"Vocabulary({counted(len(self), 'piece')})"

    def _piece(self, token_id: int) -> bytes:
        try:
            return self.pieces[int(token_id)]
        except KeyError:
            raise KeyError(
                f"token id {token_id} is not among the {counted(len(self), 'piece')} of this record"
            ) from None


def _pack(ids: tuple[int, ...], pieces: tuple[bytes, ...], special: tuple[bool, ...]) -> dict[str, np.ndarray]:
    return {
        "ids": np.asarray(ids, np.int32),
        "bytes": np.frombuffer(b"".join(pieces), np.uint8),
        "lengths": np.asarray([len(piece) for piece in pieces], np.int32),
        "special": np.asarray(special, np.uint8),
    }


def _unpack(arrays: Mapping[str, np.ndarray]) -> tuple[tuple[int, ...], tuple[bytes, ...], tuple[bool, ...]]:
    data = np.asarray(arrays["bytes"]).tobytes()
    stops = np.cumsum(arrays["lengths"], dtype=np.int64)
    pieces = tuple(
        data[stop - length : stop] for stop, length in zip(stops.tolist(), arrays["lengths"].tolist(), strict=True)
    )
    return tuple(arrays["ids"].tolist()), pieces, tuple(bool(s) for s in arrays["special"])
