"""The targets that mean the same: a token is named by its text, by its id, or not at all where it is the one that was taken."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tracebench.record.target import Target
from tracebench.record.tokens import Vocabulary
from tracebench.record.trace import Trace

if TYPE_CHECKING:
    from tracebench.results.token_scores import TokenScores

#: Result -> the trace that it was last looked up for, and its targets: a bench asks for them again and again.
_CACHE: WeakKeyDictionary[TokenScores, tuple[Trace, list[Target]]] = WeakKeyDictionary()


def same_targets(result: TokenScores, trace: Trace) -> list[Target]:
    """Every target that means the one of this result; the result itself says which ids its target meant."""
    cached_for, targets = _CACHE.get(result, (None, []))
    if cached_for is not trace:
        targets = _made(result, trace)
        _CACHE[result] = trace, targets
    return targets


def _made(result: TokenScores, trace: Trace) -> list[Target]:
    target = result.target
    # A third party's result may not say what it explained at the step that was asked.
    if target.step is None or target.of == "entropy" or target.step not in result.explained.coords("step"):
        return []
    token = int(result.explained.sel(step=target.step))
    known = trace.candidates.vocabulary.union(result.vocabulary)
    tokens = _names(token if token >= 0 else None, target.token, known)
    if token == trace.token_at(target.step).id:
        tokens = [None, *tokens]
    against = (
        [None] if target.against is None else _names(_id(target.against, result.vocabulary), target.against, known)
    )
    # Of two texts that read alike one may be no token: a target compares two.
    pairs = [(a, b) for a in tokens for b in against if a is None or a != b]
    return [replace(target, token=a, against=b) for a, b in pairs]


def _id(given: str | int, mentioned: Vocabulary) -> int | None:
    """The id that was meant; None where two tokens that a result mentions have that text, or none."""
    if isinstance(given, int):
        return given
    wanted = given.encode("utf-8", "surrogatepass")
    found = [token for token, piece in mentioned.pieces.items() if piece == wanted]
    return found[0] if len(found) == 1 else None


def _names(token: int | None, given: str | int | None, known: Vocabulary) -> list[str | int | None]:
    """How a token can be named: as it was, by its id, and by its text where no other token of the record has that.

    A single byte is not named by its text: vocabularies with tokens for bytes have a second token of that text, which is the
    one that a tokenizer means by it and which the record need not know.
    """
    names: list[str | int | None] = [] if given is None else [given]
    if token is None:
        return names
    names.append(token)
    piece = known.pieces.get(token, b"")
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:  # a half character has no text
        text = ""
    if len(piece) > 1 and text and sum(other == piece for other in known.pieces.values()) == 1:
        names.append(text)
    return list(dict.fromkeys(names))
