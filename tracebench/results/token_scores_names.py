"""Equal targets: a token is named by its text or by its id; the generated token also by None."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from tracebench.record.target import Target
from tracebench.record.tokens import Vocabulary
from tracebench.record.trace import Trace

if TYPE_CHECKING:
    from tracebench.results.token_scores import TokenScores

#: Result -> the trace of its last lookup, and its equal targets. A bench looks them up at every step.
_CACHE: WeakKeyDictionary[TokenScores, tuple[Trace, list[Target]]] = WeakKeyDictionary()


def same_targets(result: TokenScores, trace: Trace) -> list[Target]:
    """Every target that means the same as the target of this result. ``result.explained`` gives the token ids."""
    cached_for, targets = _CACHE.get(result, (None, []))
    if cached_for is not trace:
        targets = _equal_targets(result, trace)
        _CACHE[result] = trace, targets
    return targets


def _equal_targets(result: TokenScores, trace: Trace) -> list[Target]:
    target = result.target
    # The result of a third party may lack the explained token of this step.
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
    # A target refuses a token that is compared with itself.
    pairs = [(a, b) for a in tokens for b in against if a is None or a != b]
    return [replace(target, token=a, against=b) for a, b in pairs]


def _id(given: str | int, mentioned: Vocabulary) -> int | None:
    """The id of a token given as id or text; None unless exactly one mentioned token has that text."""
    if isinstance(given, int):
        return given
    wanted = given.encode("utf-8", "surrogatepass")
    found = [token for token, piece in mentioned.pieces.items() if piece == wanted]
    return found[0] if len(found) == 1 else None


def _names(token: int | None, given: str | int | None, known: Vocabulary) -> list[str | int | None]:
    """The names of a token: the given one, its id, and its text if no other token of the record has that text.

    A single byte has no text as name. A vocabulary with byte tokens has a second token with that text, which the tokenizer
    would choose and the record may lack.
    """
    names: list[str | int | None] = [] if given is None else [given]
    if token is None:
        return names
    names.append(token)
    piece = known.pieces.get(token, b"")
    try:
        text = piece.decode("utf-8")
    except UnicodeDecodeError:  # a cut character has no text
        text = ""
    if len(piece) > 1 and text and sum(other == piece for other in known.pieces.values()) == 1:
        names.append(text)
    return list(dict.fromkeys(names))
