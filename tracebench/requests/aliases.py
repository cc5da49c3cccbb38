"""Which requests are the same question: a token may be named by its text, by its id, or not at all where it is the one that
was said.

The key of a request is what was written. Whoever keeps results finds one under all the keys that mean it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

from tracebench.record.tokens import Vocabulary
from tracebench.record.trace import Trace
from tracebench.requests.request import request_for
from tracebench.results.token_scores import TokenScores

#: Result -> the record that it was looked up for last, and its keys: a bench asks for them again and again, of all its answers.
_KNOWN: WeakKeyDictionary[TokenScores, tuple[Trace, list[str]]] = WeakKeyDictionary()


def other_keys(known: Mapping[str, Any], trace: Trace) -> dict[str, str]:
    """Key -> the key in ``known`` of the result that answers it too. What is known by itself is not among them.

    Args:
        known: request key -> result.
        trace: what they are about.
    """
    found: dict[str, str] = {}
    for key, result in known.items():
        for other in _keys(result, trace):
            if other not in known:
                found.setdefault(other, key)
    return found


def by_all_names(known: Mapping[str, Any], trace: Trace) -> dict[str, Any]:
    """``known``, with every result under the other keys of its question too."""
    return {**known, **{other: known[key] for other, key in other_keys(known, trace).items()}}


def _keys(result: Any, trace: Trace) -> list[str]:
    """All requests that a result answers. A result says itself which ids its target meant."""
    if not isinstance(result, TokenScores) or result.trace != trace.hash:
        return []
    of, keys = _KNOWN.get(result, (None, []))
    if of is not trace:
        keys = _made(result, trace)
        _KNOWN[result] = trace, keys
    return keys


def _made(result: TokenScores, trace: Trace) -> list[str]:
    target = result.target
    # Another people's result may not say what it explained at the step that was asked.
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
    request = request_for(result)
    # Of two texts that read alike one may be no token: a target compares two.
    pairs = [(a, b) for a in tokens for b in against if a is None or a != b]
    return [replace(request, target=replace(target, token=a, against=b)).key for a, b in pairs]


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
